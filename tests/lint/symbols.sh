#!/bin/bash
# The core is pure: what its archives leave undefined is on a short list. Arguments: the clone, nm, archives.
nm=$2
archives=("${@:3}")
. "$(dirname "$0")/lint.sh"

# The compiler may call the first four by itself; the others are supplied by whoever links the core.
allowed='^(memcpy|memset|memcmp|memmove|ep_check_failed|pnyx_app_[a-z]+)$'
CHECKED=0
table=$(for a in "${archives[@]}"; do "$nm" "$a"; done)
defined=$(awk 'NF == 3 && $2 ~ /[A-TV-Z]/ { print $3 }' <<<"$table" | sort -u)
while read -r symbol; do
	CHECKED=$((CHECKED + 1))
	[[ $symbol =~ $allowed ]] || finding "$symbol" "undefined in the core, and not on the list"
done < <(awk '$1 == "U" { print $2 }' <<<"$table" | sort -u | comm -23 - <(echo "$defined"))
end symbols
