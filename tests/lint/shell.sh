#!/bin/bash
# Shell scripts parse, answer --help, and shellcheck finds nothing in them where it is installed.
. "$(dirname "$0")/lint.sh"

CHECKED=0
mapfile -t scripts < <(find scripts tests .ci -type f \( -name '*.sh' -o -path '.ci/run' \))
for script in "${scripts[@]}"; do
	CHECKED=$((CHECKED + 1))
	bash -n "$script" || finding "$script" "does not parse"
done
for script in scripts/*.sh; do
	[ -x "$script" ] || finding "$script" "is not executable"
	"$script" --help | grep -q '^Usage: ' || finding "$script" "--help does not begin with Usage:"
	! "$script" --no-such-option >/dev/null 2>&1 || finding "$script" "an unknown option is not an error"
done
end shell
if ! command -v shellcheck >/dev/null; then
	echo "shellcheck is not installed: scripts were parsed only"
	exit 77
fi
shellcheck "${scripts[@]}"
