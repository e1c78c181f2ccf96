#!/bin/bash
# A short run of scripts/chaos.sh: whatever happens to replicas and links, the history is linearizable and all states are equal.
# Usage: chaos.sh REPLICAS
. "$(dirname "$0")/cluster.sh"
ground_decide
[ "$GROUND" != inside ] || skip "network namespaces are refused here, in a user namespace as well"
[ -x "$REPLICA" ] || skip "pnyx-replica is not built (no DPDK?)"
PNYX_SKIP_SETUP=1 "$scripts/chaos.sh" --replicas "$1" --rounds 6
