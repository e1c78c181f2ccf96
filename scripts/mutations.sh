#!/bin/bash
# Usage: scripts/mutations.sh [ID ...] [--by FINDER] [--seeds N] [--scripts] [--write FILE] [--list] [--help]
#
# Measures the tests themselves: breaks one rule of the core at a time, in a copy, and lets scenarios, explorer and simulator find it.
# Every mutation is a patch in tests/mutation/ with its reason in the first line; an ID is a patch's name or its beginning. Where no script
# can show it, the second line names who does: "Finder: kill --only WORD ..." (pnyx-kill looks for it only then), or
# "Finder: simulator sim-cut --members 1" (which seeds to take), or "Finder: epochs" (what shows when members change).
#
#   --by FINDER   scenario, kill, epochs, explorer or simulator alone (default: one after the other, until one finds it)
#   --seeds N     how many seeds of the simulator may be spent on one mutation (default 2000)
#   --scripts     the same as --by scenario: quick, for those that scripts find
#   --write FILE  also puts the results as a table behind the last heading of FILE (docs/mutations.md); of all mutations only
#   --list        only lists them
#
# One line for each: id, file:line, what caught it, seeds, seconds. The last line: PNYX mutations N/N caught
# Exit status: 0 all are caught, 1 a survivor, or a patch that no longer applies, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

seeds=2000 wanted=() list=no table='' finders=(scenario kill epochs explorer simulator)
while [ $# -gt 0 ]; do
	case $1 in
	--seeds) need_value "$1" $#; need_number "$1" "$2" 1 100000000; seeds=$2; shift ;;
	--by)
		need_value "$1" $#
		case $2 in
		scenario | kill | epochs | explorer | simulator) finders=("$2") ;;
		*) usage_error "--by takes scenario, kill, epochs, explorer or simulator" ;;
		esac
		shift
		;;
	--write) need_value "$1" $#; table=$2; shift ;;
	--scripts) finders=(scenario) ;;
	--list) list=yes ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	-*) usage_error "unknown option '$1'" ;;
	*) wanted+=("$1") ;;
	esac
	shift
done

[ -z "$table" ] || [ "${#wanted[@]}" -eq 0 ] || usage_error "--write takes the results of all mutations"
[ -z "$table" ] || grep -q '^## Results' "$table" || usage_error "$table has no heading 'Results'"

patches=()
for p in "$ROOT"/tests/mutation/*.patch; do
	id=$(basename "$p" .patch)
	[ "${#wanted[@]}" -gt 0 ] || { patches+=("$p"); continue; }
	for w in "${wanted[@]}"; do case $id in "$w"*) patches+=("$p") ;; esac; done
done
[ "${#patches[@]}" -gt 0 ] || usage_error "no mutation is called ${wanted[*]}"
if [ "$list" = yes ]; then
	for p in "${patches[@]}"; do printf '%-34s %s\n' "$(basename "$p" .patch)" "$(head -1 "$p")"; done
	exit 0
fi

[ -n "${PNYX_SKIP_SETUP:-}" ] || "$here/setup.sh" --packages --tests
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/table"
mkdir "$work/tree"
tar -C "$ROOT" -cf - meson.build meson_options.txt consensus tests/meson.build tests/sim tests/epochs tests/scenario tests/kill tests/explore tests/app | tar -C "$work/tree" -xf -
cp -r "$work/tree" "$work/whole" # the clone may be worked on meanwhile
printf 'foreach d : ["sim", "epochs", "scenario", "kill", "explore"]\n  subdir(d)\nendforeach\n' | tr '"' "'" >"$work/tree/tests/meson.build"
# What a finder needs is built when its turn comes: most mutations never get past the scripts.
targets_of() {
	case $1 in
	scenario) echo tests/scenario/pnyx-scenario ;;
	kill) echo tests/kill/pnyx-kill ;;
	epochs) echo tests/epochs/pnyx-epochs ;;
	explorer) echo tests/explore/pnyx-explore ;;
	simulator) echo tests/sim/pnyx-sim tests/sim/pnyx-sim-cut tests/sim/pnyx-sim-bank ;;
	esac
}
for finder in "${finders[@]}"; do read -ra more < <(targets_of "$finder"); BUILD_TARGETS+=("${more[@]}"); done
ROOT=$work/tree build_in "$work/build" -Ddcheck=true -Doptimization=1 -Ddebug=false

# What the patch's second line says of a finder; empty when it names another, or none.
named() { sed -n "2s/^Finder: $1 *//p" "$p"; }

