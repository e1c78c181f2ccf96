#!/bin/bash
# A replica of five that stands still is left out without an operator, and is let in again when it runs. Usage: eject.sh
. "$(dirname "$0")/cluster.sh"
need_ground "$@"
[ -x "$CONTROL" ] || skip "pnyx-control is not built (libsystemd or libmicrohttpd is missing)"
# shellcheck disable=SC2034 # cluster.sh reads it
WITH_CONTROL=yes
export PNYX_CONTROL_TRUST_MS=10 PNYX_CONTROL_REJOIN=true
export PNYX_REPLICA_WINDOW=1024 # there must be room for the next epoch's arena beside the old one
export PNYX_CONTROL_EJECT_S=2
cluster_for_test 5

beyond() { [ "$(shows "$1" epoch)" -gt "$2" ]; }                     # NUMBER EPOCH
gets() { is "$(pnyx --via "r$1" get color)" blue; }   # NUMBER
no_member() { ! shows "$1" "members.$2.name" | grep -qx "$2"; } # NUMBER NAME

pnyx put color blue >/dev/null
kill -STOP "$(pid_of r5)"
check "who stands still is left out" eventually beyond 1 1
check "by all the others" eventually no_member 4 r5
check "one of them says why" grep -qs 'event=eject peer=r5' "$RUN"/c?.log
check "the others serve" eventually gets 2
kill -CONT "$(pid_of r5)"
check "when it runs again it is let in" eventually says 1 members.r5.says.life serving
check "and serves" eventually gets 5
[ "$failures" = 0 ] || tail -n 12 "$RUN"/c?.log "$RUN"/r?.log
test_end
