#!/bin/bash
# What the dissector says of a capture from real replicas: every message in order, every question answered, garbage marked.
. "$(dirname "$0")/cluster.sh"
have tshark || skip "tshark is not installed"
need_ground "$@"
cluster_for_test 3
lua=$ROOT/wireshark/pnyx.lua
capture=$RUN/capture.pcapng
export HOME=$RUN XDG_CONFIG_HOME=$RUN # nobody's own plugins and preferences

# On the bridge's side of the cable: what a replica sends with qdisc_bypass is not shown to captures on its own device.
made_spawn dumpcap "$RUN/dumpcap.log" ip netns exec "$(netns br)" dumpcap -q -i r1 -w "$capture"
capturing() { until [ -s "$capture" ]; do kill -0 "$1" || return 1; sleep 0.1; done; }
check "dumpcap captures" capturing "$SPAWNED"
for k in $(seq 20); do pnyx --via r1 put "key$k" "value$k" >/dev/null; done
pnyx --via r1 get key7 >/dev/null
pnyx --via r1 echo >/dev/null
"${CLIENT[@]}" bash -c "printf garbage >/dev/udp/$NET.1/7787"
check "a replica counts the garbage" grep -q 'short' <(pnyx --via r1 status)
sleep 0.5
kill -INT "$SPAWNED"
wait "$SPAWNED" || :

shark() { tshark -X "lua_script:$lua" -r "$capture" "$@" 2>>"$RUN/tshark.log"; }
count() { shark -Y "$1" | wc -l; }
# Only the first message of a frame counts here: a lone client's commands travel alone.
shark -Y pnyx -2 -T fields -e frame.number -e pnyx.drop -e pnyx.members >"$RUN/frames"
check "one frame is marked: $(wc -l <"$RUN/frames") frames" is "$(awk -F'\t' '$2 != "" { print $2 }' "$RUN/frames")" short
check "how many members there are is worked out" is "$(awk -F'\t' '$3 != "" { print $3 }' "$RUN/frames" | sort -u)" 3
for type in PreAccept PreAcceptOK Commit Status C_Request C_Reply C_Hello C_Welcome; do
	check "there are messages of type $type" test "$(shark | grep -cw "$type")" -gt 0
done
check "each put is read down to key and value" is "$(shark -Y 'pnyx.type == 33 && pnyx.op == 2' -T fields -e pnyx.key -e pnyx.value | paste -sd ' ')" \
	"$(for k in $(seq 20); do printf 'key%d\tvalue%d\n' "$k" "$k"; done | paste -sd ' ')"
check "each request has its answer" is "$(shark -2 -Y 'pnyx.type == 33 && !pnyx.reply_in && !pnyx.resend_of' | wc -l)" 0
check "requests have round trips" test "$(count 'pnyx.type == 49 && pnyx.time > 0 && pnyx.reply_to')" -ge 21
check "and so have PreAccepts" test "$(count 'pnyx.type == 2 && pnyx.time > 0')" -ge 20
check "and an echo" test "$(count 'pnyx.kind == 5 && pnyx.time > 0')" -ge 1
check "no Lua error" is "$(shark -V | grep -ci 'lua error')$(grep -ci lua "$RUN/tshark.log" | grep -v '^0$')" 0
shark -q -z "io,stat,0,AVG(pnyx.time)pnyx.time&&pnyx.type==49" | grep -E '^\|.*<>' || :
test_end
