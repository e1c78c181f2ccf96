#!/bin/bash
# Usage: scripts/sim.sh [--seeds N] [--first S] [--seed S] [--jobs N] [--bank | --cut] [--tiny] [--compare] [-- OPTIONS OF pnyx-sim]
#
# Runs worlds of the deterministic simulator: every seed draws a cluster, a load and faults, and runs twice.
#
#   --seeds N     how many (default 1000)
#   --first S     the first of them (default 1)
#   --seed S      replays this one: prints what it draws and what happened, a column for each replica
#   --jobs N      processes side by side (default: the processors)
#   --bank        transfers between accounts instead of the key-value store
#   --cut         a core with counted store boundaries: replicas are also killed between two stores of one step
#   --tiny        the smallest tables and a hundred rounds of faults in each world: days of virtual time
#   --compare     the same seeds on four builds (gcc and clang, -O0 and -O2): equal hashes of all frames and states
#
# A failing seed prints the line that replays it. The last line:
#   PNYX sim seeds=N rounds=N virtual=Nh commands=N rate=N/s violations=N seconds=N      (rate: seeds a second on one core)
#   PNYX sim compare seeds=N builds=4 different=N
# Exit status: 0 no violation and no difference, 1 there was one, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

seeds='' first=1 one='' jobs=$(nproc) program=pnyx-sim compare=no more=()
while [ $# -gt 0 ]; do
	case $1 in
	--seeds) need_value "$1" $#; need_number "$1" "$2" 1 999999999; seeds=$2; shift ;;
	--first) need_value "$1" $#; need_number "$1" "$2" 0 999999999; first=$2; shift ;;
	--seed) need_value "$1" $#; need_number "$1" "$2" 0 999999999; one=$2; shift ;;
	--jobs) need_value "$1" $#; need_number "$1" "$2" 1 256; jobs=$2; shift ;;
	--bank) program=pnyx-sim-bank ;;
	--cut) program=pnyx-sim-cut ;;
	--tiny) more+=(--tiny --rounds 100) ;;
	--compare) compare=yes ;;
	--) shift; more+=("$@"); break ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
BUILD_TARGETS=("tests/sim/$program")

# Every build prints one line a seed; the files must be the same.
if [ "$compare" = yes ]; then
	seeds=${seeds:-40}
	[ -n "${PNYX_SKIP_SETUP:-}" ] || "$here/setup.sh" --packages --tests
	for variant in gcc-0 gcc-2 clang-0 clang-2; do
		dir=$ROOT/build-sim-$variant
		CC=${variant%-*} build_in "$dir" -Doptimization="${variant#*-}" -Ddebug=false
		"$dir/tests/sim/$program" --hashes --once --quiet --seeds "$seeds" --first "$first" "${more[@]}" >"$logs/$variant" ||
			fail "a seed fails: $(grep -m1 VIOLATION "$logs/$variant")"
		grep '^HASH' "$logs/$variant" >"$logs/$variant.hashes"
	done
	different=0
	for variant in gcc-2 clang-0 clang-2; do
		diff "$logs/gcc-0.hashes" "$logs/$variant.hashes" >"$logs/diff" || {
			different=$((different + $(grep -c '^>' "$logs/diff")))
			say "gcc-0 and $variant differ: $(sed -n 2p "$logs/diff")"
		}
	done
	echo "PNYX sim compare seeds=$(wc -l <"$logs/gcc-0.hashes") builds=4 different=$different"
	[ "$different" -eq 0 ]
	exit
fi

if [ -z "${PNYX_SKIP_SETUP:-}" ]; then
	"$here/setup.sh" --packages
	build_in "$BUILD"
fi
sim=$BUILD/tests/sim/$program
[ -z "$one" ] || { rm -rf "$logs"; exec "$sim" --seed "$one" --trace "${more[@]}"; }

case " ${more[*]} " in *' --tiny '*) seeds=${seeds:-20} ;; *) seeds=${seeds:-1000} ;; esac
began=$SECONDS
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
# Sums one field of the last lines; the rate is an average of the processes.
field() { cat "$logs"/* | sed -n "s/^SIM .* *$1=\([0-9.]*\).*/\1/p" | awk -v how="$2" '{ s += $1 } END { printf how, NR ? s : 0, NR }'; }
rate=$(cat "$logs"/* | sed -n 's/^SIM .* rate=\([0-9.]*\).*/\1/p' | awk '{ s += $1 } END { printf "%.1f", NR ? s / NR : 0 }')
echo "PNYX sim seeds=$seeds rounds=$(field rounds %.0f) virtual=$(field virtual %.2f)h commands=$(field commands %.0f) rate=$rate/s" \
	"violations=$(field violations %.0f) seconds=$((SECONDS - began))"
[ "$failed" -eq 0 ]
