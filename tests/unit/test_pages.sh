#!/bin/bash
# Several clones add hugepages and give them back at once: none is lost, none is left. On a make-believe pool. test_pages.sh SCRIPTS
set -euo pipefail
# shellcheck source=/dev/null
. "$1/lib/common.sh"
# shellcheck source=/dev/null
. "$1/lib/memory.sh"
POOL=$(mktemp -d)
trap 'rm -rf "$POOL"' EXIT
echo 5 >"$POOL/nr_hugepages"

for clone in 1 2 3 4; do
	for _ in $(seq 25); do
		hugepages_add "$clone"
		hugepages_give_back "$clone"
	done &
done
wait
[ "$(cat "$POOL/nr_hugepages")" = 5 ] || fail "5 pages have become $(cat "$POOL/nr_hugepages")"
hugepages_add 3
[ "$(cat "$POOL/nr_hugepages")" = 8 ] || fail "5 and 3 are $(cat "$POOL/nr_hugepages")"
hugepages_give_back 100
[ "$(cat "$POOL/nr_hugepages")" = 0 ] || fail "more than all given back leaves $(cat "$POOL/nr_hugepages")"
hugepages_give_back 0
echo "test_pages: 100 runs at once, no page lost"
