#!/bin/bash
# A replica behind its XDP program, on an interface that the kernel goes on using; kills, strangers, a client that floods.
# Usage: steered.sh PNYX-REPLICA PNYX PNYX-CONTROL PUT. As root, in a network namespace of its own; else skipped.
set -u
if [ -z "${PNYX_STEERED_INSIDE:-}" ]; then
	[ "$(id -u)" -eq 0 ] || { echo "AF_XDP is for root"; exit 77; }
	unshare -nm true 2>/dev/null || { echo "network namespaces are refused here"; exit 77; }
	PNYX_STEERED_INSIDE=1 exec unshare -nm bash "$0" "$@"
fi
replica=$1 pnyx=$2 control=$3 put=$4
dir=$(mktemp -d)
trap '[ -z "${living:-}" ] || kill "$living" 2>/dev/null; kill "${server:-}" "${controller:-}" 2>/dev/null; ip netns del peer; rm -rf "$dir"' EXIT
checks=0 failed=0
mount -t tmpfs run /run

check() { # WHAT WANTED GOT
	checks=$((checks + 1))
	[ "$2" = "$3" ] && return
	printf 'steered.sh: %s: wanted "%s", got "%s"\n' "$1" "$2" "$3"
	failed=$((failed + 1))
}
says() { # WHAT TEXT: the replica's log has it
	checks=$((checks + 1))
	grep -qF -- "$2" "$dir/log" && return
	printf 'steered.sh: %s: no "%s" in\n' "$1" "$2"
	tail -3 "$dir/log"
	failed=$((failed + 1))
}
start() {
	: >"$dir/log"
	"$replica" -c "$dir/conf" -n a --new-cluster --run-dir "$dir" -- --no-huge -m 96 --no-pci --no-shconf --lcores "0@(0-1)" --file-prefix steered \
		--vdev=net_af_xdp0,iface=eth0 >"$dir/log" 2>&1 &
	living=$!
	for _ in $(seq 300); do
		! grep -q "^pnyx-replica: ready" "$dir/log" || return 0
		kill -0 "$living" 2>/dev/null || break
		sleep 0.1
	done
	wait "$living"
	code=$?
	living=
	return 1
}
end() { # SIGNAL
	kill "-$1" "$living"
	wait "$living" 2>/dev/null
	code=$?
	living=
}
program() { ip -d link show eth0 | sed -n 's/.*prog\/xdp id [0-9]* name \([a-z_]*\).*/\1/p'; }
counter() { # VERDICT, as the control plane shows it
	python3 -c 'import sys, urllib.request
text = urllib.request.urlopen("http://127.0.0.1:9788/metrics", timeout=5).read().decode()
print(*[line.split()[1] for line in text.splitlines() if line.startswith("pnyx_xdp_frames_total{verdict=\"%s\"}" % sys.argv[1])])' "$1"
}
in_peer() { ip netns exec peer "$@"; }
client() { in_peer "$pnyx" --server 10.78.0.1 "$@" 2>&1; }
# A word by TCP from the kernel of the replica's interface: what ssh would need.
ask_kernel() {
	in_peer timeout 5 python3 -c 'import socket; print(socket.create_connection(("10.79.0.1", 2222), 4).recv(9).decode())' 2>&1
}

ip link set lo up
ip netns add peer
ip link add eth0 type veth peer name far netns peer
ip link set eth0 up
ip addr add 10.79.0.1/24 dev eth0
ip -n peer link set far up
ip -n peer addr add 10.78.0.254/24 dev far
ip -n peer addr add 10.79.0.254/24 dev far
in_peer ethtool -K far tx off >/dev/null
ethtool -K eth0 tx off >/dev/null
python3 -c 'import socket
s = socket.create_server(("10.79.0.1", 2222))
while True:
    c, _ = s.accept(); c.sendall(b"kernel"); c.close()' &
server=$!
cat >"$dir/conf" <<-END
	cluster = { id = "0x77"; name = "steered"; };
	members = ( { name = "a"; uuid = "00000000-0000-4000-8000-000000000001"; ip = "10.78.0.1"; } );
	replica = { window = 1024; arena = "$dir"; };
END

start || { cat "$dir/log"; exit 1; }
PNYX_CONTROL_LISTEN=127.0.0.1:7788 "$control" -c "$dir/conf" -n a --run-dir "$dir" 2>"$dir/control.log" &
controller=$!
settle() { sleep 0.5; } # the control plane looks at the page of counters now and then
check "our program is on the interface" pnyx_steer "$(program)"
check "put" ok "$(client put key value)"
check "get" value "$(client get key)"
check "the kernel serves the same interface" kernel "$(ask_kernel)"
settle
check "ARP was steered" yes "$([ "$(counter arp)" -gt 0 ] && echo yes)"
check "data was steered" yes "$([ "$(counter data)" -gt 3 ] && echo yes)"
check "the rest was not" yes "$([ "$(counter kernel)" -gt 3 ] && echo yes)"

