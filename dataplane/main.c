// pnyx-replica: start-up as a table, then a polling loop until a signal.
#include <errno.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_pdump.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "consensus/base/check.h"
#include "dataplane/agent.h"
#include "dataplane/arena.h"
#include "dataplane/confine.h"
#include "dataplane/convert.h"
#include "dataplane/epochs.h"
#include "dataplane/mailbox.h"
#include "dataplane/notify.h"
#include "dataplane/options.h"
#include "dataplane/port.h"
#include "dataplane/steer.h"
#include "dataplane/telemetry.h"

static volatile bool stop;

static struct {
	struct dp_options options;
	struct pnyx_config file;
	struct ep_config core;
	struct dp_net net;
	struct dp_port port;
	struct dp_steer steer;
	struct dp_epochs epochs;
	struct ep_shell_counters shell; // of this process; the core's arena gets a copy
	struct dp_loop loop;
	struct dp_pollers pollers;
	struct dp_mailbox mailbox;
	bool is_split;
	char error[PNYX_CONFIG_ERROR_MAX];
} app;

void ep_check_failed(const char *file, int line, const char *claim, uint64_t a, uint64_t b)
{
	fprintf(stderr, "pnyx-replica: internal error at %s:%d: %s (%llu, %llu); this arena will not be used again\n", file, line, claim,
		(unsigned long long)a, (unsigned long long)b);
	if (dp_speaking)
		ep_poison(dp_speaking);
	if (app.mailbox.end.shared)
		dp_mailbox_say(&app.mailbox, NULL, MB_DEAD);
	abort();
}

static void on_signal(int signal)
{
	(void)signal;
	stop = true;
}

// ---- start-up steps: each leaves app.error when it fails ----------------------------------------------------------
static bool read_config(void)
{
	if (!pnyx_config_load(app.options.config_path, app.options.name, &app.file, app.error, sizeof app.error))
		return false;
	dp_convert_core(&app.file, &app.core);
	dp_convert_net(&app.file, &app.net);
	if (!dp_convert_boot(app.core.boot_id)) {
		snprintf(app.error, sizeof app.error,
			 "/proc/sys/kernel/random/boot_id does not say which boot of the machine this is, and an arena from before the last one must not be used: mount /proc");
		return false;
	}
	const char *wrong = ep_config_check(&app.core);
	if (wrong)
		pnyx_config_blame(app.options.config_path, wrong, app.error, sizeof app.error);
	return !wrong;
}

static bool open_mailbox(void)
{
	if (!dp_mailbox_open(&app.mailbox, app.options.run_dir, &app.core, app.error, sizeof app.error))
		return false;
	app.loop.consensus.mailbox = &app.mailbox;
	return true;
}

// A word that counts once: whoever starts the replica again, by whatever unit or script, does not say it again.
static const char *new_cluster_file(void)
{
	static char path[512];
	if (app.options.run_dir)
		snprintf(path, sizeof path, "%s/new-cluster", app.options.run_dir);
	return path;
}

static enum dp_arena_may may_begin(void)
{
	bool is_new = app.options.is_new || access(new_cluster_file(), F_OK) == 0;
	if (dp_convert_is_joiner(&app.file))
		return DP_ARENA_KEEP;
	return app.options.is_fresh ? DP_ARENA_FRESH : is_new ? DP_ARENA_NEW : DP_ARENA_KEEP;
}

// A member that joins a cluster has nothing to begin with until its control plane brings it the state; one that may come back after it
// lost everything neither.
static bool await_state(void)
{
	struct dp_place all[DP_PLACES_MAX];
	char path[512];
	bool is_joiner = dp_convert_is_joiner(&app.file);
	uint32_t count = dp_places(app.file.replica.arena, app.file.members[app.file.self].uuid_text, all);
	for (uint32_t k = 0; k < count; k++)
		if (all[k].newest != 0)
			return true;
	if (!is_joiner && (!app.file.control.rejoin || may_begin() != DP_ARENA_KEEP))
		return true;
	if (!app.options.run_dir) {
		snprintf(app.error, sizeof app.error, "a member that joins needs --run-dir: that is where pnyx-control puts the state to begin with");
		return false;
	}
	snprintf(path, sizeof path, "%s/state", app.options.run_dir);
	if (access(path, R_OK) == 0)
		return true;
	fprintf(stderr, "pnyx-replica: no state to begin with yet; waiting for pnyx-control to bring %s\n", path);
	dp_mailbox_say(&app.mailbox, NULL, MB_WAITING);
	dp_notify("READY=1");
	while (!stop && access(path, R_OK) != 0)
		usleep(20000);
	dp_mailbox_say(&app.mailbox, NULL, stop ? MB_STOPPED : MB_STARTING);
	if (stop)
		exit(0);
	return true;
}

