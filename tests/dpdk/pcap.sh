#!/bin/bash
# An exchange with a client is recorded, and replayed through the pcap port: the same replies, the same state.
# Usage: pcap.sh PNYX-REPLICA PNYX. In a network namespace of its own; where that is refused it is skipped.
set -u
if [ -z "${PNYX_PCAP_INSIDE:-}" ]; then
	export PNYX_PCAP_INSIDE=1
	[ "$(id -u)" -ne 0 ] || ! unshare -nm true 2>/dev/null || exec unshare -nm bash "$0" "$@"
	! unshare -Urnm --map-root-user true 2>/dev/null || exec unshare -Urnm --map-root-user bash "$0" "$@"
	echo "network namespaces are refused here, in a user namespace as well"
	exit 77
fi
replica=$1 pnyx=$2 here=$(cd "$(dirname "$0")" && pwd -P)
dir=$(mktemp -d)
trap 'kill ${living:-} ${recorder:-} 2>/dev/null; rm -rf "$dir"' EXIT
checks=0 failed=0
mount -t tmpfs run /run
ulimit -S -l "$(ulimit -H -l)"

check() { # WHAT WANTED GOT
	checks=$((checks + 1))
	[ "$2" = "$3" ] && return
	printf 'pcap.sh: %s: wanted "%s", got "%s"\n' "$1" "$2" "$3"
	failed=$((failed + 1))
}
start() { # ARENA VDEV
	mkdir -p "$dir/$1"
	PNYX_REPLICA_ARENA=$dir/$1 "$replica" -c "$dir/conf" -n a --new-cluster -- --no-huge -m 96 --no-pci --no-shconf --no-telemetry --lcores "0@(0-1)" \
		--vdev="$2" >"$dir/log" 2>&1 &
	living=$!
	for _ in $(seq 300); do
		! grep -q "^pnyx-replica: ready" "$dir/log" || return 0
		kill -0 "$living" 2>/dev/null || break
		sleep 0.1
	done
	cat "$dir/log"
	exit 1
}
end() {
	kill -TERM "$living"
	wait "$living"
	check "the end" 0 $?
	living=
}
record() { python3 -B "$here/record.py" "$@"; }
client() { ip netns exec peer "$pnyx" --server 10.78.0.1 "$@" 2>&1; }

cat >"$dir/conf" <<-END
	cluster = { id = "0x77"; name = "pcap"; };
	members = ( { name = "a"; uuid = "00000000-0000-4000-8000-000000000001"; ip = "10.78.0.1"; } );
	replica = { window = 1024; batch_max = 1; }; # instances are numbered as in the recording
END
ip netns add peer
ip link add eth0 type veth peer name far netns peer
ip link set eth0 up
ip -n peer link set far up
ip -n peer addr add 10.78.0.254/24 dev far
ip netns exec peer ethtool -K far tx off >/dev/null

ip netns exec peer python3 -B "$here/record.py" record far "$dir/all.pcap" >"$dir/recorder" &
recorder=$!
until grep -q ready "$dir/recorder"; do sleep 0.05; done
start first net_af_packet0,iface=eth0,framecnt=256
check "put" ok "$(client put key value)"
check "incr" 5 "$(client incr number 5)"
check "get" value "$(client get key)"
end
sleep 0.2
kill "$recorder"
wait "$recorder"
recorder=

record to "$dir/all.pcap" 10.78.0.1 "$dir/in.pcap"
recorded=$(record kinds "$dir/all.pcap")
replies=$(grep -o 'reply=[0-9]*' <<<"$recorded")
start second "net_pcap0,rx_pcap=$dir/in.pcap,tx_pcap=$dir/out.pcap"
sleep 0.5
end
echo "recorded: $recorded; sent by the replay: $(record kinds "$dir/out.pcap")"
check "as many replies as were recorded" "$replies" "$(record kinds "$dir/out.pcap")"

start second net_af_packet0,iface=eth0,framecnt=256
check "the replayed put" value "$(client get key)"
check "the replayed incr" 5 "$(client get number)"
end
echo "pcap.sh: $checks checks, $failed failed"
[ "$failed" -eq 0 ]
