#!/bin/bash
# What bash offers. completion.sh FILE PNYX
set -euo pipefail
# shellcheck source=/dev/null
. "$1"
pnyx=$(realpath "$2")
failures=0 count=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
touch pnyx.conf
mkdir folder
printf '%s\n' 'cluster = { id = 7; name = "x"; };' 'members = ( { name = "alpha"; uuid = "u"; },' '  { name = "beta"; } );' 'client = { };' >pnyx.conf
unset PNYX_CONFIG
PATH=$(dirname "$pnyx"):$PATH

# offers WANTED WORD...: what is offered for the last word, sorted, in one line.
offers() {
	local wanted=$1 got
	shift
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	local word=${*: -1} before=${*: -2:1}
	_pnyx_complete "$pnyx" "$word" "$before"
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')
	count=$((count + 1))
	[ "$got" = "$wanted" ] || { echo "FAIL $*: offers '$got' instead of '$wanted'"; failures=$((failures + 1)); }
}
offers "append backup bench cas del digest doctor echo get incr init members mget mput put replica restore status top" pnyx ""
offers "del digest doctor" pnyx d
offers "digest" pnyx --via alpha di
offers "restart start stop" pnyx replica ""
offers "start stop" pnyx replica st
offers "" pnyx get ""
offers "--seconds= --seed= --server= --sessions= --skew= --spread=" pnyx bench --s
offers "--server=" pnyx get --s
offers "--port=" pnyx doctor --p
offers "--absent" pnyx cas --a
offers "alpha beta" pnyx -c pnyx.conf --via ""
offers "beta" pnyx --config = pnyx.conf --via = b
offers "beta" pnyx --config=pnyx.conf -v b
offers "pnyx.conf" pnyx -c pn
offers "incr init" pnyx i
offers "pnyx.conf" pnyx restore pn
offers "--member=" pnyx init --m
offers "folder" pnyx --control f
offers "append" pnyx bench --workload a
offers "all one" pnyx bench --spread ""
offers "constant" pnyx bench --arrivals c
offers "pnyx.conf" pnyx bench --histogram pn
offers "lo" pnyx doctor --port lo
# Commands here are those of the program.
for command in $("$pnyx" --help | sed -n '/^Commands:/,/^`pnyx/s/^  \([a-z]*\).*/\1/p'); do offers "$command" pnyx "$command"; done
echo "completion: $count cases, $failures failed"
[ "$failures" -eq 0 ]
