# The way that is left where network namespaces are refused: all replicas inside one process. Sourced, never run.
# shellcheck shell=bash

INSIDE=$BUILD/tests/dpdk/inside

# inside_run REPLICAS SECONDS JSON-FILE
inside_run() {
	[ -x "$INSIDE" ] || fail "the in-process cluster ($INSIDE) is not built"
	"$INSIDE" --replicas "$1" --seconds "$2" ${3:+--json "$3"}
}
