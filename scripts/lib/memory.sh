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

# hugepages_change DIFFERENCE: a difference, not a value that was read before: several clones add pages and give them back, one at
# a time, as the kernel only knows how to set the total. False when the pool did not come out as large as wanted.
hugepages_change() {
	local total wanted # of the subshell
	(
		flock 7
		total=$(cat "$POOL/nr_hugepages")
		wanted=$((total + $1 > 0 ? total + $1 : 0))
		echo "$wanted" >"$POOL/nr_hugepages"
		[ "$(cat "$POOL/nr_hugepages")" -lt "$wanted" ] || exit 0
		echo "$total" >"$POOL/nr_hugepages"
		exit 1
	) 7<"$POOL" 2>/dev/null
}

# hugepages_add PAGES: false (and nothing changed) when the kernel did not find them all.
hugepages_add() { [ "$1" -le 0 ] || hugepages_change "$1"; }

hugepages_give_back() {
	[ "${1:-0}" -gt 0 ] && [ -w "$POOL/nr_hugepages" ] || return 0
	hugepages_change "-$1" || :
}
