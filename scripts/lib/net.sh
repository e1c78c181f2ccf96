# The demonstration network: one namespace a replica, one for clients, a bridge in a namespace of its own.
# Sourced, never run; needs common.sh and made.sh.
# shellcheck shell=bash
#
#	pnyx-ID-1 [eth0]───[r1]┐
#	pnyx-ID-2 [eth0]───[r2]┤ br0 in pnyx-ID-br      replicas 10.77.0.1 ... 10.77.0.n (no address known to the kernel)
#	pnyx-ID-3 [eth0]───[r3]┤
#	pnyx-ID-c [eth0]───[c ]┘                        clients 10.77.0.254
#
# With control planes each namespace has an eth1 as well, on br1 in pnyx-ID-br, with an address that the kernel knows: 10.78.0.1 ...

NET=10.77.0
MANAGEMENT=10.78.0
CLIENT_IP=$NET.254

netns() { echo "pnyx-$ID-$1"; }

# in_netns NAME COMMAND...: NAME is br, c or a replica's number.
in_netns() {
	local name=$1
	shift
	ip netns exec "$(netns "$name")" "$@"
}

net_add_namespace() {
	made_note "netns $(netns "$1")"
	ip netns add "$(netns "$1")"
	# IPv6 would send neighbour discovery and router solicitations into the measurement.
	in_netns "$1" sh -c 'for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done' 2>/dev/null || :
}

# A veth pair: PORT on a bridge, a device in the namespace.
net_add_cable() { # NAME PORT [BRIDGE DEVICE]
	local bridge=${3:-br0} device=${4:-eth0}
	ip -n "$(netns br)" link add "$2" type veth peer name "$device" netns "$(netns "$1")"
	ip -n "$(netns br)" link set "$2" master "$bridge" up
	ip -n "$(netns "$1")" link set "$device" up
}

net_add_bridge() {
	ip -n "$(netns br)" link add "$1" type bridge stp_state 0 forward_delay 0 mcast_snooping 0
	ip -n "$(netns br)" link set "$1" up
}

# net_up_management REPLICAS PORT: the kernel's own network, for control planes and whoever asks them.
net_up_management() {
	local i
	net_add_bridge br1
	for i in $(seq "$1"); do
		if [ "$2" = tap ]; then # all replicas live in the bridge's namespace
			ip -n "$(netns br)" address add "$MANAGEMENT.$i/24" dev br1
		else
			net_add_cable "$i" "m$i" br1 eth1
			ip -n "$(netns "$i")" address add "$MANAGEMENT.$i/24" dev eth1
			ip -n "$(netns "$i")" link set lo up
		fi
	done
	net_add_cable c mc br1 eth1
	ip -n "$(netns c)" address add "$MANAGEMENT.254/24" dev eth1
}

# net_up REPLICAS PORT: PORT is af_packet, af_xdp or tap.
net_up() {
	local i
	mountpoint -q /run/netns || made_note netnsdir
	net_add_namespace br
	net_add_bridge br0
	# A TAP device is made by its replica, so that one starts inside the bridge's namespace (see cluster_write_start).
	if [ "$2" != tap ]; then
		for i in $(seq "$1"); do
			net_add_namespace "$i"
			net_add_cable "$i" "r$i"
		done
	fi
	net_add_namespace c
	net_add_cable c c
	ip -n "$(netns c)" link set lo up
	ip -n "$(netns c)" address add "$CLIENT_IP/24" dev eth0
	# On veth the kernel leaves checksums half done; whoever reads the frame without the kernel would find them wrong.
	in_netns c ethtool -K eth0 tx off >/dev/null
}

# The namespace where replica N runs.
net_home() { [ "$2" = tap ] && echo br || echo "$1"; }
