#!/bin/bash
# Usage: scripts/spray.sh [FRAMES] [--rate N] [--seed N] [--help]
#
# Sends FRAMES (default 1000000) random and mutated frames to a live replica of a demonstration cluster of three, during a
# benchmark, and checks that no replica restarts or dies, that the drop counters add up to the frames sent, reason by reason,
# and that p99 stays within twice the undisturbed one.
#
#   --rate N      frames a second (default 20000); the sender needs processor time as well
#   --seed N      of the frames (default: the time; it is printed, so that a run can be repeated)
#
# Removes everything it made. The last line: SPRAY frames=N dropped=N answers=N p99=..us undisturbed=..us restarts=0
# Exit status: 0 all of it holds, 1 something does not, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages memory made build ground net cluster measure inside; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

frames=1000000 rate=20000 seed=$(date +%s)
arguments=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--rate) need_value "$1" $#; need_number "$1" "$2" 1 10000000; rate=$2; shift ;;
	--seed) need_value "$1" $#; need_number "$1" "$2" 0 999999999; seed=$2; shift ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	-*) usage_error "unknown option '$1'" ;;
	*) need_number FRAMES "$1" 1 999999999; frames=$1 ;;
	esac
	shift
done

if [ -z "${PNYX_IN_USER_NAMESPACE:-}${PNYX_SKIP_SETUP:-}" ]; then
	BUILD_TARGETS=(dataplane/pnyx-replica client/cli/pnyx tests/spray/spray)
	"$here/setup.sh" --packages
	build_in "$BUILD"
fi
ground_decide
[ "$GROUND" != inside ] || fail "network namespaces are refused here; spraying needs a replica with a port of its own"
# Its own name, so that a kept cluster of this clone stays as it is.
export PNYX_ID=${PNYX_ID:-${ID}s}
ID=$PNYX_ID
CLIENT=(ip netns exec "$(netns c)")
ground_enter "$here/spray.sh" "${arguments[@]}"
made_open
made_remove
made_open
trap 'code=$?; trap "" INT TERM HUP; made_remove; exit "$code"' EXIT
trap 'say "interrupted: stopping and removing everything"; exit 130' INT TERM HUP
seconds=$((frames / rate + 2))

cluster_up 3 af_packet
say "measuring $((seconds < 10 ? seconds : 10)) s undisturbed"
cluster_bench undisturbed --seconds $((seconds < 10 ? seconds : 10)) --preload
pnyx --json status >"$RUN/before.json"
say "spraying $frames frames (seed $seed) at replica r1, $rate a second, during a benchmark of $seconds s"
made_spawn bench "$RUN/disturbed.log" "${CLIENT[@]}" "$PNYX" --config "$RUN/pnyx.conf" --json bench --echo \
	--seconds "$seconds" --warmup 0
bench=$SPAWNED
# Some frames claim to come from member r2: the client's end sends with that address.
made_spawn spray "$RUN/spray.log" "${CLIENT[@]}" "$BUILD/tests/spray/spray" "$frames" "$rate" "$seed" "$NET.1" "$NET.2"
code=0
wait "$SPAWNED" || code=$?
[ "$code" -eq 0 ] || { cat "$RUN/spray.log" >&2; fail "the sender ended with exit code $code"; }
wait "$bench" || fail "the benchmark ended badly: $(tail -3 "$RUN/disturbed.log")"
pnyx --json status >"$RUN/after.json"
dead=0
for i in 1 2 3; do cluster_is_alive "$i" || { cluster_obituary "$i"; dead=$((dead + 1)); }; done
pnyx digest || fail "the replicas do not hold the same state"
report=$(python3 -B "$here/lib/spray_report.py" "$RUN" "$dead") || code=1
made_remove
trap - EXIT
printf '%s\n' "$report"
exit "$code"
