#!/bin/bash
# systemd finds nothing wrong with the units, and calls both hardened. units.sh FOLDER PNYX-CONTROL PNYX-REPLICA
set -euo pipefail
command -v systemd-analyze >/dev/null || { echo "systemd-analyze is not installed"; exit 77; }
folder=$1 control=$(realpath "$2") replica=$(realpath "$3") failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for unit in pnyx-control@ pnyx-replica@; do
	# The programs as they were built, under the names that the units have.
	sed "s|/usr/bin/pnyx-control|$control|; s|/usr/bin/pnyx-replica|$replica|" "$folder/$unit.service" >"$dir/$unit.service"
done
for unit in pnyx-control@ pnyx-replica@; do
	said=$(SYSTEMD_UNIT_PATH=$dir: systemd-analyze verify --man=no "$dir/${unit}a.service" 2>&1) || failed=1
	if grep -F "$dir" <<<"$said"; then failed=1; fi
	score=$(systemd-analyze security --offline=yes --no-pager "$dir/${unit}a.service" 2>/dev/null | tail -1) || :
	echo "$unit: ${score:-no score from this version of systemd}"
done
exit $failed
