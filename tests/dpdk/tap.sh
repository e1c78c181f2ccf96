#!/bin/bash
# A replica behind a TAP device: the kernel resolves it by ARP, and an ordinary UDP client puts and gets.
# Usage: tap.sh PNYX-REPLICA PNYX. In a network namespace of its own; where that is refused it is skipped.
set -u
if [ -z "${PNYX_TAP_INSIDE:-}" ]; then
	export PNYX_TAP_INSIDE=1
	[ -w /dev/net/tun ] || { echo "there is no /dev/net/tun that may be used"; exit 77; }
	[ "$(id -u)" -ne 0 ] || ! unshare -n true 2>/dev/null || exec unshare -n bash "$0" "$@"
	! unshare -Urn --map-root-user true 2>/dev/null || exec unshare -Urn --map-root-user bash "$0" "$@"
	echo "network namespaces are refused here, in a user namespace as well"
	exit 77
fi
replica=$1 pnyx=$2
dir=$(mktemp -d)
trap '[ -z "${living:-}" ] || kill "$living" 2>/dev/null; rm -rf "$dir"' EXIT
checks=0 failed=0

check() { # WHAT WANTED GOT
	checks=$((checks + 1))
	[ "$2" = "$3" ] && return
	printf 'tap.sh: %s: wanted "%s", got "%s"\n' "$1" "$2" "$3"
	failed=$((failed + 1))
}

cat >"$dir/conf" <<-END
	cluster = { id = "0x77"; name = "tap"; };
	members = ( { name = "a"; uuid = "00000000-0000-4000-8000-000000000001"; ip = "10.78.0.1"; } );
	replica = { window = 1024; arena = "$dir"; };
END
"$replica" -c "$dir/conf" -n a --new-cluster -- --no-huge -m 96 --no-pci --no-shconf --no-telemetry --lcores "0@(0-1)" \
	--vdev=net_tap0,iface=pnyx0 >"$dir/log" 2>&1 &
living=$!
for _ in $(seq 300); do
	! grep -q "^pnyx-replica: ready" "$dir/log" || break
	kill -0 "$living" 2>/dev/null || break
	sleep 0.1
done
grep -q "^pnyx-replica: ready" "$dir/log" || { cat "$dir/log"; exit 1; }
ip addr add 10.78.0.254/24 dev pnyx0
ip link set pnyx0 up

export PNYX_SERVER=10.78.0.1
check "put" ok "$("$pnyx" put key value 2>&1)"
check "get" value "$("$pnyx" get key 2>&1)"
check "incr" 5 "$("$pnyx" incr number 5 2>&1)"
check "a long value" "$(head -c 1150 /dev/zero | tr '\0' v)" \
	"$(head -c 1150 /dev/zero | tr '\0' v | "$pnyx" put long - >/dev/null && "$pnyx" get long)"
check "the kernel knows the replica by ARP" "10.78.0.1 dev pnyx0 lladdr 02:50:0a:4e:00:01" \
	"$(ip neigh show 10.78.0.1 dev pnyx0 | grep -o 'lladdr [0-9a-f:]*' | sed 's/^/10.78.0.1 dev pnyx0 /')"
check "nothing was taken for damaged" '"drop_checksum": 0' "$("$pnyx" --json status | grep -o '"drop_checksum": [0-9]*')"
check "no thread has a privilege" "CapEff: 0000000000000000 CapPrm: 0000000000000000 NoNewPrivs: 1 Seccomp: 2" \
	"$(awk '/^(CapEff|CapPrm|NoNewPrivs|Seccomp):/ { print $1, $2 }' /proc/"$living"/task/*/status | sort -u | paste -sd' ')"
kill -TERM "$living"
wait "$living"
check "the end" 0 $?
living=
[ "$failed" -eq 0 ] || cat "$dir/log"
echo "tap.sh: $checks checks, $failed failed"
[ "$failed" -eq 0 ]