static bool start_eal(void)
{
	sched_getaffinity(0, sizeof app.epochs.cpus, &app.epochs.cpus); // before EAL binds its threads
	if (!dp_options_add_lcores(&app.options, app.file.replica.lcores, app.file.replica.lcores_count, app.error, sizeof app.error) ||
	    !dp_steer_prepare(&app.steer, &app.options, app.error, sizeof app.error))
		return false;
	if (rte_eal_init(app.options.eal_argc, app.options.eal_argv) >= 0)
		return true;
	snprintf(app.error, sizeof app.error,
		 "DPDK does not start%s%s: see its lines above; without hugepages give it `--no-huge -m 256`, and each process a --file-prefix of its own",
		 rte_errno != 0 ? ", " : "", rte_errno != 0 ? rte_strerror(rte_errno) : "");
	return false;
}

static bool start_port(void)
{
	if (rte_eth_dev_count_avail() == 0) {
		snprintf(app.error, sizeof app.error,
			 "DPDK has no port (if one was named, its lines above say why not): name one after `--`, for instance --vdev=net_af_packet0,iface=eth0 or -a 0000:01:00.0 bound to vfio-pci. "
			 "Missing privileges? net_af_packet needs CAP_NET_RAW and CAP_NET_ADMIN, net_af_xdp and net_tap root");
		return false;
	}
	uint16_t id = (uint16_t)rte_eth_find_next(0);
	app.port.is_waited_for = app.file.replica.idle == PNYX_IDLE_SLEEP;
	if (!dp_port_start(&app.port, id, app.core.frame_max, app.error, sizeof app.error))
		return false;
	// dpdk-dumpcap may attach to it. Where it cannot (EAL without shared memory), the replica does without.
	if (rte_pdump_init() != 0)
		fprintf(stderr, "pnyx-replica: dpdk-dumpcap cannot capture here: %s\n", rte_strerror(rte_errno));
	app.net.mac = app.port.mac;
	if (strstr(app.port.driver, "tap")) { // the kernel's side has the port's MAC: a bridge would swallow frames to it
		app.net.mac = (struct rte_ether_addr){ { 0x02, 0x50, app.net.ip[0], app.net.ip[1], app.net.ip[2], app.net.ip[3] } };
	}
	app.net.tx_offload = app.port.tx_offload;
	switch ((enum pnyx_config_checksum)app.file.replica.checksum) {
	case PNYX_CHECKSUM_AUTO: // the port where it can, else software; frames of a kernel on this machine may have half a checksum
		app.net.checks_udp = !app.port.checks_udp && !app.port.is_local_kernel;
		break;
	case PNYX_CHECKSUM_CHECK:
		app.net.checks_udp = true;
		break;
	case PNYX_CHECKSUM_IGNORE:
		app.net.ignores_udp = true;
		break;
	}
	if (!dp_steer_start(&app.steer, &app.file, &app.net, app.error, sizeof app.error))
		return false;
	app.mailbox.steer = app.steer.xdp.rows ? &app.steer.xdp : NULL;
	return true;
}

static bool open_arena(void)
{
	struct dp_epochs *e = &app.epochs;
	struct dp_consensus *c = &app.loop.consensus;
	const struct pnyx_config_member *me = &app.file.members[app.file.self];
	e->net = &app.net;
	e->config = app.core;
	memcpy(e->uuid, me->uuid, sizeof e->uuid);
	e->uuid_text = me->uuid_text;
	e->where = app.file.replica.arena;
	e->run_dir = app.options.run_dir;
	app.net.counters = &app.shell;
	if (!dp_epochs_open(e, c, may_begin(), app.error, sizeof app.error))
		return false;
	unlink(new_cluster_file());
	dp_speaking = c->now.replica;
	app.shell = *ep_shell(c->now.replica);
	app.mailbox.shell = &app.shell;
	c->epochs = e;
	return true;
}

