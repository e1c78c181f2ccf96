#!/bin/bash
# Usage: scripts/package.sh [--test] [--help]
#
# Builds the Debian packages of this clone (of the files that git knows or would take) into build-debian/: replica, control plane, what they
# share, command line, client library, its development files, debug symbols. Missing build tools are installed like setup.sh does.
#
#   --test    then lintian looks at them, and they go into a bare Debian 12 made by mmdebstrap (from the machine's mirror), are tried
#             there, and leave it without a trace. Exit status 77 when this machine cannot do that; it says why.
#
# The last line of standard output carries the figures:
#   PACKAGES n=N kib=SUM [lintian=clean chroot=clean]
# Exit status: 0 done, 1 something is wrong, 2 wrong usage, 77 not possible here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
for lib in common packages; do
	# shellcheck source=/dev/null
	. "$here/lib/$lib.sh"
done
test=no
while [ $# -gt 0 ]; do
	case $1 in
	--test) test=yes ;;
	-h | --help) print_manual "$0"; exit 0 ;;
	*) usage_error "unknown option '$1'" ;;
	esac
	shift
done
no() { say "$*"; exit 77; }

packages_install "${PACKAGES_RUN[@]}" "${PACKAGES_PACKAGE[@]}" || no "no tools to build packages"
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/pnyx"
cd "$ROOT"
git ls-files -z -co --exclude-standard | xargs -0 cp --parents -t "$dir/pnyx"
say "building"
(cd "$dir/pnyx" && DEB_BUILD_OPTIONS="parallel=${PNYX_JOBS:-$(nproc)}" dpkg-buildpackage -b -us -uc) >"$dir/log" 2>&1 || {
	tail -40 "$dir/log"
	fail "dpkg-buildpackage failed (above: its last lines)"
}
out=$ROOT/build-debian
rm -rf "$out"
mkdir "$out"
mv "$dir"/*.deb "$dir"/*.changes "$dir"/*.buildinfo "$out"
sum=0 count=0
for deb in "$out"/*.deb; do
	kib=$((($(stat -c %s "$deb") + 1023) / 1024))
	printf '%-40s %6d KiB, installed %6d KiB\n' "$(basename "$deb")" "$kib" "$(dpkg-deb -f "$deb" Installed-Size)"
	sum=$((sum + kib)) count=$((count + 1))
done
figures="PACKAGES n=$count kib=$sum"
[ "$test" = yes ] || { echo "$figures"; exit 0; }

have lintian || no "lintian is not installed"
say "lintian looks at them"
# The project has no mail address; all else counts.
root=()
! is_root || root=(--allow-root)
lintian "${root[@]}" --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog --fail-on error,warning "$out"/*.changes || fail "lintian found something"

have mmdebstrap || no "mmdebstrap is not installed"
mkdir "$dir/into"
cp "$here/lib/package_try.sh" "$dir/into/try"
find "$out" -name '*.deb' ! -name '*-dbgsym_*' -exec cp -t "$dir/into" {} +
say "a bare Debian 12 takes them"
# Nothing is kept of it: mmdebstrap unpacks it somewhere, lets the hook run inside, and throws it away.
# shellcheck disable=SC2016 # $1 is mmdebstrap's
code=0
mmdebstrap --quiet --variant=minbase --customize-hook="copy-in $dir/into /mnt" --customize-hook='chroot "$1" sh /mnt/into/try' \
	bookworm /dev/null >"$dir/try" 2>&1 || code=$?
grep -E '^(ok|FAIL)' "$dir/try" || { tail -20 "$dir/try" >&2; no "mmdebstrap cannot make a bare Debian here (above: its last words)"; }
[ "$code" -eq 0 ] && ! grep -q '^FAIL' "$dir/try" && grep -q '^ok .*without a trace' "$dir/try" || { tail -30 "$dir/try" >&2; fail "it did not go well"; }
echo "$figures lintian=clean chroot=clean"
