#!/bin/bash
# What `meson install` puts where; a program is built against it by pkg-config alone. install.sh BUILD EXAMPLE.C
set -euo pipefail
build=$1 example=$(realpath "$2") failures=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
meson install -C "$build" --no-rebuild --destdir "$dir/to" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
fail() { echo "FAIL $*"; failures=$((failures + 1)); }
prefix=$(meson introspect "$build" --buildoptions | python3 -c 'import json, sys; print(*(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
to=$dir/to$prefix
lib=$(dirname "$(dirname "$(find "$to" -name pnyx.pc)")") # lib, lib64 or Debian's
lib=${lib#"$to"/}

count=0
while read -r wanted; do
	count=$((count + 1))
	[ -e "$to/${wanted/@LIB@/$lib}" ] || fail "$wanted is not installed"
done <<'LIST'
bin/pnyx
bin/pnyx-replica
bin/pnyx-control
include/pnyx.h
@LIB@/libpnyx.so.0
@LIB@/libpnyx.so
@LIB@/libpnyx.a
@LIB@/pkgconfig/pnyx.pc
@LIB@/wireshark/plugins/pnyx.lua
lib/systemd/system/pnyx-replica@.service
lib/systemd/system/pnyx-control@.service
lib/sysusers.d/pnyx.conf
share/man/man1/pnyx.1
share/man/man5/pnyx.conf.5
share/man/man8/pnyx-replica.8
share/man/man8/pnyx-control.8
share/bash-completion/completions/pnyx
share/bash-completion/completions/pnyx-replica
share/doc/pnyx/pnyx.conf.example
LIST
grep -q "^ExecStart=$prefix/bin/pnyx-replica " "$to/lib/systemd/system/pnyx-replica@.service" || fail "the unit does not start what was installed"
bad=$(nm -D --defined-only "$to/$lib/libpnyx.so.0" | awk '$2 ~ /[A-Z]/ && $3 !~ /^pnyx_/ { print $3 }')
[ -z "$bad" ] || fail "libpnyx shows symbols that are not its own: $bad"
"$to/bin/pnyx" -c "$to/share/doc/pnyx/pnyx.conf.example" -t 1 get k 2>&1 | grep -q 'pnyx.conf.example:' && fail "the example configuration is refused"

export PKG_CONFIG_LIBDIR=$to/$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dir/to
cp "$example" "$dir/example.c"
# shellcheck disable=SC2046
(cd "$dir" && cc -Wall -Werror example.c -o example $(pkg-config --cflags --libs pnyx)) || fail "the example does not build against libpnyx"
# Not grep -q: it ends at the first hit, and ldd, which writes line by line, then dies of SIGPIPE now and then.
LD_LIBRARY_PATH=$to/$lib ldd "$dir/example" | grep "libpnyx.so.0 => $to" >/dev/null || fail "the example does not find libpnyx"
echo "install: $count files, $failures failures"
[ "$failures" -eq 0 ]
