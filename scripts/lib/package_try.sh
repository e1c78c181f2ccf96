#!/bin/sh
# Inside a bare Debian: installs the packages that lie beside this file, tries them, removes them. Run by package.sh, with sh.
set -eu
here=$(dirname "$0")
export DEBIAN_FRONTEND=noninteractive
check() { # WHAT COMMAND...
	what=$1
	shift
	if "$@" >/tmp/said 2>&1; then echo "ok   $what"; else echo "FAIL $what"; cat /tmp/said; fi
}
# What is there; left out: the package manager's own records, users (Debian leaves those of services), caches.
list() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /mnt -o -path /run -o -path /var/lib/dpkg -o -path /var/lib/apt \
		-o -path /var/cache -o -path /var/log \) -prune -o -print | grep -vE '^/etc/(passwd|group|g?shadow|subuid|subgid)-?$|^/etc/\.pwd\.lock$|ld\.so\.cache' | sort
}
apt-get update -q >/tmp/said 2>&1 || cat /tmp/said
apt-get install -y --no-install-recommends systemd-standalone-sysusers >/tmp/said 2>&1 || cat /tmp/said
list >/tmp/before
start=$(date +%s)
check "installed" apt-get install -y --no-install-recommends "$here"/*.deb
echo "     $(($(date +%s) - start)) seconds, with what they depend on"
check "pnyx runs" pnyx --version
check "pnyx-replica runs" pnyx-replica --version
check "pnyx-control runs" pnyx-control --version
check "pnyx doctor runs" sh -c 'pnyx doctor | grep "checks,"'
check "the example configuration is in order" sh -c 'pnyx -c /usr/share/doc/pnyx-common/pnyx.conf.example -t 1 get k; [ $? -eq 5 ]'
check "there is a user pnyx" getent passwd pnyx
check "the library is found" sh -c 'ldconfig -p | grep libpnyx.so.0'
check "units are there" test -e /lib/systemd/system/pnyx-replica@.service -a -e /lib/systemd/system/pnyx-control@.service
check "removed" apt-get purge -y pnyx-common pnyx-replica pnyx-control pnyx-tools libpnyx0 libpnyx-dev
check "what they depended on too" apt-get autoremove --purge -y
list >/tmp/after
check "without a trace" diff /tmp/before /tmp/after
