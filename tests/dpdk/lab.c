// Real replicas in one process, joined by a switch that a test drives.
#include "tests/dpdk/lab.h"
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <stdlib.h>
#include <string.h>
#include "tests/dpdk/eal.h"
#include "tests/dpdk/frame.h"

#define RING_SIZE 1024

static struct rte_ring *ring(const char *what, uint32_t node)
{
	char name[32];
	snprintf(name, sizeof name, "%s-%u", what, node);
	struct rte_ring *made = rte_ring_create(name, RING_SIZE, (int)rte_socket_id(), 0);
	eal_need(made != NULL, "no memory for a ring");
	return made;
}

static void address(struct rte_ether_addr *mac, uint8_t *ip, uint32_t node)
{
	*mac = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, (uint8_t)(node + 1) } };
	memcpy(ip, (uint8_t[4]){ 10, 0, 0, (uint8_t)(node + 1) }, 4);
}

// Nobody's MAC is known at first: ARP finds them.
static void address_net(struct dp_net *net, uint32_t node, struct ep_shell_counters *counters)
{
	struct rte_ether_addr mac;
	*net = (struct dp_net){ .port = EP_UDP_PORT, .mask = UINT32_MAX >> 8, .checks_udp = true, .count = LAB_MEMBERS,
				.counters = counters };
	address(&net->mac, net->ip, node);
	for (uint32_t m = 0; m < LAB_MEMBERS; m++) {
		address(&mac, net->neighbours[m].ip, m);
		net->neighbours[m].port = EP_UDP_PORT;
	}
}

static void start_core(struct lab_node *node, uint32_t self, const char *dir)
{
	struct ep_config config = { .cluster = LAB_CLUSTER, .n = LAB_MEMBERS, .self = (uint8_t)self, .hash_seed = 5, .seed = self };
	ep_config_defaults(&config);
	config.window = 1024;
	config.own_max = 256;
	config.index_keys = 4096;
	config.sessions_max = 64;
	config.cost_max = 8 * 1024;
	config.app_capacity = 1u << 17;
	// A busy machine must not turn into retransmission: exact byte counts are asserted.
	config.fast_min_ns = config.resend_min_ns = config.open_min_ns = 60ull * 1000000000;
	if (dir) // members begin an epoch one after the other, ask each other for Hello until then, and go on without one that sleeps
		config.fast_min_ns = config.resend_min_ns = config.open_min_ns = 1000000;
	for (uint32_t m = 0; m < LAB_MEMBERS; m++) {
		struct rte_ether_addr mac;
		config.members[m].uuid[0] = (uint8_t)(m + 1);
		address(&mac, config.members[m].ip, m);
		config.members[m].port = EP_UDP_PORT;
	}
	if (dir) {
		char error[768];
		snprintf(node->uuid_text, sizeof node->uuid_text, "lab-%u", self);
		node->epochs = (struct dp_epochs){ .net = &node->net, .config = config, .where = dir, .uuid_text = node->uuid_text };
		memcpy(node->epochs.uuid, config.members[self].uuid, 16);
		sched_getaffinity(0, sizeof node->epochs.cpus, &node->epochs.cpus);
		eal_need(dp_epochs_open(&node->epochs, &node->loop.consensus, DP_ARENA_NEW, error, sizeof error), error);
		node->loop.consensus.epochs = &node->epochs;
		return;
	}
	size_t bytes = (ep_replica_size(&config) + 63) / 64 * 64;
	node->arena = aligned_alloc(64, bytes);
	memset(node->arena, 0, bytes);
	struct ep_replica *replica;
	eal_need(ep_replica_init(node->arena, bytes, &config, &replica) == EP_ATTACH_OK, "the core does not start");
	eal_need(dp_epoch_set(&node->loop.consensus.now, &node->net, replica, &config), "too many neighbours");
}

static void start_node(struct lab *lab, uint32_t k)
{
	struct lab_node *node = &lab->nodes[k];
	static uint32_t made; // a closed port's name is not given again
	char error[256], name[32];
	node->wire_in = ring("in", k);
	node->wire_out = ring("out", k);
	snprintf(name, sizeof name, "lab%u", made++);
	int id = rte_eth_from_rings(name, &node->wire_in, 1, &node->wire_out, 1, rte_socket_id());
	eal_need(id >= 0, "net_ring makes no port");
	eal_need(dp_port_start(&node->port, (uint16_t)id, EP_FRAME_MAX_DEFAULT, error, sizeof error), error);
	node->pool_free = rte_mempool_avail_count(node->port.pool);
	address_net(&node->net, k, NULL);
	node->net.counters = &node->shell;
	node->loop.stop = node->loop.consensus.stop = &lab->stop;
	start_core(node, k, lab->dir);
	struct ep_shell_counters *counters = node->net.counters = lab->dir ? &node->shell : ep_shell(node->loop.consensus.now.replica);
	uint64_t hz = rte_get_tsc_hz();
	node->loop.io = (struct dp_io){ .port = node->port.id, .net = &node->net, .pool = node->port.pool, .arp_interval = hz / 1000 };
	struct dp_consensus *c = &node->loop.consensus;
	c->pool = node->port.pool;
	c->counters = counters;
	c->tsc_start = rte_rdtsc();
	c->ns_mult = (uint64_t)(((unsigned __int128)1000000000 << 32) / hz);
	c->io = &node->loop.io;
	if (lab->is_split) {
		node->loop.to_core = ring("to_core", k);
		node->loop.from_core = ring("from_core", k);
		c->ring = node->loop.from_core;
	}
	eal_need(dp_consensus_init(c), "no memory for frames");
}

void lab_start(struct lab *lab, bool is_split)
{
	lab_start_in(lab, is_split, NULL);
}

