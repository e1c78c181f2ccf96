#!/bin/bash
# Usage: scripts/chaos.sh [--replicas 3|5] [--rounds N] [--faults LIST] [--seed N] [--rate N] [--measure N] [--no-restart]
#                         [--keep-logs] [--help]
#
# Real processes under faults: replicas are killed (kill -9) and started again on their arenas, stopped and continued, cut off in
# one or both directions, wholly or from some members; links lose, damage and double frames. Meanwhile real clients append unique
# elements, and at the end they read every key. Then the recorded history is checked for linearizability (nothing acknowledged is
# lost, nothing runs twice, no answer is contradicted), and all replicas must hold the same state.
#
# Two clients: `dependent` writes few keys through all replicas, so that its commands depend on those of whoever is taken away;
# `independent` writes keys of its own through r1, which is spared but by kill2 and killall. At the end all replicas are killed at once.
#
#   --replicas N   3 (default) or 5
#   --rounds N     faults in turn (default 20), each at up to f replicas at once
#   --faults LIST  of kill,stop,cut,oneway,loss,corrupt,dup (default: all of these that this machine allows; all but kill and stop need
#                  root, because a BPF program makes them at the bridge's end of each link), kill2 (two replicas at once, any of them) and
#                  killall; as long as no majority lives nobody can be answered, so the latter two count for `return`, not for the gaps
#   --seed N       of the plan and of the BPF programs' choices (default: the time; it is printed)
#   --rate N       operations a second of each client (default 4000); 0: as many as complete, and then the instance windows are full a
#                  fraction of a second after somebody died
#   --measure N    seconds without faults before the rounds, and as many with 0.1 % loss on every link (default 3)
#   --no-restart   killed replicas stay dead (at most f of them) until the rounds are over; instead of the end with all killed
#   --keep-logs    logs and histories stay in build/chaos, as they do after a failure
#
# Prints a table, a row for each kind of fault and client: longest time without an answer (median of the rounds, maximum), and
# latencies. Removes everything it made. The last line:
#   PNYX chaos n=3 rounds=N kills=N appends=N keys=N unknown=N lost=0 doubled=0 contradicted=0 gap_independent=..ms \
#   gap_dependent=..ms return=..ms state=equal
# (gap: the longest of all rounds; return: the longest when two or all were killed, with the time that they need to start)
# Exit status: 0 all of it holds, 1 something does not, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages memory made build ground net cluster measure inside chaos; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

replicas=3 rounds=20 faults='' seed=$(($(date +%s) % 1000000000)) stay_dead='' keep=no rate=4000 measure=3
arguments=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--replicas) need_value "$1" $#; case $2 in 3 | 5) replicas=$2 ;; *) usage_error "--replicas takes 3 or 5" ;; esac; shift ;;
	--rounds) need_value "$1" $#; need_number "$1" "$2" 1 100000; rounds=$2; shift ;;
	--faults) need_value "$1" $#; chaos_is_list "$2" || usage_error "--faults takes a list of ${CHAOS_KINDS//|/,}"; faults=$2; shift ;;
	--seed) need_value "$1" $#; need_number "$1" "$2" 0 999999999; seed=$2; shift ;;
	--measure) need_value "$1" $#; need_number "$1" "$2" 1 3600; measure=$2; shift ;;
	--rate) need_value "$1" $#; need_number "$1" "$2" 0 1000000; rate=$2; shift ;;
	--no-restart) stay_dead=stay-dead ;;
	--keep-logs) keep=yes ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
[[ -z $stay_dead || ! $faults =~ kill2|killall ]] || usage_error "--no-restart leaves a majority alive: not with kill2 or killall"

if [ -z "${PNYX_IN_USER_NAMESPACE:-}${PNYX_SKIP_SETUP:-}" ]; then
	"$here/setup.sh" --tests
	BUILD_TARGETS=(dataplane/pnyx-replica client/cli/pnyx)
	build_in "$BUILD"
	BUILD_TARGETS=(tests/chaos/link_faults)
	[ ! -d "$BUILD/tests/chaos" ] || build_in "$BUILD"
fi
ground_decide
[ "$GROUND" != inside ] || fail "network namespaces are refused here; chaos needs processes with ports of their own"
export PNYX_ID=${PNYX_ID:-${ID}x}
ID=$PNYX_ID
CLIENT=(ip netns exec "$(netns c)")
ground_enter "$here/chaos.sh" "${arguments[@]}"
made_open
made_remove
made_open
trap 'code=$?; trap "" INT TERM HUP; made_remove; exit "$code"' EXIT
trap 'say "interrupted: stopping and removing everything"; exit 130' INT TERM HUP

CHAOS_REPLICAS=$replicas CHAOS_STAY_DEAD=$stay_dead
cluster_up "$replicas" af_packet
chaos_disown
chaos_links "$seed" "$replicas"
faults=$(chaos_possible "$faults")
plan=$(python3 -B "$ROOT/tests/chaos/plan.py" "$replicas" "$rounds" "$faults" "$seed" $stay_dead)
say "up to $rounds rounds of $faults, n=$replicas, seed $seed"
pace=()
[ "$rate" -eq 0 ] || pace=(--rate "$rate")
chaos_load dependent $((seed * 2 + 1)) "${pace[@]}" --keys 20 --outstanding 16
chaos_load independent $((seed * 2 + 2)) "${pace[@]}" --keys 20 --outstanding 4 --spread one --via r1
sleep 2
chaos_measure "$measure"
while read -r label seconds pause actions; do
	chaos_round "$label" "$seconds" "$pause" "$actions"
done <<<"$plan"
chaos_end_rounds "$stay_dead"
code=0
chaos_end_loads || code=1
state=equal
pnyx digest --within 60000 >"$RUN/digest.log" 2>&1 || { cat "$RUN/digest.log" >&2; state=DIFFERENT code=1; }
pnyx --json status >"$RUN/status.json" || code=1
python3 -B "$ROOT/tests/chaos/report.py" "$RUN" independent dependent >"$RUN/report" || code=1
[ "$code" -eq 0 ] && [ "$keep" = no ] || chaos_keep
table=$(sed '$d' "$RUN/report") figures=$(tail -1 "$RUN/report") timeouts=$(chaos_timeouts)
made_remove
trap - EXIT
printf '%s\n\n%s\n' "$table" "$timeouts"
echo "PNYX chaos n=$replicas rounds=$CHAOS_ROUNDS kills=$CHAOS_KILLS $figures state=$state"
exit "$code"
