#!/bin/busybox sh
# shellcheck shell=dash
# The first process of the virtual machine of nic.sh: cards to vfio-pci, three replicas, a client, a kill. The console is the report.
/bin/busybox --install -s /bin
export PATH=/bin PNYX_CONFIG=/pnyx.conf
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /var/run
mount -t tmpfs shm /dev/shm
checks=0 failed=0

# The machine ends with this process's last line, whatever happens.
end() {
	echo "NIC-END checks=$checks failed=$failed boot=$boot"
	sync
	poweroff -f
}
trap end EXIT
check() { # WHAT COMMAND...
	what=$1
	shift
	checks=$((checks + 1))
	if "$@" >/tmp/said 2>&1; then
		echo "ok   $what"
	else
		failed=$((failed + 1))
		echo "FAIL $what"
		sed 's/^/     /' /tmp/said
	fi
}
is() { [ "$1" = "$2" ] || { echo "'$1' instead of '$2'"; return 1; }; }

while read -r module; do
	[ ! -e "/mod/$module.ko" ] || insmod "/mod/$module.ko" || echo "FAIL insmod $module"
done </mod/order
echo 480 >/proc/sys/vm/nr_hugepages
mount -t hugetlbfs -o pagesize=2M none /huge
boot=$(cut -d. -f1 /proc/uptime)

address() { echo "0000:00:0$((3 + $1)).0"; }
bind() { # REPLICA: from whatever driver has it to vfio-pci
	device=/sys/bus/pci/devices/$(address "$1")
	[ ! -e "$device/driver" ] || address "$1" >"$device/driver/unbind"
	echo vfio-pci >"$device/driver_override"
	address "$1" >/sys/bus/pci/drivers_probe
	is "$(basename "$(readlink "$device/driver")")" vfio-pci
}
start() { # REPLICA
	rm -f "/tmp/r$1" # what an earlier one said is no sign of this one
	pnyx-replica -c /pnyx.conf -n "r$1" --new-cluster -- -l $((($1 - 1) % 2)) -a "$(address "$1")" --file-prefix "r$1" -m 96 --huge-dir /huge >"/tmp/r$1" 2>&1 &
	eval "pid$1=$!"
}
ready() { # REPLICA
	k=0
	while [ $k -lt 60 ]; do
		! grep -q '^pnyx-replica: ready' "/tmp/r$1" || return 0
		eval "kill -0 \$pid$1" 2>/dev/null || break
		sleep 1
		k=$((k + 1))
	done
	cat "/tmp/r$1"
	return 1
}
get() { is "$(pnyx -t 10000 --via "r$1" --raw get "$2")" "$3"; }

card=0
read -r names </cards
for name in $names; do
	card=$((card + 1))
	check "$name at $(address $card) is bound to vfio-pci, in IOMMU group $(basename "$(readlink "/sys/bus/pci/devices/$(address $card)/iommu_group")")" bind $card
done
ip link set lo up
eth=$(basename "$(ls -d /sys/bus/pci/devices/0000:00:07.0/net/*)")
ip link set "$eth" mtu $(($(grep -o 'frame_max = [0-9]*' /pnyx.conf | grep -o '[0-9]*$') + 28))
ip link set "$eth" up
ip addr add 10.77.0.254/24 dev "$eth"
for i in 1 2 3; do start $i; done
for i in 1 2 3; do check "r$i is ready" ready $i; done
[ "$failed" -eq 0 ] || exit 1 # all else would only wait
sed -n 's/^pnyx-replica: /     /p' /tmp/r1 /tmp/r2 /tmp/r3

for i in 1 2 3; do check "put through r$i" pnyx -t 10000 --via r$i put "key-$i" "value of $i"; done
for i in 1 2 3; do for j in 1 2 3; do check "get key-$j through r$i" get $i "key-$j" "value of $j"; done; done
# Nearly as long as a command may be.
size=$(($(grep -o 'frame_max = [0-9]*' /pnyx.conf | grep -o '[0-9]*$') - 350))
long=$(head -c $size /dev/zero | tr '\0' v)
check "put of $size bytes" pnyx -t 10000 --via r2 put long "$long"
check "get of $size bytes" get 3 long "$long"
check "100 increments" sh -c 'for k in $(seq 100); do pnyx -t 10000 --via r$((k % 3 + 1)) incr number 1 >/dev/null || exit 1; done'
check "are all there" get 1 number 100
check "the same state everywhere" pnyx -t 10000 digest

# shellcheck disable=SC2154 # start sets it
kill -9 "$pid1"
check "r1 is killed" sh -c "! kill -0 $pid1 2>/dev/null || { sleep 1; ! kill -0 $pid1; }"
for i in 2 3; do check "put through r$i while it is away" pnyx -t 10000 --via r$i put "away-$i" "of $i"; done
check "get through the other" get 2 away-3 "of 3"
start 1
check "r1 is ready again" ready 1
check "with the arena that it left" grep -q 'attached' /tmp/r1
check "it knows what it missed" get 1 away-2 "of 2"
check "it takes writes" pnyx -t 10000 --via r1 put back yes
check "which the others have" get 3 back yes
check "the same state everywhere, again" pnyx -t 10000 digest
for i in 1 2 3; do
	check "no frame of r$i's was damaged" is "$(pnyx -t 10000 --via r$i --json status | grep -oE '"drop_(checksum|crc)": [1-9]')" ""
done
for i in 1 2 3; do eval "kill -TERM \$pid$i"; done
for i in 1 2 3; do
	eval "wait \$pid$i"
	code=$?
	check "r$i ends in order" is "$code" 0
	[ "$code" -eq 0 ] || tail -20 "/tmp/r$i"
done
