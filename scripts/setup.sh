#!/bin/bash
# Usage: scripts/setup.sh [--packages] [--tests] [--build] [--programs] [--nic] [--hugepages [N]] [--undo] [--help]
#
# Prepares this clone on Debian 12; it needs git, gcc and make to be there and says what else it does.
#
#   --packages      installs the Debian packages that are missing to build and run
#   --tests         those and the ones that only the tests need
#   --nic           what scripts/nic.sh needs: qemu, and a kernel to boot in it, unpacked in build-nic/
#   --build         builds everything with meson in build/
#   --programs      builds there only what scripts/run.sh starts, not the tests
#   --hugepages N   adds 2 MiB pages to the machine's pool until N are free (root; default: enough for three replicas)
#   --undo          gives back the pages that --hugepages added; packages stay
#
# Without options: --packages, --build and, as root, --hugepages. scripts/run.sh and scripts/test.sh call this script for what
# they need, so that nobody has to call it by hand. Exit status: 0 done, 1 not possible (it says why), 2 wrong usage.
set -euo pipefail
here=$(dirname "$0")
for lib in common packages memory made build net cluster nic; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done

packages=no tests=no nic=no build=no pages=0 undo=no
replicas_pages=$((3 * (EAL_MB + $(arena_mb 3)) / 2))
[ $# -gt 0 ] || { packages=yes build=yes; ! is_root || pages=$replicas_pages; }
while [ $# -gt 0 ]; do
	case $1 in
	--packages) packages=yes ;;
	--tests) packages=yes tests=yes ;;
	--nic) packages=yes nic=yes ;;
	--build) build=yes ;;
	--programs) build=yes BUILD_TARGETS=(dataplane/pnyx-replica control/pnyx-control client/cli/pnyx tests/unit/loopback) ;;
	--hugepages)
		pages=$replicas_pages
		case ${2:-} in '' | --*) ;; *) need_number "$1" "$2" 1 100000; pages=$2; shift ;; esac
		;;
	--undo) undo=yes ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done

# What setup itself changed on this machine is on a list of its own, beside the ones of the runs.
RUN=$(run_base)/setup

reserve() { # PAGES
	local free added
	free=$(hugepages_free 2>/dev/null || echo 0)
	added=$(($1 > free ? $1 - free : 0))
	if [ "$added" -gt 0 ] && ! hugepages_may "$added"; then
		say "no hugepages: this user may not reserve them, or $added of 2 MiB are more than half of the free memory." \
			"Everything works without them, somewhat slower."
		return 0
	fi
	if [ "$added" -gt 0 ]; then
		mkdir -p "$RUN"
		made_note "hugepages $added"
		if ! hugepages_add "$added"; then
			made_note "hugepages -$added"
			say "the kernel did not find $added pages of 2 MiB in one piece"
			return 0
		fi
	fi
	say "hugepages: $1 of 2 MiB are free ($added added; scripts/setup.sh --undo gives them back)"
}

[ "$undo" = no ] || { made_remove; say "hugepages that setup added are given back"; }
wanted=()
[ "$packages" = no ] || wanted+=("${PACKAGES_RUN[@]}")
[ "$tests" = no ] || wanted+=("${PACKAGES_TEST[@]}")
[ "$nic" = no ] || wanted+=("${PACKAGES_NIC[@]}")
[ "${#wanted[@]}" -eq 0 ] || packages_install "${wanted[@]}"
[ "$nic" = no ] || nic_unpack
[ "$build" = no ] || build_in "$BUILD"
[ "$pages" -eq 0 ] || reserve "$pages"
