#!/bin/bash
# Usage: scripts/kill.sh [--seeds N] [--first S] [--steps N] [--stride BITS] [--jobs N] [--help]
#
# Kills a replica at every instruction of everything it does, and damages its arena in every place (tests/kill).
#
#   --seeds N     worlds to draw steps from (default 240)
#   --first S     the first of them (default 1)
#   --steps N     steps single-stepped for each phase and job (default 40)
#   --stride B    from one flipped bit to the next (default 3; 1: all of them)
#   --jobs N      processes side by side (default: the processors)
#
# Where a process may not trace its own child, says so and ends with 77.
# The last line: PNYX kill points=N attaches=N phases=N flips=N violations=N
# Exit status: 0 no violation and every phase was met, 1 otherwise, 2 wrong usage, 77 tracing is refused.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

seeds=240 first=1 steps=40 stride=3 jobs=$(nproc)
while [ $# -gt 0 ]; do
	case $1 in
	--seeds) need_value "$1" $#; need_number "$1" "$2" 1 999999999; seeds=$2; shift ;;
	--first) need_value "$1" $#; need_number "$1" "$2" 0 999999999; first=$2; shift ;;
	--steps) need_value "$1" $#; need_number "$1" "$2" 1 1000000; steps=$2; shift ;;
	--stride) need_value "$1" $#; need_number "$1" "$2" 1 1000000; stride=$2; shift ;;
	--jobs) need_value "$1" $#; need_number "$1" "$2" 1 256; jobs=$2; shift ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done

if [ -z "${PNYX_SKIP_SETUP:-}" ]; then
	"$here/setup.sh" --packages
	BUILD_TARGETS=(tests/kill/pnyx-kill tests/kill/pnyx-flip)
	build_in "$BUILD"
fi
programs=$BUILD/tests/kill

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
[ "$jobs" -le "$seeds" ] || jobs=$seeds
pids=() at=$first
for job in $(seq "$jobs"); do
	share=$((seeds / jobs + (job <= seeds % jobs)))
	"$programs/pnyx-kill" --seeds "$share" --first "$at" --steps "$steps" >"$logs/kill$job" 2>&1 &
	pids+=($!)
	at=$((at + share))
done
failed=0
for job in $(seq "$jobs"); do
	code=0
	wait "${pids[job - 1]}" || code=$?
	if [ "$code" -eq 77 ]; then
		cat "$logs/kill$job"
		exit 77
	fi
	[ "$code" -eq 0 ] || failed=1
	grep -vE ' steps .* points|^KILL' "$logs/kill$job" || :
done
# One table of all jobs: name, steps, points, attaches, states.
awk -F'[[:space:]][[:space:]]+' '/ steps .* points / {
	name = $1; rest = substr($0, length($1) + 1); split(rest, f, " ")
	if (!(name in steps)) order[++count] = name
	steps[name] += f[1]; points[name] += f[3]; attaches[name] += f[5]; states[name] += f[7]
} END { for (k = 1; k <= count; k++) { n = order[k]
	printf "%-44s %6d steps %10d points %8d attaches %8d states\n", n, steps[n], points[n], attaches[n], states[n] } }' \
	"$logs"/kill* | tee "$logs/table"
"$programs/pnyx-flip" --stride "$stride" --garbage 20000 >"$logs/flip" 2>&1 || failed=1
cat "$logs/flip"

field() { sed -n "s/.* $1=\([0-9]*\).*/\1/p" "$logs"/kill* "$logs/flip" | awk '{ s += $1 } END { print s + 0 }'; }
phases=$(awk '/ steps / { for (k = 1; k <= NF; k++) if ($k == "steps" && $(k - 1) > 0) n++ } END { print n + 0 }' "$logs/table")
[ "$phases" -eq "$(wc -l <"$logs/table")" ] || { say "a phase was never met"; failed=1; }
echo "PNYX kill points=$(field points) attaches=$(field attaches) phases=$phases flips=$(field tries) violations=$(($(field violations) + $(field served)))"
[ "$failed" -eq 0 ]
