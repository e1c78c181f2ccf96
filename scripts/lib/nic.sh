# A virtual machine with PCI cards: its kernel, its memory file system, its devices. Sourced, never run; needs common.sh, packages.sh.
# shellcheck shell=bash

# In the order in which they are loaded. Newer kernels have vfio_virqfd inside vfio.
NIC_MODULES=(irqbypass vfio_virqfd vfio vfio_iommu_type1 vfio-pci-core vfio-pci e1000)
NIC_DRIVERS=(bus_pci bus_vdev mempool_ring net_e1000 net_vmxnet3 net_virtio)

NIC_TREE=${PNYX_NIC_TREE:-$ROOT/build-nic}

# nic_unpack: Debian's kernel and busybox into NIC_TREE, once; 75 MB from its mirror.
nic_unpack() {
	local image
	image=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '$1 == "Depends:" { print $2; exit }')
	[ -n "$image" ] || { say "apt-get does not know linux-image-amd64 (Debian 12)"; return 1; }
	packages_unpack "$NIC_TREE" "$image" busybox-static
}

# nic_image WORK CARDS FRAME_MAX IDLE: WORK/initrd with busybox, modules, the two programs and every library that they load.
nic_image() {
	local root=$1/root module file folder libraries
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,mod,huge,usr/lib,usr/lib64}
	ln -s usr/lib "$root/lib" # as in Debian: one library has one place
	ln -s usr/lib64 "$root/lib64"
	cp "$NIC_TREE/bin/busybox" "$root/bin/"
	for module in "${NIC_MODULES[@]}"; do
		file=$(find "$NIC_TREE/lib/modules" -name "$module.ko")
		[ -z "$file" ] || cp "$file" "$root/mod/"
	done
	printf '%s\n' "${NIC_MODULES[@]}" >"$root/mod/order"
	cp "$BUILD/dataplane/pnyx-replica" "$BUILD/client/cli/pnyx" "$root/bin/"
	strip --strip-debug "$root/bin/pnyx" "$root/bin/pnyx-replica"
	# DPDK loads the drivers that lie in one folder: links, or one that is another's library as well would be loaded twice.
	folder=$(find "$(pkg-config --variable=libdir libdpdk)/dpdk" -mindepth 1 -maxdepth 1 -type d)
	libraries=$(for file in "${NIC_DRIVERS[@]}"; do find "${folder%/dpdk/*}" -maxdepth 1 -name "librte_$file.so.*" ! -name '*.*.*.*'; done)
	mkdir -p "$root$folder"
	for file in $libraries; do ln -s "$file" "$root$folder/$(basename "${file%.*}")"; done # EAL looks at the ends of names
	{
		echo "$libraries"
		gcc -print-file-name=libgcc_s.so.1 # glibc loads it when a thread is cancelled, which DPDK does at its end
		# shellcheck disable=SC2086 # paths without blanks, one a line
		ldd "$root/bin/pnyx" "$root/bin/pnyx-replica" $libraries | grep -oE '(=> )?/[^ :]+ ' | tr -d '=> '
	} | sort -u | while read -r file; do
		mkdir -p "$root$(dirname "$file")"
		cp -L "$file" "$root$file"
	done
	cp "$(dirname "${BASH_SOURCE[0]}")/nic_guest.sh" "$root/init"
	chmod +x "$root/init"
	echo "${2//,/ }" >"$root/cards"
	nic_configure "$3" "$4" >"$root/pnyx.conf"
	(cd "$root" && find . | "$NIC_TREE/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -1) >"$1/initrd"
}

nic_configure() { # FRAME_MAX IDLE
	cat <<-END
		cluster = { id = "0x7717"; name = "nic"; frame_max = $1; };
		members = (
			{ name = "r1"; uuid = "00000000-0000-4000-8000-000000000001"; ip = "10.77.0.1"; },
			{ name = "r2"; uuid = "00000000-0000-4000-8000-000000000002"; ip = "10.77.0.2"; },
			{ name = "r3"; uuid = "00000000-0000-4000-8000-000000000003"; ip = "10.77.0.3"; }
		);
		replica = { window = 2048; arena = "/huge"; idle = "$2"; };
	END
}

# nic_arguments FRAME_MAX CARD...: sets NIC_ARGUMENTS. Replica N's card is in slot 3 + N; the guest kernel's own one in slot 7.
nic_arguments() {
	local card slot=4 mtu=$(($1 + 28)) device
	shift
	# shellcheck disable=SC2054 # qemu's commas
	NIC_ARGUMENTS=(-device intel-iommu,intremap=on,caching-mode=on)
	for card in "$@" e1000; do
		device=$card
		[ "$card" != virtio ] || device=virtio-net-pci,disable-legacy=on,iommu_platform=on$([ "$mtu" -le 1500 ] || echo ",host_mtu=$mtu")
		NIC_ARGUMENTS+=(-netdev "hubport,id=n$slot,hubid=0" -device "$device,netdev=n$slot,bus=pcie.0,addr=$slot,mac=52:54:00:77:00:0$slot")
		slot=$((slot + 1))
	done
}
