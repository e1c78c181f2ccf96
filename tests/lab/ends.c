// The ends of the wire: a port for each replica and each client, and the replicas behind theirs.
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/dpdk/eal.h"
#include "tests/lab/lab.h"

static void address(struct rte_ether_addr *mac, uint8_t *ip, uint32_t end)
{
	*mac = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, (uint8_t)(end + 1) } };
	memcpy(ip, (uint8_t[4]){ 10, 0, 0, (uint8_t)(end + 1) }, 4);
}

static struct rte_ring *ring(const char *what, uint32_t end)
{
	char name[32];
	snprintf(name, sizeof name, "%s-%u", what, end);
	// Several senders where there are two lcores; one lcore owns each end.
	uint32_t flags = lab.o.lcores == 1 ? RING_F_SP_ENQ | RING_F_SC_DEQ : RING_F_SC_DEQ;
	struct rte_ring *made = rte_ring_create(name, LAB_RING, (int)rte_socket_id(), flags);
	eal_need(made != NULL, "no memory for a ring");
	return made;
}

static void start_end(struct lab_end *end, uint32_t k, struct ep_shell_counters *counters)
{
	char error[256], name[32];
	end->in = ring("in", k);
	end->out = ring("out", k);
	end->line = ring("line", k);
	snprintf(name, sizeof name, "lab%u", k);
	int id = rte_eth_from_rings(name, &end->in, 1, &end->out, 1, rte_socket_id());
	eal_need(id >= 0, "net_ring makes no port");
	eal_need(dp_port_start(&end->port, (uint16_t)id, EP_FRAME_MAX_DEFAULT, error, sizeof error), error);
	end->is_client = k >= lab.o.n;
	// With two lcores the clients and the first half of the replicas share one, the others have the second.
	end->lcore = lab.o.lcores == 2 && !end->is_client && k >= lab.o.n / 2;
	end->counters = counters;
	struct dp_net *net = &end->net;
	*net = (struct dp_net){ .port = EP_UDP_PORT, .mask = UINT32_MAX >> 8, .count = lab.o.n, .counters = counters,
				.checks_udp = !lab.o.is_offloaded, .ignores_udp = lab.o.is_offloaded };
	address(&net->mac, net->ip, k);
	for (uint32_t m = 0; m < lab.o.n; m++) {
		net->neighbours[m] = (struct dp_neighbour){ .port = EP_UDP_PORT, .is_resolved = true, .is_fixed = true };
		address(&net->neighbours[m].mac, net->neighbours[m].ip, m);
	}
	if (end->is_client)
		net->port = 4000;
	if (lab.o.is_offloaded)
		net->tx_offload = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
	lab.ends[k] = end;
}

// Zeroed memory on huge pages, reserved ones or transparent ones, where the machine gives them.
static void *arena(size_t bytes)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	size_t rounded = RTE_ALIGN_CEIL(bytes, 2u << 20);
	void *at = lab.o.is_huge ? mmap(NULL, rounded, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0) : MAP_FAILED;
	if (lab.o.is_huge) {
		eal_need(at != MAP_FAILED, "no reserved huge pages are left for an arena");
	} else {
		at = mmap(NULL, rounded + (2u << 20), PROT_READ | PROT_WRITE, flags, -1, 0);
		eal_need(at != MAP_FAILED, "no memory for an arena");
		at = RTE_PTR_ALIGN_CEIL(at, 2u << 20);
		madvise(at, rounded, MADV_HUGEPAGE);
	}
	memset(at, 0, bytes); // all pages now, as a replica's arena file is reserved whole
	return at;
}

