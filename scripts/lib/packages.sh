# Debian packages: which are needed, which are missing, how they get installed. Sourced, never run.
# shellcheck shell=bash

# To build and run. libdpdk-dev brings every DPDK driver (net_af_packet, net_af_xdp, net_tap, net_ring, net_null), libbpf-dev
# and libjansson-dev with it; those two are named because we use them ourselves.
PACKAGES_RUN=(libc6-dev meson ninja-build pkg-config libdpdk-dev libbpf-dev libconfig-dev libjansson-dev
	libsystemd-dev libmicrohttpd-dev
	iproute2 ethtool)
# For the tests only: unit test library, the second compiler with its sanitizer runtime, instruction counts, the dissector's host.
PACKAGES_TEST=(libcunit1-dev patch clang libclang-rt-14-dev bpftool valgrind tshark mandoc)
# What scripts/compare.sh compares with; unpacked, never installed.
PACKAGES_COMPARE=(etcd-server redis-server redis-tools libjemalloc2 liblzf1)

# For scripts/nic.sh only.
# shellcheck disable=SC2034
PACKAGES_NIC=(qemu-system-x86)
# For scripts/package.sh only.
# shellcheck disable=SC2034
PACKAGES_PACKAGE=(debhelper dpkg-dev build-essential clang bpftool lintian mmdebstrap)

# Prints those of the named packages that are not installed.
packages_missing() {
	local p
	for p in "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q ' installed$' || echo "$p"
	done
}

# packages_install NAME...: as root, or by sudo where it asks for nothing. False with a sentence that says what to type.
packages_install() {
	local missing as_root=()
	mapfile -t missing < <(packages_missing "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	if ! have apt-get; then
		say "missing: ${missing[*]} (names of Debian 12 packages; this machine has no apt-get)"
		return 1
	fi
	if ! is_root; then
		if have sudo && sudo -n true 2>/dev/null; then
			as_root=(sudo -n)
		else
			say "these packages are missing and only root may install them. Type:"
			say "    sudo apt-get install --no-install-recommends ${missing[*]}"
			return 1
		fi
	fi
	say "installing ${missing[*]}"
	log_open
	if ! packages_apt "$LOG" "${as_root[@]}" -- "${missing[@]}"; then
		tail -20 "$LOG" >&2
		say "apt-get could not install them; the lines above are its last words"
		log_close
		return 1
	fi
	log_close
}

# packages_apt LOG [sudo ...] -- NAME...: tries the lists at hand first, then fresh ones.
packages_apt() {
	local log=$1 as_root=()
	shift
	while [ "$1" != -- ]; do as_root+=("$1"); shift; done
	shift
	local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
		apt-get install -y -q --no-install-recommends "$@")
	"${install[@]}" >"$log" 2>&1 && return 0
	"${as_root[@]}" apt-get update -q >"$log" 2>&1 || return 1
	"${install[@]}" >>"$log" 2>&1
}

# packages_unpack DIRECTORY NAME...: the files of packages, without installing them: an installed server would be started as a service of
# this machine. Needs no root where apt-get's lists are fresh.
packages_unpack() {
	local dir=$1 code=0
	shift
	[ ! -e "$dir/complete" ] || return 0
	have apt-get || { say "needed: the files of $* (Debian 12 packages; this machine has no apt-get)"; return 1; }
	say "downloading and unpacking $*"
	rm -rf "$dir"
	mkdir -p "$dir"
	log_open
	packages_download "$LOG" "$dir" "$@" || code=$?
	[ "$code" -eq 0 ] || { tail -20 "$LOG" >&2; say "apt-get could not download them; the lines above are its last words"; }
	log_close
	return "$code"
}

packages_download() { # LOG DIRECTORY NAME...
	local log=$1 dir=$2 file
	shift 2
	if ! (cd "$dir" && apt-get download -q "$@") >"$log" 2>&1; then
		! is_root || apt-get update -q >"$log" 2>&1 || return 1
		(cd "$dir" && apt-get download -q "$@") >>"$log" 2>&1 || return 1
	fi
	for file in "$dir"/*.deb; do dpkg -x "$file" "$dir" || return 1; done
	rm -f "$dir"/*.deb
	touch "$dir/complete"
}
