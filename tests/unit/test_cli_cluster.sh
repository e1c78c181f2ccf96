#!/bin/sh
# The command line against a real cluster of three on loopback: answers, exit codes, JSON, load, a history, equal states.
# Usage: test_cli_cluster.sh PATH-OF-PNYX PATH-OF-LOOPBACK
pnyx=$1 loopback=$2
failures=0 count=0
unset PNYX_SERVER PNYX_TIMEOUT PNYX_VIA PNYX_JSON
dir=$(mktemp -d) || exit 1
pid=
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Ports that are free now; another choice when somebody took one in between.
start() {
	for try in 1 2 3 4 5 6 7 8 9 10; do
		port=$((20000 + ($$ * 7 + try * 997) % 10000))
		cat >"$dir/conf" <<-END
			cluster = { id = 0x5eed0000$(printf %04x $$)L; name = "loop"; };
			members = (
			  { name = "a"; uuid = "3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a01"; ip = "127.0.0.1"; port = $port; },
			  { name = "b"; uuid = "3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a02"; ip = "127.0.0.1"; port = $((port + 1)); },
			  { name = "c"; uuid = "3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a03"; ip = "127.0.0.1"; port = $((port + 2)); }
			);
			replica = { window = 4096; sessions_max = 1024; };
		END
		"$loopback" "$dir/conf" >"$dir/log" 2>&1 &
		pid=$!
		while kill -0 "$pid" 2>/dev/null; do
			grep -q ready "$dir/log" && return 0
			sleep 0.05
		done
	done
	cat "$dir/log"
	return 1
}

# expect CODE WORDS ARGUMENT...: exit code, and words in what it says ("=TEXT": exactly that).
expect() {
	code=$1 words=$2
	shift 2
	said=$("$pnyx" "$@" 2>&1)
	got=$?
	count=$((count + 1))
	case $words in
	=*) [ "$said" = "${words#=}" ] || got="$got, other words" ;;
	*) case $said in *"$words"*) ;; *) got="$got, without the words" ;; esac ;;
	esac
	if [ "$got" != "$code" ]; then
		failures=$((failures + 1))
		printf 'FAIL: pnyx %s\n  expected exit code %s and "%s"\n  got %s: %s\n' "$*" "$code" "$words" "$got" "$said"
	fi
}

start || exit 1
export PNYX_CONFIG="$dir/conf"

expect 0 "answering 3" -C "$dir" top --count 1 --interval 100
expect 0 "longest turn" -C "$dir" status
expect 0 '"control": null' -C "$dir" --json status
expect 0 "answers at 127.0.0.1" doctor
expect 1 "not found" get k
expect 0 "=ok" --via a put k hello
expect 0 "=hello" --via b get k
expect 0 "=hello" --via 2 get k
expect 0 "answered in" --via c -V get k
expect 2 "right would be a member's name" --via d get k
expect 0 '"value": "hello"' --json get k
expect 0 '"server": "b"' --json --via b get k
expect 1 '"status": "not found"' --json get nothing
expect 0 "=ok" cas k hello world
expect 1 "no match" cas k hello again
expect 1 '"status": "no match"' --json cas k hello again
expect 0 "=ok" cas --absent fresh x
expect 1 "no match" cas --absent fresh y
expect 0 "=1" incr n
expect 0 "=-4" incr n -- -5
expect 0 "=-9" incr n -5
expect 0 '"number": -4' incr n 5 --json
expect 0 "=3" incr n --by=7
expect 4 "not a number" incr k
expect 0 "=7" append k '!!'
expect 0 "=ok" mput x 1 y 2
expect 0 "y = 2" mget x y
expect 1 "z is not there" mget x z
expect 0 '"items": [{"key": "x", "value": "1"}' --json mget x
expect 0 "=ok" del x
expect 1 "not found" del x
expect 2 "invalid" put k "$(head -c 2000 /dev/zero | tr '\0' v)"
expect 2 "invalid" get "$(head -c 256 /dev/zero | tr '\0' k)"

