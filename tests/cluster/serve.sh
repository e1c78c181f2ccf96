#!/bin/bash
# Real replicas serve a real client: every replica takes writes and reads, all end in the same state.
# Usage: serve.sh REPLICAS [PORT]
. "$(dirname "$0")/cluster.sh"
replicas=$1 port=${2:-af_packet}
need_ground "$@"
[ "$port" != af_xdp ] || [ "$GROUND" = root ] || skip "port $port is for root"
cluster_for_test "$replicas" "$port"

same_everywhere() { pnyx digest; }

for i in $(seq "$replicas"); do
	check "put through r$i" pnyx --via "r$i" put "key-$i" "value of $i"
done
for i in $(seq "$replicas"); do
	for j in $(seq "$replicas"); do
		check "get key-$j through r$i" is "$(pnyx --via "r$i" --raw get "key-$j")" "value of $j"
	done
done
check "a key that was never written is not found" is "$(pnyx get nothing >/dev/null 2>&1 && echo 0 || echo $?)" 1
check "cas with the right old value" pnyx --via r2 cas key-1 "value of 1" changed
check "cas with the wrong old value is refused" is "$(pnyx cas key-1 "value of 1" again >/dev/null 2>&1 && echo 0 || echo $?)" 1
check "and changed nothing" is "$(pnyx --via r3 --raw get key-1)" changed
for i in $(seq "$replicas"); do
	check "append through r$i" pnyx --via "r$i" append list "$i,"
done
check "appends are in order" is "$(pnyx --raw get list)" "$(seq -s, "$replicas"),"
check "del" pnyx del key-2
check "a deleted key is gone everywhere" is "$(pnyx --via r1 get key-2 >/dev/null 2>&1 && echo 0 || echo $?)" 1
check "a value with every byte" is "$(head -c 700 /dev/urandom | tee "$RUN/bytes" | pnyx --raw put blob - >/dev/null &&
	pnyx --via r3 --raw get blob | cmp - "$RUN/bytes" && echo same)" same
check "a key above the limit is refused" is "$(pnyx put "$(printf '%0300d' 0)" x >/dev/null 2>&1 && echo 0 || echo 1)" 1
check "load on a few keys ends well" cluster_bench load --seconds 2 --warmup 0 --hot 50 --keys 100
check "the state of all replicas is equal" same_everywhere
check "no replica was restarted or died" is "$(for i in $(seq "$replicas"); do cluster_is_alive "$i" && echo -n "$i "; done)" \
	"$(seq -s' ' "$replicas") "
test_end
