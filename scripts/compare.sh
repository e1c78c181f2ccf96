#!/bin/bash
# Usage: scripts/compare.sh [--seconds N] [--outstanding N] [--reads PERCENT] [--keys N] [--json FILE] [--help]
#
# Pnyx beside etcd and Redis: the same puts and gets of 64-byte values over the same virtual network, one system after the other.
#
#   --seconds N       length of each measurement (default 3)
#   --outstanding N   operations in flight under load (default 64, at most 256); besides, one at a time is measured
#   --reads PERCENT   operations that read (default 50)
#   --keys N          distinct keys (default 10000)
#   --json FILE       all figures as one JSON object
#
#   pnyx     three replicas, af_packet ports; an answer says: a quorum of three has it in memory, reads are ordered with the writes
#   etcd     three nodes, log and data on a tmpfs, so that its fsync costs a system call and no disk; an answer says: the leader and
#            a follower have it in their logs, reads are linearizable. Client: gRPC, a connection to each node
#   redis    one process, no persistence, no replica: an answer says that this process has it. Client: a connection for each operation in
#            flight, and once more all of them pipelined on one connection (pnyx and etcd share connections between operations as well)
#
# Server time is user and system time of all server processes (/proc/PID/stat) over the operations of the load; cycles are that time at the
# rate of the TSC. Replicas of Pnyx poll: their time is all that they can get, so their figure is the TSC cycles of loop turns
# with work, which the replicas count themselves (as wall time: what interrupts such a turn is in it).
#
# Debian's packages of etcd and Redis are downloaded and unpacked into the build directory, not installed: nothing becomes a service.
# Everything else that was made is removed, also on Ctrl-C. Root, or a user namespace.
# The last line: PNYX compare outstanding=N pnyx=OPS/s etcd=OPS/s redis=OPS/s cycles_pnyx=N cycles_etcd=N cycles_redis=N ...
# Exit status: 0 all three were measured and each operation was answered well, 1 not, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages memory made build ground net cluster measure inside compare; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

seconds=3 outstanding=64 reads=50 keys=10000 json='' arguments=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--seconds) need_value "$1" $#; need_number "$1" "$2" 1 600; seconds=$2; shift ;;
	--outstanding) need_value "$1" $#; need_number "$1" "$2" 1 256; outstanding=$2; shift ;;
	--reads) need_value "$1" $#; need_number "$1" "$2" 0 100; reads=$2; shift ;;
	--keys) need_value "$1" $#; need_number "$1" "$2" 1 10000000; keys=$2; shift ;;
	--json) need_value "$1" $#; json=$(realpath -m "$2"); shift ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
if [ -z "${PNYX_IN_USER_NAMESPACE:-}" ]; then
	if [ -z "${PNYX_SKIP_SETUP:-}" ]; then
		"$here/setup.sh" --packages
		BUILD_TARGETS=(dataplane/pnyx-replica client/cli/pnyx tests/compare/compare-load)
		build_in "$BUILD"
	fi
	packages_unpack "$COMPARE_DEBIAN" "${PACKAGES_COMPARE[@]}" || exit 1
fi
ground_decide
[ "$GROUND" != inside ] || fail "network namespaces are refused here, in a user namespace as well"
ground_enter "$here/compare.sh" "${arguments[@]}"

made_guard

mix=(--seconds "$seconds" --reads "$reads" --keys "$keys" --value-size 64)
say "pnyx: three replicas"
cluster_up 3 af_packet
compare_system pnyx 'r1 r2 r3' "$outstanding" "$PNYX" --json --config "$RUN/pnyx.conf" bench "${mix[@]}"
pnyx digest >&2 || fail "the replicas do not hold the same state"
compare_stop r1 r2 r3
compare_kernel_network 3

say "etcd: three nodes"
compare_start_etcd 3
compare_system etcd 'etcd1 etcd2 etcd3' "$outstanding" "$COMPARE_LOAD" etcd "$NET.1,$NET.2,$NET.3" "${mix[@]}"
compare_stop etcd1 etcd2 etcd3

say "redis: one process"
compare_start_redis
compare_system redis redis "$outstanding" "$COMPARE_LOAD" redis "$NET.1" "${mix[@]}"
python3 -B "$here/lib/compare_report.py" "$RUN" "$outstanding" "$seconds" "$reads" "$keys" "$json"
