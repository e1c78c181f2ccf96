# What the lint tests share. Sourced with the clone's path as $1 of the test; collects findings and ends the test.
# shellcheck shell=bash
set -euo pipefail
cd "$1"
findings=0

# finding FILE[:LINE] WHAT
finding() {
	echo "$1: $2"
	findings=$((findings + 1))
}

# sources [FOLDER ...]: C files of ours (all of them without arguments), one a line.
sources() {
	find "${@:-.}" \( -name .git -o -path './build*' \) -prune -o -type f -name '*.[ch]' -print | sed 's|^\./||' | sort
}

# end WHAT: prints the result. A check that looked at nothing is broken, so CHECKED must be above 0.
end() {
	echo "$1: $CHECKED checked, $findings findings"
	[ "$CHECKED" -gt 0 ] || { echo "nothing was checked"; exit 1; }
	[ "$findings" -eq 0 ]
}
