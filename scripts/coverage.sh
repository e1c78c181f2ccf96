#!/bin/bash
# Usage: scripts/coverage.sh [--seeds N] [--lines] [--help]
#
# Branches and lines of consensus/ that the tests take: unit tests, scenarios, the fuzzers' corpora, damaged arenas, and seeds of the
# simulator, together (also kills between stores, and long runs with tiny tables). Branches that none of them takes must stand in
# docs/coverage.md, with the reason.
#
#   --seeds N     seeds of the simulator (default 300)
#   --lines       also prints each line with a branch that was never taken, and how many of its branches were
#
# The last line: PNYX coverage branches=NN.N% lines=NN.N% untaken=N unlisted=N
# Exit status: 0 at least 95 % of the branches are taken and the others are listed, 1 not so, or a test failed, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

seeds=300 lines=no
while [ $# -gt 0 ]; do
	case $1 in
	--seeds) need_value "$1" $#; need_number "$1" "$2" 1 1000000; seeds=$2; shift ;;
	--lines) lines=yes ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
[ -n "${PNYX_SKIP_SETUP:-}" ] || "$here/setup.sh" --packages --tests

# Without EP_DCHECK, and without lines that are a CHECK: assertions are not branches of the protocol. Nothing is inlined by force: copies of
# a check that are made for one type of message have branches which their constants decide.
dir=$ROOT/build-coverage
BUILD_TARGETS=(tests/sim/pnyx-sim tests/sim/pnyx-sim-bank tests/sim/pnyx-sim-cut tests/kill/pnyx-flip)
build_in "$dir" -Db_coverage=true -Doptimization=0 -Dwerror=false -Dc_args=-Dalways_inline=noinline
find "$dir" -name '*.gcda' -delete
meson test -C "$dir" --suite unit --suite scenario --suite fuzz >"$dir/coverage.log" 2>&1 || { tail -20 "$dir/coverage.log"; fail "a test failed"; }
"$dir/tests/kill/pnyx-flip" --stride 499 >>"$dir/coverage.log" 2>&1 || fail "damage was served: $dir/coverage.log"
"$dir/tests/sim/pnyx-sim" --once --quiet --seeds "$seeds" >>"$dir/coverage.log" 2>&1 || fail "the simulator found a violation: $dir/coverage.log"
"$dir/tests/sim/pnyx-sim-bank" --once --quiet --seeds "$((seeds / 4 + 1))" >>"$dir/coverage.log" 2>&1 || fail "the simulator found a violation"

"$dir/tests/sim/pnyx-sim-cut" --once --quiet --first 100000 --seeds "$((seeds / 2 + 1))" >>"$dir/coverage.log" 2>&1 || fail "the simulator found a violation"
"$dir/tests/sim/pnyx-sim-cut" --once --quiet --tiny --rounds 10 --seeds "$((seeds / 50 + 1))" >>"$dir/coverage.log" 2>&1 || fail "the simulator found a violation"

cd "$dir"
objects=$(find . -path '*libpnyx-core*' -name '*.gcda' -o -name '*consensus_wire*.gcda' -o -path '*libpnyx-wire*' -name '*.gcda' \
	-o -name '*app_kv*.gcda')
# shellcheck disable=SC2086 # names without spaces
gcov --branch-probabilities --json-format --stdout $objects 2>/dev/null | python3 "$ROOT/tests/coverage.py" "$lines" "$ROOT"
