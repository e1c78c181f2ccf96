#!/bin/bash
# Usage: scripts/nic.sh [--cards NAME,NAME,NAME] [--frame-max N] [--idle NAME] [--accel tcg|kvm] [--keep-log FILE] [--help]
#
# Three replicas on PCI network cards that DPDK's own drivers run through vfio-pci and an IOMMU, in a virtual machine of qemu: every
# replica takes writes and reads from a client behind a fourth card, which is the guest kernel's; one is killed and comes back.
# `scripts/setup.sh --nic` fetches what it needs: qemu, and, unpacked and not installed, Debian's kernel and busybox (75 MB). No root, no /dev/kvm; nothing of this machine's network is touched: the cards are joined by a hub inside qemu.
#
#   --cards A,B,C    what the replicas run on, of: e1000e, vmxnet3, virtio, e1000 (default e1000e,vmxnet3,virtio)
#   --frame-max N    the cluster's largest UDP payload (default 1472; beyond that the cards run with a larger MTU)
#   --idle NAME      what a replica without work does: yield (default), sleep (on the card's receive interrupt) or busy
#   --accel NAME     tcg (default: software, works anywhere) or kvm
#   --keep-log FILE  the virtual machine's console
#
# The last line of standard output carries the figures:
#   NIC cards=A,B,C frame_max=N idle=NAME checks=N failed=0 boot=..s total=..s
# Exit status: 0 all of it holds, 1 something does not, 2 wrong usage, 77 not possible here (it says why).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common build nic; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done
cards=e1000e,vmxnet3,virtio frame_max=1472 idle=yield accel=tcg keep=''
while [ $# -gt 0 ]; do
	case $1 in
	--cards) need_value "$1" $#; cards=$2; shift ;;
	--frame-max) need_value "$1" $#; need_number "$1" "$2" 576 8972; frame_max=$2; shift ;;
	--idle) need_value "$1" $#; idle=$2; shift ;;
	--accel) need_value "$1" $#; accel=$2; shift ;;
	--keep-log) need_value "$1" $#; keep=$2; shift ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
case $idle in yield | sleep | busy) ;; *) usage_error "--idle takes yield, sleep or busy, not '$idle'" ;; esac
case $accel in tcg | kvm) ;; *) usage_error "--accel takes tcg or kvm, not '$accel'" ;; esac
IFS=, read -ra card <<<"$cards"
[ "${#card[@]}" -eq 3 ] || usage_error "--cards takes three names, not '$cards'"
for name in "${card[@]}"; do
	case $name in e1000e | vmxnet3 | virtio | e1000) ;; *) usage_error "--cards knows e1000e, vmxnet3, virtio and e1000, not '$name'" ;; esac
done
no() { say "$*"; exit 77; }

have qemu-system-x86_64 || no "there is no qemu-system-x86_64; scripts/setup.sh --nic installs it"
for program in dataplane/pnyx-replica client/cli/pnyx; do
	[ -x "$BUILD/$program" ] || no "$BUILD/$program is not built"
done
kernel=$(find "$NIC_TREE/boot" -name 'vmlinuz-*' 2>/dev/null | head -1) || : # no such folder: said below
[ -n "$kernel" ] || no "there is no kernel to boot in $NIC_TREE; scripts/setup.sh --nic unpacks one"

work=$(mktemp -d)
machine=''
# shellcheck disable=SC2317 # called by the trap
finish() {
	[ -z "$machine" ] || kill -KILL "$machine" 2>/dev/null || :
	[ -z "$keep" ] || cp "$work/console" "$keep" 2>/dev/null || :
	rm -rf "$work"
}
trap finish EXIT
nic_image "$work" "$cards" "$frame_max" "$idle"
nic_arguments "$frame_max" "${card[@]}"
say "booting a machine with $cards ($accel)"
start=$SECONDS
qemu-system-x86_64 -machine "q35,accel=$accel,kernel-irqchip=split" -cpu "$([ "$accel" = kvm ] && echo host || echo max)" -smp 2 -m 2048 \
	-nodefaults -no-reboot -display none -serial "file:$work/console" -kernel "$kernel" -initrd "$work/initrd" \
	-append "console=ttyS0 intel_iommu=on panic=-1 quiet" "${NIC_ARGUMENTS[@]}" </dev/null >"$work/qemu" 2>&1 &
machine=$!
for _ in $(seq "${PNYX_NIC_SECONDS:-400}"); do
	kill -0 "$machine" 2>/dev/null || break
	sleep 1
done
! kill -0 "$machine" 2>/dev/null || say "the machine did not end within ${PNYX_NIC_SECONDS:-400} s"
grep -aoE '^(ok  |FAIL|    ) .*' "$work/console" | tr -d '\r' || :
said=$(grep -aoE '^NIC-END checks=[0-9]+ failed=[0-9]+ boot=[0-9]+' "$work/console" | tail -1 || :)
if [ -z "$said" ]; then
	tail -5 "$work/qemu" >&2
	tail -30 "$work/console" >&2
	fail "the machine did not come to an end (above: its last words)"
fi
read -r _ checks failed boot <<<"$said"
echo "NIC cards=$cards frame_max=$frame_max idle=$idle $checks $failed ${boot}s total=$((SECONDS - start))s"
[ "$failed" = failed=0 ] && [ "$checks" != checks=0 ]