check "no thread has a privilege" "CapEff: 0000000000000000 CapPrm: 0000000000000000 NoNewPrivs: 1 Seccomp: 2" \
	"$(awk '/^(CapEff|CapPrm|NoNewPrivs|Seccomp):/ { print $1, $2 }' /proc/"$living"/task/*/status | sort -u | paste -sd' ')"

# Garbage for the port: counted, and the core hears nothing of it.
before=$(client --json status | grep -o '"drop_[a-z]*": [0-9]*' | sort)
in_peer python3 -c 'import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for k in range(100):
    s.sendto(b"x" * 100, ("10.78.0.1", 7787))
    s.sendto(b"x" * 10, ("10.78.0.1", 7787))
    s.sendto(struct.pack("<IBB", 0x58594e50, 9, 2) + bytes(60), ("10.78.0.1", 7787))'
settle
check "wrong magic" 100 "$(counter magic)"
check "too short" 100 "$(counter length)"
check "wrong version" 100 "$(counter version)"
check "the core heard nothing" "$before" "$(client --json status | grep -o '"drop_[a-z]*": [0-9]*' | sort)"

# A second replica on the interface is refused while the first lives.
first=$living
sed 's/cluster = {/&/; s/"a"/"b"/; s/0001/0002/' "$dir/conf" >"$dir/conf-b"
"$replica" -c "$dir/conf-b" -n b -- --no-huge -m 96 --no-pci --no-shconf --no-telemetry --lcores "0@(0-1)" --file-prefix steered-b \
	--vdev=net_af_xdp0,iface=eth0 >"$dir/log-b" 2>&1
check "a second replica" 2 $?
check "is told why" yes "$(grep -q 'a replica that is alive' "$dir/log-b" && echo yes)"
living=$first

end KILL
sleep 0.2
check "after kill -9 no program is left" "" "$(program)"
check "and the kernel serves" kernel "$(ask_kernel)"
start || cat "$dir/log"
says "the next start takes the arena up" attached
check "and answers" value "$(client get key)"
end TERM
check "a clean end" 0 "$code"
check "leaves no program" "" "$(program)"

# What a start that was killed half-way left.
"$put" eth0 ours
check "a leftover of ours" pnyx_steer "$(program)"
start || cat "$dir/log"
check "is replaced" value "$(client get key)"
end TERM

# Somebody else's program.
"$put" eth0 foreign
! start
says "a stranger's program is named" '"somebody"'
check "the start fails" 2 "$code"
check "the program stays" somebody "$(program)"
check "and the kernel serves" kernel "$(ask_kernel)"
ip link set dev eth0 xdp off

# One client that floods is held to its rate; a member of another address still answers others.
export PNYX_REPLICA_GUARD_RATE=1 PNYX_REPLICA_GUARD_BURST=50
start || cat "$dir/log"
says "limited" "clients limited"
ip -n peer addr add 10.78.0.253/24 dev far
in_peer python3 -c 'import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.78.0.253", 0))
for k in range(1000):
    s.sendto(struct.pack("<IBBBBIIQ", 0x58594e50, 1, 2, 255, 1, 0, 0, 0x77) + bytes(40), ("10.78.0.1", 7787))'
settle
check "what is above the rate is dropped" yes "$([ "$(counter rate)" -ge 900 ] && echo yes)"
check "another client is served" value "$(client get key)"
unset PNYX_REPLICA_GUARD_RATE PNYX_REPLICA_GUARD_BURST
end TERM

# The kernel has the replica's address as well: it answers ARP, the replica takes its port.
ip addr add 10.78.0.1/24 dev eth0
start || cat "$dir/log"
says "one address for both" "UDP port 7787 to the replica"
check "get by the kernel's ARP" value "$(client get key)"
check "the kernel serves as before" kernel "$(ask_kernel)"
end TERM
sed 's/members = (/& { name = "b"; uuid = "00000000-0000-4000-8000-000000000002"; ip = "10.78.0.2"; },/' "$dir/conf" >"$dir/conf-2"
mv "$dir/conf-2" "$dir/conf"
! start
says "without the members' MACs that is refused" 'give every member a `mac`'

echo "steered.sh: $checks checks, $failed failed"
[ "$failed" -eq 0 ]
