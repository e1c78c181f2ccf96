#!/bin/bash
# Usage: scripts/optimise.sh [--dir DIRECTORY] [--seconds N] [--compare] [--help]
#
# Builds Pnyx as fast as the compiler can make it: -O3, link-time optimisation, and a profile of what the laboratory's replicas do
# (unbatched, batched, interfering, five members). Everything lands in one build directory; `meson install -C DIRECTORY`
# installs from it, and PNYX_BUILD=DIRECTORY makes the other scripts use it.
#
#   --dir DIRECTORY   default: build-fast in this clone
#   --seconds N       length of each of the training runs (default 2)
#   --compare         then the ordinary build (PNYX_BUILD, default build) beside it: instructions of the core's handlers (valgrind), and cycles of
#                     a whole cluster in the least disturbed tenth, the best of five runs that take turns
#
# The programs do the same as ordinary ones; asserts and checks stay. Other compilers and other -march settings: CC, and
# `meson configure -Dmarch=native DIRECTORY` before it is run.
# The last line: PNYX optimise state=built, with --compare also instructions=SHARE unbatched=SHARE batched=SHARE (of the ordinary build's)
# Exit status: 0 built, 1 not, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

fast=$ROOT/build-fast seconds=2 compare=no
while [ $# -gt 0 ]; do
	case $1 in
	--dir) need_value "$1" $#; fast=$(realpath -m "$2"); shift ;;
	--seconds) need_value "$1" $#; need_number "$1" "$2" 1 3600; seconds=$2; shift ;;
	--compare) compare=yes ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
[ -n "${PNYX_SKIP_SETUP:-}" ] || "$here/setup.sh" --packages
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

lab=(tests/lab/pnyx-lab tests/lab/lab-handlers)
installed=(dataplane/pnyx-replica control/pnyx-control client/cli/pnyx)

# train ARGUMENTS...: one run of the program that counts how often each branch is taken.
train() {
	say "training: pnyx-lab $*"
	"$fast/tests/lab/pnyx-lab" --seconds "$seconds" "$@" >"$scratch/log" 2>&1 || { tail -5 "$scratch/log" >&2; fail "the training run failed"; }
}

[ ! -e "$fast/build.ninja" ] || meson configure "$fast" -Db_pgo=generate
find "$fast" -name '*.gcda' -delete 2>/dev/null || true
BUILD_TARGETS=(tests/lab/pnyx-lab)
build_in "$fast" -Dbuildtype=debugoptimized -Dwerror=false -Doptimization=3 -Db_lto=true -Db_pgo=generate
train --batch 1
train --batch 16 --outstanding 768
train --batch 1 --hot 30 --reads 50
train --replicas 5 --hot 25 --reads 25
meson configure "$fast" -Db_pgo=use
BUILD_TARGETS=("${lab[@]}" "${installed[@]}")
build_in "$fast"
[ "$compare" = yes ] || { echo "PNYX optimise state=built"; exit 0; }

BUILD_TARGETS=("${lab[@]}")
build_in "$BUILD"
run=(python3 -B "$ROOT/tests/lab/instructions.py")
declare -A dirs=([plain]=$BUILD [fast]=$fast)
for kind in plain fast; do
	! have valgrind || "${run[@]}" "${dirs[$kind]}/tests/lab/lab-handlers" "$scratch/instructions-$kind" any --record
done
for round in 1 2 3 4 5; do
	say "measuring, round $round of 5"
	for kind in plain fast; do
		program=${dirs[$kind]}/tests/lab/pnyx-lab
		"$program" --seconds "$seconds" --batch 1 --json "$scratch/unbatched-$kind-$round" >/dev/null
		"$program" --seconds "$seconds" --batch 16 --outstanding 768 --json "$scratch/batched-$kind-$round" >/dev/null
	done
done
python3 -B "$here/lib/optimise_report.py" "$scratch"
