#!/bin/bash
# A backup becomes a new cluster's state: what fits, what does not, and what is damaged. restore.sh PNYX MAKE-BACKUP
set -u
pnyx=$1 make=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset PNYX_CONFIG PNYX_SERVER PNYX_VIA PNYX_CONTROL
checks=0 failures=0
check() { # WHAT COMMAND...
	local what=$1
	shift
	checks=$((checks + 1))
	"$@" || { echo "FAIL $what"; failures=$((failures + 1)); }
}
says() { # CODE WORDS ARGUMENTS...: of pnyx
	local code=$1 words=$2 out rc=0
	shift 2
	out=$("$pnyx" -C "$dir/run" "$@" 2>&1) || rc=$?
	[ "$rc" = "$code" ] && grep -qF -- "$words" <<<"$out" || { echo "     exit $rc: $out"; return 1; }
}
nothing() { [ -z "$(ls "$dir/run/a")" ] || { ls "$dir/run/a"; return 1; }; }
"$make" "$dir/saved" >/dev/null || exit 1

members=(--member a=10.0.0.1 --member b=10.0.0.2)
check "init takes what the state needs from the backup" says 0 "2 members" -c "$dir/conf" init --from "$dir/saved" "${members[@]}"
check "its hash seed" grep -q 'hash_seed = "0x0000000000000004"' "$dir/conf"
check "a file that is no backup" says 2 "right would be a backup" -c "$dir/conf-2" init --from "$dir/conf" "${members[@]}"
check "no node" says 2 "right would be -c FILE --via NAME" -c "$dir/conf" restore "$dir/saved"
check "no member" says 2 "no member is named 'z'" -c "$dir/conf" --via z restore "$dir/saved"
check "no run directory" says 2 "its control plane makes" -c "$dir/conf" --via a restore "$dir/saved"
mkdir -p "$dir/run/a"

# Nothing is left by what is refused.
refused() { # WORDS FILE [CONF]
	check "refused: $1" says 2 "$1" -c "${3:-$dir/conf}" --via a restore "$2"
	check "which leaves nothing: $1" nothing
}
damaged() { # OFFSET WORDS
	cp "$dir/saved" "$dir/bad"
	printf '\xa5' | dd of="$dir/bad" bs=1 seek="$1" conv=notrunc status=none
	refused "$2" "$dir/bad"
}
refused "No such file" "$dir/absent"
refused "no backup" "$dir/conf"
damaged 0 "no backup"
damaged 40 "no backup"
damaged 2060 "no backup"
damaged 100000 "its check does not hold"
damaged 4096 "its check does not hold"
head -c 100000 "$dir/saved" >"$dir/bad"
refused "is cut short" "$dir/bad"
sed 's/ id = ".*"/ id = "0x9"/' "$dir/conf" >"$dir/same"
refused "of this very cluster" "$dir/saved" "$dir/same"
sed 's/hash_seed = ".*"/hash_seed = "0x5"/' "$dir/conf" >"$dir/other"
refused 'right would be hash_seed = "0x0000000000000004"' "$dir/saved" "$dir/other"
sed 's/hash_seed/frame_max = 2000; hash_seed/' "$dir/conf" >"$dir/other"
refused "right would be frame_max = 1472" "$dir/saved" "$dir/other"

id=$(sed -n 's/ *id = "0x0*\(.*\)".*/\1/p' "$dir/conf")
check "restored" says 0 "the state of old is laid down" -c "$dir/conf" --via a restore "$dir/saved"
check "as JSON, a second time" says 0 '"epoch": 2' -c "$dir/conf" --json --via a restore "$dir/saved"
check "under its name alone" [ "$(ls "$dir/run/a")" = state ]
check "of the new cluster, with its members" [ "$("$make" "$dir/run/a/state" check)" = "cluster $id epoch 2: a@10.0.0.1 b@10.0.0.2" ]
check "for its owner only" [ "$(stat -c %a "$dir/run/a/state")" = 600 ]

# Asking for a backup where nobody is.
check "no control plane" says 5 "no control plane answers" backup "$dir/new"
check "and no file" [ ! -e "$dir/new" ] && [ ! -e "$dir/new.new" ]
check "never over a file" says 2 "is there already" backup "$dir/saved"
echo "restore: $checks checks, $failures failed"
[ "$failures" -eq 0 ] && [ "$checks" -gt 30 ]
