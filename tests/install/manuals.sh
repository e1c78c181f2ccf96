#!/bin/bash
# Man pages and programs agree: options in both directions, settings and their choices likewise; mandoc finds nothing.
# manuals.sh CLONE PNYX PNYX-REPLICA PNYX-CONTROL (the last two may be missing)
set -euo pipefail
pages=$1/install settings=$1/client/config/settings.c
checked=0 findings=0
finding() { echo "$*"; findings=$((findings + 1)); }

options_of() { grep -oE '(^ +|, )--[a-z-]+' | tr -d ' ,' | sed 's/^--//'; } # of --help on standard input
# agree PAGE: long options on standard input are those of the page.
agree() {
	local only
	sort -u | grep -vxE 'help|usage|version' >"$dir/there"
	grep -oE '\bFl -[a-z-]+' "$pages/$1" | sed 's/^Fl -//' | sort -u | grep -vxE "${2:-}" >"$dir/told"
	checked=$((checked + $(wc -l <"$dir/there")))
	for only in $(comm -23 "$dir/there" "$dir/told"); do finding "$1 does not tell of --$only"; done
	for only in $(comm -13 "$dir/there" "$dir/told"); do finding "$1 tells of --$only, which is no option"; done
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

mapfile -t commands < <("$2" --help | sed -n '/^Commands:/,/^`pnyx/s/^  \([a-z]*\).*/\1/p')
for command in "${commands[@]}"; do
	grep -q "^.It Cm $command\b" "$pages/pnyx.1" || finding "pnyx.1 does not tell of $command"
	"$2" "$command" --help | options_of >>"$dir/options"
done
agree pnyx.1 '' <"$dir/options"
# EAL's own are not the replica's.
[ $# -lt 3 ] || "$3" --help | options_of | agree pnyx-replica.8 'lcores|vdev|huge-dir|no-huge|file-prefix'
[ $# -lt 4 ] || "$4" --help | options_of | agree pnyx-control.8 ''

sed -nE '/#define/d; s/.*\.name = "([a-z_]+)".*/\1/p; s/.*NUMBER\([a-z_]+, ([a-z_]+),.*/\1/p' "$settings" | sort -u >"$dir/there"
sed -n 's/^\.It Ic //p' "$pages/pnyx.conf.5" | tr -d ' ' | tr ',' '\n' | sort -u >"$dir/told"
checked=$((checked + $(wc -l <"$dir/there")))
for only in $(comm -23 "$dir/there" "$dir/told"); do finding "pnyx.conf.5 does not tell of $only"; done
for only in $(comm -13 "$dir/there" "$dir/told"); do finding "pnyx.conf.5 tells of $only, which is no setting"; done
for choice in $(sed -nE 's/.*\.choices = "([a-z|]+)".*/\1/p' "$settings" | tr '|' '\n' | sort -u); do
	grep -qw "$choice" "$pages/pnyx.conf.5" || finding "pnyx.conf.5 does not tell of the choice $choice"
done

echo "manuals: $checked options and settings, $findings findings"
[ "$findings" -eq 0 ] && [ "$checked" -gt 60 ]
command -v mandoc >/dev/null || { echo "mandoc is not installed: the pages' own form was not looked at"; exit 77; }
mandoc -T lint -W warning "$pages"/*.[158]
