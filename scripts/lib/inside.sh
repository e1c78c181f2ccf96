# The way that is left where network namespaces are refused: all replicas inside one process, joined by the kernel's loopback
# sockets. The same core, client and measurements; no DPDK port. Sourced, never run; needs cluster.sh.
# shellcheck shell=bash

INSIDE=$BUILD/tests/unit/loopback

# inside_up REPLICAS
inside_up() {
	local deadline=$((SECONDS + 10))
	[ -x "$INSIDE" ] || fail "$INSIDE is not built"
	NET=127.77.$((0x${ID:0:2})) # two clones may run at once
	CLIENT=()
	HUGE=no
	cluster_configure "$1"
	made_spawn r1 "$RUN/r1.log" "$INSIDE" "$RUN/pnyx.conf"
	until grep -q ready "$RUN/r1.log" 2>/dev/null; do
		[ "$SECONDS" -lt "$deadline" ] && cluster_is_alive 1 || { cluster_obituary 1; return 1; }
		sleep 0.1
	done
}
