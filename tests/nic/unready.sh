#!/bin/bash
# Usage: unready.sh NIC.SH
#
# A machine that has qemu and not the rest (`scripts/setup.sh --nic` was never run): the tests on cards are skipped there, with the reason.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '#!/bin/sh\nexit 1\n' >"$work/qemu-system-x86_64"
chmod +x "$work/qemu-system-x86_64"
code=0
said=$(PATH=$work:$PATH PNYX_NIC_TREE=$work/none "$1" 2>&1) || code=$?
[ "$code" = 77 ] || { echo "exit status $code, not 77: $said"; exit 1; }
grep -q 'setup.sh --nic' <<<"$said" || { echo "the reason is missing: $said"; exit 1; }
