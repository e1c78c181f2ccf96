#!/bin/bash
# Split agents (two lcores a replica) and all idle strategies in real processes: the same service, the same states.
# Usage: agents.sh REPLICAS fused|split busy|yield|sleep
. "$(dirname "$0")/cluster.sh"
replicas=$1 agents=$2 idle=$3
need_ground "$@"

# Lcores float over the processors: here there may be fewer of those than threads.
cluster_lcores() {
	local all
	all=$(processors | paste -sd,)
	[ "$agents" = split ] && echo "(0,1)@($all)" || echo "0@($all)"
}
export PNYX_REPLICA_AGENTS=$agents PNYX_REPLICA_IDLE=$idle
cluster_for_test "$replicas"

for i in $(seq "$replicas"); do
	check "r$i runs $agents" grep -q "$agents agents; idle $idle" "$RUN/r$i.log"
	check "put through r$i" pnyx --via "r$i" put "key-$i" "value of $i"
done
for i in $(seq "$replicas"); do
	check "get through r$i" is "$(pnyx --via "r$i" --raw get "key-$((i % replicas + 1))")" "value of $((i % replicas + 1))"
done
check "load ends well" cluster_bench load --seconds 2 --warmup 0 --hot 50 --keys 100 --reads 30
check "the state of all replicas is equal" pnyx digest
pnyx --json status >"$RUN/status.json"
check "no frame was lost between agents" is "$(grep -o '"drop_ring[a-z_]*": [0-9]*' "$RUN/status.json" | grep -vc ': 0$')" 0
check "nobody died" is "$(for i in $(seq "$replicas"); do cluster_is_alive "$i" && echo -n "$i "; done)" "$(seq -s' ' "$replicas") "
# Asleep, a loop turns some thousand times a second; awake, some million. On a slow machine it turns less, never more.
if [ "$idle" = sleep ]; then
	turns() { pnyx --json status | grep -o '"turns": [0-9]*' | awk '{ sum += $2 } END { print sum }'; }
	ticks() { for i in $(seq "$replicas"); do awk '{ print $14 + $15 }' "/proc/$(made_proc "r$i" | cut -d' ' -f1)/stat"; done | awk '{ sum += $1 } END { print sum }'; }
	sleep 0.5
	from=$(turns) used=$(ticks)
	sleep 4
	used=$(($(ticks) - used)) from=$(($(turns) - from))
	echo "idle: $((from / 4 / replicas)) turns a second and replica; $(awk -v t="$used" -v n="$replicas" 'BEGIN { printf "%.2f", t / 4 / n }') % of a processor"
	check "an idle loop sleeps" test "$from" -lt $((4 * replicas * 100000))
fi
test_end