// What the agents sleep on: the port, and, split, each other's bells.
static void place_waits(struct dp_loop *l)
{
	dp_wait_init_nap(&l->wait_core);
	dp_wait_init_nap(&l->wait);
	if (l->idle.kind == DP_IDLE_SLEEP)
		dp_wait_init(&l->wait, app.port.id, app.port.driver);
	if (l->idle.kind == DP_IDLE_SLEEP && app.is_split) {
		dp_wait_add_inbox(&l->wait, l->from_core);
		dp_wait_add_inbox(&l->wait_core, l->to_core);
	}
}

static const char *say_idle(const struct dp_loop *l)
{
	switch (l->idle.kind) {
	case DP_IDLE_AUTO:
		return "by pollers and cores";
	case DP_IDLE_BUSY:
		return "busy";
	case DP_IDLE_YIELD:
		return "yield";
	case DP_IDLE_SLEEP:
		return l->wait.fd >= 0 ? "sleep on the port's descriptor" : "sleep by naps";
	}
	return "";
}

static bool place_agents(void)
{
	struct dp_loop *l = &app.loop;
	uint32_t wanted = app.file.replica.agents;
	// Two lcores for one replica pay only where others have cores of their own (docs: dataplane/README.md).
	bool has_spare = rte_lcore_count() > 1 && sysconf(_SC_NPROCESSORS_ONLN) >= 4;
	app.is_split = wanted == PNYX_AGENTS_SPLIT || (wanted == PNYX_AGENTS_AUTO && has_spare);
	if (app.is_split && rte_lcore_count() < 2) {
		snprintf(app.error, sizeof app.error, "agents = \"split\" needs two lcores: give EAL -l with two, or use \"fused\"");
		return false;
	}
	dp_pollers_enter(&app.pollers, DP_POLLERS_FOLDER, 1u + app.is_split);
	l->idle = (struct dp_idle){ DP_IDLE_AUTO, &app.pollers };
	static const enum dp_idle_kind kinds[] = { [PNYX_IDLE_AUTO] = DP_IDLE_AUTO, [PNYX_IDLE_BUSY] = DP_IDLE_BUSY,
						   [PNYX_IDLE_YIELD] = DP_IDLE_YIELD, [PNYX_IDLE_SLEEP] = DP_IDLE_SLEEP };
	l->idle.kind = kinds[app.file.replica.idle];
	uint64_t hz = rte_get_tsc_hz();
	l->stop = l->consensus.stop = &stop;
	l->io = (struct dp_io){ .port = app.port.id, .net = &app.net, .pool = app.port.pool, .arp_interval = hz / 20 };
	l->consensus.pollers = &app.pollers;
	l->consensus.pool = app.port.pool;
	l->consensus.counters = app.net.counters;
	l->consensus.tsc_start = rte_rdtsc();
	l->consensus.ns_mult = (uint64_t)(((unsigned __int128)1000000000 << 32) / hz);
	l->consensus.io = &l->io;
	if (app.is_split) {
		l->to_core = rte_ring_create("to_core", DP_RING, (int)rte_socket_id(), RING_F_SP_ENQ | RING_F_SC_DEQ);
		l->from_core = rte_ring_create("from_core", DP_RING, (int)rte_socket_id(), RING_F_SP_ENQ | RING_F_SC_DEQ);
		l->consensus.ring = l->from_core;
	}
	app.net.counters->tsc_hz = hz;
	app.net.counters->pollers = 1u + app.is_split;
	if (!dp_consensus_init(&l->consensus) || (app.is_split && (!l->to_core || !l->from_core))) {
		snprintf(app.error, sizeof app.error, "no memory for the frames to send: give EAL more memory");
		return false;
	}
	place_waits(l);
	return true;
}

static bool confine(void)
{
	return dp_confine(app.error, sizeof app.error);
}

