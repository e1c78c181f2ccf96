#!/bin/bash
# Usage: scripts/lab.sh [--part load|stages|latency|long|hot|dead|loss|all] [--record] [--json FILE] [--help] [-- LABORATORY OPTIONS]
#
# The laboratory: real replicas (the shipped core and data plane) and their clients in one process, behind DPDK ports that are rings,
# on one processor or two, without network, privileges or hugepages. Three programs, one after the other:
#
#   load      many commands in flight, no stamp inside a replica: commands a second, cycles a command summed over the cluster,
#             frames, bytes, copies, allocations
#   stages    the same with every stage of a turn stamped: where the cycles go (the stamps' own cost is measured and taken off)
#   latency   one command at a time over an emulated wire (1.15 us one way), each replica and the client on a processor of its own in
#             virtual time: commit at the replica, reply at the client, raw echo, and the cycles of a commit beyond the echo
#   long      (not part of `all`) 100 million commands, or as many as --commands says: memory must be flat, nobody refused
#   hot       (not part of `all`) ten minutes of virtual time in which four clients with 1,024 commands in flight write one key and nothing
#             else: no search for a component may go further than members * own_max instances (protocol.md D.4). Takes some minutes
#   dead      (not part of `all`) a member dies under load, in virtual time: the longest time without an answer for a client whose keys
#             are its own, and for the others, whose keys the dead one used as well
#   loss      (not part of `all`) 0.1 % of the frames between replicas are lost, in virtual time: latency of the commands that lost one, and of
#             those that did not
#
#   --part PART   default: all
#   --record      counts the instructions of each handler anew (callgrind) and writes tests/lab/instructions.txt
#   --json FILE   all figures as one JSON object, one member for each program
#
# What follows `--` goes to the programs: --replicas 5 --hot 25 --lcores 2 ... (build/tests/lab/pnyx-lab --help shows all).
# The last line: PNYX lab cycles=N beyond_echo=N commit_ratio=R client_ratio=R state=equal
# Exit status: 0 all replicas hold the same state, 1 they do not or memory grew, 2 wrong usage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages build; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

part=all record=no json='' more=()
while [ $# -gt 0 ]; do
	case $1 in
	--part) need_value "$1" $#; part=$2; shift ;;
	--record) record=yes ;;
	--json) need_value "$1" $#; json=$2; shift ;;
	--) shift; more=("$@"); break ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
case $part in
all) parts=(load stages latency) ;;
load | stages | latency | long | hot | dead | loss) parts=("$part") ;;
*) usage_error "--part takes load, stages, latency, long, hot, dead, loss or all, not '$part'" ;;
esac

if [ -z "${PNYX_SKIP_SETUP:-}" ]; then
	"$here/setup.sh" --packages
	BUILD_TARGETS=(tests/lab/pnyx-lab tests/lab/pnyx-lab-stages tests/lab/pnyx-lab-commits tests/lab/lab-handlers)
	build_in "$BUILD"
fi
lab=$BUILD/tests/lab

if [ "$record" = yes ]; then
	have valgrind || fail "counting instructions needs valgrind: apt-get install valgrind"
	built=$(meson introspect --tests "$BUILD" | python3 -c '
import json, sys
print(next(t["cmd"][-1] for t in json.load(sys.stdin) if t["name"] == "instructions"))')
	python3 -B "$ROOT/tests/lab/instructions.py" "$lab/lab-handlers" "$ROOT/tests/lab/instructions.txt" "$built" --record
	say "tests/lab/instructions.txt is written"
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
code=0
for p in "${parts[@]}"; do
	case $p in
	load) run=("$lab/pnyx-lab") ;;
	stages) run=("$lab/pnyx-lab-stages") ;;
	latency) run=("$lab/pnyx-lab-commits" --clock virtual --wire 1150 --outstanding 1 --echo) ;;
	long) run=("$lab/pnyx-lab" --long --commands 100000000) ;;
	hot) run=("$lab/pnyx-lab" --clock virtual --virtual-seconds 600 --hot 100 --keys 100 --clients 4 --outstanding 1024 --wire 1000000) ;;
	dead) run=("$lab/pnyx-lab" --clock virtual --wire 5000 --keys 20 --clients 4 --apart --outstanding 64 --dies 2 --commands 100000) ;;
	loss) run=("$lab/pnyx-lab" --clock virtual --wire 5000 --outstanding 64 --loss 0.1 --commands 1000000) ;;
	esac
	printf '\n=== %s\n' "$p"
	"${run[@]}" "${more[@]}" --json "$dir/$p" || code=1
done
python3 -B "$here/lib/lab_report.py" "$dir" "$json"
exit "$code"
