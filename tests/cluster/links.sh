#!/bin/bash
# The faults that chaos puts on links: each does what it is called, counts what it did, and repeats itself from its seed.
. "$(dirname "$0")/cluster.sh"
# shellcheck source=/dev/null
. "$scripts/lib/chaos.sh"
ground_decide
[ -z "$(chaos_no_links)" ] || skip "$(chaos_no_links)"
made_open
made_remove
made_open
trap test_finish EXIT
trap 'exit 130' INT TERM
net_up 1 af_packet
# An ordinary host instead of a replica, and no ARP: every frame on the link is one of ours.
ip -n "$(netns 1)" address add "$NET.1/24" dev eth0
in_netns 1 ethtool -K eth0 tx off >/dev/null
mac() { ip -n "$(netns "$1")" -br link show dev eth0 | awk '{ print $3 }'; }
ip -n "$(netns 1)" neighbour replace "$CLIENT_IP" lladdr "$(mac c)" dev eth0 nud permanent
ip -n "$(netns c)" neighbour replace "$NET.1" lladdr "$(mac 1)" dev eth0 nud permanent
count=2000

link() { in_netns br "$LINK_FAULTS" "$@"; }
counted() { link show r1 | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]][sys.argv[2]])' "$1" "$2"; }

# through FROM TO ADDRESS: what arrived goes to $received, $distinct, $damaged, $missing.
through() {
	made_spawn receiver "$RUN/receiver.log" ip netns exec "$(netns "$2")" python3 -B "$scripts/../tests/chaos/datagrams.py" receive $count
	until grep -q ready "$RUN/receiver.log"; do sleep 0.05; done
	in_netns "$1" python3 -B "$scripts/../tests/chaos/datagrams.py" send "$3" $count
	sleep 0.3
	kill -TERM "$SPAWNED"
	wait "$SPAWNED"
	read -r received distinct damaged missing < <(tail -1 "$RUN/receiver.log")
	lost=$((count - distinct))
}
fresh() { # SEED SETTINGS...: attached anew, faults in both directions
	link detach r1 2>/dev/null || :
	link attach "$1" r1
	[ $# -eq 1 ] || link set r1 both "${@:2}"
}
from_client() { through c 1 "$NET.1"; }

fresh 7
from_client
check "without faults all arrive" is "$received $distinct $damaged" "$count $count 0"
check "and are counted" is "$(counted to frames)" $count
fresh 7 loss=100
from_client
first=$missing
check "loss: $lost of $count, about a tenth" test $lost -gt $((count / 20)) -a $lost -lt $((count / 5))
check "loss is counted" is "$(counted to lost)" $lost
fresh 7 loss=100
from_client
check "the same seed loses the same" is "$missing" "$first"
fresh 8 loss=100
from_client
check "another seed loses others" test "$missing" != "$first"
fresh 7 corrupt=100
from_client
check "damage passes the kernel's checksums: $damaged" is "$received $damaged" "$count $(counted to corrupted)"
check "there is some" test "$damaged" -gt 0
fresh 7 duplicate=100
from_client
check "duplicates: $((received - count))" is "$((received - count)) $distinct $damaged" "$(counted to duplicated) $count 0"
check "there are some" test $((received - count)) -gt 0
through 1 c "$CLIENT_IP"
check "in the other direction too" is "$((received - count)) $distinct" "$(counted from duplicated) $count"
fresh 7
link set r1 to cut=1
from_client
check "one-way cut: nothing arrives" is "$received $(counted to cut)" "0 $count"
through 1 c "$CLIENT_IP"
check "but everything leaves" is "$received $distinct" "$count $count"
link set r1 to cut=254
from_client
check "a cut from members only lets clients through" is "$received" $count
link set r1 to cut=255
from_client
check "a full cut does not" is "$received" 0
link detach r1
check "after detaching there is nothing to show" is "$(link show r1 2>/dev/null && echo 0 || echo $?)" 1
from_client
check "and nothing is lost" is "$received" $count
test_end
