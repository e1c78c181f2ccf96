#!/bin/bash
# A member that stays away: the others say how long their instance windows will last; when these are full clients are told BUSY, and nothing
# aborts; when the member is back it catches up, service resumes and the alarm ends.
. "$(dirname "$0")/cluster.sh"
need_ground "$@"
[ -x "$CONTROL" ] || skip "pnyx-control is not built (libsystemd or libmicrohttpd is missing)"
# shellcheck disable=SC2034 # cluster.sh reads it
WITH_CONTROL=yes
cluster_for_test 3
ask=$ROOT/tests/control/ask.py

counted() { pnyx --via "$1" --json status | grep -o "\"$2\": *[0-9]*" | grep -o '[0-9]*$'; } # MEMBER COUNTER
refuses() { [ "$(counted r1 busy_window)" -gt 0 ]; }
shows() { pnyx top --count 1 --via r1 | grep -q "$1"; }
silent() { ! shows ALARM; }

made_spawn load "$RUN/load.log" "${CLIENT[@]}" "$PNYX" --config "$RUN/pnyx.conf" --json --timeout 60000 bench \
	--via r1 --spread one --warmup 0 --seconds 86400 --rate 2000 --keys 20 --outstanding 8
load=$SPAWNED
check "no alarm while all live" silent
kill -KILL "$(pid_of c3)" "$(pid_of r3)"
disown -a
check "the alarm names who does not execute, and the time left" eventually shows 'because r3 does not execute; full in [0-9.]* s at the present rate'
check "metrics have it too" grep -q '^pnyx_alarm_left_seconds' <("${CLIENT[@]}" python3 -B "$ask" "http://$MANAGEMENT.1:9788/metrics")
check "then it is full, and clients are refused" eventually refuses
check "which the alarm says" eventually shows 'it is full: clients get BUSY'
check "the replicas live" kill -0 "$(pid_of r1)" "$(pid_of r2)"
cluster_start_control 3 af_packet
disown -a
check "the member is back: the alarm ends" eventually silent
check "and service resumes" pnyx --via r1 put color blue
check "at all of them" is "$(pnyx --via r3 --raw get color)" blue
kill -TERM "$load"
# shellcheck disable=SC2016 # the pid is for the inner shell
check "the load ends" eventually bash -c '! kill -0 $1 2>/dev/null' - "$load"
check "with no operation lost" is "$(grep -o '"unknown": *[0-9]*' "$RUN/load.log" | head -1 | grep -o '[0-9]*$')" 0
test_end
