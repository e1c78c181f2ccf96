#!/bin/bash
# Exactly once: a replica that pauses again and again makes the client repeat its updates at other replicas; each counts once.
. "$(dirname "$0")/cluster.sh"
need_ground "$@"
cluster_for_test 3
rounds=60

pid=$(made_proc r1 | cut -d' ' -f1)
(
	trap 'kill -CONT "$pid"; exit' TERM
	while :; do
		kill -STOP "$pid"
		sleep 0.3
		kill -CONT "$pid"
		sleep 0.2
	done
) 9>&- &
pauser=$!

done_count=0 unknown=0
for _ in $(seq $rounds); do
	code=0
	pnyx --via r1 --timeout 3000 incr counter >/dev/null 2>&1 || code=$?
	case $code in
	0) done_count=$((done_count + 1)) ;;
	3) unknown=$((unknown + 1)) ;;
	*) echo "     incr ended with exit code $code" ;;
	esac
done
kill "$pauser" 2>/dev/null
wait "$pauser" 2>/dev/null || :
kill -CONT "$pid"

value=$(pnyx --via r2 --raw get counter)
check "every increment ended, done or unknown" is $((done_count + unknown)) $rounds
check "$value is from $done_count (done) to $((done_count + unknown)) (and unknown)" \
	test "$value" -ge "$done_count" -a "$value" -le $((done_count + unknown))
check "most were done" test "$done_count" -gt $((rounds / 2))
check "the state of all replicas is equal" pnyx digest
test_end
