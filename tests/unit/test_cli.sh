#!/bin/sh
# How `pnyx` answers wrong usage: exit code and the words that must help. Usage: test_cli.sh PATH-OF-PNYX
pnyx=$1
failures=0 count=0
unset PNYX_SERVER PNYX_CONFIG PNYX_TIMEOUT PNYX_VIA PNYX_JSON
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
# Nobody listens there: port 9 of an address that only this machine has.
nobody=127.0.0.1:9

# expect CODE WORDS ARGUMENT...: runs pnyx, compares the exit code, looks for the words in what it says.
expect() {
	code=$1 words=$2
	shift 2
	said=$("$pnyx" "$@" 2>&1 </dev/null)
	got=$?
	count=$((count + 1))
	case $said in *"$words"*) ;; *) got="$got, without the words" ;; esac
	if [ "$got" != "$code" ]; then
		failures=$((failures + 1))
		printf 'FAIL: pnyx %s\n  expected exit code %s and "%s"\n  got %s: %s\n' "$*" "$code" "$words" "$got" "$said"
	fi
}

cat >"$dir/good" <<'END'
cluster = { id = 7; name = "x"; };
members = ( { name = "a"; ip = "127.0.0.1"; port = 9; uuid = "3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a01"; } );
END
sed 's/port = 9/port = 0/' "$dir/good" >"$dir/bad"

# help
expect 0 "Commands:" --help
expect 0 "pnyx 0" --version
expect 0 "--latency-phase" bench --help
expect 0 "PNYX_SERVER" get --help
# no or a wrong command
expect 2 "which command"
expect 2 "there is no command 'fetch'" fetch k
expect 2 "unrecognized option" --nonsense get k
expect 2 "unrecognized option" get --nonsense k
# arguments
expect 2 "too few arguments: get needs KEY" -s $nobody get
expect 2 "too many arguments: 'b'; get takes at most 1" -s $nobody get a b
expect 2 "mget takes at most 16" -s $nobody mget 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17
expect 2 "invalid option" -s $nobody incr k -x
expect 2 "too few arguments" -s $nobody put k
expect 2 "right would be KEY OLD NEW, or --absent KEY NEW" -s $nobody cas k v
expect 2 "right would be --absent KEY NEW (no OLD)" -s $nobody cas --absent k old new
expect 2 "a value for each key" -s $nobody mput a 1 b
expect 2 "a whole number of 64 bits" -s $nobody incr k one
expect 2 "a whole number of 64 bits" -s $nobody incr k --by=9223372036854775808
# common options
expect 2 "no servers; right would be --server a,b,c or -c FILE" get k
expect 2 "'0'; right would be milliseconds from 1 to 3600000" -s $nobody -t 0 get k
expect 2 "right would be HOST or HOST:PORT" -s 127.0.0.1:0 get k
expect 2 "right would be HOST or HOST:PORT" -s 127.0.0.1,, get k
expect 2 "right would be HOST or HOST:PORT" -s 127.0.0.1:port get k
expect 2 "right would be a list" -s "" get k
expect 2 "a directory with its whole path" -s $nobody -C here get k
# the node's own: no replica is asked
expect 2 "which replica? right would be --via NAME" replica stop
expect 2 "right would be stop, start or restart" --via a replica destroy
expect 5 "no control plane answers in $dir/a" -C "$dir" --via a replica stop
expect 2 "milliseconds from 100 to 60000" -s $nobody top --interval 5
expect 0 " checks, " doctor
mkdir -p "$dir/tree/proc" "$dir/tree/sys/kernel/mm/hugepages/hugepages-2048kB" "$dir/tree/sys/devices/system/clocksource/clocksource0" \
	"$dir/tree/sys/devices/system/cpu/cpu0/cpufreq"
