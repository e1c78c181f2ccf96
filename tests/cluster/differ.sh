#!/bin/bash
# One byte that differs in one replica is found: pnyx digest says DIFFERENT, and what scripts/run.sh asks before it ends well fails.
. "$(dirname "$0")/cluster.sh"
need_ground "$@"
cluster_for_test 3

# arena_of NAME: the file of that replica's state.
arena_of() { find "$ARENA" -name "pnyx-$(cluster_uuid "${1#r}").arena"; }

# poke NAME OLD NEW: writes NEW (of the same length) over every OLD in that replica's memory; prints how many there were.
poke() {
	python3 - "$(arena_of "$1")" "$2" "$3" <<-'END'
		import mmap, os, sys
		path, old, new = sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode()
		memory = mmap.mmap(os.open(path, os.O_RDWR), os.path.getsize(path))
		places, at = 0, memory.find(old)
		while at >= 0:
		    memory[at:at + len(new)] = new
		    places, at = places + 1, memory.find(old, at + 1)
		print(places)
	END
}

verdict() { pnyx digest 2>/dev/null | tail -1; }

for i in 1 2 3; do check "put through r$i" pnyx --via "r$i" put "key-$i" "the value of number $i"; done
check "equal at first" is "$(verdict)" state=equal
check "a byte in r2" test "$(poke r2 'the value of number 3' 'the value of numbes 3')" -gt 0
check "is found" is "$(verdict)" state=DIFFERENT
check "with an exit code" is "$(pnyx digest >/dev/null 2>&1 && echo 0 || echo $?)" 1
check "and run.sh would fail" is "$(cluster_compare 3 >/dev/null 2>&1 && echo 0 || echo $?)" 1
check "put back" test "$(poke r2 'the value of numbes 3' 'the value of number 3')" -gt 0
check "equal again" is "$(verdict)" state=equal
test_end