# Bytes of every kind come back as they went.
head -c 1000 /dev/urandom >"$dir/bytes"
"$pnyx" put bin - <"$dir/bytes" >"$dir/said" && "$pnyx" --raw --via c get bin >"$dir/back"
cmp "$dir/bytes" "$dir/back" || failures=$((failures + 1))

expect 0 "answering 3" status
expect 0 "replica b" --via b status
expect 0 '"fast_percent"' --json status
expect 0 "answered 2 lost 0" echo --count 2 --interval 1
expect 0 "state=equal" digest

# Load: every operation has an outcome, the history has them all and no two appends of an element.
expect 0 "operations a second" bench --seconds 1 --warmup 0 --hot 50 --reads 20 --preload --keys 100 --value-size 500
expect 0 '"ratio"' --json bench --seconds 1 --warmup 0 --latency-phase 1 --echo --spread one --via b
expect 0 '"failed": 0' --json bench --seconds 1 --warmup 0 --workload append --keys 10 --reads 30 --record "$dir/appends"

# Open loop: as many as the rate says, each meant for its time; all latencies as a file.
expect 2 "right would be --arrivals with --rate" bench --arrivals poisson
expect 2 "right would be --skew with --workload mix" bench --skew 1 --workload append
expect 2 "right would be constant or poisson" bench --arrivals normal --rate 1
expect 2 "cannot write" bench --seconds 1 --warmup 0 --rate 10 --histogram "$dir/no/file"
expect 0 '"meant": 200, "unsent": 0' --json bench --seconds 1 --warmup 0 --rate 200 --arrivals constant --skew 0.99 --histogram "$dir/hdr"
grep -q '^#\[Max .*Total count    =          200\]' "$dir/hdr" || { failures=$((failures + 1)); echo "FAIL: not 200 latencies in $(tail -3 "$dir/hdr")"; }
expect 0 "poisson arrivals: 300 a second offered" bench --seconds 1 --warmup 0 --rate 300 --arrivals poisson

# The cluster stands still for a second of four: a quarter of what was to begin waited for it, also what could not be in flight.
rm -f "$dir/history"
"$pnyx" --json bench --seconds 4 --warmup 0 --rate 1000 --arrivals constant --outstanding 16 --record "$dir/history" >"$dir/said" &
bench=$!
until [ -s "$dir/history" ]; do sleep 0.02; done
kill -STOP "$pid"
sleep 1
kill -CONT "$pid"
wait "$bench" || { failures=$((failures + 1)); echo "FAIL: the open loop did not survive a pause"; }
if ! python3 -c '
import json, sys
load = json.load(open(sys.argv[1]))["load"]
sys.exit(not (load["meant"] == 4000 and load["p90_us"] > 300000 and load["ops"] + load["unsent"] + load["unknown"] + load["failed"] == 4000))' "$dir/said"; then
	failures=$((failures + 1))
	echo "FAIL: a pause of a second is not in the latencies: $(cat "$dir/said")"
fi
expect 0 "state=equal" digest
lines=$(wc -l <"$dir/appends")
whole=$(grep -c '^{"process":[0-9]*,"op":"[a-z]*","key":".*,"status":"ok","call":[0-9]*,"ret":[0-9]*}$' "$dir/appends")
twice=$(grep -o '"op":"append","key":"[^"]*","value":"[^"]*"' "$dir/appends" | sort | uniq -d | wc -l)
if [ "$lines" -lt 100 ] || [ "$whole" -ne "$lines" ] || [ "$twice" -ne 0 ]; then
	failures=$((failures + 1))
	echo "FAIL: history of $lines lines, $whole of them whole, $twice elements twice"
fi

echo "test_cli_cluster: $count cases, $failures failed"
[ "$failures" -eq 0 ] && [ "$count" -gt 35 ]
