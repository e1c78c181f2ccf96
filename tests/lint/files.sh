#!/bin/bash
# Habits that a reader sees first: short files, a first line that says what the file is, a README in every folder.
. "$(dirname "$0")/lint.sh"

CHECKED=0
while read -r file; do
	CHECKED=$((CHECKED + 1))
	lines=$(wc -l <"$file")
	[ "$lines" -le 500 ] || finding "$file" "$lines lines; 500 is the most"
	case $(head -1 "$file") in
	'// '?* | '/* '?*) ;;
	*) finding "$file:1" "the first line does not say what the file is" ;;
	esac
	case $file in *.h) grep -q '^#pragma once' "$file" || finding "$file" "a header without #pragma once" ;; esac
done < <(sources .)

while read -r folder; do
	[ -z "$(find "$folder" -maxdepth 1 -type f ! -name README.md -print -quit)" ] || [ -s "$folder/README.md" ] ||
		finding "$folder" "a folder without README.md"
done < <(find . \( -name .git -o -name .ci -o -path './build*' \) -prune -o -type d -print | sed 's|^\./||')

# Split, so that this file does not find itself.
unfinished='\b(TO''DO|FIX''ME|XX''X)\b'
while IFS=: read -r file line _; do
	finding "$file:$line" "unfinished"
done < <(grep -rnE "$unfinished" --include='*.[ch]' --include='*.sh' --include='*.md' --include=meson.build \
	--exclude-dir=.git --exclude-dir='build*' . || :)
end files
