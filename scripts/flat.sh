#!/bin/bash
# Usage: scripts/flat.sh [--commands N] [--replicas 3|5|7] [--samples FILE] [--plot FILE.svg] [--help] [-- BENCH OPTIONS]
#
# Memory stays flat: a cluster of real processes on this machine executes N commands while, twice a second, the memory of each process and
# what its arena holds are read. The line through the last 90 % of the samples must not rise, and nothing may be left in the arena
# when the load has ended.
#
#   --commands N     default 10000000
#   --replicas N     default 3
#   --samples FILE   the samples, a line each (tab separated)
#   --plot FILE      draws them (SVG); what the laboratory wrote with --samples is drawn by lib/plot.py
#
# What follows `--` goes to `pnyx bench` (--hot, --reads, --keys, --outstanding, ...).
# The last line: PNYX flat commands=N seconds=N resident_growth=N.NNN% arena_growth=N.NNN% sessions=N live=N memory=flat
# Exit status: 0 flat, 1 it grew or something failed, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages memory made build ground net cluster measure inside; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

commands=10000000 replicas=3 samples='' plot='' more=() arguments=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--commands) need_value "$1" $#; need_number "$1" "$2" 1000 100000000000; commands=$2; shift ;;
	--replicas) need_value "$1" $#; replicas=$2; shift ;;
	--samples) need_value "$1" $#; samples=$(realpath -m "$2"); shift ;;
	--plot) need_value "$1" $#; plot=$(realpath -m "$2"); shift ;;
	--) shift; more=("$@"); break ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
case $replicas in 3 | 5 | 7) ;; *) usage_error "--replicas takes 3, 5 or 7, not '$replicas'" ;; esac
if [ -z "${PNYX_IN_USER_NAMESPACE:-}" ]; then
	[ -n "${PNYX_SKIP_SETUP:-}" ] || "$here/setup.sh" --packages --programs || exit 1
fi
ground_decide
[ "$GROUND" != inside ] || fail "network namespaces are refused here, in a user namespace as well"
ground_enter "$here/flat.sh" "${arguments[@]}"

made_guard

say "starting $replicas replicas"
cluster_up "$replicas" af_packet
: "${samples:=$RUN/samples}"
pids=()
for i in $(seq "$replicas"); do pids+=("r$i=$(made_proc "r$i" | cut -d' ' -f1)"); done
# One load from the first to the last command: it is stopped by a signal when enough are executed.
made_spawn load "$RUN/load.log" "${CLIENT[@]}" "$PNYX" --config "$RUN/pnyx.conf" --json bench --seconds 86400 --warmup 0 "${more[@]}"
load=$SPAWNED
say "until $commands commands are executed"
python3 -B "$here/lib/flat.py" sample "$commands" "$samples" "$load" "${pids[@]}" -- "$RUN/pnyx" --json status || fail "the load ended early: $(tail -3 "$RUN/load.log")"
wait "$load" || :
sleep 2 # frontiers are told, everything is recycled
code=0
python3 -B "$here/lib/flat.py" report "$samples" "$RUN/pnyx" --json status || code=1
[ -z "$plot" ] || python3 -B "$here/lib/plot.py" "$samples" "$plot" "$replicas replicas, real processes" \
	'resident MiB of a process, hugepages included:resident_kib/1024' 'application units in use:units' 'sessions:sessions' 'instances not executed by all:live'
[ "$code" -eq 0 ]
