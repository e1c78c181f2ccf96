#!/bin/bash
# Includes point down: each folder includes only what its floor allows, the core no header but four of the language.
. "$(dirname "$0")/lint.sh"

# FOLDER, allowed prefixes of "..." includes, allowed <...> includes (patterns). The longest folder that fits a file decides.
floors='
consensus/base	consensus/base/						stdint.h stddef.h stdbool.h string.h
consensus/app	consensus/base/ consensus/app/				stdint.h stddef.h stdbool.h string.h
consensus	consensus/						stdint.h stddef.h stdbool.h string.h
xdp		consensus/wire.h xdp/	*
mailbox		consensus/base/ consensus/wire.h consensus/counters.h xdp/verdicts.h mailbox/	*
client/config	consensus/base/ client/config/				*
client/cli	consensus/base/ consensus/epaxos.h consensus/wire.h consensus/counters.h consensus/app/kv_format.h client/	*
client		consensus/base/ consensus/wire.h consensus/counters.h consensus/app/kv_format.h client/	*
dataplane	consensus/ client/config/ mailbox/ xdp/ dataplane/		*
control		consensus/ client/ mailbox/ xdp/verdicts.h control/			*
'

# allowed NAME PATTERN...: a pattern that ends in / is a folder.
allowed() {
	local name=$1 pattern
	shift
	for pattern in "$@"; do
		# shellcheck disable=SC2254 # patterns are meant as such
		case $name in "$pattern"* | $pattern) return 0 ;; esac
	done
	return 1
}

floor_of() { awk -v file="$1" 'NF >= 3 && index(file, $1 "/") == 1 && length($1) > best { best = length($1); line = $0 }
	END { print line }' <<<"$floors"; }

CHECKED=0
set -f # * in the table is a pattern, not files
while read -r file; do
	floor=$(floor_of "$file")
	# The last word(s) after the second run of tabs are <...> includes; before that, "..." prefixes.
	mine=$(awk -F'\t+' '{ print $2 }' <<<"$floor")
	system=$(awk -F'\t+' '{ print $3 }' <<<"$floor")
	while IFS=: read -r line text; do
		CHECKED=$((CHECKED + 1))
		name=$(sed -E 's/^[^"<]*["<]([^">]*)[">].*/\1/' <<<"$text")
		case $text in
		*\"*)
			# shellcheck disable=SC2086
			allowed "$name" $mine || finding "$file:$line" "may not include \"$name\" (floors: $mine)"
			;;
		*)
			# shellcheck disable=SC2086
			allowed "$name" $system || finding "$file:$line" "may not include <$name> (only $system)"
			;;
		esac
	done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "$file" || :)
done < <(for folder in consensus xdp mailbox client dataplane control; do [ ! -d $folder ] || sources $folder; done)
set +f

# DPDK is known in one folder, and in tests.
while read -r hit; do
	case $hit in dataplane/* | tests/*) ;; *) finding "$hit" "DPDK is known in dataplane/ and tests/ only" ;; esac
done < <(sources | xargs grep -nE '\brte_[a-z]' /dev/null | cut -d: -f1,2 || :)
end includes
