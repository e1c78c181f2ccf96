# Faults for real replicas, and clients that record. Sourced, never run; needs all other helpers but packages.sh.
# shellcheck shell=bash

CHAOS_KINDS='kill|stop|cut|oneway|loss|corrupt|dup|kill2|killall'
CHAOS_DEFAULT=kill,stop,cut,oneway,loss,corrupt,dup
LINK_FAULTS=$BUILD/tests/chaos/link_faults
CHAOS_REPLICAS=3 CHAOS_STAY_DEAD="" CHAOS_ROUNDS=0 CHAOS_KILLS=0 CHAOS_LOADS=() CHAOS_DEAD=()

chaos_is_list() { [[ $1 =~ ^($CHAOS_KINDS)(,($CHAOS_KINDS))*$ ]]; }

# Why links cannot be made to fail here; nothing when they can.
chaos_no_links() {
	[ "$GROUND" = root ] || { echo "the kernel lets only root load a BPF program"; return; }
	[ -x "$LINK_FAULTS" ] || echo "tests/chaos/link_faults is not built (clang or libbpf is missing)"
}

# Prints the kinds that can happen here: all of them, or those that were asked for, which then must be possible.
chaos_possible() {
	local why
	why=$(chaos_no_links)
	if [ -z "$why" ]; then
		echo "${1:-$CHAOS_DEFAULT}"
	elif [ -z "$1" ]; then
		say "only kill and stop: $why"
		echo kill,stop
	elif [[ $1 =~ cut|oneway|loss|corrupt|dup ]]; then
		fail "--faults $1: $why"
	else
		echo "$1"
	fi
}

# chaos_links SEED REPLICAS: the BPF program on the bridge's end of every replica's link, without a fault as yet.
chaos_links() {
	local links
	[ -z "$(chaos_no_links)" ] || return 0
	mapfile -t links < <(seq -f 'r%.0f' "$2")
	in_netns br "$LINK_FAULTS" attach "$1" "${links[@]}"
}

# The configured timeouts, to be read beside the gaps: lower bounds of what follows from the measured round trips.
chaos_timeouts() {
	local fast=20 resend=200 open=5000 pace=1
	[ "$CHAOS_REPLICAS" -le "$(processors | wc -l)" ] || pace=10
	! grep -q fast_min_us "$RUN/pnyx.conf" || fast=$(sed -n 's/.*fast_min_us = \([0-9]*\).*/\1/p' "$RUN/pnyx.conf")
	! grep -q resend_min_us "$RUN/pnyx.conf" || resend=$(sed -n 's/.*resend_min_us = \([0-9]*\).*/\1/p' "$RUN/pnyx.conf")
	awk -v fast="$fast" -v resend="$resend" -v open="$open" -v pace="$pace" 'BEGIN {
		printf "timeouts, at least (pace %d): fast path %.1f ms, resend %.1f ms, open instance %.1f ms and its question %.1f ms; a client asks", \
			pace, fast * pace / 1000, resend * pace / 1000, open * pace / 1000, fast * pace / 1000
		print " the next member after 20 + 40 ms" }'
}

# Nanoseconds of the clock that the histories use (the machine is never suspended, so that uptime is CLOCK_MONOTONIC).
chaos_now() {
	local up
	read -r up _ </proc/uptime
	echo "${up/./}0000000"
}

# chaos_event LABEL: what begins now, and ends what was.
chaos_event() {
	echo "$(chaos_now) $1" >>"$RUN/events"
}

# chaos_load NAME SEED OPTIONS...: a client that appends and records until it is told to end; then it reads every key.
chaos_load() {
	local name=$1 seed=$2
	shift 2
	made_spawn "$name" "$RUN/$name.log" "${CLIENT[@]}" "$PNYX" --config "$RUN/pnyx.conf" --json --timeout 20000 bench \
		--workload append --record "$RUN/$name.history" --seed "$seed" --warmup 0 --seconds 86400 --reads 10 "$@"
	CHAOS_LOADS+=("$SPAWNED")
}

# The shell shall not tell of every replica that we kill.
chaos_disown() {
	local v
	for v in $(seq "$CHAOS_REPLICAS"); do disown "$(made_proc "r$v" | cut -d' ' -f1)" 2>/dev/null || :; done
}

# chaos_measure SECONDS: no faults for so long, then a little loss on every link for as long.
chaos_measure() {
	local v
	chaos_quiet calm calm "$1"
	[ -z "$(chaos_no_links)" ] || return 0
	for v in $(seq "$CHAOS_REPLICAS"); do in_netns br "$LINK_FAULTS" set "r$v" both loss=1; done
	chaos_quiet loss loss1 "$1"
	for v in $(seq "$CHAOS_REPLICAS"); do in_netns br "$LINK_FAULTS" set "r$v" both loss=0; done
}

