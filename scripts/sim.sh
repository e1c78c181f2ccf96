#!/bin/bash
# Usage: scripts/sim.sh [--seeds N] [--first S] [--seed S] [--jobs N] [--bank] [-- OPTIONS OF pnyx-sim]
#
# Runs worlds of the deterministic simulator: every seed draws a cluster, a load and faults, and runs twice.
#
#   --seeds N     how many (default 1000)
#   --first S     the first of them (default 1)
#   --seed S      replays this one: prints what it draws and what happened, a column for each replica
#   --jobs N      processes side by side (default: the processors)
#   --bank        transfers between accounts instead of the key-value store
#
# A failing seed prints the line that replays it. The last line: PNYX sim seeds=N first=S violations=N seconds=N
# Exit status: 0 no violation, 1 a violation, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

seeds=1000 first=1 one='' jobs=$(nproc) program=pnyx-sim more=()
while [ $# -gt 0 ]; do
	case $1 in
	--seeds) need_value "$1" $#; need_number "$1" "$2" 1 999999999; seeds=$2; shift ;;
	--first) need_value "$1" $#; need_number "$1" "$2" 0 999999999; first=$2; shift ;;
	--seed) need_value "$1" $#; need_number "$1" "$2" 0 999999999; one=$2; shift ;;
	--jobs) need_value "$1" $#; need_number "$1" "$2" 1 256; jobs=$2; shift ;;
	--bank) program=pnyx-sim-bank ;;
	--) shift; more=("$@"); break ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done

if [ -z "${PNYX_SKIP_SETUP:-}" ]; then
	"$here/setup.sh" --packages
	BUILD_TARGETS=("tests/sim/$program")
	build_in "$BUILD"
fi
sim=$BUILD/tests/sim/$program
[ -z "$one" ] || exec "$sim" --seed "$one" --trace "${more[@]}"

began=$SECONDS
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
[ "$jobs" -le "$seeds" ] || jobs=$seeds
pids=() at=$first
for job in $(seq "$jobs"); do
	share=$((seeds / jobs + (job <= seeds % jobs)))
	"$sim" --quiet --seeds "$share" --first "$at" "${more[@]}" >"$logs/$job" 2>&1 &
	pids+=($!)
	at=$((at + share))
done
failed=0
for job in $(seq "$jobs"); do
	wait "${pids[job - 1]}" || failed=1
	cat "$logs/$job"
done
violations=$(cat "$logs"/* | sed -n 's/^SIM .*violations=\([0-9]*\).*/\1/p' | awk '{ s += $1 } END { print s + 0 }')
echo "PNYX sim seeds=$seeds first=$first violations=$violations seconds=$((SECONDS - began))"
[ "$failed" -eq 0 ]
