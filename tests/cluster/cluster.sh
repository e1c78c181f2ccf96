# What the cluster tests share: real replicas on a network of their own, each check one line, everything removed at the end.
# Sourced with the test's own name and arguments in place; needs PNYX_BUILD.
# shellcheck shell=bash
set -euo pipefail
test_path=$(cd "$(dirname "$0")" && pwd -P)/$(basename "$0")
scripts=$(cd "$(dirname "$0")/../../scripts" && pwd -P)
for lib in common packages memory made build ground net cluster measure inside; do
	# shellcheck source=/dev/null
	. "$scripts/lib/$lib.sh"
done

checks=0 failures=0

# check WHAT COMMAND...: the command must succeed.
check() {
	local what=$1
	shift
	checks=$((checks + 1))
	if "$@"; then
		echo "ok   $what"
	else
		echo "FAIL $what"
		failures=$((failures + 1))
	fi
}

is() { [ "$1" = "$2" ] || { echo "     '$1' instead of '$2'"; return 1; }; }

skip() { echo "$*"; exit 77; }

# eventually COMMAND...: within one and a half minutes; its last complaint is shown.
eventually() {
	local deadline=$((SECONDS + 90))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || { "$@"; return 1; }
		sleep 0.1
	done
}

# What the control plane of a replica shows.
shows() { python3 -B "$ROOT/tests/control/ask.py" "$RUN/r$1/control.sock" status "$2"; } # NUMBER PATH
says() { is "$(shows "$1" "$2")" "$3"; }                                              # NUMBER PATH VALUE
pid_of() { made_proc "$1" | cut -d' ' -f1; }                                           # rN or cN

# need_ground SCRIPT-ARGUMENTS...: enters the user namespace, or ends as skipped.
need_ground() {
	ground_decide
	[ "$GROUND" != inside ] || skip "network namespaces are refused here, in a user namespace as well"
	[ -x "$REPLICA" ] || skip "pnyx-replica is not built (no DPDK?)"
	ground_enter "$test_path" "$@"
}

# cluster_for_test REPLICAS [PORT]: up, and sure to be removed.
cluster_for_test() {
	made_open
	made_remove
	made_open
	trap test_finish EXIT
	trap 'exit 130' INT TERM
	cluster_up "$1" "${2:-af_packet}"
}

test_finish() {
	local code=$?
	trap '' INT TERM
	made_remove
	exit "$code"
}

test_end() {
	echo "$checks checks, $failures failed"
	[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
}