expect 1 "no sse4_2: DPDK and CRC32C need it" doctor --root "$dir/tree"
echo "flags : fpu sse4_2 constant_tsc nonstop_tsc" >"$dir/tree/proc/cpuinfo"
echo 0 >"$dir/tree/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
echo hpet >"$dir/tree/sys/devices/system/clocksource/clocksource0/current_clocksource"
echo powersave >"$dir/tree/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
expect 0 "hpet: reading the time is slow" doctor --root "$dir/tree"
expect 0 "1 of 1 processors save power" doctor --root "$dir/tree"
expect 0 "none of 2 MiB" doctor --root "$dir/tree"
expect 0 "modprobe vfio-pci" doctor --root "$dir/tree"
expect 0 '"what": "governor", "found": "1 of 1 processors save power' --json doctor --root "$dir/tree"
expect 1 "member a       does not answer at 127.0.0.1:9" -c "$dir/good" -t 200 doctor
# configuration
expect 2 "bad:2: port cannot be 0; right would be a whole number from 1 to 65535" -c "$dir/bad" get k
expect 2 "No such file or directory" -c "$dir/none" get k
expect 2 '"exit": 2' -c "$dir/bad" --json get k
# a new cluster's file
expect 2 "a cluster of whom? right would be --member NAME=IP" init
expect 2 "right would be NAME=IP[:PORT]" init --member a
expect 2 "right would be NAME=IP[:PORT]" init --member a=10.0.0.1/
expect 2 "right would be NAME=IP[:PORT]" init --member a=10.0.0.1:0
expect 2 "right would be an IPv4 address" init --member a=10.0.0.1 --gateway 10.0.0
expect 2 "right would be the length" init --member a=10.0.0.1 --prefix 32
expect 2 "two members are named 'a'" -c "$dir/new" init --member a=10.0.0.1 --member a=10.0.0.2
expect 2 "is outside the network of a" -c "$dir/new" init --member a=10.0.0.1 --member b=10.0.1.2
expect 2 "right would be 1 to 31 letters" -c "$dir/new" init --member "a b=10.0.0.1"
expect 2 "No such file or directory" -c "$dir/none/new" init --member a=10.0.0.1
[ ! -e "$dir/new" ] && [ ! -e "$dir/new.new" ] || { echo "FAIL: what was refused left a file"; failures=$((failures + 1)); }
expect 0 "3 members" -c "$dir/new" init --cluster demo --member a=10.0.0.1 --member b=10.0.1.2:9000/10.1.0.2 --member c=10.0.0.3/10.1.0.3:9001 --gateway 10.0.0.254
expect 2 "all members have join = true" -c "$dir/new-joiners" init --joiner a=10.0.0.1
expect 0 "3 members" -c "$dir/new-joiners" init --joiner a=10.0.0.1 --member b=10.0.0.2 --joiner c=10.0.0.3
[ "$(grep -c "join = true;" "$dir/new-joiners")" = 2 ] || { echo "FAIL: init marked not both joiners"; failures=$((failures + 1)); }
expect 2 "is there already" -c "$dir/new" init --member a=10.0.0.1
for word in 'name = "demo"' 'ip = "10.0.1.2"' 'port = 9000' 'control = "10.1.0.2:7788"' 'control = "10.1.0.3:9001"' 'gateway = "10.0.0.254"'; do
	grep -q "$word" "$dir/new" || { echo "FAIL: init wrote no $word"; failures=$((failures + 1)); }
done
expect 5 "pnyx: " -t 100 -c "$dir/new" get k
expect 0 '"file": "' -c "$dir/new-2" --json init --member a=10.0.0.1
[ "$(grep -hE ' (id|uuid) =' "$dir/new" "$dir/new-2" | sort -u | wc -l)" -eq 6 ] || { echo "FAIL: ids or uuids twice"; failures=$((failures + 1)); }
# bench
expect 2 "right would be 1 to 16384" -s $nobody bench --outstanding 0
expect 2 "a percentage from 0 to 100" -s $nobody bench --hot 101
expect 2 "a percentage from 0 to 100" -s $nobody bench --reads=-1
expect 2 "all or one" -s $nobody bench --spread some
expect 2 "mix or append" -s $nobody bench --workload other
expect 2 "--value-size of 32 or more with --record" -s $nobody bench --record "$dir/h" --value-size 8
expect 2 "a whole number from 64 to 8972" -s $nobody echo --size 8973
expect 2 "too many arguments" -s $nobody status now
# nobody answers
expect 5 "pnyx: " -s $nobody -t 100 get k
expect 5 "pnyx: " -s $nobody -t 100 status
expect 5 "pnyx: " -c "$dir/good" -t 100 digest
expect 5 '"exit": 5' -s $nobody -t 100 --json put k v
# the environment: the same options, weaker than the command line
export PNYX_SERVER=$nobody PNYX_TIMEOUT=100
expect 5 "pnyx: " get k
expect 2 "right would be HOST or HOST:PORT" --server : get k
expect 2 "bad:2: port cannot be 0" -c "$dir/bad" get k
export PNYX_TIMEOUT=soon
expect 2 "environment PNYX_TIMEOUT cannot be 'soon'; right would be milliseconds" get k
unset PNYX_TIMEOUT
export PNYX_BENCH_HOT=200
expect 2 "environment PNYX_BENCH_HOT cannot be '200'; right would be a percentage" bench
unset PNYX_BENCH_HOT PNYX_SERVER
export PNYX_CONFIG="$dir/bad"
expect 2 "bad:2: port cannot be 0" get k

echo "test_cli: $count cases, $failures failed"
[ "$failures" -eq 0 ] && [ "$count" -gt 40 ]
