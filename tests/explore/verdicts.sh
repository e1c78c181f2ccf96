#!/bin/bash
# Usage: verdicts.sh PNYX-EXPLORE
# What a run says and how it exits: a violation is found and its schedule short, a budget that ends a search is never success, and
# wrong usage looks like none of these.
set -euo pipefail

explore=$1 checked=0
while read -r code last steps args; do
	got=0
	# shellcheck disable=SC2086 # words on purpose
	out=$("$explore" $args 2>&1) || got=$?
	[ "$got" -eq "$code" ] || { echo "'$args' exits with $got, not $code"; exit 1; }
	case $(tail -1 <<<"$out") in "$last"*) ;; *) echo "'$args' ends with '$(tail -1 <<<"$out")'"; exit 1 ;; esac
	found=$(grep -cE '^ *[0-9]+  ' <<<"$out") || :
	[ "$found" -eq "$steps" ] || { echo "'$args' prints a schedule of $found steps, not $steps"; exit 1; }
	checked=$((checked + 1))
done <<-'END'
	0 EXHAUSTED 0 --scope n3-e-k2 --recoveries 00
	1 VIOLATED 9 --scope n3-amnesia
	2 TRUNCATED 0 --scope n3-e-k2 --states 1000
	2 TRUNCATED 0 --scope n3-e-k2 --seconds 0
	0 WALKED 0 --scope n7-walk --walks 3
	3 pnyx-explore 0 --scope n3-e-k2 --states many
	3 pnyx-explore 0 --scope n3-e-k2 --recoveries 111
	3 pnyx-explore 0 --scope nothing
	3 pnyx-explore 0 --scope n3-e-k2 --quick
END
echo "verdicts: $checked runs"
