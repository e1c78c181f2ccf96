# Using and measuring a cluster that is up, and the report. Sourced, never run; needs common.sh, made.sh, cluster.sh.
# shellcheck shell=bash

HOT_SHARES=(0 25 100) # per cent of the commands on one key

# cluster_try REPLICAS: writes through each replica and reads through another one.
cluster_try() {
	local i other value got
	for i in $(seq "$1"); do
		other=$((i % $1 + 1))
		value="written through r$i"
		pnyx --via "r$i" put "greeting-$i" "$value" >/dev/null || { say "put through r$i failed"; return 1; }
		got=$(pnyx --via "r$other" --raw get "greeting-$i") || { say "get through r$other failed"; return 1; }
		[ "$got" = "$value" ] || { say "r$other answers '$got' instead of '$value'"; return 1; }
		echo "put greeting-$i through r$i, get through r$other: \"$got\""
	done
}

# cluster_bench NAME ARGUMENTS...: runs pnyx bench to its end; the JSON object is the last line of $RUN/NAME.log. Exit code 3 of
# the bench (some outcome unknown) is a failure like any other: nothing here kills replicas.
cluster_bench() {
	local name=$1 code=0
	shift
	made_spawn "$name" "$RUN/$name.log" "${CLIENT[@]}" "$PNYX" --config "$RUN/pnyx.conf" --json bench --echo "$@"
	wait "$SPAWNED" || code=$?
	[ "$code" -eq 0 ] || { say "pnyx bench ended with exit code $code:"; tail -5 "$RUN/$name.log" >&2; return 1; }
}

# cluster_measure REPLICAS PORT SECONDS
cluster_measure() {
	local hot
	for hot in "${HOT_SHARES[@]}"; do
		say "measuring $((2 * $3)) s with $hot % of the commands on one key"
		cluster_bench "bench-$hot" --seconds "$3" --latency-phase "$3" --hot "$hot"
	done
}

# A client that vanishes in the middle of its work leaves its sessions in the replicas' tables: so there are some to compare.
cluster_abandon_client() {
	made_spawn vanishing "$RUN/vanishing.log" "${CLIENT[@]}" "$PNYX" --config "$RUN/pnyx.conf" bench --seconds 60 --warmup 0 --outstanding 16
	sleep 0.5
	kill -KILL "$SPAWNED" 2>/dev/null || { say "the client that should vanish ended by itself:"; tail -3 "$RUN/vanishing.log" >&2; return 1; }
	wait "$SPAWNED" 2>/dev/null || :
}

# cluster_compare REPLICAS: prints the hashes of every replica at equal frontiers; false unless all are equal.
cluster_compare() {
	local code=0
	echo
	pnyx digest || code=$?
	pnyx --json digest >"$RUN/digest.json" || :
	[ "$code" -eq 0 ] || say "the replicas do not hold the same state"
	return "$code"
}

measure_gather() {
	pnyx --json status >"$RUN/status.json"
}

# measure_report FORMAT REPLICAS PORT STATE: FORMAT is text or json.
measure_report() {
	python3 -B "$ROOT/scripts/lib/report.py" "$1" "$RUN" "$2" "$3" "$4" "$GROUND" "$HUGE" "${HOT_SHARES[@]}"
}

cluster_tell() {
	cat <<-END

		The cluster stays up. Talk to it:
		    $RUN/pnyx put name value
		    $RUN/pnyx --via r2 get name
		    $RUN/pnyx status
		    $RUN/pnyx top
		Stop it:
		    scripts/run.sh --stop
	END
}
