#!/bin/bash
# A start that cannot work ends with a sentence and exit code 2, and does not hang. start.sh PNYX-REPLICA
set -u
replica=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"; [ -z "${living:-}" ] || kill "$living" 2>/dev/null' EXIT
failed=0
eal=(--no-huge -m 96 --no-pci --no-shconf --no-telemetry --lcores "0@(0-1)" --log-level=lib.eal:error)

config() { # NAME PORT ARENA-FOLDER
	cat >"$dir/$1" <<-END
		cluster = { id = "0x77"; name = "start"; };
		members = (
			{ name = "a"; uuid = "00000000-0000-4000-8000-000000000001"; ip = "127.0.0.1"; port = $2; },
			{ name = "b"; uuid = "00000000-0000-4000-8000-000000000002"; ip = "127.0.0.2"; port = $2; },
			{ name = "c"; uuid = "00000000-0000-4000-8000-000000000003"; ip = "127.0.0.3"; port = $2; } );
		replica = { arena = "$3"; };
	END
}
mkdir "$dir/arena"
config good 7787 "$dir/arena"
config nowhere 7787 "$dir/none/arena"
config bad 99999 "$dir/arena"
sed 's/replica = { /&cost_max = 2000; app_capacity = 9000; /' "$dir/good" >"$dir/tight"
sed 's/replica = { /&lcores = [ 0 ]; /' "$dir/good" >"$dir/lcores"

expect() { # CODE TEXT ARGUMENTS...: the program ends with CODE and says TEXT
	local code=$1 text=$2 out rc
	shift 2
	out=$(timeout 20 "$replica" "$@" 2>&1 </dev/null)
	rc=$?
	if [ $rc -ne "$code" ] || ! grep -qF -- "$text" <<<"$out"; then
		printf 'start.sh: %s\n  wanted exit %s and "%s", got exit %s and:\n%s\n' "$*" "$code" "$text" $rc "$(tail -4 <<<"$out")"
		failed=$((failed + 1))
	fi
	cases=$((${cases:-0} + 1))
}

begin() { # LOG TEXT: starts the program in the background; when it is ready it has said TEXT
	: >"$dir/$1"
	"$replica" -c "$dir/good" -n a --run-dir "$dir" -- "${eal[@]}" "${null[@]}" >"$dir/$1" 2>&1 &
	living=$!
	for _ in $(seq 300); do
		grep -q "ready" "$dir/$1" && break
		sleep 0.1
	done
	grep -q "$2" "$dir/$1" || { cat "$dir/$1"; failed=$((failed + 1)); }
}

null=(--vdev=net_null0)
expect 2 "-c FILE and -n NAME are needed"
expect 2 "unrecognized option" --colour
expect 2 "EAL's arguments come after" -c "$dir/good" -n a stray
expect 2 "$dir/absent" -c "$dir/absent" -n a -- "${eal[@]}" "${null[@]}"
expect 2 "$dir/bad:" -c "$dir/bad" -n a -- "${eal[@]}" "${null[@]}"
expect 2 "nobody" -c "$dir/good" -n nobody -- "${eal[@]}" "${null[@]}"
expect 2 "$dir/tight:6: cost_max" -c "$dir/tight" -n a -- "${eal[@]}" "${null[@]}"
expect 2 "there is no arena of this member" -c "$dir/good" -n a -- "${eal[@]}" "${null[@]}"
PNYX_NEW_CLUSTER=yes expect 2 "PNYX_NEW_CLUSTER cannot be 'yes'" -c "$dir/good" -n a -- "${eal[@]}" "${null[@]}"
[ -z "$(ls "$dir/arena")" ] || { echo "start.sh: a start that was refused left an arena"; failed=$((failed + 1)); }
export PNYX_REPLICA_APP_CAPACITY=70
expect 2 "environment PNYX_REPLICA_APP_CAPACITY: app_capacity: must exceed" -c "$dir/good" -n a -- "${eal[@]}" "${null[@]}"
unset PNYX_REPLICA_APP_CAPACITY
expect 2 "keep one of the two" -c "$dir/lcores" -n a -- "${eal[@]}" "${null[@]}"
PNYX_ARENA_FRESH=yes expect 2 "PNYX_ARENA_FRESH cannot be 'yes'" -c "$dir/good" -n a -- "${eal[@]}" "${null[@]}"
expect 2 "DPDK has no port" -c "$dir/good" -n a -- "${eal[@]}"
expect 2 "DPDK does not start" -c "$dir/good" -n a -- "${eal[@]}" --no-such-option
expect 2 "DPDK has no port" -c "$dir/good" -n a -- "${eal[@]}" --vdev=net_af_packet0,iface=pnyx-no-such
expect 2 "$dir/none/arena" -c "$dir/nowhere" -n a --new-cluster -- "${eal[@]}" "${null[@]}"
expect 2 "make the directory" -c "$dir/good" -n a --run-dir "$dir/none" -- "${eal[@]}" "${null[@]}"
expect 2 "no memory for" -c "$dir/good" -n a --new-cluster -- "${eal[@]}" "${null[@]}" -m 8

# What an ordinary user may not: the sentence says which privilege. Root becomes one for that, where one can reach the program.
nobody=(--reuid 65534 --regid 65534 --clear-groups)
if [ "$(id -u)" -eq 0 ] && setpriv "${nobody[@]}" test -x "$replica" 2>/dev/null; then
	chmod 755 "$dir" && chmod 777 "$dir/arena"
	plain=$replica
	replica=setpriv
	expect 2 "CAP_NET_RAW" "${nobody[@]}" "$plain" -c "$dir/good" -n a -- "${eal[@]}" --vdev=net_af_packet0,iface=lo
	replica=$plain
fi

# The same arena twice: the second is refused while the first lives.
: >"$dir/new-cluster"
begin first fresh
[ ! -e "$dir/new-cluster" ] || { echo "start.sh: the word for a first start can be used twice"; failed=$((failed + 1)); }
expect 2 "in use" -c "$dir/good" -n a -- "${eal[@]}" "${null[@]}"

# It stops when asked to, and its arena is taken up again.
kill -TERM "$living"
wait "$living" || { echo "start.sh: SIGTERM ended with $?"; failed=$((failed + 1)); }
begin second attached

# The arena belongs to another member, or is cut short.
kill -TERM "$living"
wait "$living"
living=
truncate -s 4096 "$dir"/arena/*
expect 2 "is cut short" -c "$dir/good" -n a -- "${eal[@]}" "${null[@]}"

echo "start.sh: $cases refusals, $failed failed"
[ $failed -eq 0 ]
