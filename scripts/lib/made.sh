# Everything a run makes is listed in its run directory before it is made, and removed from that list: by the run itself, or
# by the next one when this one was killed. Sourced, never run; needs common.sh and
# memory.sh.
# shellcheck shell=bash
#
# The list has one line a thing, newest last:
#	netns NAME                network namespace
#	proc PID START WHAT       process; START is its start time (field 22 of /proc/PID/stat), so that a pid used again
#	                          by a stranger is left alone
#	mount PATH                mount point made by us (and its directory)
#	file PATH                 file
#	dir PATH                  directory that only holds files of ours or of programs we started
#	empty PATH                directory that goes when nothing of anybody is in it
#	netnsdir                  iproute2's /run/netns, which was no mount point before
#	hugepages N               2 MiB pages that we add to the machine's pool; -N: they were not to be had

# Where run directories are: /run/pnyx for root; else what the session gives, else a directory of our own in /tmp.
run_base() {
	if [ -n "${PNYX_RUN_BASE:-}" ]; then
		echo "$PNYX_RUN_BASE"
	elif is_root && [ -w /run ]; then
		echo /run/pnyx
	elif [ -n "${XDG_RUNTIME_DIR:-}" ] && [ -w "$XDG_RUNTIME_DIR" ]; then
		echo "$XDG_RUNTIME_DIR/pnyx"
	else
		echo "/tmp/pnyx-$(id -u)"
	fi
}

# made_open: takes the lock of this clone, waiting while another run of it is going on, then sets RUN. The lock is on the
# clone's directory itself, so that no lock file has to be left behind.
made_open() {
	local base
	base=$(run_base)
	exec 9<"$ROOT"
	if ! flock -n 9; then
		say "another run of this clone is going on; waiting for it (at most ${PNYX_LOCK_WAIT:-600} s)"
		flock -w "${PNYX_LOCK_WAIT:-600}" 9 || fail "it did not end; nothing was done"
	fi
	mkdir -p -m 0755 "$base"
	[ -O "$base" ] || fail "$base belongs to somebody else; set PNYX_RUN_BASE to a directory of yours"
	RUN=$base/$ID
	mkdir -p "$RUN"
}

# Without the lock, to look only. False when nothing is up.
made_peek() {
	RUN=$(run_base)/$ID
	[ -s "$RUN/made" ]
}

made_note() { printf '%s\n' "$*" >>"$RUN/made"; }

# Start time of a process in clock ticks since boot. The name in field 2 may hold anything, so cut behind its last bracket.
proc_start() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086 # splitting into fields is the point
	set -- $stat
	echo "${20}"
}

proc_is_alive() { # PID START
	local start
	start=$(proc_start "$1") && [ "$start" = "$2" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# made_spawn WHAT LOG COMMAND...: starts a process that is on the list before it is the command; sets SPAWNED to its pid.
# It gets no descriptor but its log (a survivor must hold no lock, neither ours nor one of whoever called us) and a session of
# its own (Ctrl-C and a closed terminal are ours to handle).
made_spawn() {
	local what=$1 log=$2 fd
	shift 2
	(
		me=$BASHPID # not inside $( ): there it is another process, with another start time
		made_note "proc $me $(proc_start "$me") $what"
		for fd in /proc/"$me"/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		exec setsid "$@" >"$log" 2>&1 </dev/null
	) &
	SPAWNED=$!
	until grep -qs "^proc $SPAWNED " "$RUN/made"; do sleep 0.01; done
}

# Prints PID and START of the listed process called WHAT (the newest).
made_proc() { awk -v what="$1" '$1 == "proc" && $4 == what { line = $2 " " $3 } END { print line }' "$RUN/made"; }

# Removes everything on the list, newest first, and the list. Never fails half way: what is gone already is fine. (Silent, also
# about the shell's own notices of killed children.)
made_remove() { made_remove_all 2>/dev/null; }

made_remove_all() {
	local kind a b c left=() line waited alive asked=''
	[ -f "$RUN/made" ] || { rmdir "$RUN" "${RUN%/*}" 2>/dev/null || :; return 0; }
	# Processes first, all at once: ask, wait a little, then insist. The list is read each time: one of them may just have started
	# another one.
	for waited in 0 1 2 3 4 5 6 7 8 9 10 KILL; do
		alive=0
		mapfile -t left < <(awk '$1 == "proc" { print $2, $3 }' "$RUN/made" | sort -u)
		for line in "${left[@]}"; do
			# shellcheck disable=SC2086
			proc_is_alive $line || continue
			alive=1
			[ "$waited" != KILL ] || kill -KILL "${line% *}" 2>/dev/null || :
			[[ $asked == *"<$line>"* ]] || kill -TERM "${line% *}" 2>/dev/null || :
			asked+="<$line>"
		done
		[ "$alive" -eq 1 ] || break
		sleep 0.2
	done
	tac "$RUN/made" | while read -r kind a b c; do
		case $kind in
		netns) made_remove_netns "$a" ;;
		mount) umount "$a" 2>/dev/null || umount -l "$a" 2>/dev/null || :
			rmdir "$a" 2>/dev/null || : ;;
		file) rm -f "$a" ;;
		arenas) rm -f /dev/shm/ordinary-pnyx-"$a".arena* ;; # of epochs that began when no hugepages were left
		dir) rm -rf "$a" 2>/dev/null || : ;;
		empty) rmdir "$a" 2>/dev/null || : ;;
		netnsdir) made_remove_netnsdir ;;
		esac
	done
	hugepages_give_back "$(awk '$1 == "hugepages" { sum += $2 } END { print sum + 0 }' "$RUN/made")"
	rm -rf "$RUN"
	rmdir "${RUN%/*}" 2>/dev/null || :
}

# made_guard: what an earlier run left is removed, this one's list is open, and whatever ends the script removes what it made.
made_guard() {
	made_open
	made_remove
	made_open
	trap made_finish EXIT
	trap 'say "interrupted: stopping and removing everything"; exit 130' INT TERM HUP
}

made_finish() {
	local code=$?
	trap '' INT TERM HUP
	trap - EXIT
	made_remove
	exit "$code"
}

# In another mount namespace than the one where it was made the name does not exist; the kernel freed it with its processes.
made_remove_netns() {
	[ -e "/run/netns/$1" ] || return 0
	ip netns delete "$1" 2>/dev/null || :
}

made_remove_netnsdir() {
	mountpoint -q /run/netns && [ -z "$(ls -A /run/netns)" ] || return 0
	umount /run/netns 2>/dev/null && rmdir /run/netns 2>/dev/null || :
}