static void start_core(struct lab_node *node, uint32_t self)
{
	struct ep_config c = { .cluster = LAB_CLUSTER, .n = (uint8_t)lab.o.n, .self = (uint8_t)self, .hash_seed = 5, .seed = self,
			       .window = lab.o.window };
	ep_config_defaults(&c);
	c.window = lab.o.window;
	c.own_max = c.own_max < c.window - 64 ? c.own_max : c.window - 64;
	c.batch_max = lab.o.batch;
	c.cost_max = 8 * c.window;
	c.index_keys = 4 * c.window;
	uint64_t blocks = (lab.o.keys + 1) * (2 + lab.o.value / 60);
	c.app_capacity = 2ULL * c.n * c.cost_max + (blocks > 1u << 20 ? blocks : 1u << 20);
	for (uint32_t m = 0; m < lab.o.n; m++) {
		struct rte_ether_addr mac;
		c.members[m].uuid[0] = (uint8_t)(m + 1);
		address(&mac, c.members[m].ip, m);
		c.members[m].port = EP_UDP_PORT;
	}
	if (lab.o.lcores * 1u < lab.o.n && lab.o.clock == LAB_REAL) { // as a shell with more pollers than cores tells its core
		c.fast_min_ns *= 10;
		c.resend_min_ns *= 10;
		c.open_min_ns *= 10;
	}
	if (lab.o.silent != LAB_NOBODY) // nothing becomes stable: small slots, so that many fit the memory
		c.keys_max = 2;
	node->arena_bytes = ep_replica_size(&c);
	node->arena = arena(node->arena_bytes);
	eal_need(ep_replica_init(node->arena, node->arena_bytes, &c, &node->loop.consensus.now.replica) == EP_ATTACH_OK, "the core does not start");
	node->config = c;
}

static void start_node(uint32_t k)
{
	struct lab_node *node = &lab.nodes[k];
	start_core(node, k);
	start_end(&node->end, k, ep_shell(node->loop.consensus.now.replica));
	eal_need(dp_epoch_set(&node->loop.consensus.now, &node->end.net, node->loop.consensus.now.replica, &node->config), "too many neighbours");
	node->loop.io = (struct dp_io){ .port = node->end.port.id, .net = &node->end.net, .pool = node->end.port.pool,
					.arp_interval = lab.hz / 20 };
	struct dp_consensus *c = &node->loop.consensus;
	c->pool = node->end.port.pool;
	c->counters = node->end.counters;
	c->tsc_start = rte_rdtsc();
	c->ns_mult = (uint64_t)(((unsigned __int128)1000000000 << 32) / lab.hz);
	c->io = &node->loop.io;
	eal_need(dp_consensus_init(c), "no memory for frames");
}

void lab_start(void)
{
	lab.hz = rte_get_tsc_hz();
	lab.wire = lab.hz * lab.o.wire_ns / 1000000000;
	lab.ends_count = lab.o.n + lab.o.clients;
	memset(lab.value, 'v', sizeof lab.value);
	for (uint32_t k = 0; k < lab.o.n; k++)
		start_node(k);
	for (uint32_t c = 0; c < lab.o.clients; c++) {
		start_end(&lab.clients[c].end, lab.o.n + c, &lab.clients[c].counters);
		lab_client_start(&lab.clients[c], c);
	}
	lab_wire_init();
	// What two readings of the counter cost, to be taken off every measured turn.
	lab.stamp_cost = UINT64_MAX;
	for (uint32_t k = 0; k < 1000; k++) {
		uint64_t a = rte_rdtsc(), b = rte_rdtsc();
		lab.stamp_cost = b - a < lab.stamp_cost ? b - a : lab.stamp_cost;
	}
}

void lab_end(void)
{
	for (uint32_t k = 0; k < lab.o.n; k++)
		dp_consensus_fini(&lab.nodes[k].loop.consensus);
	for (uint32_t e = 0; e < lab.ends_count; e++)
		dp_port_stop(&lab.ends[e]->port);
}

bool lab_is_settled(void)
{
	uint64_t highest[EP_MEMBERS_MAX] = { 0 };
	for (uint32_t pass = 0; pass < 2; pass++)
		for (uint32_t k = 0; k < lab.o.n; k++)
			for (uint8_t c = 0; c < lab.o.n && k != lab.o.silent; c++) {
				const struct ep_replica *r = lab.nodes[k].loop.consensus.now.replica;
				if (ep_known(r, c) > highest[c])
					highest[c] = ep_known(r, c);
				if (pass == 1 && ep_exec_prefix(r, c) != highest[c])
					return false;
			}
	return true;
}

bool lab_is_equal(void)
{
	struct ep_wire_digest first, other;
	bool is_first = true;
	for (uint32_t k = 0; k < lab.o.n; k++) {
		if (k == lab.o.silent)
			continue;
		ep_digest_now(lab.nodes[k].loop.consensus.now.replica, &other);
		if (!is_first && memcmp(&first, &other, sizeof first) != 0)
			return false;
		first = other;
		is_first = false;
	}
	return true;
}
