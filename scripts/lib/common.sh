# What every script needs: the clone's paths and name, messages, options. Sourced, never run.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# Two clones on one machine must not touch each other's clusters: all names carry a hash of the path.
ID=${PNYX_ID:-$(printf '%s' "$ROOT" | md5sum | cut -c1-6)}
BUILD=${PNYX_BUILD:-$ROOT/build}

# An interrupted script says so by its exit code, also when what it waited for made a failure of it. Who has more to do sets its own.
trap 'exit 130' INT TERM HUP

# One line for the person who watches, on standard error so that standard output stays for results.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Ends the script: 2 = used wrongly, 1 = did not work.
fail() { say "$*"; exit 1; }
usage_error() { say "$* (--help shows what there is)"; exit 2; }

# need_value OPTION COUNT: an option that takes a value must have one.
need_value() { [ "$2" -ge 2 ] || usage_error "$1 needs a value"; }

# need_number OPTION VALUE MIN MAX
need_number() {
	[[ $2 =~ ^[0-9]{1,9}$ ]] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] ||
		usage_error "$1 takes a number from $3 to $4, not '$2'"
}

# Opens a file without a name as descriptor 8 and sets LOG to a path for it: nothing is left of it, however this process ends.
log_open() {
	LOG=$(mktemp)
	exec 8<>"$LOG"
	rm -f "$LOG"
	LOG=/proc/$BASHPID/fd/8
}

log_close() { exec 8>&-; }

have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# The comment at the top of a script is its manual.
print_manual() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"; }
