#!/bin/bash
# The dissector under tshark, on captures that write_capture makes: its verdict on every frame is the decoder's, never a Lua error; times
# from question to answer are those of the capture. dissector.sh WRITE-CAPTURE PNYX.LUA
set -euo pipefail
command -v tshark >/dev/null || { echo "tshark is not installed"; exit 77; }
write=$1 lua=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export HOME=$dir XDG_CONFIG_HOME=$dir # nobody's own plugins and preferences
CAPTURE_DIR=$dir "$write" >"$dir/log" || { cat "$dir/log"; exit 1; }
failures=0 checks=0

# shark FILE OPTIONS...: also looks whether Lua complained.
shark() {
	tshark -X "lua_script:$lua" -r "$dir/$1" "${@:2}" 2>"$dir/said"
	if grep -i 'lua' "$dir/said" | grep -v dangerous; then
		echo "FAIL tshark complains about the dissector"
		return 1
	fi
}
is() { # WHAT GOT WANTED
	checks=$((checks + 1))
	[ "$2" = "$3" ] || { printf 'FAIL %s:\n%s\n  instead of\n%s\n' "$1" "$2" "$3"; failures=$((failures + 1)); }
}
fields() { # FILE FIELD...
	local -a wanted=()
	for f in "${@:2}"; do wanted+=(-e "$f"); done
	shark "$1" -2 -T fields "${wanted[@]}"
}

shark verdicts.pcap -o pnyx.members:5 -T fields -e pnyx.drop >"$dir/verdicts"
paste -d '|' "$dir/verdicts.txt" "$dir/verdicts" | awk -F'|' '$1 != $2 { print "FAIL frame " NR ": decoder says \"" $1 "\", dissector \"" $2 "\"" }' >"$dir/differ"
head -5 "$dir/differ"
frames=$(wc -l <"$dir/verdicts.txt")
is "verdicts that differ" "$(wc -l <"$dir/differ")" 0
is "frames" "$(wc -l <"$dir/verdicts")" "$frames"
dropped=$(grep -c . "$dir/verdicts.txt")
is "some frames are in order, some are not" "$((dropped > frames / 4 && dropped < frames * 3 / 4))" 1
reasons=$(tr ',' '\n' <"$dir/verdicts.txt" | grep . | sort -u | paste -sd ' ')
is "every reason comes up" "$reasons" "ballot crc kind magic malformed payload short type version"
shark verdicts.pcap -V >"$dir/all" # members worked out; an error inside the dissector stands in the packet
is "no Lua error in a packet" "$(grep -ci 'lua error' "$dir/all")" 0

is "what an exchange looks like" "$(shark exchange.pcap -T fields -e _ws.col.Info)" \
	"C_Request [PUT k]
r0: PreAccept 0.6 seq 9 D 5,0,0 [PUT k]
r0: PreAccept 0.6 seq 9 D 5,0,0 [PUT k]
r1: PreAcceptOK 0.6 D 5,0,0
r2: PreAcceptOK 0.6 D 5,0,0
r0: C_Reply OK
C_Request [PUT k]
C_Request [PUT k]
r0: C_Reply OK
Echo
Echo reply"
tab=$'\t'
is "round trips" "$(fields exchange.pcap frame.number pnyx.reply_in pnyx.reply_to pnyx.resend_of pnyx.time)" \
	"1${tab}6${tab}${tab}${tab}0.000045000
2${tab}4${tab}${tab}${tab}0.000020000
3${tab}5${tab}${tab}${tab}0.000030000
4${tab}${tab}2${tab}${tab}0.000020000
5${tab}${tab}3${tab}${tab}0.000030000
6${tab}${tab}1${tab}${tab}0.000045000
7${tab}9${tab}${tab}${tab}0.005040000
8${tab}${tab}${tab}7${tab}
9${tab}${tab}7${tab}${tab}0.005040000
10${tab}11${tab}${tab}${tab}0.000008000
11${tab}${tab}10${tab}${tab}0.000008000"
is "all of one instance" "$(shark exchange.pcap -Y 'pnyx.instance == "0.6"' -T fields -e pnyx.key -e pnyx.value -e pnyx.members | paste -sd ' ')" \
	"k${tab}hi${tab}3 k${tab}hi${tab}3 ${tab}${tab}3 ${tab}${tab}3"
is "where a reply's command was" "$(shark exchange.pcap -Y pnyx.carried_by -T fields -e pnyx.carried_by -e pnyx.status -e pnyx.op | paste -sd ' ')" \
	"1.0.6${tab}0${tab}2 1.0.7${tab}0${tab}2"
echo "dissector: $frames frames ($dropped out of order) judged as the decoder does, $checks checks, $failures failures"
[ "$failures" -eq 0 ]
