#!/bin/bash
# Usage: scripts/explore.sh [--scope NAME ...] [--list] [--help] [-- OPTIONS OF pnyx-explore]
#
# Explores small worlds of real cores: every delivery, loss, copy and reordering of messages, recoveries by anybody, restarts, within
# the budgets of a scope (tests/explore/README.md).
#
#   --scope NAME  one scope; may be repeated. Default: all of them, one after another
#   --list        names them
#
# A violation prints the schedule that leads to it. With one scope the last line is the scope's own:
#   EXHAUSTED states=N violations=0, TRUNCATED states=N violations=0 or WALKED walks=N moves=N violations=0
# with several: PNYX explore scopes=N exhausted=N walked=N truncated=N violations=N states=N seconds=N
# Exit status: 0 all exhausted (or walked), 1 a violation, 2 one was truncated, 3 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

usage_error() { say "$* (--help shows what there is)"; exit 3; } # 2 says that a scope was truncated

wanted=() list=no more=()
while [ $# -gt 0 ]; do
	case $1 in
	--scope) need_value "$1" $#; wanted+=("$2"); shift ;;
	--list) list=yes ;;
	--) shift; more=("$@"); break ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done

if [ -z "${PNYX_SKIP_SETUP:-}" ]; then
	"$here/setup.sh" --packages
	BUILD_TARGETS=("tests/explore/pnyx-explore")
	build_in "$BUILD"
fi
explore=$BUILD/tests/explore/pnyx-explore
[ "$list" = no ] || exec "$explore" --list
known=$("$explore" --list | awk '!/must fail/ { print $1 }')
[ "${#wanted[@]}" -gt 0 ] || mapfile -t wanted <<<"$known"
for scope in "${wanted[@]}"; do
	grep -qx "$scope" <<<"$known" || usage_error "no scope is called '$scope' (--list shows them)"
done
[ "${#wanted[@]}" -gt 1 ] || exec "$explore" --scope "${wanted[0]}" "${more[@]}"

began=$SECONDS exhausted=0 walked=0 truncated=0 violated=0 states=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for scope in "${wanted[@]}"; do
	code=0
	"$explore" --scope "$scope" "${more[@]}" | tee "$log" || code=${PIPESTATUS[0]}
	[ "$code" -ne 3 ] || exit 3
	last=$(tail -1 "$log")
	case $last in
	EXHAUSTED*) exhausted=$((exhausted + 1)) ;;
	WALKED*) walked=$((walked + 1)) ;;
	TRUNCATED*) truncated=$((truncated + 1)) ;;
	*) violated=$((violated + 1)) ;;
	esac
	n=$(sed -n 's/.*states=\([0-9]*\).*/\1/p' <<<"$last")
	states=$((states + ${n:-0}))
done
echo "PNYX explore scopes=${#wanted[@]} exhausted=$exhausted walked=$walked truncated=$truncated violations=$violated states=$states" \
	"seconds=$((SECONDS - began))"
[ "$violated" -eq 0 ] || exit 1
[ "$truncated" -eq 0 ] || exit 2