# The first script of tests/scenario that fails; empty when none does.
by_scenario() {
	local script out
	for script in "$work"/tree/tests/scenario/*.pnyx; do
		out=$(timeout 20 "$work/build/tests/scenario/pnyx-scenario" "$script" 2>&1 | tail -1) ||
			{ printf 'scenario %s: %s' "$(basename "$script" .pnyx)" "$out"; return; }
	done
}

# A kill behind every instruction of the phases that the patch names.
by_kill() {
	local args out
	read -ra args < <(named kill)
	out=$(timeout 300 "$work/build/tests/kill/pnyx-kill" --quiet --steps 4 "${args[@]}" 2>&1) ||
		grep -A1 '^VIOLATION' <<<"$out" | tr -s '\n ' '  ' | sed 's/^VIOLATION/kill:/' | cut -c1-160
}

# Worlds whose members change, for patches that name them.
by_epochs() {
	local out
	sed -n 2p "$p" | grep -q '^Finder: epochs' || return 0
	out=$(timeout 300 "$work/build/tests/epochs/pnyx-epochs" --seeds 200 2>&1) ||
		grep -m1 '^VIOLATION' <<<"$out" | sed 's/^VIOLATION/epochs:/' | cut -c1-160
}

# The first scope of tests/explore that fails: small ones, and the beginnings of larger ones, some seconds in all.
by_explorer() {
	local args out code
	while read -r args; do
		code=0
		# shellcheck disable=SC2086 # words on purpose
		out=$(timeout 120 "$work/build/tests/explore/pnyx-explore" --scope $args 2>&1) || code=$?
		case $code in 1 | 134 | 139) ;; *) continue ;; esac # found, aborted, broken; not: truncated, killed
		printf 'explorer %s: %s' "$args" "$(grep -m1 -oE '^violation: .{0,90}' <<<"$out" || tail -1 <<<"$out")"
		printf ' (%s, %s steps)' "$(tail -1 <<<"$out")" "$(grep -cE '^ *[0-9]+  ' <<<"$out")"
		return
	done <<-'END'
		n3-e-k2 --recoveries 11
		n3-h3-k2 --recoveries 10 --restarts 11
		n3-e-k2 --recoveries 20
		n5-dead2 --recoveries 21
		n3-rw --recoveries 000
		n3-h3-k3 --recoveries 000
		n2-recycle --recoveries 0001 --restarts 00
		n3-recycle --states 100000
		n5-dead1 --recoveries 10 --states 300000
		n3-h3-k2 --states 200000
		n3-h3-k3 --recoveries 010 --states 400000
		n7-walk --walks 200
		n5-walk --walks 3000
	END
}

# The first seed that fails, in growing slices, over clusters and modes in turn.
by_simulator() {
	local spent=0 first=1 out slice kind args kinds=("sim-cut" "sim-cut --members 3 --mode E" "sim-bank" "sim-cut --members 5"
		"sim --members 4" "sim-cut --members 3 --mode D" "sim-cut --tiny --rounds 3")
	[ -z "$(named simulator)" ] || kinds=("$(named simulator)")
	while [ "$spent" -lt "$seeds" ]; do
		slice=20
		for kind in "${kinds[@]}"; do
			# shellcheck disable=SC2206 # words on purpose
			args=(${kind#* })
			[ "$kind" != "${kind#* }" ] || args=()
			if ! out=$(timeout 120 "$work/build/tests/sim/pnyx-${kind%% *}" "${args[@]}" --once --quiet --first "$first" --seeds "$slice" 2>&1); then
				printf '%s' "$(grep -m1 -oE '(INV[0-9]+|CHECK failed|[Ll]inear|converge|seed [0-9]+)[^|]{0,90}' <<<"$out" | head -1)"
				printf ' (%s, seeds %d..)' "$kind" "$first" 
				echo $((spent + slice)) >"$work/spent"
				return
			fi
			spent=$((spent + slice))
		done
		first=$((first + slice))
	done
	echo "$spent" >"$work/spent"
}

caught=0 start=$SECONDS
for p in "${patches[@]}"; do
	id=$(basename "$p" .patch) began=$SECONDS
	file=$(sed -n 's|^+++ b/||p' "$p" | head -1) line=$(sed -n 's/^@@ -\([0-9]*\).*/\1/p' "$p" | head -1)
	echo 0 >"$work/spent"
	if ! patch -d "$work/tree" -p1 --fuzz=1 -s --no-backup-if-mismatch <"$p" >"$work/log" 2>&1; then
		printf '%-32s %s:%s DOES NOT APPLY\n' "$id" "$file" "$line"
		cp "$work/whole/$file" "$work/tree/$file"
		continue
	fi
	by='SURVIVED'
	for finder in "${finders[@]}"; do
		[ "$finder" != kill ] || [ -n "$(named kill)" ] || continue
		read -ra targets < <(targets_of "$finder")
		if ! ninja -C "$work/build" "${targets[@]}" >"$work/log" 2>&1; then
			by="DOES NOT BUILD: $(grep -m1 error "$work/log")"
			break
		fi
		found=$("by_$finder")
		[ -z "$found" ] || { by=$found caught=$((caught + 1)); break; }
	done
	printf '%-32s %s:%s %s; seeds %s, %d s\n' "$id" "$file" "$line" "$by" "$(cat "$work/spent")" $((SECONDS - began))
	printf '| `%s` | `%s:%s` | %s | %s | %d |\n' "$id" "${file#consensus/}" "$line" "$(sed 's/|/\\|/g; s/ (addr2line [^)]*)//' <<<"$by")" \
		"$(cat "$work/spent")" $((SECONDS - began)) >>"$work/table"
	cp "$work/whole/$file" "$work/tree/$file"
done
if [ -n "$table" ]; then
	sed -i '/^## Results/q' "$table"
	{
		printf '\n%d of %d caught: %d by a script, %d by a kill, %d by the explorer, %d by the simulator, in %d s.\n\n' \
			"$caught" "${#patches[@]}" "$(grep -c '| scenario ' "$work/table")" "$(grep -c '| kill: ' "$work/table")" \
			"$(grep -c '| explorer ' "$work/table")" "$(grep -c '(sim' "$work/table")" $((SECONDS - start))
		printf '| mutation | where | caught by | seeds | s |\n|---|---|---|---|---|\n'
		cat "$work/table"
	} >>"$table"
fi
echo "PNYX mutations $caught/${#patches[@]} caught"
[ "$caught" -eq "${#patches[@]}" ]
