#!/bin/bash
# Usage: scripts/fuzz.sh [--target wire|frame|core] [--seconds N] [--jobs N] [--help]
#
# Fuzzes the decoders (wire; frame: of control planes) or whole replicas (core) with libFuzzer, address and undefined-behaviour sanitizers.
#
#   --target T    default: all, one after the other
#   --seconds N   for each target (default 60)
#   --jobs N      processes side by side (default 1)
#
# Starts from tests/fuzz/corpus and keeps what it learns in build-fuzz/corpus. An input that breaks something is kept in
# build-fuzz/, and its path is printed: it belongs into the corpus with its fix.
# The last line: PNYX fuzz targets=N runs=N failures=N seconds=N
# Exit status: 0 nothing found, 1 something found, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

targets=(wire frame core) seconds=60 jobs=1
while [ $# -gt 0 ]; do
	case $1 in
	--target) need_value "$1" $#; case $2 in wire | frame | core) targets=("$2") ;; *) usage_error "--target takes wire, frame or core" ;; esac; shift ;;
	--seconds) need_value "$1" $#; need_number "$1" "$2" 1 1000000; seconds=$2; shift ;;
	--jobs) need_value "$1" $#; need_number "$1" "$2" 1 256; jobs=$2; shift ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
[ -n "${PNYX_SKIP_SETUP:-}" ] || "$here/setup.sh" --packages --tests
dir=$ROOT/build-fuzz
for t in "${targets[@]}"; do BUILD_TARGETS+=("tests/fuzz/fuzz-$t"); done
CC=clang build_in "$dir" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Ddcheck=true

runs=0 failures=0 began=$SECONDS
for t in "${targets[@]}"; do
	mkdir -p "$dir/corpus/$t"
	if ! "$dir/tests/fuzz/fuzz-$t" -max_total_time="$seconds" -max_len=2000 -jobs=0 -fork="$jobs" -ignore_crashes=0 \
		-artifact_prefix="$dir/found-$t-" "$dir/corpus/$t" "$ROOT/tests/fuzz/corpus/$t" >"$dir/$t.log" 2>&1; then
		failures=$((failures + 1))
		tail -40 "$dir/$t.log"
		ls "$dir"/found-"$t"-* 2>/dev/null || :
	fi
	done_here=$(grep -oE '^#[0-9]+' "$dir/$t.log" | tail -1 | tr -d '#')
	say "$t: ${done_here:-0} inputs, $(find "$dir/corpus/$t" -type f | wc -l) kept"
	runs=$((runs + ${done_here:-0}))
done
echo "PNYX fuzz targets=${#targets[@]} runs=$runs failures=$failures seconds=$((SECONDS - began))"
[ "$failures" -eq 0 ]
