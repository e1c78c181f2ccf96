#!/bin/bash
# Usage: scripts/test.sh [--quick] [--help]
#
# Sets up what is missing (packages, build), then builds and runs all tests:
#
#   build/        gcc                   every suite that needs no privileges
#   build-asan/   gcc, address and undefined-behaviour sanitizers: all of these suites but lint
#   build-clang/  clang                 likewise
#   build/        again                 suite cluster: real processes; as root or in a user namespace
#
#   --quick       only the first of them (what `meson test -C build` runs)
#
# Ends with the test runner's own summaries, the reason of each skipped test, and one line summed over all runs:
#   N passed, N failed, N skipped
# Exit status: 0 nothing failed, 1 something did, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

quick=no
while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=yes ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done

"$here/setup.sh" --tests

passed=0 failed=0 skipped=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# Adds one number of a summary that meson printed: count FILE LABEL
count() { awk -v label="$2" -F: '$1 ~ "^" label " *$" { sum += $2 } END { print sum + 0 }' "$1"; }

# Tests that were skipped must say why: their last line is the reason.
show_skipped() { # BUILD-DIRECTORY LOG-BASE
	python3 - "$1/meson-logs/$2" <<-'END'
		import glob, json, sys
		names = glob.glob(sys.argv[1] + '.json') + glob.glob(sys.argv[1] + '-*.json') # with a setup, its name follows
		for test in (json.loads(line) for name in names if '.junit.' not in name for line in open(name)):
		    if test['result'] == 'SKIP':
		        said = (test.get('stdout', '') + test.get('stderr', '')).strip().splitlines()
		        print('  skipped: %s: %s' % (test['name'], said[-1] if said else 'it gave no reason'))
	END
}

# run_suites TITLE DIRECTORY "MESON TEST ARGUMENTS" [meson setup option ...]
run_suites() {
	local title=$1 dir=$2 arguments=$3 log=$logs/run base
	shift 3
	printf '\n=== %s\n' "$title"
	if ! build_in "$dir" "$@"; then
		failed=$((failed + 1))
		return
	fi
	base=testlog-$(printf '%s' "$title" | tr -c 'a-z0-9' -)
	# shellcheck disable=SC2086 # several arguments on purpose
	meson test -C "$dir" --no-rebuild --print-errorlogs --logbase "$base" $arguments 2>&1 | tee "$log" || :
	if ! grep -q '^Ok: ' "$log"; then
		# No test matched, or the runner itself broke: either is a failure, never silence.
		echo "  the test runner gave no summary"
		failed=$((failed + 1))
		return
	fi
	show_skipped "$dir" "$base"
	passed=$((passed + $(count "$log" Ok) + $(count "$log" 'Expected Fail')))
	failed=$((failed + $(count "$log" Fail) + $(count "$log" 'Unexpected Pass') + $(count "$log" Timeout)))
	skipped=$((skipped + $(count "$log" Skipped)))
}

core='--suite unit --suite scenario --suite explore --suite kill --suite sim --suite fuzz --suite dpdk'
run_suites 'gcc' "$ROOT/build" ''
if [ "$quick" = no ]; then
	run_suites 'gcc with sanitizers' "$ROOT/build-asan" "$core" -Db_sanitize=address,undefined -Ddcheck=true
	CC=clang run_suites 'clang' "$ROOT/build-clang" "$core"
	run_suites 'real processes' "$ROOT/build" '--setup privileged --suite cluster'
fi

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
