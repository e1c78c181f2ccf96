#!/bin/bash
# Every fault that `pnyx doctor` knows, made on purpose: it is found, and the line says what to do. Faults of the machine in a tree of its
# own (--root), faults of ports in a network namespace of its own. test_doctor.sh PATH-OF-PNYX
set -euo pipefail
pnyx=$(realpath "$1")
if [ -z "${DOCTOR_INSIDE:-}" ]; then
	namespace=(unshare -n)
	[ "$(id -u)" -eq 0 ] || namespace=(unshare -Urn)
	"${namespace[@]}" true 2>/dev/null || { echo "network namespaces are refused here"; exit 77; }
	command -v ip >/dev/null && command -v ethtool >/dev/null || { echo "iproute2 or ethtool is not installed"; exit 77; }
	DOCTOR_INSIDE=1 exec "${namespace[@]}" bash "$(realpath "$0")" "$pnyx"
fi
unset PNYX_SERVER PNYX_CONFIG PNYX_TIMEOUT PNYX_VIA PNYX_JSON
dir=$(mktemp -d)
chmod 755 "$dir"
cp "$pnyx" "$dir/pnyx" # where an ordinary user may read it
trap 'rm -rf "$dir"' EXIT
tree=$dir/tree faults=0 failures=0 said=

# A machine on which nothing is wrong.
sys=$tree/sys
pci=$sys/bus/pci
clock=$sys/devices/system/clocksource/clocksource0/current_clocksource
governor=$sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
pages=$sys/kernel/mm/hugepages/hugepages-2048kB
pollers=$tree/dev/shm/pnyx-pollers
mounts="none /dev/hugepages hugetlbfs rw 0 0"
mkdir -p "$tree/proc/self" "$tree/dev/vfio" "$tree/dev/shm" "$tree/dev/hugepages" "$tree/etc/pnyx" "$pages" "$(dirname "$clock")" \
	"$(dirname "$governor")" "$sys/kernel/iommu_groups/7" "$pci/devices/0000:03:00.0" "$pci/drivers/vfio-pci" "$pci/drivers/e1000e"
echo "flags : fpu sse4_2 constant_tsc nonstop_tsc" >"$tree/proc/cpuinfo"
echo "$mounts" >"$tree/proc/mounts"
echo "CapEff:	0000000000002000" >"$tree/proc/self/status"
echo tsc >"$clock"
echo performance >"$governor"
echo 2-3 >"$sys/devices/system/cpu/isolated"
echo 512 >"$pages/nr_hugepages"
ln -s ../../../../kernel/iommu_groups/7 "$pci/devices/0000:03:00.0/iommu_group"
ln -s ../../drivers/vfio-pci "$pci/devices/0000:03:00.0/driver"
ln -s ../../devices/0000:03:00.0 "$pci/drivers/vfio-pci/0000:03:00.0"
touch "$tree/dev/vfio/7"
chmod 666 "$tree/dev/vfio/7"
chmod 777 "$tree/dev/hugepages"
ip link set lo up
ip link add eth7 type veth peer name eth8
ip link set eth7 up
ip link set eth8 up
ethtool -K eth8 tx off >/dev/null
ip address add 10.79.0.1/24 dev eth8
cat >"$dir/conf" <<-'CONF'
	cluster = { id = 7; name = "x"; };
	members = ( { name = "a"; ip = "127.0.0.1"; port = 9; uuid = "3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a01"; } );
CONF
(cat "$dir/conf" && echo 'replica = { checksum = "check"; };') >"$dir/checked"
# An ordinary user examines it: root may do everything. In a user namespace there is no other user, but root without capabilities.
as_user=(setpriv --inh-caps=-all --bounding-set=-all)
[ "$(awk '$1 == 0 { print $3 }' /proc/self/uid_map)" = 1 ] || as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)

doctor() { "${as_user[@]}" "$dir/pnyx" "$@" doctor --root "$tree" -p eth7 -p 0000:03:00.0 2>&1 || :; }
complain() {
	echo "FAIL $1"
	printf '%s\n' "$said"
	failures=$((failures + 1))
}

# finds NAME LEVEL WORDS CURE [OPTION...]: a line of this level (BAD, note) with these words, and the cure in the line below.
finds() {
	faults=$((faults + 1))
	said=$(doctor "${@:5}")
	if grep -A1 -E "^$2 .*$3" <<<"$said" | grep -qE -- "-> .*$4"; then echo "found: $1"; else complain "$1"; fi
}

said=$(doctor)
# How much memory may be locked is this machine's.
! grep -E '^(BAD|note)' <<<"$said" | grep -v 'locked memory' || complain "something is wrong with a good machine"

