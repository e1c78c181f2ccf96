#!/bin/bash
# Usage: scripts/run.sh [--replicas 3|5|7] [--seconds N] [--port af_packet|af_xdp|tap] [--json FILE] [--keep] [--stop] [--help]
#
# The main job: a cluster of equal replicas on this machine, used and measured. It installs and builds what is missing, starts
# the replicas (each a process with a DPDK port, an address and an identity of its own, joined by a virtual network; each with a
# control plane beside it, which starts it again when it dies), writes and reads through different replicas, measures, compares
# the state of all replicas byte by byte (hashes), prints one table and removes everything it made: also on Ctrl-C, and also what a
# killed earlier run left.
#
#   --replicas N    3 (default), 5 or 7
#   --seconds N     length of each of the measurements (default 3)
#   --port KIND     DPDK port of the replicas: af_packet (default), tap or af_xdp (root only)
#   --json FILE     writes the figures to FILE as well
#   --keep          leaves the cluster up, says how to talk to it and how to stop it
#   --stop          stops the cluster that --keep left, and does nothing else
#
# As root: network namespaces and hugepages. As an ordinary user: the same inside a user namespace, with ordinary pages. Where
# that is refused as well: all replicas in one process. It says what it chose and why.
#
# The last line of standard output carries the figures:
#   PNYX n=3 port=af_packet commits=N fast=100% p50=..us p99=..us echo_p50=..us ratio=.. state=equal
# (p50, p99: one client at a time, no contention; echo: the same path answered before the core; ratio = p50 / echo_p50).
# Exit status: 0 all of it holds, 1 something does not, 2 wrong usage, 130 interrupted.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages memory made build ground net cluster measure inside; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

replicas=3 seconds=3 port=af_packet json='' keep=no stop=no
arguments=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--replicas) need_value "$1" $#; replicas=$2; shift ;;
	--seconds) need_value "$1" $#; need_number "$1" "$2" 1 3600; seconds=$2; shift ;;
	--port) need_value "$1" $#; port=$2; shift ;;
	--json) need_value "$1" $#; json=$2; shift ;;
	--keep) keep=yes ;;
	--stop) stop=yes ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
case $replicas in 3 | 5 | 7) ;; *) usage_error "--replicas takes 3, 5 or 7, not '$replicas'" ;; esac
case $port in af_packet | af_xdp | tap) ;; *) usage_error "--port takes af_packet, af_xdp or tap, not '$port'" ;; esac
case $json in '' | /*) ;; *) json=$PWD/$json ;; esac
[ -z "$json" ] || [ ! -d "$json" ] || usage_error "--json takes a file, and $json is a directory"
[ -z "$json" ] || [ -w "$json" ] || { [ ! -e "$json" ] && [ -w "$(dirname "$json")" ]; } ||
	usage_error "--json: $json cannot be written"

# Stopping needs no namespace and no build: the list says it all.
if [ "$stop" = yes ]; then
	made_peek || { say "no cluster of this clone is up"; exit 0; }
	made_open
	made_remove
	say "the cluster is stopped and everything it made is removed"
	exit 0
fi

if [ -z "${PNYX_IN_USER_NAMESPACE:-}" ]; then
	[ -n "${PNYX_SKIP_SETUP:-}" ] || "$here/setup.sh" --packages --programs || exit 1
	if made_peek; then
		made_open
		say "an earlier run of this clone left something behind (kept, or killed): removing it first"
		made_remove
		exec 9<&-
	fi
fi
ground_decide
[ -n "${PNYX_IN_USER_NAMESPACE:-}" ] || ground_explain
[ "$port" != af_xdp ] || [ "$GROUND" = root ] ||
	usage_error "--port af_xdp needs root (its driver loads a program into the kernel); af_packet and tap do not"
if [ "$GROUND" = inside ]; then
	[ "$keep" = no ] || usage_error "--keep needs network namespaces, which this machine refuses"
	port=loopback
fi
ground_enter "$here/run.sh" "${arguments[@]}"

made_guard

say "starting $replicas replicas, port $port"
# shellcheck disable=SC2034 # lib/cluster.sh reads it
WITH_CONTROL=yes
cluster_up "$replicas" "$port"
cluster_try "$replicas"
cluster_measure "$replicas" "$port" "$seconds"
cluster_abandon_client
state=equal
cluster_compare "$replicas" || state=DIFFERENT
measure_gather
report=$(measure_report text "$replicas" "$port" "$state")
[ -z "$json" ] || measure_report json "$replicas" "$port" "$state" >"$json"

if [ "$keep" = yes ] && [ "$state" = equal ]; then
	trap - EXIT
	cluster_tell
else
	trap '' INT TERM HUP
	made_remove
	trap - EXIT
fi
printf '%s\n' "$report"
[ "$state" = equal ]
