#!/bin/bash
# A member whose arena is gone comes back by itself as another incarnation, again and again; two of three that lost theirs stop the cluster
# and make nothing up. Usage: amnesia.sh
. "$(dirname "$0")/cluster.sh"
need_ground "$@"
[ -x "$CONTROL" ] || skip "pnyx-control is not built (libsystemd or libmicrohttpd is missing)"
# shellcheck disable=SC2034 # cluster.sh reads it
WITH_CONTROL=yes
export PNYX_CONTROL_TRUST_MS=10 PNYX_CONTROL_REJOIN=true
export PNYX_REPLICA_WINDOW=1024 # small arenas: every change copies one
cluster_for_test 3
disown -a # their deaths are not this shell's news

lose() { # NUMBER: its arenas, and the process with them
	rm -f "$ARENA/pnyx-$(cluster_uuid "$1")".arena* "/dev/shm/ordinary-pnyx-$(cluster_uuid "$1")".arena*
	kill -KILL "$(cat "$RUN/r$1/replica.pid")"
}
incarnation() { # NUMBER VALUE: of the replica, as its own control plane sees it
	pnyx --via "r$1" members | grep -Eq "^  r$1 +serving +$2 "
}
gets() { is "$(pnyx --timeout 2000 --via "r$1" get color)" "$2"; } # NUMBER VALUE
waits() { is "$(shows "$1" standing)" waiting; }
is_stopped() { ! pnyx --timeout 2000 --via r1 put color green; }

pnyx put color blue >/dev/null
lose 3
check "one of three comes back as incarnation 2" eventually incarnation 3 2
check "and has the state" eventually gets 3 blue
pnyx put color red >/dev/null
lose 3
check "it comes back a second time, as incarnation 3" eventually incarnation 3 3
check "and has what was written since" eventually gets 3 red

lose 2
lose 3
check "two of three: the second waits" eventually waits 2
check "the third waits" eventually waits 3
check "the one that is left decides nothing" is_stopped
check "and none of them has made an arena up" is "$(find "$ARENA" -name '*.arena*' | wc -l)" 1
[ "$failures" = 0 ] || tail -n 12 "$RUN"/c?.log "$RUN"/r?.log
test_end
