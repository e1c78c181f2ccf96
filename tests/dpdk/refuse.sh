#!/bin/bash
# An arena that may not be trusted is refused by the real program: exit code 2, one sentence with which and what to do, the file left as
# it is. (A copy rolled back in time needs peers: tests/cluster/rollback.sh.) refuse.sh PNYX-REPLICA
set -u
replica=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"; [ -z "${living:-}" ] || kill "$living" 2>/dev/null' EXIT
failed=0 cases=0
eal=(--no-huge -m 96 --no-pci --no-shconf --no-telemetry --lcores "0@(0-1)" --log-level=lib.eal:error --vdev=net_null0)
uuid=00000000-0000-4000-8000-00000000000
mkdir "$dir/arena"

config() { # NAME ARENA CLUSTER SETTINGS UUID-OF-C
	cat >"$dir/$1" <<-END
		cluster = { id = "$3"; name = "refuse"; };
		members = ( { name = "a"; uuid = "${uuid}1"; ip = "127.0.0.1"; }, { name = "b"; uuid = "${uuid}2"; ip = "127.0.0.2"; },
		            { name = "c"; uuid = "${uuid}$5"; ip = "127.0.0.3"; } );
		replica = { arena = "$2"; window = 128; own_max = 64; index_keys = 64; sessions_max = 16; cost_max = 100; app_capacity = 4096; $4 };
	END
}
there=$dir/arena/pnyx-${uuid}1.arena
config good "$dir/arena" 0x77 '' 3
config file "$there" 0x77 '' 3
config cluster "$dir/arena" 0x78 '' 3
config members "$dir/arena" 0x77 '' 4
config sizes "$dir/arena" 0x77 'keys_max = 16;' 3
config fewer "$dir/arena" 0x77 'batch_max = 1; sessions_max = 8;' 3
sed -i 's/sessions_max = 16; //' "$dir/fewer"
config nowhere "$dir/none/arena" 0x77 '' 3

complain() {
	printf 'refuse.sh: %s\n' "$*"
	failed=$((failed + 1))
}
# What the file is; while a living replica writes in it, not what it holds.
state() { [ ! -e "$there" ] || { stat -c '%s %a %u %i' "$there" && { [ -n "${living:-}" ] || sha256sum <"$there"; }; }; }
# refused TEXT ARGUMENTS...: the program ends with 2, says TEXT, and the arena is as before.
refused() {
	local text=$1 out rc before after
	shift
	before=$(state)
	out=$(timeout 30 "$@" -- "${eal[@]}" 2>&1 </dev/null)
	rc=$?
	after=$(state)
	[ $rc -eq 2 ] || complain "exit code $rc, not 2, for '$text': $(tail -2 <<<"$out")"
	grep -qF -- "$text" <<<"$out" || complain "wanted '$text', got: $(tail -2 <<<"$out")"
	[ "$before" = "$after" ] || complain "'$text': the arena was changed"
	[ "$(ls "$dir/arena")" = "$(basename "$there")" ] || complain "'$text': left $(ls "$dir/arena")"
	cases=$((cases + 1))
	[ -z "${REFUSE_SHOW:-}" ] || tail -1 <<<"$out"
}
begin() { # TEXT ARGUMENTS...: it serves, having said TEXT
	local text=$1
	shift
	: >"$dir/log"
	"$replica" -c "$dir/good" -n a "$@" -- "${eal[@]}" >"$dir/log" 2>&1 &
	living=$!
	for _ in $(seq 300); do
		grep -q ': ready' "$dir/log" && break
		sleep 0.1
	done
	grep -q "$text" "$dir/log" || complain "wanted '$text', got: $(cat "$dir/log")"
}
die() {
	kill -KILL "$living"
	wait "$living" 2>/dev/null
	living=
}
put() { printf '%b' "$2" | dd of="$there" bs=1 seek="$1" conv=notrunc status=none; } # OFFSET BYTES
# damaged OFFSET BYTES TEXT: with these bytes it is refused; then they are put back.
damaged() {
	cp "$there" "$dir/intact"
	put "$1" "$2"
	refused "$3" "$replica" -c "$dir/good" -n a
	cat "$dir/intact" >"$there"
}