echo 0 >"$pages/nr_hugepages"
finds "no hugepages" note 'none of 2 MiB' 'echo N >/proc/sys/vm/nr_hugepages'
echo 512 >"$pages/nr_hugepages"
: >"$tree/proc/mounts"
finds "no hugetlbfs" note 'not mounted' 'mount -t hugetlbfs'
echo "$mounts" >"$tree/proc/mounts"
chmod 555 "$tree/dev/hugepages"
finds "no right to hugepages" note 'may not write there' 'uid=pnyx'
chmod 777 "$tree/dev/hugepages"
chmod 000 "$tree/dev/vfio/7"
finds "no right to the NIC" note 'may not open /dev/vfio/7' 'chown pnyx: /dev/vfio/7'
chmod 666 "$tree/dev/vfio/7"
echo "CapEff:	0000000000000000" >"$tree/proc/self/status"
finds "no right to raw sockets" note 'no CAP_NET_RAW' 'AmbientCapabilities=CAP_NET_RAW'
echo "CapEff:	0000000000002000" >"$tree/proc/self/status"

ln -sfn ../../drivers/e1000e "$pci/devices/0000:03:00.0/driver"
finds "wrong driver" BAD 'is under e1000e, a driver that DPDK cannot use' 'dpdk-devbind.py -b vfio-pci 0000:03:00.0'
rm "$pci/devices/0000:03:00.0/driver"
finds "no driver" BAD 'has no driver' 'dpdk-devbind.py -b vfio-pci 0000:03:00.0'
ln -s ../../drivers/vfio-pci "$pci/devices/0000:03:00.0/driver"
mv "$pci/devices/0000:03:00.0/iommu_group" "$dir/group"
finds "no IOMMU" BAD 'in no IOMMU group' 'intel_iommu=on'
mv "$dir/group" "$pci/devices/0000:03:00.0/iommu_group"
echo "PNYX_EAL=-a 0000:04:00.0 --file-prefix x" >"$tree/etc/pnyx/a.env"
finds "a port of a unit that is not there" BAD 'port 0000:04:00.0 .*no such PCI device' 'dpdk-devbind.py --status-dev net'
echo "PNYX_EAL=--vdev=net_af_packet0,iface=eth9,qdisc_bypass=1" >"$tree/etc/pnyx/a.env"
finds "a device of a unit that is not there" BAD 'port eth9 .*no such network device' 'ip link'
rm "$tree/etc/pnyx/a.env"

# The kernel tells of a carrier's coming and going some time later.
becomes() { # DEVICE STATE
	for _ in $(seq 100); do
		! ip -oneline link show "$1" | grep -q " state $2 " || return 0
		sleep 0.1
	done
}

ip link set eth7 down
finds "port down" BAD 'port eth7 .*is down' 'ip link set eth7 up'
ip link set eth7 up
ip link set eth8 down
becomes eth7 LOWERLAYERDOWN
finds "no link" BAD 'port eth7 .*no link' 'cable'
ip link set eth8 up
becomes eth7 UP
ethtool -K eth8 tx on >/dev/null
finds "wrong checksum setting on a veth" note 'veth eth8 .*half done' 'ethtool -K eth8 tx off'
finds "and a replica that checks" BAD 'veth eth8 .*half done' 'ethtool -K eth8 tx off' -c "$dir/checked" -t 100
ethtool -K eth8 tx off >/dev/null

# The page of pollers: a word for each process, its pid and its threads.
for owner in 0 65534; do
	python3 -c 'import struct, sys; sys.stdout.buffer.write(struct.pack("<Q", int(sys.argv[1]) << 32 | 4096))' $$ >"$pollers-$owner"
	chmod 644 "$pollers-$owner"
done
finds "more pollers than processors" note '4096 threads of 1 replicas' 'one polling thread a processor'
rm "$pollers"-*

finds "unreachable peer" BAD 'member a .*does not answer at 127.0.0.1:9' 'is it running\?' -c "$dir/conf" -t 100
finds "no control plane" note 'no control plane at 127.0.0.1:7788' 'start pnyx-control' -c "$dir/conf" -t 100
echo hpet >"$clock"
finds "clock source not TSC" note 'hpet: reading the time is slow' 'clocksource=tsc'
echo tsc >"$clock"
echo "flags : fpu sse4_2" >"$tree/proc/cpuinfo"
finds "uneven time-stamp counter" note 'does not promise an even' 'another machine'
echo "flags : fpu constant_tsc nonstop_tsc" >"$tree/proc/cpuinfo"
finds "old processor" BAD 'no sse4_2' 'made since 2009'
echo "flags : fpu sse4_2 constant_tsc nonstop_tsc" >"$tree/proc/cpuinfo"
echo powersave >"$governor"
finds "governor" note '1 of 1 processors save power' 'cpupower'
echo performance >"$governor"
: >"$sys/devices/system/cpu/isolated"
finds "no isolated cores" note 'none: the kernel may' 'isolcpus='
echo 2-3 >"$sys/devices/system/cpu/isolated"

said=$(doctor)
! grep -E '^(BAD|note)' <<<"$said" | grep -v 'locked memory' || complain "undone, something is still wrong"
echo "doctor: $((faults - failures)) of $faults faults found, each with its cure"
[ "$failures" -eq 0 ]