chaos_quiet() { # NAME LABEL SECONDS
	pnyx --json status >"$RUN/$1-0.json"
	chaos_event "$2"
	sleep "$3"
	pnyx --json status >"$RUN/$1-1.json"
}

chaos_signal() { # SIGNAL NUMBER
	local pid
	pid=$(made_proc "r$2" | cut -d' ' -f1)
	kill -"$1" "$pid" 2>/dev/null || :
}

# chaos_return NUMBER...: new processes on the old arenas; returns when they answer.
chaos_return() {
	local v
	for v in "$@"; do
		cat "$RUN/r$v.log" >>"$RUN/r$v-before.log"
		cluster_start_replica "$v" af_packet "$CHAOS_REPLICAS"
	done
	chaos_disown
	for v in "$@"; do chaos_wait "$v"; done
}

chaos_wait() { # NUMBER
	local deadline=$((SECONDS + 30))
	until pnyx --via "r$1" --timeout 500 status >/dev/null 2>&1; do
		cluster_is_alive "$1" || { cluster_obituary "$1"; chaos_keep; fail "replica r$1 did not come back"; }
		[ "$SECONDS" -lt "$deadline" ] || { chaos_keep; fail "replica r$1 does not answer"; }
		sleep 0.1
	done
}

# chaos_round LABEL SECONDS PAUSE ACTIONS: one line of the plan.
chaos_round() {
	local killed=() stopped=() links=() action what who rest
	chaos_event "$1"
	for action in $4; do
		IFS=: read -r what who rest <<<"$action"
		case $what in
		kill) chaos_signal KILL "$who"; killed+=("$who"); CHAOS_KILLS=$((CHAOS_KILLS + 1)) ;;
		stop) chaos_signal STOP "$who"; stopped+=("$who") ;;
		link) in_netns br "$LINK_FAULTS" set "r$who" "${rest%%:*}" "${rest#*:}"; links+=("$who") ;;
		esac
	done
	sleep "$2"
	for who in "${stopped[@]}"; do chaos_signal CONT "$who"; done
	for who in "${links[@]}"; do in_netns br "$LINK_FAULTS" set "r$who" both loss=0 corrupt=0 duplicate=0 cut=0; done
	if [ -n "$CHAOS_STAY_DEAD" ]; then CHAOS_DEAD+=("${killed[@]}"); else chaos_return "${killed[@]}"; fi
	sleep "$3"
	CHAOS_ROUNDS=$((CHAOS_ROUNDS + 1))
	chaos_all_alive
}

# Nobody dies but those whom we kill.
chaos_all_alive() {
	local v
	for v in $(seq "$CHAOS_REPLICAS"); do
		[[ " ${CHAOS_DEAD[*]} " = *" $v "* ]] || cluster_is_alive "$v" && continue
		cluster_obituary "$v"
		chaos_keep
		fail "replica r$v died"
	done
}

# Either the dead return, or all die at once and return.
chaos_end_rounds() {
	local v
	chaos_event return
	if [ -z "$1" ]; then
		for v in $(seq "$CHAOS_REPLICAS"); do chaos_signal KILL "$v"; done
		CHAOS_KILLS=$((CHAOS_KILLS + CHAOS_REPLICAS))
		mapfile -t CHAOS_DEAD < <(seq "$CHAOS_REPLICAS")
		sleep 0.3
	fi
	chaos_return "${CHAOS_DEAD[@]}"
	CHAOS_DEAD=()
	sleep 3
	chaos_event end
}

# The clients end their load, read every key and end; outcomes that nobody knows are no failure.
chaos_end_loads() {
	local pid code=0
	for pid in "${CHAOS_LOADS[@]}"; do kill -TERM "$pid"; done
	for pid in "${CHAOS_LOADS[@]}"; do
		wait "$pid" || [ $? -eq 3 ] || { say "a client ended badly: $(tail -q -n 2 "$RUN/independent.log" "$RUN/dependent.log")"; code=1; }
	done
	chaos_all_alive
	return "$code"
}

chaos_keep() {
	rm -rf "$BUILD/chaos"
	mkdir -p "$BUILD/chaos"
	cp "$RUN"/*.log "$RUN"/*.history "$RUN"/events "$RUN"/pnyx.conf "$BUILD/chaos/" 2>/dev/null || :
	cp "$RUN"/*.json "$RUN"/report "$BUILD/chaos/" 2>/dev/null || :
	say "logs and histories are kept in $BUILD/chaos"
}