void lab_start_in(struct lab *lab, bool is_split, const char *dir)
{
	static struct ep_shell_counters client_counters;
	*lab = (struct lab){ .is_split = is_split, .dir = dir };
	for (uint32_t k = 0; k < LAB_MEMBERS; k++)
		start_node(lab, k);
	address_net(&lab->client, 200, &client_counters);
	lab->client.port = 4000;
}

static void empty(struct rte_ring *r)
{
	struct rte_mbuf *m;
	while (r && rte_ring_dequeue(r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

uint32_t lab_end(struct lab *lab)
{
	uint32_t missing = 0;
	for (uint32_t k = 0; k < LAB_MEMBERS; k++) {
		struct lab_node *node = &lab->nodes[k];
		dp_consensus_fini(&node->loop.consensus);
		if (lab->dir)
			dp_epochs_close(&node->epochs);
		struct rte_ring *rings[] = { node->wire_in, node->wire_out, node->loop.to_core, node->loop.from_core };
		for (uint32_t r = 0; r < 4; r++)
			empty(rings[r]);
	}
	for (uint32_t k = 0; k < LAB_MEMBERS; k++) { // frames cross over: a buffer ends in another port's ring
		struct lab_node *node = &lab->nodes[k];
		missing += node->pool_free - rte_mempool_avail_count(node->port.pool);
		dp_port_stop(&node->port);
		rte_mempool_free(node->port.pool);
		struct rte_ring *rings[] = { node->wire_in, node->wire_out, node->loop.to_core, node->loop.from_core };
		for (uint32_t r = 0; r < 4; r++)
			rte_ring_free(rings[r]);
		free(node->arena);
	}
	return missing;
}

static void take_reply(struct lab *lab, struct rte_mbuf *m)
{
	if (dp_net_parse(&lab->client, m) == DP_DATA && ep_wire_check(rte_pktmbuf_mtod(m, uint8_t *), m->data_len) == EP_DROP_NONE) {
		memcpy(lab->reply, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		lab->replies += ((const struct ep_wire_header *)(const void *)lab->reply)->count;
	}
	rte_pktmbuf_free(m);
}

static void forward(struct lab *lab, uint32_t from, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	if (memcmp(&eth->dst_addr, &lab->client.mac, 6) == 0) {
		take_reply(lab, m);
		return;
	}
	for (uint32_t to = 0; to < LAB_MEMBERS; to++) {
		bool is_broadcast = eth->dst_addr.addr_bytes[0] == 0xff;
		if (to == from || (!is_broadcast && memcmp(&eth->dst_addr, &lab->nodes[to].net.mac, 6) != 0))
			continue;
		// Each port has buffers of its own, as if a wire lay between.
		struct rte_mbuf *copy = frame_mbuf(lab->nodes[to].port.pool, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		if (rte_ring_enqueue(lab->nodes[to].wire_in, copy) != 0)
			rte_pktmbuf_free(copy);
	}
	rte_pktmbuf_free(m);
}

void lab_switch(struct lab *lab)
{
	struct rte_mbuf *m;
	for (uint32_t k = 0; k < LAB_MEMBERS; k++)
		while (rte_ring_dequeue(lab->nodes[k].wire_out, (void **)&m) == 0)
			forward(lab, k, m);
}

void lab_run(struct lab *lab, uint32_t rounds)
{
	while (rounds-- > 0) {
		for (uint32_t k = 0; k < LAB_MEMBERS; k++) {
			struct dp_loop *l = &lab->nodes[k].loop;
			if (lab->asleep & 1u << k)
				continue;
			if (lab->is_split)
				dp_turn_io(l), dp_turn_consensus(l), dp_turn_io(l);
			else
				dp_turn_fused(l);
		}
		lab_switch(lab);
	}
}

void lab_request(struct lab *lab, uint32_t node, const uint8_t *payload, uint32_t len)
{
	uint8_t frame[1600];
	struct dp_net *to = &lab->nodes[node].net;
	struct frame_ends ends = { .mac_from = lab->client.mac, .mac_to = to->mac, .port_from = lab->client.port, .port_to = to->port };
	memcpy(ends.ip_from, lab->client.ip, 4);
	memcpy(ends.ip_to, to->ip, 4);
	uint32_t bytes = frame_udp(frame, &ends, payload, len);
	struct rte_mbuf *m = frame_mbuf(lab->nodes[node].port.pool, frame, bytes);
	eal_need(rte_ring_enqueue(lab->nodes[node].wire_in, m) == 0, "the wire is full");
}

const struct ep_msg *lab_command(struct lab *lab, uint32_t node, uint8_t kind, const struct ep_session_id *session, uint64_t seq,
				 const void *bytes, uint32_t len)
{
	uint8_t payload[1500];
	uint32_t used = ep_wire_begin(payload, EP_FRAME_REQUEST, EP_SENDER_CLIENT, LAB_CLUSTER, 0);
	struct ep_msg *msg = ep_wire_append(payload, &used, sizeof payload, EP_C_REQUEST,
					    (uint32_t)(sizeof *msg + sizeof(struct ep_wire_command)) + len);
	struct ep_wire_command *command = (void *)(msg + 1);
	command->len = (uint16_t)(sizeof *command + len);
	command->kind = kind;
	command->seq = seq;
	if (session)
		command->session = *session;
	if (len > 0)
		memcpy(command + 1, bytes, len);
	ep_wire_seal(payload, used);
	uint32_t before = lab->replies;
	lab_request(lab, node, payload, used);
	for (uint32_t k = 0; k < 1000 && lab->replies == before; k++)
		lab_run(lab, 10);
	return lab->replies == before ? NULL : ep_wire_msg(lab->reply, sizeof(struct ep_wire_header));
}
