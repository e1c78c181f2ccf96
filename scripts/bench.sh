#!/bin/bash
# Usage: scripts/bench.sh [--seconds N] [--cluster] [--large] [--plots DIRECTORY] [--json FILE] [--help]
#
# The performance table of docs/performance.md, measured on this machine: each goal, what was reached, and how it was measured.
#
#   --seconds N   length of each measurement (default 3)
#   --cluster     also real processes on a virtual network: scripts/run.sh, three and five replicas
#   --large       also what needs much memory: a million live instances, a chain of a million (about 6 GB)
#   --plots DIR   also draws latency against load, throughput against interference, cycles against batch (SVG; about 20 more measurements)
#   --json FILE   all figures as one JSON object
#
# Everything but --cluster runs in the laboratory (scripts/lab.sh says how it measures): no network, no privileges. Other load on the
# machine makes every figure worse; cycles are therefore given twice, over the whole run and in its least disturbed tenth.
# The last line: PNYX bench goals=N reached=N state=equal
# Exit status: 0 everything was measured and all replicas ended with equal state, 1 not, 2 wrong usage. A goal that is not reached is no
# failure of this script.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

seconds=3 cluster=no large=no plots='' json=''
while [ $# -gt 0 ]; do
	case $1 in
	--seconds) need_value "$1" $#; need_number "$1" "$2" 1 3600; seconds=$2; shift ;;
	--cluster) cluster=yes ;;
	--large) large=yes ;;
	--plots) need_value "$1" $#; plots=$2; shift ;;
	--json) need_value "$1" $#; json=$2; shift ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
if [ -z "${PNYX_SKIP_SETUP:-}" ]; then
	"$here/setup.sh" --packages
	BUILD_TARGETS=(tests/lab/pnyx-lab tests/lab/pnyx-lab-stages tests/lab/pnyx-lab-commits tests/lab/pnyx-lab-overload tests/lab/lab-chain)
	build_in "$BUILD"
fi
lab=$BUILD/tests/lab
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
code=0

# measure NAME PROGRAM ARGUMENTS...: its figures go to DIR/NAME.
measure() {
	local name=$1 program=$2
	shift 2
	say "$name: $program $*"
	"$lab/$program" --seconds "$seconds" --json "$dir/$name" "$@" >"$dir/log" 2>&1 || { code=1; tail -5 "$dir/log" >&2; }
}

one=(--clock virtual --wire 1150 --outstanding 1 --echo)
measure latency pnyx-lab-commits "${one[@]}"
measure unbatched pnyx-lab --batch 1
measure batched pnyx-lab --batch 16 --outstanding 768
measure two-unbatched pnyx-lab --batch 1 --lcores 2
measure two-batched pnyx-lab --batch 16 --outstanding 768 --lcores 2
for n in 3 5; do
	measure "cold-$n" pnyx-lab --batch 1 --replicas "$n"
	measure "hot-$n" pnyx-lab --batch 1 --replicas "$n" --hot 100
done
measure interference pnyx-lab-commits --clock virtual --wire 1150 --outstanding 24 --hot 25 --batch 1
measure stages pnyx-lab-stages --batch 1
if [ "$large" = yes ]; then
	measure live pnyx-lab --batch 1 --silent 2 --window 524288 --commands 1000000 --warmup 0 --keys 1000
	say "chain: lab-chain 1000000"
	"$lab/lab-chain" 1000000 >"$dir/chain" || code=1
fi
if [ "$cluster" = yes ]; then
	for n in 3 5; do
		say "cluster-$n: scripts/run.sh --replicas $n --seconds $seconds"
		"$here/run.sh" --replicas "$n" --seconds "$seconds" --json "$dir/cluster-$n" >"$dir/log" 2>&1 || { code=1; tail -5 "$dir/log" >&2; }
	done
fi
if [ -n "$plots" ]; then
	curves=$dir/curves
	mkdir "$curves"
	say "curve-load: pnyx-lab-overload"
	"$lab/pnyx-lab-overload" --clock virtual --wire 1150 --outstanding 16384 --clients 8 >"$curves/curve-load" || :
	for hot in 0 25 50 75 100; do
		for n in 3 5; do measure "curves/curve-hot-$n-$hot" pnyx-lab --clock virtual --wire 1150 --outstanding 768 --batch 1 --replicas "$n" --hot "$hot"; done
	done
	for batch in 1 2 4 8 16 32; do measure "curves/curve-batch-$batch" pnyx-lab --batch "$batch" --outstanding 768; done
	python3 -B "$here/lib/curves.py" "$curves" "$plots" || code=1
	say "plots: $plots"
fi
python3 -B "$here/lib/bench_report.py" "$dir" "$json" || code=1
exit "$code"
