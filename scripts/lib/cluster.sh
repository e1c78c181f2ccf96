# The demonstration cluster: configuration file, replicas, client. Sourced, never run; needs all other helpers but packages.sh.
# shellcheck shell=bash

REPLICA=$BUILD/dataplane/pnyx-replica
PNYX=$BUILD/client/cli/pnyx
CONTROL=$BUILD/control/pnyx-control
WITH_CONTROL=no # yes: each replica has its control plane beside it, which starts it again when it dies
EAL_MB=64 # mbuf pools and EAL's own needs of one replica
# Of one replica with the core's default sizes: what does not depend on the number of members, and a window for each.
arena_mb() { echo $((200 + 34 * $1)); }
CLIENT=(ip netns exec "$(netns c)") # what makes a program a client of the cluster

# cluster_configure REPLICAS: writes $RUN/pnyx.conf. Fresh identities: this cluster never existed before.
cluster_configure() {
	local i members=()
	for i in $(seq "$1"); do members+=(--member "r$i=$NET.$i/$MANAGEMENT.$i"); done
	rm -f "$RUN/pnyx.conf"
	"$PNYX" --config "$RUN/pnyx.conf" init --cluster "demo-$ID" "${members[@]}" >/dev/null
	{
		echo "// Of the demonstration cluster in $ROOT; made by ${0##*/}, removed with it."
		echo "replica = {"
		[ -z "${ARENA:-}" ] || echo "	arena = \"$ARENA\";"
		if is_crowded "$1"; then
			echo "	// More pollers than processors: a peer that is not running at the moment is not a silent one."
			echo "	idle = \"yield\";"
		fi
		echo "};"
	} >>"$RUN/pnyx.conf"
}

# cluster_uuid NUMBER: of a replica, from the configuration.
cluster_uuid() { sed -n "/name = \"r$1\"/,/uuid/s/.*uuid = \"\([^\"]*\)\".*/\1/p" "$RUN/pnyx.conf"; }

# cluster_memory REPLICAS: sets HUGE (yes or no), EAL_MEMORY and ARENA, and says why.
cluster_memory() {
	local pages added=0
	HUGE=no
	pages=$(($1 * (EAL_MB + $(arena_mb "$1")) / 2))
	if [ "$GROUND" = root ]; then
		# All of them are added, whatever is free now: another clone may be about to use those.
		if hugepages_may "$pages"; then
			made_note "hugepages $pages"
			if hugepages_add "$pages"; then added=$pages HUGE=yes; else made_note "hugepages -$pages"; fi
		fi
		[ "$(hugepages_free 2>/dev/null || echo 0)" -lt "$pages" ] || HUGE=yes
	fi
	if [ "$HUGE" = yes ]; then
		# Pages are set aside for the arenas at once: nobody else can take them before the replicas come to it. (Not for EAL: it
		# takes pages that are set aside for anybody to be gone.)
		made_note "mount $RUN/huge"
		made_note "mount $RUN/arena"
		mkdir -p "$RUN/huge" "$RUN/arena"
		mount -t hugetlbfs -o pagesize=2M,mode=0700 none "$RUN/huge" 2>/dev/null &&
			mount -t hugetlbfs -o "pagesize=2M,mode=0700,min_size=$(($1 * $(arena_mb "$1") / 2 * 2))M" none "$RUN/arena" 2>/dev/null ||
			HUGE=no
	fi
	if [ "$HUGE" = yes ]; then
		EAL_MEMORY=(-m "$EAL_MB" --huge-dir "$RUN/huge")
		ARENA=$RUN/arena
		say "hugepages: $pages of 2 MiB, $added of them added for this run"
	else
		EAL_MEMORY=(--no-huge -m "$EAL_MB")
		ARENA=/dev/shm/pnyx-$ID-${PNYX_USER:-$(id -un)}
		made_note "dir $ARENA"
		mkdir -p -m 0700 "$ARENA"
		if [ "$GROUND" = root ]; then
			say "no room for $pages hugepages of 2 MiB: ordinary pages (slower, works the same)"
		else
			say "ordinary pages: hugepages are for root"
		fi
	fi
}

# EAL's argument for the port of a replica.
cluster_vdev() { # NUMBER PORT
	local kib count=4096
	case $2 in
	af_packet)
		# The driver locks its rings in memory: 2 x framecnt x 2 KiB, which may not be more than the limit of this user.
		ulimit -S -l "$(ulimit -H -l)" 2>/dev/null || :
		kib=$(ulimit -l)
		if [ "$GROUND" != root ] && [ "$kib" != unlimited ]; then
			while [ $((count * 4)) -ge "$kib" ] && [ "$count" -gt 64 ]; do count=$((count / 2)); done
		fi
		echo "--vdev=net_af_packet0,iface=eth0,framecnt=$count,qdisc_bypass=1"
		;;
	af_xdp) echo "--vdev=net_af_xdp0,iface=eth0" ;;
	tap) echo "--vdev=net_tap0,iface=r$1" ;;
	esac
}

# Prints the processors that this process may use, one a line.
processors() {
	awk '/^Cpus_allowed_list:/ { n = split($2, part, ",")
		for (i = 1; i <= n; i++) { m = split(part[i], end, "-"); for (c = end[1]; c <= end[m]; c++) print c } }' /proc/self/status
}

# True when the replicas and a client outnumber the processors.
is_crowded() { [ "$(processors | wc -l)" -le "$1" ]; }