begin ', fresh)' --new-cluster
refused 'in use by another running pnyx-replica of this identity, process ' "$replica" -c "$dir/good" -n a
refused 'stop that one first' "$replica" -c "$dir/good" -n a --arena-fresh
die

refused 'belongs to another cluster: correct `id`' "$replica" -c "$dir/cluster" -n a
refused "belongs to another member: start it with that member's name" "$replica" -c "$dir/file" -n b
refused 'was made with another list of members' "$replica" -c "$dir/members" -n a
refused 'was made with other sizes' "$replica" -c "$dir/sizes" -n a
refused 'was made with other sizes' "$replica" -c "$dir/fewer" -n a
damaged 0 'XXXXXXXX' 'is not an arena: name another file'
damaged 8 '\x02' 'was written by a version with another layout: start it with that version'
damaged 12 '\x0f\x0f\x0f\x0f' 'was left by a replica that found an internal error'
damaged 16 'X' 'has a damaged header: its check is wrong'

# Another boot: the kernel's name for it, covered by another one where this process may mount.
sed 's/^./f/; t; s/^./0/' /proc/sys/kernel/random/boot_id >"$dir/boot"
cmp -s "$dir/boot" /proc/sys/kernel/random/boot_id && sed -i 's/^f/0/' "$dir/boot"
: >"$dir/none-boot"
apart=()
for options in -m -Urm; do
	[ ${#apart[@]} -gt 0 ] || ! unshare "$options" mount --bind "$dir/boot" /proc/sys/kernel/random/boot_id 2>/dev/null || apart=(unshare "$options")
done
if [ ${#apart[@]} -gt 0 ]; then
	export PROGRAM=$replica CONFIG=$dir/good BOOT=$dir/boot
	covered=("${apart[@]}" bash -c 'mount --bind "$BOOT" /proc/sys/kernel/random/boot_id && exec "$PROGRAM" -c "$CONFIG" -n a "$@"' covered)
	refused "is from before the machine's last boot" "${covered[@]}"
	BOOT=$dir/none-boot refused 'does not say which boot of the machine this is' "${covered[@]}"
	# Huge pages that are configured and not there.
	huge=("${apart[@]}" bash -c 'mount -t hugetlbfs -o "pagesize=$PAGE,size=$PAGE" none "$PLACE" || { echo "no mount"; exit 2; }
		PNYX_REPLICA_ARENA=$PLACE exec "$PROGRAM" -c "$CONFIG" -n a --new-cluster "$@"' huge)
	mkdir "$dir/huge"
	export PLACE=$dir/huge
	if "${apart[@]}" mount -t hugetlbfs -o pagesize=1G none "$dir/huge" 2>/dev/null && [ "$(cat /sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages)" = 0 ]; then
		PAGE=1G refused 'more hugepages of 1024 MiB, use another directory' "${huge[@]}"
	fi
fi

# As another user: it may not be opened.
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if [ "$(id -u)" -eq 0 ] && "${nobody[@]}" test -x "$replica" 2>/dev/null; then
	chmod 755 "$dir" "$dir/arena"
	refused 'cannot be opened: Permission denied; start pnyx-replica as the user whose file it is' "${nobody[@]}" "$replica" -c "$dir/good" -n a
fi
refused 'set `arena` in `replica` to a directory that may be written' "$replica" -c "$dir/nowhere" -n a --new-cluster

# After all of these it goes on.
begin ', attached)'
die

# What the size tells; and files that were never an arena.
bytes=$(stat -c %s "$there")
truncate -s $((bytes - 4096)) "$there"
refused 'is cut short' "$replica" -c "$dir/good" -n a
refused 'belongs to another cluster' "$replica" -c "$dir/cluster" -n a
truncate -s 0 "$there"
refused 'has 0 bytes, not ' "$replica" -c "$dir/good" -n a
echo 'a letter' >"$there"
refused 'does not begin like an arena' "$replica" -c "$dir/good" -n a
head -c "$bytes" /dev/urandom >"$there"
refused 'is not an arena' "$replica" -c "$dir/good" -n a
: >"$there"
truncate -s "$bytes" "$there"
refused 'is not an arena' "$replica" -c "$dir/good" -n a

begin ', fresh)' --arena-fresh
die
echo "refuse.sh: $cases refusals, $failed failed"
[ $failed -eq 0 ]
