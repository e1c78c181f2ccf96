#!/bin/bash
# An arena that was copied back in time, and one that was lost: peers know that the member promised more. It stops before it
# votes, says so, never comes back under this identity, and the others serve on.
. "$(dirname "$0")/cluster.sh"
need_ground "$@"
cluster_for_test 3

arena=$(ls "$ARENA"/pnyx-"$(cluster_uuid 3)".arena)
copy=$RUN/r3.copy
made_note "file $copy"
# hugetlbfs has no write(2): both ways by mmap.
copy_file() {
	python3 -B - "$1" "$2" <<-'END'
		import mmap, os, sys
		source, target = open(sys.argv[1], 'rb'), open(sys.argv[2], 'r+b' if os.path.exists(sys.argv[2]) else 'w+b')
		size = os.path.getsize(sys.argv[1])
		if os.path.getsize(sys.argv[2]) != size:
		    target.truncate(size)
		with mmap.mmap(source.fileno(), size, prot=mmap.PROT_READ) as a, mmap.mmap(target.fileno(), size) as b:
		    for at in range(0, size, 1 << 20):
		        piece = a[at:at + (1 << 20)]
		        if piece.count(0) != len(piece) or b[at:at + len(piece)] != piece:
		            b[at:at + len(piece)] = piece
	END
}
kill_r3() {
	local pid
	pid=$(made_proc r3 | cut -d' ' -f1)
	kill -KILL "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || :
}
puts() { for k in $(seq 20); do pnyx --via r1 put "key$k" "$1$k" >/dev/null || return 1; done; }
# ends_with_3: the newest r3 stops by itself.
ends_with_3() {
	local code=0
	wait "$SPAWNED" || code=$?
	[ "$code" -eq 3 ] || { echo "     exit code $code"; tail -3 "$RUN/r3.log"; return 1; }
}

puts a
kill_r3
copy_file "$arena" "$copy"
cluster_start_replica 3 af_packet 3
cluster_wait 3
check "started again on its own arena, it serves" pnyx --via r3 put color blue
puts b
kill_r3
copy_file "$copy" "$arena"
cluster_start_replica 3 af_packet 3
check "on the copy it stops by itself with exit code 3" ends_with_3
check "it says who saw more" grep -q 'r[12] has seen [0-9]* votes' "$RUN/r3.log"
cluster_start_replica 3 af_packet 3
code=0
wait "$SPAWNED" || code=$?
check "and is refused from then on" is "$code" 2
check "with the reason" grep -q 'copy from an earlier time' "$RUN/r3.log"
rm "$arena"
cluster_start_replica 3 af_packet 3
code=0
wait "$SPAWNED" || code=$?
check "without an arena it does not start" is "$code" 2
check "with that reason" grep -q 'there is no arena of this member' "$RUN/r3.log"
: >"$RUN/r3/new-cluster"
cluster_start_replica 3 af_packet 3
check "nor, when it is told to, does an empty arena pass for a new member" ends_with_3
check "with that reason" grep -q 'is empty, but its member is not new' "$RUN/r3.log"
check "the others serve on" puts c
check "with what was written" is "$(pnyx --via r2 --raw get color)" blue
test_end