# cluster_lcores NUMBER REPLICAS: EAL's --lcores for one replica. Two processors each (one for input and output, one for consensus)
# where all have them and two are left for the clients and the kernel; else one thread a replica, spread.
cluster_lcores() {
	local cpus
	mapfile -t cpus < <(processors)
	if [ "${#cpus[@]}" -ge $((2 * $2 + 2)) ]; then
		echo "${cpus[$((2 * $1 - 2))]},${cpus[$((2 * $1 - 1))]}"
	else
		echo "${cpus[$((($1 - 1) % ${#cpus[@]}))]}"
	fi
}

# cluster_write_start NUMBER PORT REPLICAS: $RUN/rN/start becomes the replica, in the network namespace where it is called. Whoever
# calls it, the process is on the list of what was made.
cluster_write_start() {
	local i=$1 prefix=pnyx-$ID-r$1 arguments
	mkdir -p "$RUN/r$i"
	printf -v arguments ' %q' "$REPLICA" -c "$RUN/pnyx.conf" -n "r$i" --run-dir "$RUN/r$i" -- \
		--lcores "$(cluster_lcores "$i" "$3")" --no-pci "$(cluster_vdev "$i" "$2")" --file-prefix "$prefix" "${EAL_MEMORY[@]}"
	cat >"$RUN/r$i/start" <<-END
		#!/bin/sh
		# Becomes replica r$i of the demonstration cluster.
		stat=\$(cat /proc/\$\$/stat)
		set -- \${stat##*) }
		shift 19
		echo "proc \$\$ \$1 r$i" >>"$RUN/made"
		$([ "$2" != tap ] || echo "( for k in \$(seq 100); do ip link set r$i master br0 up 2>/dev/null && break; sleep 0.1; done ) &")
		exec$arguments
	END
	chmod +x "$RUN/r$i/start"
	[ -d /run/dpdk ] || made_note "empty /run/dpdk"
	made_note "dir /run/dpdk/$prefix"
	made_note "arenas $(cluster_uuid "$1")"
}

# cluster_start_replica NUMBER PORT REPLICAS
cluster_start_replica() {
	cluster_write_start "$@"
	made_spawn "r$1" "$RUN/r$1.log" ip netns exec "$(netns "$(net_home "$1" "$2")")" "$RUN/r$1/start"
}

# cluster_start_control NUMBER PORT
cluster_start_control() {
	made_spawn "c$1" "$RUN/c$1.log" ip netns exec "$(netns "$(net_home "$1" "$2")")" \
		env PNYX_CONTROL_METRICS="$MANAGEMENT.$1:9788" "$CONTROL" -c "$RUN/pnyx.conf" -n "r$1" --run-dir "$RUN/r$1" \
		--spawn "exec $RUN/r$1/start >>$RUN/r$1.log 2>&1"
}

# pnyx ARGUMENTS...: the command line in the clients' namespace.
pnyx() { "${CLIENT[@]}" "$PNYX" --config "$RUN/pnyx.conf" --control "$RUN" "$@" 9>&-; }

# cluster_wait REPLICAS: until every replica answers a client; says which one did not and why.
cluster_wait() {
	local i deadline=$((SECONDS + 30))
	for i in $(seq "$1"); do
		until pnyx --via "r$i" --deadline 500 status >/dev/null 2>&1; do
			cluster_is_alive "$i" || { cluster_obituary "$i"; return 1; }
			[ "$SECONDS" -lt "$deadline" ] || { say "replica r$i does not answer"; cluster_obituary "$i"; return 1; }
			sleep 0.1
		done
	done
}

cluster_is_alive() {
	local where
	where=$(made_proc "r$1")
	# shellcheck disable=SC2086
	[ -n "$where" ] && proc_is_alive $where
}

cluster_obituary() {
	say "the last lines of replica r$1:"
	tail -15 "$RUN/r$1.log" | sed "s/^/    r$1: /" >&2
}

# cluster_up REPLICAS PORT: network, memory, replicas, first answers.
cluster_up() {
	local i
	[ "$GROUND" != inside ] || { inside_up "$1"; return; }
	net_up "$1" "$2"
	[ "$WITH_CONTROL" = no ] || net_up_management "$1" "$2"
	cluster_memory "$1"
	cluster_configure "$1"
	for i in $(seq "$1"); do
		mkdir -p "$RUN/r$i"
		: >"$RUN/r$i/new-cluster" # its first start takes it; no later one begins without a state
		cluster_start_replica "$i" "$2" "$1"
	done
	for i in $(seq "$1"); do [ "$WITH_CONTROL" = no ] || cluster_start_control "$i" "$2"; done
	cluster_wait "$1"
	[ "$WITH_CONTROL" = no ] || cluster_wait_control "$1"
	cluster_write_wrapper
}

# cluster_wait_control REPLICAS: until every control plane has found its replica.
cluster_wait_control() {
	local i deadline=$((SECONDS + 30))
	for i in $(seq "$1"); do
		until grep -qs 'event=replica-serves' "$RUN/c$i.log"; do
			[ "$SECONDS" -lt "$deadline" ] || { say "the control plane of r$i does not find it:"; tail -15 "$RUN/c$i.log" >&2; return 1; }
			sleep 0.1
		done
	done
}

# A small program in the run directory that talks to the cluster from anywhere.
cluster_write_wrapper() {
	local enter=
	if [ "$GROUND" = user ]; then
		# Any process of the cluster is a door into its user namespace.
		enter="nsenter --preserve-credentials -U -m -n -t $(made_proc r1 | cut -d' ' -f1) "
	fi
	cat >"$RUN/pnyx" <<-END
		#!/bin/sh
		# pnyx in the network of the demonstration cluster.
		exec ${enter}ip netns exec $(netns c) "$PNYX" --config "$RUN/pnyx.conf" --control "$RUN" "\$@"
	END
	chmod +x "$RUN/pnyx"
}
