#!/bin/bash
# Three control planes with replicas that only have a mailbox, over loopback: each part is killed, stopped, lied to.
# processes.sh PNYX-CONTROL FAKE-REPLICA PNYX
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
control=$1 fake=$2 pnyx=$3
dir=$(mktemp -d)
net=127.$(($$ % 200 + 20)).$(($$ / 200 % 250)) # two runs at once do not meet
checks=0 failures=0
declare -A planes=()

# Every process of ours has its pid in a file or a variable; nothing is ended by name.
finish() {
	local name pid
	for name in a b c d; do
		[ -z "${planes[$name]:-}" ] || kill -KILL "${planes[$name]}" 2>/dev/null || :
		pid=$(cat "$dir/$name/pid" 2>/dev/null) && kill -KILL "$pid" 2>/dev/null || :
	done
	[ "$failures" -eq 0 ] || tail -n 40 "$dir"/*.log
	rm -rf "$dir"
}
trap finish EXIT

check() { # WHAT COMMAND...
	local what=$1
	shift
	checks=$((checks + 1))
	if "$@"; then echo "ok   $what"; else echo "FAIL $what"; failures=$((failures + 1)); fi
}
is() { [ "$1" = "$2" ] || { echo "     '$1' instead of '$2'"; return 1; }; }

# eventually COMMAND...: tried for a while; how long it took is nobody's business here.
eventually() {
	local deadline=$((SECONDS + 30))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || { "$@"; return 1; }
		sleep 0.05
	done
}

{
	echo 'cluster = { id = "0x77"; name = "test"; };'
	echo 'members = ('
	for k in 1 2 3; do
		name=$(tr 123 abc <<<$k)
		printf '  { name = "%s"; uuid = "00000000-0000-4000-8000-00000000000%d"; ip = "10.77.0.%d"; control = "%s.%d:7788"; }%s\n' \
			"$name" $k $k "$net" $k ,
	done
	echo '  { name = "j"; uuid = "00000000-0000-4000-8000-000000000009"; ip = "10.77.0.9"; control = "'"$net"'.8:7788"; join = true; }'
	echo ');'
	echo 'control = { suspect_ms = 50; trust_ms = 100; };'
} >"$dir/conf"
column() { case $1 in a) echo 0 ;; b) echo 1 ;; c) echo 2 ;; esac; }
ip() { echo "$net.$(($(column "$1") + 1))"; }
mkdir "$dir"/{a,b,c,d}

# The command writes its pid, so that the test can kill what it did not start.
start_control() { # NAME
	PNYX_CONTROL_METRICS=$(ip "$1"):9788 "$control" -c "$dir/conf" -n "$1" -r "$dir/$1" \
		--spawn "echo \$\$ >$dir/$1/pid; exec $fake $dir/$1 0x77 $(column "$1")" 2>>"$dir/$1.log" &
	planes[$1]=$!
	disown
}
ask() { python3 "$here/ask.py" "$dir/$1/control.sock" "${@:2}"; } # NAME COMMAND [PATH]
get() { python3 "$here/ask.py" "http://$(ip "$1"):9788$2"; }
says() { is "$(ask "$1" status "$2")" "$3"; } # NAME PATH VALUE
pid_of() { cat "$dir/$1/pid"; }
logged() { grep -q -- "$2" "$dir/$1.log"; }
runs() { kill -0 "$1" 2>/dev/null; }

for name in a b c; do start_control $name; done
for name in a b c; do check "control of $name brings its replica up" eventually says $name life serving; done
for name in a b c; do
	for peer in a b c; do check "$name knows that $peer serves" eventually says $name members.$peer.says.life serving; done
done
check "nobody is suspected" is "$(ask a status members.b.suspect) $(ask a status members.c.suspect)" "false false"
check "/health is 200" is "$(get a /health | sed -n 1p)" 200
check "/metrics tells the replica's life" grep -q '^pnyx_replica_life{life="serving"} 1$' <(get a /metrics)
check "/metrics tells its counters" grep -q '^pnyx_executed_total [1-9]' <(get a /metrics)
check "every line of /metrics is one of Prometheus' format" is "$(get a /metrics | tail -n +2 |
	grep -vcE '^(# (HELP|TYPE) pnyx_[a-z_]+ .+|pnyx_[a-z_]+(\{[a-z]+="[^"]*"\})? -?[0-9.]+)$')" 0
check "/status is the same as the admin socket's" grep -q '"life": "serving"' <(get a /status)
check "anything else is 404" is "$(get a /etc/passwd | sed -n 1p)" 404
check "the admin socket is for user and group" is "$(stat -c %a "$dir/a/control.sock")" 660

# A replica dies: the others know at once, it comes again.
old=$(pid_of a)
kill -KILL "$old"
check "b suspects a, because it died" eventually logged b 'event=suspect peer=a cause=died'
check "c suspects a, because it died" eventually logged c 'event=suspect peer=a cause=died'
check "b's replica took the suspicion" eventually logged b 'event=suspicion-taken peer=a'
check "a new process serves" eventually says a life serving
check "it is another one" test "$(pid_of a)" != "$old"
check "b trusts a again" eventually says b members.a.suspect false
check "b's replica was told so" eventually logged b 'event=trust-taken peer=a'
check "the restart is counted" is "$(ask b status members.a.says.restarts)" 2

# A control plane dies at any time: its replica does not notice; the next one finds it.
for name in b c; do
	old=$(pid_of $name)
	kill -KILL "${planes[$name]}"
	check "a hears that the control plane of $name is gone" eventually says a members.$name.control false
	check "the replica of $name goes on" runs "$old"
	start_control $name
	check "a new control plane finds the replica of $name" eventually says $name life serving
	check "the same process" is "$(pid_of $name) $(ask $name status pid)" "$old $old"
	check "a knows $name again" eventually says a members.$name.says.life serving
done
# Both at once.
kill -KILL "${planes[b]}" "$(pid_of b)"
start_control b
check "both killed: both are back" eventually says b life serving

# Silence: c hears nothing of a.
touch "$dir/c/deaf-0"
check "c suspects a, because it is silent" eventually says c members.a.suspect true
check "it says why" logged c 'event=suspect peer=a cause=silent'
check "b does not" is "$(ask b status members.a.suspect)" false
rm "$dir/c/deaf-0"
check "c trusts a when it is heard again" eventually says c members.a.suspect false

# A replica that stands still suspects nobody when it goes on, and one that stopped is not dead.
kill -STOP "$(pid_of c)"
sleep 0.5
kill -CONT "$(pid_of c)"
sleep 0.3
check "who stood still suspects nobody" is "$(ask c status members.a.suspect) $(ask c status members.b.suspect)" "false false"

# Asked to end: it stays down until asked to start; each wish is logged with who had it.
touch "$dir"/{b,c}/deaf-0 # its frames end with it
kill -TERM "$(pid_of a)"
check "stopped on purpose" eventually says a life stopped
check "/health is 503" is "$(get a /health | sed -n 1p)" 503
check "b suspects a" eventually says b members.a.suspect true
check "it stays down" says a life stopped
rm "$dir"/{b,c}/deaf-0
check "start" is "$(ask a start 'done')" true
check "it serves again" eventually says a life serving
old=$(pid_of a)
check "restart" is "$(ask a restart 'done')" true
check "another process serves" eventually bash -c "[ \$(cat $dir/a/pid) != $old ]"
check "and is known" eventually says a life serving
check "stop" is "$(ask a stop 'done')" true
check "it is down" eventually says a life stopped
check "who asked is logged" logged a "event=admin command=stop user=$(id -un) uid=$(id -u)"
check "pnyx shows what the control planes know, and that no replica answers" is \
	"$("$pnyx" -c "$dir/conf" -C "$dir" -t 100 status 2>/dev/null | grep -cE '^  (a +stopped|[bc] +serving) '; echo "${PIPESTATUS[0]}")" "3
5"
check "pnyx asks for the same" "$pnyx" -C "$dir" --via c replica restart
check "and it is logged" logged c 'event=admin command=restart'
check "c serves again" eventually says a members.c.says.life serving
check "pnyx hears a refusal" is "$("$pnyx" -C "$dir" --via a replica restart 2>&1 || :)" "pnyx: a: it does not run"
check "start again" is "$(ask a start 'done')" true
check "a serves" eventually says a life serving
check "starting it twice is refused" is "$(ask a start error)" "it runs already"
check "an unknown wish is refused" grep -q 'unknown command' <<<"$(ask a destroy error)"

# Liars on the TCP port: from an address that is no member's, garbage from one that is, silence, far too many.
python3 - "$net" <<'END'
import random, socket, struct, sys
net, held = sys.argv[1], []
def dial(source):
    s = socket.socket()
    s.bind((source, 0))
    s.settimeout(5)
    s.connect((net + '.1', 7788))
    held.append(s)
    return s
def tell(s, data):
    try:
        s.sendall(data)
    except OSError:
        pass
random.seed(1)
assert dial(net + '.99').recv(1) == b''  # a stranger is not heard
for k in range(60):
    s = dial(net + '.2')
    kind = k % 4
    if kind == 0:
        tell(s, bytes(random.randrange(256) for _ in range(random.randrange(1, 9000))))
    elif kind == 1:
        tell(s, struct.pack('<IIHHI', 0xffffffff, 0x43594e50, 1, 1, 0) + b'x' * 5000)
    elif kind == 2:  # a HELLO of another cluster
        tell(s, struct.pack('<IIHHI', 48, 0x43594e50, 1, 1, 0) + struct.pack('<Q', 1) + bytes(24))
    if kind != 3 and k >= 40:
        s.close()
END
check "liars change nothing: a knows b and c" eventually says a members.b.says.life serving
check "and they know a" eventually says b members.a.says.life serving
check "the control plane of a is the same process" runs "${planes[a]}"

# Who asks for a state: there is none here. Twice in one breath, of another cluster, from a stranger: no answer.
python3 - "$net" <<'END'
import socket, struct, sys
net = sys.argv[1]
def ask(source, cluster, times=1):
    s = socket.socket()
    s.bind((source, 0))
    s.settimeout(10)
    s.connect((net + '.1', 7788))
    try:
        s.sendall(times * (struct.pack('<IIHHI', 56, 0x43594e50, 1, 3, 0) + struct.pack('<Q16sIIQ', cluster, bytes(15) + b'\x02', 0, 0, 1)))
        return s.recv(4096)
    except OSError:
        return b''
said = ask(net + '.2', 0x77)
assert len(said) > 16 and struct.unpack_from('<IIHH', said)[0:4:3] == (len(said), 4), said
assert ask(net + '.8', 0x77)[:12] == said[:12]  # a joiner's address is known
assert ask(net + '.2', 0x78) == ask(net + '.2', 0x77, 2) == ask(net + '.99', 0x77) == b''
END
check "nor does asking for a state" eventually says a members.b.says.life serving
check "a's link with b has not suffered" test "$(grep -c 'link-lost peer=b direction=in why="it dialed again"' "$dir/a.log")" -lt 2

# Other members: added, removed, replaced; every control plane follows its replica's list.
members() { "$pnyx" -C "$dir" --via "$1" members "${@:2}" 2>&1; } # NAME [CHANGE...]
columns() { is "$(members "$1" | sed -n 's/^  \([a-j]\) .*/\1/p' | tr -d '\n')" "$2"; } # NAME MEMBERS
check "the members are those of the file" columns a abc
check "the epoch is told" is "$(members a | sed -n 1p)" "epoch 1 as a sees it, whose replica is member"
check "who is a member cannot be added" is "$(members a add b || :)" "pnyx: b is a member already"
check "nor who is in no file" grep -q 'not in the configuration file' <<<"$(members a add z || :)"
check "nor can another be removed" is "$(members a remove j || :)" "pnyx: j is not a member"
check "a word that is none is refused" grep -q 'right would be' <<<"$(members a burn b || :)"
check "a says when the change is done" is "$(members a add j)" "done: epoch 2"
for name in a b c; do check "$name follows" eventually columns $name abcj; done
check "links go with their members" is "$(ask a status members.b.control) $(ask a status members.c.control) $(ask a status members.j.control)" \
	"true true false"
check "who asked is logged" logged a "event=admin command=members user=$(id -un) uid=$(id -u)"
check "a is removed, and b says so" is "$(members b remove a)" "done: epoch 3"
for name in b c; do check "$name follows" eventually columns $name bcj; done
check "a is retired" eventually says a standing retired
check "and not healthy" is "$(get a /health | sed -n 1p)" 503
check "it takes no change" grep -q 'ask another node' <<<"$(members a add a || :)"
check "/metrics tells epoch and members" is "$(get b /metrics | grep -cE '^pnyx_(epoch|members) 3$')" 2
touch "$dir/b/deaf-1"
check "columns are the new ones: b does not hear c" eventually says b members.c.suspect true
rm "$dir/b/deaf-1"
check "and hears it again" eventually says b members.c.suspect false
check "c replaces itself" is "$(members b replace c c)" "done: epoch 4"
check "with a new incarnation" eventually says b members.c.incarnation 1

# A command that cannot work is tried again later and later; the log says so.
"$control" -c <(sed "s/$net\.1:7788/$net.9:7788/" "$dir/conf") -n a -r "$dir/d" --spawn false 2>"$dir/d.log" &
planes[d]=$!
disown
check "another control plane with a command that fails is up" eventually logged d 'event=ready' || :
check "its failing start is logged" eventually logged d 'event=start-failed'
check "and tried again later" eventually logged d 'event=start-failed retry_ms=200'
kill -KILL "${planes[d]}"

expect() { # CODE TEXT ARGUMENTS...
	local code=$1 text=$2 out rc=0
	shift 2
	out=$("$control" "$@" 2>&1) || rc=$?
	is "$rc" "$code" && grep -qF -- "$text" <<<"$out" || { echo "     $out"; return 1; }
}
check "one control plane for a run directory" expect 2 "another pnyx-control uses" -c "$dir/conf" -n a -r "$dir/a"
check "options are checked" expect 2 "-c FILE and -n NAME are needed"
check "a stray word is refused" expect 2 "what is \`stray\`?" -c "$dir/conf" -n a stray
check "a wrong file is a sentence" expect 2 "$dir/absent:1:" -c "$dir/absent" -n a
check "an unknown member is a sentence" expect 2 "no member is named 'z'" -c "$dir/conf" -n z

for name in a b c; do kill -TERM "${planes[$name]}"; done
for name in a b c; do check "control of $name ends when asked to" eventually bash -c "! kill -0 ${planes[$name]} 2>/dev/null"; done
for name in a b c; do check "the replica of $name goes on without it" runs "$(pid_of $name)"; done
check "the admin socket is gone" test ! -e "$dir/a/control.sock"
echo "processes: $checks checks, $failures failed"
[ "$failures" -eq 0 ]
