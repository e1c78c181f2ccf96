#!/bin/bash
# Usage: scripts/lab.sh [--part load|stages|latency|long|all] [--record] [--json FILE] [--help] [-- LABORATORY OPTIONS]
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
load | stages | latency | long) parts=("$part") ;;
*) usage_error "--part takes load, stages, latency, long or all, not '$part'" ;;
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
	esac
	printf '\n=== %s\n' "$p"
	"${run[@]}" "${more[@]}" --json "$dir/$p" || code=1
done
python3 -B "$here/lib/lab_report.py" "$dir" "$json"
exit "$code"
