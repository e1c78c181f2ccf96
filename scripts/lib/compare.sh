# etcd and Redis on the demonstration network, and the same load on every system. Sourced, never run; needs packages.sh and cluster.sh.
# shellcheck shell=bash

COMPARE_LOAD=$BUILD/tests/compare/compare-load
COMPARE_DEBIAN=$BUILD/compare-debian # outlives the run: it is a cache like the rest of the build directory

# compare_measure NAME SERVERS COMMAND...: runs a client and writes to $RUN/NAME.json what it printed, with the processor time of
# the servers (names on the list of what was made) and of the client.
compare_measure() {
	local name=$1 server pids=()
	for server in $2; do pids+=("$(made_proc "$server" | cut -d' ' -f1)"); done
	shift 2
	made_spawn "load-$name" "$RUN/$name.log" python3 -B "$ROOT/scripts/lib/compare_run.py" "$RUN/$name.json" "${pids[@]}" -- "${CLIENT[@]}" "$@"
	wait "$SPAWNED" || { say "$name: the load ended with an error:"; tail -5 "$RUN/$name.log" >&2; return 1; }
}

# compare_system NAME SERVERS OUTSTANDING COMMAND...: fills the store, then one operation at a time, then many.
compare_system() {
	local name=$1 servers=$2 outstanding=$3 one=() many=()
	shift 3
	case $name in
	pnyx) one=(--warmup 0) many=(--warmup 0) ;;
	redis) many=(--connections "$outstanding") ;;
	esac
	compare_measure "$name-fill" "$servers" "$@" --preload --outstanding "$outstanding"
	say "$name: one at a time"
	compare_measure "$name-one" "$servers" "$@" "${one[@]}" --outstanding 1
	say "$name: with $outstanding in flight"
	compare_measure "$name-many" "$servers" "$@" "${many[@]}" --outstanding "$outstanding"
	[ "$name" != redis ] || compare_measure "$name-pipelined" "$servers" "$@" --outstanding "$outstanding"
}

# compare_stop SERVER...: ends listed processes before the next system gets the processors.
compare_stop() {
	local server where waited
	for server in "$@"; do
		where=$(made_proc "$server")
		# shellcheck disable=SC2086
		! proc_is_alive $where || kill -TERM "${where% *}"
	done
	for server in "$@"; do
		where=$(made_proc "$server")
		for waited in $(seq 100); do
			# shellcheck disable=SC2086
			proc_is_alive $where || break
			[ "$waited" -lt 100 ] || fail "$server does not end"
			sleep 0.1
		done
	done
}

# compare_kernel_network NODES: the same cables, now with addresses that the kernel knows; clients may leave checksums to it again.
compare_kernel_network() {
	local i
	for i in $(seq "$1"); do
		ip -n "$(netns "$i")" link set lo up
		ip -n "$(netns "$i")" address add "$NET.$i/24" dev eth0
		ip -n "$(netns c)" neighbour flush dev eth0
	done
	in_netns c ethtool -K eth0 tx on >/dev/null
}

# compare_start_etcd NODES: until each answers that the cluster is healthy.
compare_start_etcd() {
	local i all='' deadline=$((SECONDS + 30))
	for i in $(seq "$1"); do all+=${all:+,}etcd$i=http://$NET.$i:2380; done
	made_note "mount $RUN/etcd"
	mkdir -p "$RUN/etcd"
	mount -t tmpfs etcd "$RUN/etcd"
	for i in $(seq "$1"); do
		made_spawn "etcd$i" "$RUN/etcd$i.log" ip netns exec "$(netns "$i")" "$COMPARE_DEBIAN/usr/bin/etcd" --name "etcd$i" \
			--data-dir "$RUN/etcd/$i" --listen-peer-urls "http://$NET.$i:2380" --initial-advertise-peer-urls "http://$NET.$i:2380" \
			--listen-client-urls "http://$NET.$i:2379" --advertise-client-urls "http://$NET.$i:2379" \
			--initial-cluster "$all" --initial-cluster-token "$ID" --logger zap --log-level warn
	done
	for i in $(seq "$1"); do
		until "${CLIENT[@]}" python3 -c 'import sys, urllib.request as u
sys.exit(b"true" not in u.urlopen(sys.argv[1], timeout=2).read())' "http://$NET.$i:2379/health" 2>/dev/null; do
			[ "$SECONDS" -lt "$deadline" ] || { tail -15 "$RUN/etcd$i.log" >&2; fail "etcd$i does not answer"; }
			sleep 0.2
		done
	done
}

compare_start_redis() {
	local deadline=$((SECONDS + 10)) libraries=("$COMPARE_DEBIAN"/usr/lib/*-linux-gnu)
	made_spawn redis "$RUN/redis.log" ip netns exec "$(netns 1)" env LD_LIBRARY_PATH="${libraries[0]}" "$COMPARE_DEBIAN/usr/bin/redis-server" \
		--bind "$NET.1" --port 6379 --protected-mode no --save '' --appendonly no --dir "$RUN"
	until grep -q 'Ready to accept' "$RUN/redis.log" 2>/dev/null; do
		[ "$SECONDS" -lt "$deadline" ] || { tail -15 "$RUN/redis.log" >&2; fail "redis does not start"; }
		sleep 0.1
	done
}
