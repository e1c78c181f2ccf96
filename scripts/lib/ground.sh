# What this user may do on this machine, and entering it: GROUND is root, user or inside. Sourced, never run; needs common.sh
# and made.sh.
# shellcheck shell=bash
#
#	root     network namespaces, virtual Ethernet, hugepages where there is room
#	user     the same inside a user namespace of our own, ordinary pages
#	inside   no namespaces at all: all replicas in one process

# The innermost thing that may be refused is mounting, so that is what is tried.
ground_decide() {
	if [ -n "${PNYX_GROUND:-}" ]; then
		GROUND=$PNYX_GROUND
	elif is_root && unshare -nm true 2>/dev/null; then
		GROUND=root
	elif unshare -Urnm --map-root-user mount -t tmpfs run /run 2>/dev/null; then
		GROUND=user
	else
		GROUND=inside
	fi
}

ground_explain() {
	case $GROUND in
	root) say "as root: one network namespace a replica, joined by virtual Ethernet" ;;
	user) say "as an ordinary user: a user namespace of our own, in it one network namespace a replica" ;;
	inside) say "this machine refuses network namespaces, in a user namespace as well" \
		"(a container?): all replicas in one process over loopback sockets, without DPDK" ;;
	esac
}

# ground_enter SCRIPT ARGUMENTS...: does not return when it has to start the script again inside a user namespace. The run
# directory stays the one of the caller: the next run must find the list from outside.
ground_enter() {
	[ "$GROUND" = user ] || return 0
	if [ -z "${PNYX_IN_USER_NAMESPACE:-}" ]; then
		PNYX_RUN_BASE=$(run_base) PNYX_GROUND=user PNYX_IN_USER_NAMESPACE=1 PNYX_USER=$(id -un 2>/dev/null || id -u) \
			exec unshare -Urnm --map-root-user "$@"
	fi
	# iproute2 and DPDK want /run; ours is a fresh one, with the caller's run directory put back in its place.
	mkdir -p "$PNYX_RUN_BASE"
	cd "$PNYX_RUN_BASE" || exit 1
	mount -t tmpfs run /run
	if [ ! -d "$PNYX_RUN_BASE" ]; then
		mkdir -p "$PNYX_RUN_BASE"
		mount --no-canonicalize --bind . "$PNYX_RUN_BASE"
	fi
	mkdir -p /run/netns
	cd "$ROOT" || exit 1
}
