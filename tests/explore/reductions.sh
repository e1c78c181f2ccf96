#!/bin/bash
# Usage: reductions.sh PNYX-EXPLORE
# The reductions of the search leave no outcome out: with and without them the same ends are found.
set -euo pipefail

# ends LEVEL ARGUMENTS: how many different ends there are, and their common hash.
ends() {
	local out
	out=$("$explore" --reduce "$1" "${@:2}")
	case $(tail -1 <<<"$out") in EXHAUSTED*) ;; *) printf '%s\n' "$out" >&2; return 1 ;; esac
	sed -n 's/.* outcomes=\([^ ]*\) .*/\1/p' <<<"$out"
}

explore=$1 compared=0
while read -r levels scope; do
	want=
	for level in ${levels//,/ }; do
		# shellcheck disable=SC2086 # words on purpose
		got=$(ends "$level" --scope $scope)
		[ -n "$got" ] && [ "${want:=$got}" = "$got" ] || { echo "$scope: level $level ends in $got, another in $want"; exit 1; }
		compared=$((compared + 1))
	done
	echo "$scope: $want"
done <<-'END'
	0,1,2 n3-e-k2 --recoveries 00
	0,1,2 n3-h3-k2 --recoveries 00 --restarts 10
	0,1 n5-dead2 --recoveries 10
	0,1,2 n4-dead1 --recoveries 00
	0,1,2 n4-k1 --recoveries 1 --restarts 0000
	0,2 n4-under-way --recoveries 10
	1,2 n3-e-k2 --recoveries 10
	1,2 n3-h3-k3 --recoveries 000
END
echo "reductions: $compared searches agree"
