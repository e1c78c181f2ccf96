# 2 MiB pages for the replicas: how many, adding them to the pool, giving them back. Sourced, never run.
# shellcheck shell=bash

POOL=/sys/kernel/mm/hugepages/hugepages-2048kB

hugepages_free() {
	local free reserved
	free=$(cat "$POOL/free_hugepages") && reserved=$(cat "$POOL/resv_hugepages") || return 1
	echo $((free - reserved))
}

# hugepages_may PAGES: whether this user may add so many. Not more than half of the memory that is available: the rest of the
# machine has to live as well.
hugepages_may() {
	local available
	[ -w "$POOL/nr_hugepages" ] && available=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) && [ $(($1 * 2048)) -le $((available / 2)) ]
}

# hugepages_add PAGES: false (and nothing changed) when the kernel did not find them all.
hugepages_add() {
	local total
	[ "$1" -gt 0 ] || return 0
	total=$(cat "$POOL/nr_hugepages")
	echo $((total + $1)) >"$POOL/nr_hugepages" 2>/dev/null
	[ "$(cat "$POOL/nr_hugepages")" -ge $((total + $1)) ] && return 0
	echo "$total" >"$POOL/nr_hugepages" 2>/dev/null
	return 1
}

# A difference, not the old value: two clones may have added pages.
hugepages_give_back() {
	local total
	[ "${1:-0}" -gt 0 ] && [ -w "$POOL/nr_hugepages" ] || return 0
	total=$(cat "$POOL/nr_hugepages")
	echo $((total > $1 ? total - $1 : 0)) >"$POOL/nr_hugepages" 2>/dev/null || :
}
