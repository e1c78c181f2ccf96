#!/bin/bash
# Replicas and their control planes as real processes: deaths of either under load, what an operator sees.
# Usage: control.sh [DEATHS]
. "$(dirname "$0")/cluster.sh"
deaths=${1:-4}
need_ground "$@"
[ -x "$CONTROL" ] || skip "pnyx-control is not built (libsystemd or libmicrohttpd is missing)"
# shellcheck disable=SC2034 # cluster.sh reads it
WITH_CONTROL=yes
export PNYX_CONTROL_TRUST_MS=10 # deaths follow each other here
cluster_for_test 3
ask=$ROOT/tests/control/ask.py

web() { "${CLIENT[@]}" python3 -B "$ask" "http://$MANAGEMENT.$1:9788$2"; }
start_count() { python3 -B "$ask" "$RUN/r$1/control.sock" status "members.r$1.says.start"; }
telemetry() { # NUMBER COMMAND
	python3 -B - "/run/dpdk/pnyx-$ID-r$1/dpdk_telemetry.v2" "$2" <<-'END'
		import json, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.settimeout(5)
		s.connect(sys.argv[1])
		s.recv(4096)
		s.send(sys.argv[2].encode())
		print(json.dumps(json.loads(s.recv(65536))))
	END
}

for i in 1 2 3; do
	for j in 1 2 3; do check "the control plane of r$i knows that r$j serves" eventually says "$i" "members.r$j.says.life" serving; done
	check "and did not have to start its own" says "$i" "members.r$i.says.restarts" 0
done
check "metrics over HTTP" grep -q '^pnyx_replica_life{life="serving"} 1$' <(web 1 /metrics)
check "health over HTTP" is "$(web 2 /health | sed -n 1p)" 200
check "DPDK's telemetry tells the same" grep -q '"members": 3' <(telemetry 1 /pnyx/info)
check "and what a member is to us" grep -q '"suspect": 0' <(telemetry 1 /pnyx/member,1)
check "and refuses a column that is none" grep -q '"/pnyx/member": null' <(telemetry 1 /pnyx/member,3)

made_spawn load "$RUN/load.log" "${CLIENT[@]}" "$PNYX" --config "$RUN/pnyx.conf" --json --timeout 30000 bench \
	--workload append --record "$RUN/load.history" --warmup 0 --seconds 86400 --rate 2000 --keys 20 --outstanding 8
load=$SPAWNED
sleep 1
disown -a

before=$(start_count 2)
check "replicas are killed under load, suspected and started again" python3 -B "$(dirname "$test_path")/deaths.py" "$RUN" 3 "$deaths"
check "r2 is on its old arena" eventually says 2 life serving
check "r2 was attached again" test "$(start_count 2)" -gt "$before"

# Control planes die at any time; their replicas serve on, and who comes after them finds everything.
for i in 1 2 3; do
	replica=$(pid_of "r$i") starts=$(start_count "$i")
	kill -KILL "$(pid_of "c$i")"
	check "without its control plane r$i serves" eventually pnyx --via "r$i" put "alone$i" yes
	cluster_start_control "$i" af_packet
	check "a new control plane finds r$i" eventually says "$i" life serving
	check "the same process of it" is "$(pid_of "r$i") $(start_count "$i")" "$replica $starts"
	check "and the other control planes" eventually says "$i" "members.r$((i % 3 + 1)).says.life" serving
done
disown -a
# Both of a node at once.
kill -KILL "$(pid_of c3)" "$(pid_of r3)"
check "r3 and its control plane are dead: the others serve" eventually pnyx --via r1 put alone yes
cluster_start_control 3 af_packet
disown -a
check "its control plane alone brings both back" eventually says 3 life serving
check "r3 answers" eventually pnyx --via r3 get alone

kill -TERM "$load"
# shellcheck disable=SC2016 # the pid is for the inner shell
check "the load ends" eventually bash -c '! kill -0 $1 2>/dev/null' - "$load"
linearizable() {
	PYTHONPATH=$ROOT/tests/chaos python3 -B -c 'import history, sys
print("     %d appends acknowledged, %d unknown" % history.check(history.load(sys.argv[1])))' "$RUN/load.history"
}
check "what clients saw is linearizable" linearizable
check "the state of all replicas is equal" pnyx digest --within 60000
for i in 1 2 3; do check "r$i and its control plane live" test -d "/proc/$(pid_of "r$i")" -a -d "/proc/$(pid_of "c$i")"; done
[ "$failures" -eq 0 ] || tail -n 30 "$RUN"/c?.log
test_end