static bool announce(void)
{
	const struct pnyx_config_member *me = &app.file.members[app.file.self];
	char path[512];
	if (app.options.run_dir) {
		snprintf(path, sizeof path, "%s/replica.pid", app.options.run_dir);
		FILE *f = fopen(path, "w");
		if (!f || fprintf(f, "%ld\n", (long)getpid()) < 0 || fclose(f) != 0) {
			snprintf(app.error, sizeof app.error, "%s: %s; make the directory or leave --run-dir out", path, strerror(errno));
			return false;
		}
	}
	fprintf(stderr,
		"pnyx-replica: %s, member %u of %u, %u.%u.%u.%u:%u; port %s; %s agents; idle %s; arena %s (%zu MiB, %s%s)\n"
		"pnyx-replica: UDP checksums: received ones %s, sent ones made %s\n"
		"pnyx-replica: ready\n",
		me->name, app.epochs.config.self, app.epochs.config.n, me->address.ip[0], me->address.ip[1], me->address.ip[2],
		me->address.ip[3], me->address.port, app.port.driver, app.is_split ? "split" : "fused",
		say_idle(&app.loop), app.epochs.arena.path, app.epochs.arena.bytes >> 20, app.epochs.arena.is_huge ? "hugepages" : "ordinary pages", app.epochs.arena.was_there ? ", attached" : ", fresh",
		app.net.checks_udp ? "verified in software" : app.port.checks_udp && !app.net.ignores_udp ? "verified by the port" : "left to CRC32C",
		app.port.tx_offload & RTE_MBUF_F_TX_UDP_CKSUM ? "by the port" : "in software");
	dp_mailbox_say(&app.mailbox, app.loop.consensus.now.replica, MB_SERVING);
	dp_telemetry_start(&app.mailbox.end);
	dp_notify("READY=1");
	return true;
}

static int run_consensus(void *loop)
{
	dp_loop_split_consensus(loop);
	return 0;
}

static void serve(void)
{
	if (!app.is_split) {
		dp_loop_fused(&app.loop);
		return;
	}
	unsigned lcore = rte_get_next_lcore(rte_lcore_id(), 1, 0);
	rte_eal_remote_launch(run_consensus, &app.loop, lcore);
	dp_loop_split_io(&app.loop);
	rte_eal_wait_lcore(lcore);
}

// The exit code, and for a dead identity why: peers have seen more of it than its arena holds.
static int farewell(void)
{
	if (ep_standing(app.loop.consensus.now.replica) != EP_STANDING_DEAD)
		return 0;
	struct ep_refutation why = ep_refutation(app.loop.consensus.now.replica);
	char name[sizeof app.core.members[0].name + 1] = "";
	memcpy(name, app.epochs.config.members[why.by].name, sizeof app.core.members[0].name);
	fprintf(stderr,
		"pnyx-replica: arena %s %s. %s has seen %llu votes, own instance %llu, start %u of this member; the arena knows of %llu, %llu, %u.\n"
		"pnyx-replica: votes made since are lost, so it stops before it casts another. It will not be attached again. Restore nothing: the cluster "
		"goes on without this member, and only a member with a new uuid can take its place.\n",
		app.epochs.arena.path, app.epochs.arena.was_there ? "is older than its member" : "is empty, but its member is not new",
		name, (unsigned long long)why.seen.votes, (unsigned long long)why.seen.highest, why.seen.start,
		(unsigned long long)why.known.votes, (unsigned long long)why.known.highest, why.known.start);
	return 3;
}

int main(int argc, char **argv)
{
	static const struct {
		bool (*run)(void);
	} steps[] = { { read_config }, { open_mailbox }, { await_state }, { start_eal }, { start_port }, { open_arena }, { place_agents }, { confine }, { announce } };
	dp_options_read(&app.options, argc, argv);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++)
		if (!steps[k].run()) {
			fprintf(stderr, "pnyx-replica: %s\n", app.error);
			return 2;
		}
	serve();
	int code = farewell();
	dp_notify("STOPPING=1");
	dp_mailbox_say(&app.mailbox, app.loop.consensus.now.replica, code == 0 ? MB_STOPPED : MB_DEAD);
	dp_pollers_leave(&app.pollers);
	dp_consensus_fini(&app.loop.consensus);
	dp_steer_stop(&app.steer);
	dp_port_stop(&app.port);
	dp_epochs_close(&app.epochs);
	rte_eal_cleanup();
	return code;
}
