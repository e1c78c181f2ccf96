#!/bin/bash
# scripts/run.sh leaves nothing behind: after a normal run, an interrupted one, a kept one, a killed one.
. "$(dirname "$0")/cluster.sh"
# No entering here: each run does that itself.
ground_decide
[ "$GROUND" != inside ] || skip "network namespaces are refused here, in a user namespace as well"
[ -x "$REPLICA" ] || skip "pnyx-replica is not built (no DPDK?)"
export PNYX_ID=c$ID PNYX_SKIP_SETUP=1 # its own, and another one in each clone
ID=$PNYX_ID RUN=$(run_base)/$PNYX_ID
work=$(mktemp -d)
trap 'rm -rf "$work"; "$scripts/run.sh" --stop >/dev/null 2>&1' EXIT

# Everything of ours that can be seen from outside.
traces() {
	[ ! -e "$RUN" ] || find "$RUN"
	ip netns list 2>/dev/null | grep "pnyx-$ID-" || :
	grep -asl -- "$RUN/[p]nyx.conf" /proc/[0-9]*/cmdline || : # the brackets keep grep from finding itself
	find /dev/shm -maxdepth 1 -name "pnyx-$ID*"
	[ "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages 2>/dev/null)" = "$pages_before" ] ||
		echo "hugepages differ"
}
pages_before=$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages 2>/dev/null || :)

wait_until_up() {
	local i
	for i in $(seq 200); do
		grep -qs bench "$RUN/made" && return 0
		sleep 0.2
	done
	echo "     the run never came to measuring"
	return 1
}

# run_into FILE ARGUMENTS...: a whole run, its output kept.
run_into() {
	local file=$1
	shift
	"$scripts/run.sh" "$@" >"$work/$file" 2>"$work/$file.err"
}

check "a run ends well" run_into first --seconds 1
check "its last line has the figures" grep -qE \
	'^PNYX n=3 port=af_packet commits=[1-9][0-9]* fast=[0-9.]+% p50=[0-9.]+us p99=[0-9.]+us echo_p50=[0-9.]+us ratio=[0-9.]+ state=equal$' \
	<(tail -1 "$work/first")
check "there were sessions to compare" is "$(grep -c 'sessions [0-9a-f]*[1-9a-f]' "$work/first")" 3
check "nothing is left of it" is "$(traces)" ""

# A background process of a script ignores SIGINT, so the run is started by a shell that resets it.
python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
	"$scripts/run.sh" --seconds 30 >"$work/second" 2>&1 &
run=$!
check "a run comes up" wait_until_up
kill -INT $run
code=0
wait $run || code=$?
check "SIGINT ends it with 130" is $code 130
check "nothing is left of the interrupted run" is "$(traces)" ""

"$scripts/run.sh" --seconds 30 >"$work/third" 2>&1 &
run=$!
check "another run comes up" wait_until_up
kill -KILL $run
wait $run 2>/dev/null || :
check "a killed run leaves traces" test -n "$(traces)"
check "the next run removes them and ends well" run_into fourth --seconds 1 --keep
check "--keep leaves the cluster up" "$RUN/pnyx" put kept yes
check "it can be read" is "$("$RUN/pnyx" --via r2 --raw get kept)" yes
check "--stop stops it" "$scripts/run.sh" --stop
check "nothing is left at the end" is "$(traces)" ""
check "--stop without a cluster is fine" "$scripts/run.sh" --stop
[ "$failures" -eq 0 ] || tail -n 30 "$work"/*
test_end
