#!/bin/bash
# The members of a running cluster change under load: one comes in, one is replaced, one goes; clients go on, and what they saw is linearizable.
. "$(dirname "$0")/cluster.sh"
need_ground "$@"
[ -x "$CONTROL" ] || skip "pnyx-control is not built (libsystemd or libmicrohttpd is missing)"
# shellcheck disable=SC2034 # cluster.sh reads it
WITH_CONTROL=yes
founders=3

# Ordinary pages: every node has two arenas for a while.
hugepages_may() { false; }
hugepages_free() { echo 0; }
# Four nodes, of which the last is not in the first list: it waits until it is added.
cluster_configure() {
	local i members=()
	for i in $(seq "$founders"); do members+=(--member "r$i=$NET.$i/$MANAGEMENT.$i"); done
	for i in $(seq $((founders + 1)) "$1"); do members+=(--joiner "r$i=$NET.$i/$MANAGEMENT.$i"); done
	rm -f "$RUN/pnyx.conf"
	"$PNYX" --config "$RUN/pnyx.conf" init --cluster "demo-$ID" "${members[@]}" >/dev/null
	printf 'replica = { arena = "%s"; window = 1024; idle = "yield"; };\n' "$ARENA" >>"$RUN/pnyx.conf"
}
eval "$(declare -f cluster_wait | sed '1s/cluster_wait/wait_for_all/')"
cluster_wait() { wait_for_all "$founders"; }
eval "$(declare -f cluster_wait_control | sed '1s/cluster_wait_control/wait_for_all_control/')"
cluster_wait_control() { wait_for_all_control "$founders"; }
cluster_for_test 4

members() { pnyx --via "r$1" members "${@:2}" 2>&1; }                         # NUMBER [CHANGE...]
columns() { is "$(members "$1" | sed -n 's/^  r\([0-9]\) .*/\1/p' | tr -d '\n')" "$2"; } # NUMBER MEMBERS
linearizable() {
	PYTHONPATH=$ROOT/tests/chaos python3 -B -c 'import history, sys
print("     %d appends acknowledged, %d unknown" % history.check(history.load(sys.argv[1])))' "$RUN/load.history"
}

check "r4 waits" eventually says 4 standing waiting
made_spawn load "$RUN/load.log" "${CLIENT[@]}" "$PNYX" --config "$RUN/pnyx.conf" --json --timeout 30000 bench \
	--workload append --record "$RUN/load.history" --warmup 0 --seconds 86400 --rate 500 --keys 20 --outstanding 8
load=$SPAWNED
sleep 1
disown -a

check "r4 comes in" is "$(members 1 add r4)" "done: epoch 2"
for i in 1 2 3 4; do check "r$i is in the epoch of four" eventually columns "$i" 1234; done
check "r4 takes part" eventually says 4 standing member
check "r1 goes, and r2 says so" is "$(members 2 remove r1)" "done: epoch 3"
for i in 2 3 4; do check "r$i is in the epoch of three" eventually columns "$i" 234; done
check "r1 is retired" eventually says 1 standing retired
check "clients go on" eventually pnyx --via r2 put after yes
check "r1 comes back in the place of r2" is "$(members 3 replace r2 r1)" "done: epoch 4"
for i in 1 3 4; do check "r$i is in it" eventually columns "$i" 134; done
check "r1 takes part again" eventually says 1 standing member
check "and answers" eventually pnyx --via r1 get after
sleep 1

kill -TERM "$load"
# shellcheck disable=SC2016 # the pid is for the inner shell
check "the load ends" eventually bash -c '! kill -0 $1 2>/dev/null' - "$load"
check "what clients saw is linearizable" linearizable
[ "$failures" -eq 0 ] || tail -n 25 "$RUN"/[cr]?.log
test_end
