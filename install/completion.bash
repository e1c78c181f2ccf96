# Completion of pnyx, pnyx-replica and pnyx-control in bash: commands, options (asked of the program itself, so never out of date), members.
# shellcheck shell=bash

_pnyx_complete() {
	local program=$1 word=$2 before=$3 command='' file='' k
	local commands='get put del cas incr append mget mput status top doctor replica members init backup restore digest echo bench'
	for ((k = 1; k < COMP_CWORD; k++)); do
		case ${COMP_WORDS[k]} in
		-c | --config)
			file=${COMP_WORDS[k + 1]}
			[[ $file != = ]] || file=${COMP_WORDS[k + 2]} # bash splits --option=word
			;;
		--config=*) file=${COMP_WORDS[k]#*=} ;;
		-*) ;;
		*) [[ -n $command || " $commands " != *" ${COMP_WORDS[k]} "* ]] || command=${COMP_WORDS[k]} ;;
		esac
	done
	[[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $word != = ]] || word=
	COMPREPLY=()
	case $before in
	-v | --via | -n | --name)
		[[ $before != -n || ${program##*/} != pnyx ]] || return 0
		file=${file:-${PNYX_CONFIG:-/etc/pnyx/pnyx.conf}}
		[[ ! -r $file ]] || mapfile -t COMPREPLY < <(compgen -W "$(sed -n '/members/,/);/s/.*[{ ]name *= *"\([^"]*\)".*/\1/p' "$file")" -- "$word")
		;;
	-c | --config | -f | --record | --from | -G | --histogram) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	-C | --control | -R | --root | --run-dir) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	-p | --port | --spread) [[ $command == doctor ]] && mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net)" -- "$word")
		[[ $command == bench ]] && mapfile -t COMPREPLY < <(compgen -W 'all one' -- "$word") ;;
	-A | --arrivals) mapfile -t COMPREPLY < <(compgen -W 'constant poisson' -- "$word") ;;
	-W | --workload) mapfile -t COMPREPLY < <(compgen -W 'mix append' -- "$word") ;;
	*)
		if [[ $word == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$("$program" ${command:+"$command"} --help 2>/dev/null |
				grep -oE '(^ +|, )--[a-z-]+=?' | tr -d ' ,' | sed 's/=$/=/')" -- "$word")
			[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null || :
		elif [[ $command == backup || $command == restore ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		elif [[ $command == replica ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'stop start restart' -- "$word")
		elif [[ $command == members && $before == members ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'add remove replace' -- "$word")
		elif [[ $command == members ]]; then
			file=${file:-${PNYX_CONFIG:-/etc/pnyx/pnyx.conf}}
			[[ ! -r $file ]] || mapfile -t COMPREPLY < <(compgen -W "$(sed -n '/members/,/);/s/.*[{ ]name *= *"\([^"]*\)".*/\1/p' "$file")" -- "$word")
		elif [[ -z $command && ${program##*/} == pnyx ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
		fi
		;;
	esac
	return 0
}
complete -F _pnyx_complete pnyx pnyx-replica pnyx-control
