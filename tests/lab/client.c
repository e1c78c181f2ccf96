// Clients that speak the wire format, in a closed loop or an open one: what is ready for one replica shares a frame, as in libpnyx.
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>
#include "consensus/app/kv_format.h"
#include "consensus/base/rng.h"
#include "tests/dpdk/eal.h"
#include "tests/lab/lab.h"

#define OPEN_BURST 256 // operations begun in one turn
#define OPEN_PATIENCE 20 // ms that one is waited for
#define SLOT_BITS 16

void lab_client_start(struct lab_client *c, uint32_t index)
{
	uint32_t living = lab.o.n - (lab.o.silent != LAB_NOBODY), node = index % lab.o.n;
	c->io = (struct dp_io){ .port = c->end.port.id, .net = &c->end.net, .pool = c->end.port.pool, .arp_interval = lab.hz };
	c->slots_count = lab.o.outstanding / lab.o.clients + (index < lab.o.outstanding % lab.o.clients);
	c->slots = calloc(c->slots_count + 1, sizeof c->slots[0]);
	eal_need(c->slots != NULL && living > 0, "no memory for operations");
	c->random = lab.o.seed ^ (uint64_t)index << 32;
	for (uint32_t s = 0; s < c->slots_count; s++, node++) {
		while (node % lab.o.n == lab.o.silent)
			node++;
		bool is_apart = lab.o.is_apart && index == 0;
		c->slots[s] = (struct lab_slot){ .node = is_apart ? 0 : node % lab.o.n, .kind = EP_CMD_OPEN };
	}
	lab_client_reset(c);
}

void lab_client_reset(struct lab_client *c)
{
	c->done = c->not_fast = c->busy = c->failed = c->retries = c->unsent = c->lost = c->meant = c->cycles = c->turns = c->answered = c->gap = 0;
	histogram_reset(&c->spared);
	histogram_reset(&c->reply);
	histogram_reset(&c->echo);
}

bool lab_client_is_idle(const struct lab_client *c)
{
	for (uint32_t s = 0; s < c->slots_count; s++)
		if (c->slots[s].is_out || c->slots[s].again != 0)
			return false;
	return c->echo_sent == 0;
}

// True in `percent` of all cases.
static bool chance(struct lab_client *c, double percent)
{
	return percent > 0 && (double)(ep_random(&c->random) >> 11) * 0x1p-53 * 100 < percent;
}

// The slot's next command: the first write of every key comes before all else.
static void choose(struct lab_client *c, struct lab_slot *s)
{
	uint64_t key = lab.o.keys; // the hot one
	bool is_read = false;
	if (lab.preloaded < lab.o.keys) {
		key = __atomic_fetch_add(&lab.preloaded, 1, __ATOMIC_RELAXED);
	} else {
		is_read = chance(c, lab.o.reads);
		if (lab.o.is_apart && c == &lab.clients[0])
			key = lab.o.keys + 1 + (uint64_t)(s - c->slots);
		else if (!chance(c, lab.o.hot))
			key = (uint64_t)(((unsigned __int128)ep_random(&c->random) * lab.o.keys) >> 64);
	}
	struct pnyx_kv_command head = { .op = is_read ? PNYX_KV_GET : PNYX_KV_PUT, .count = 1 };
	struct pnyx_kv_entry entry = { .key_len = sizeof key, .value_len = is_read ? 0 : (uint16_t)lab.o.value };
	memcpy(s->bytes, &head, sizeof head);
	memcpy(s->bytes + sizeof head, &entry, sizeof entry);
	memcpy(s->bytes + sizeof head + sizeof entry, &key, sizeof key);
	s->len = sizeof head + sizeof entry + sizeof key + entry.value_len;
	s->kind = is_read ? EP_CMD_READ : EP_CMD_UPDATE;
	s->seq += !is_read;
}

// ---- sending -------------------------------------------------------------------------------------------------------
static void finish(struct lab_client *c, struct rte_mbuf *m, uint32_t node)
{
	ep_wire_seal(rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	m->pkt_len = m->data_len;
	dp_meta(m)->neighbour = (uint8_t)node;
	c->full[c->full_count++] = m;
	if (c->full_count < DP_BURST)
		return;
	dp_io_send(&c->io, c->full, c->full_count);
	c->full_count = 0;
}

static struct rte_mbuf *begin(struct lab_client *c, enum ep_frame_kind kind)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->io.pool);
	eal_need(m != NULL, "the client has no buffers left");
	m->data_len = (uint16_t)ep_wire_begin(rte_pktmbuf_mtod(m, uint8_t *), kind, EP_SENDER_CLIENT, LAB_CLUSTER, 1);
	return m;
}

static struct ep_msg *append(struct lab_client *c, uint32_t node, uint32_t len)
{
	for (;;) {
		struct rte_mbuf *m = c->open[node];
		if (!m)
			m = c->open[node] = begin(c, EP_FRAME_REQUEST);
		const struct ep_wire_header *h = rte_pktmbuf_mtod(m, const struct ep_wire_header *);
		uint32_t used = m->data_len;
		struct ep_msg *msg = h->count >= lab.o.per_frame ? NULL :
			ep_wire_append(rte_pktmbuf_mtod(m, uint8_t *), &used, EP_FRAME_MAX_DEFAULT, EP_C_REQUEST, len);
		m->data_len = (uint16_t)used;
		if (msg)
			return msg;
		c->open[node] = NULL;
		finish(c, m, node);
	}
}

static void send_command(struct lab_client *c, struct lab_slot *s)
{
	uint32_t bytes = s->kind == EP_CMD_OPEN ? 0 : s->len;
	uint32_t value = s->kind == EP_CMD_UPDATE ? lab.o.value : 0;
	struct ep_msg *msg = append(c, s->node, (uint32_t)(sizeof *msg + sizeof(struct ep_wire_command)) + bytes);
	struct ep_wire_command *command = (void *)(msg + 1);
	msg->i = (uint64_t)(s - c->slots) | s->round << SLOT_BITS;
	command->len = (uint16_t)(sizeof *command + bytes);
	command->kind = s->kind;
	if (s->kind == EP_CMD_UPDATE) {
		command->session = s->session;
		command->seq = s->seq;
	}
	memcpy(command + 1, s->bytes, bytes - value);
	memcpy((uint8_t *)(command + 1) + bytes - value, lab.value, value);
	s->is_out = true;
	s->again = 0;
}

static void send_echo(struct lab_client *c)
{
	struct rte_mbuf *m = begin(c, EP_FRAME_ECHO);
	uint32_t like = (uint32_t)(sizeof(struct ep_msg) + sizeof(struct ep_wire_command)) + 20 + lab.o.value; // a request of one command
	((struct ep_wire_header *)rte_pktmbuf_mtod(m, void *))->frame_seq = 1;
	memset(rte_pktmbuf_mtod(m, uint8_t *) + m->data_len, 0, like);
	m->data_len = (uint16_t)(m->data_len + like);
	finish(c, m, c->slots_count > 0 ? c->slots[0].node : 0);
}

static void send_rest(struct lab_client *c)
{
	for (uint32_t node = 0; node < lab.o.n; node++) {
		struct rte_mbuf *m = c->open[node];
		c->open[node] = NULL;
		if (m)
			finish(c, m, node);
	}
	if (c->full_count > 0)
		dp_io_send(&c->io, c->full, c->full_count);
	c->full_count = 0;
}

// Open loop: the slot has no operation any more.
static void release(struct lab_client *c, struct lab_slot *s)
{
	s->is_out = false;
	c->free[c->free_count++] = (uint32_t)(s - c->slots);
}

// ---- answers -------------------------------------------------------------------------------------------------------
static void on_reply(struct lab_client *c, struct lab_slot *s, const struct ep_msg *msg, uint64_t now)
{
	const struct ep_wire_reply *reply = (const void *)(msg + 1);
	s->is_out = false;
	if (s->kind == EP_CMD_OPEN) {
		eal_need(reply->status == EP_OK, "a session is refused");
		s->session = reply->instance;
		c->opened++;
	} else {
		c->done++;
		c->not_fast += !(msg->flags & EP_MSG_FAST);
		c->failed += reply->status != EP_OK;
		if (c->answered != 0 && now > c->answered + c->gap)
			c->gap = now - c->answered;
		c->answered = now;
		if (now >= s->sent) // virtual clock: a turn that the machine interrupted sends later than it is held to have ended
			histogram_add(&c->reply, now - s->sent);
		if (now >= s->sent && lab.o.loss > 0 && lab_is_spared(&reply->instance))
			histogram_add(&c->spared, now - s->sent);
		c->is_echo_due = lab.o.is_echo && lab.o.outstanding == lab.o.clients;
	}
	if (c->period > 0)
		release(c, s);
	if (c->is_stopping || c->period > 0)
		return;
	choose(c, s);
	s->sent = now;
	if (!c->is_echo_due)
		send_command(c, s);
}

static void on_answer(struct lab_client *c, const uint8_t *data, uint32_t len, uint64_t now)
{
	const struct ep_wire_header *h = (const void *)data;
	eal_need(ep_wire_check(data, len) == EP_DROP_NONE, "a replica sends what is no frame");
	if (h->kind == EP_FRAME_ECHO_REPLY) {
		histogram_add(&c->echo, now - c->echo_sent);
		c->echo_sent = 0;
		c->echo_next = now + lab.hz / 20000;
		c->is_echo_due = false;
		for (uint32_t s = 0; lab.o.outstanding == lab.o.clients && s < c->slots_count && !c->is_stopping; s++) {
			c->slots[s].sent = now;
			send_command(c, &c->slots[s]);
		}
		return;
	}
	for (uint32_t at = sizeof *h; at < len; at += ep_wire_msg(data, at)->len) {
		const struct ep_msg *msg = ep_wire_msg(data, at);
		uint64_t k = msg->i & ((1u << SLOT_BITS) - 1);
		struct lab_slot *s = &c->slots[k];
		if (k >= c->slots_count || !s->is_out || msg->i >> SLOT_BITS != s->round)
			continue;
		if (msg->type == EP_C_REPLY) {
			on_reply(c, s, msg, now);
		} else if (msg->type == EP_C_BUSY) {
			c->busy++;
			if (c->period > 0) { // refused: nobody asks again
				release(c, s);
			} else {
				s->again = now + lab.hz / 1000;
			}
		}
	}
}

// What was refused is asked again; what got no answer (a frame was lost in a full ring) likewise.
static uint32_t again(struct lab_client *c, uint64_t now)
{
	uint32_t sent = 0;
	for (uint32_t k = 0; k < c->slots_count; k++) {
		struct lab_slot *s = &c->slots[k];
		bool is_lost = s->is_out && s->again == 0 && now > s->sent + lab.hz / 2;
		if (!is_lost && (s->again == 0 || s->again > now))
			continue;
		c->retries += is_lost;
		if (is_lost)
			s->sent = now;
		send_command(c, s);
		sent++;
	}
	return sent;
}

static uint32_t begin_slots(struct lab_client *c, uint64_t now)
{
	for (uint32_t s = 0; s < c->slots_count; s++) {
		c->slots[s].sent = now;
		send_command(c, &c->slots[s]);
	}
	return c->slots_count;
}

// What is meant to have begun by now, at the most a burst of it: others are to have their turn. Any free slot, so that no replica and no
// session is preferred.
static uint32_t begin_due(struct lab_client *c, uint64_t now)
{
	uint32_t begun = 0;
	for (; c->due <= now && begun < OPEN_BURST; begun++) {
		c->meant++;
		if (c->free_count == 0) {
			c->unsent++;
		} else {
			uint32_t *last = &c->free[--c->free_count], *any = &c->free[ep_random(&c->random) % (c->free_count + 1)];
			struct lab_slot *s = &c->slots[*any];
			*any = *last;
			choose(c, s);
			s->sent = c->due;
			s->round++;
			send_command(c, s);
		}
		c->due += 1 + (uint64_t)(((unsigned __int128)ep_random(&c->random) * (2 * c->period)) >> 64);
	}
	return begun;
}

// Open loop: an operation without an answer is given up, a few slots are looked at in each turn.
static void give_up(struct lab_client *c, uint64_t now)
{
	for (uint32_t k = 0; k < 8; k++, c->looked_at++) {
		struct lab_slot *s = &c->slots[c->looked_at % c->slots_count];
		if (!s->is_out || now < s->sent + lab.hz / 1000 * OPEN_PATIENCE)
			continue;
		c->lost++;
		release(c, s);
	}
}

void lab_client_pace(double rate)
{
	for (uint32_t k = 0; k < lab.o.clients; k++) {
		struct lab_client *c = &lab.clients[k];
		eal_need(lab_client_is_idle(c), "operations are in flight");
		c->is_stopping = false;
		c->period = (uint64_t)((double)lab.hz * lab.o.clients / rate);
		c->due = c->end.now + (uint64_t)(((unsigned __int128)ep_random(&c->random) * (2 * c->period)) >> 64);
		if (!c->free)
			c->free = calloc(c->slots_count + 1, sizeof c->free[0]);
		eal_need(c->free != NULL, "no memory for operations");
		c->free_count = 0;
		c->looked_at = 0;
		for (uint32_t s = c->slots_count; s > 0; s--)
			c->free[c->free_count++] = s - 1;
	}
}

uint32_t lab_client_turn(struct lab_client *c)
{
	struct rte_mbuf *data[DP_BURST];
	uint32_t count = dp_io_receive(&c->io, data), work = count;
	uint64_t now = lab_time(&c->end);
	for (uint32_t k = 0; k < count; k++)
		on_answer(c, rte_pktmbuf_mtod(data[k], const uint8_t *), data[k]->data_len, lab_time(&c->end));
	if (c->turns == 0 && c->opened == 0)
		work += begin_slots(c, now);
	if ((c->turns++ & (c->busy > 0 && c->period == 0 ? 63 : 8191)) == 0)
		work += again(c, now);
	if (c->period > 0) {
		work += c->is_stopping ? 0 : begin_due(c, now);
		give_up(c, now);
	}
	bool is_paced = lab.o.is_echo && lab.o.outstanding != lab.o.clients && now >= c->echo_next && !c->is_stopping;
	if (c->echo_sent == 0 && (c->is_echo_due || is_paced)) {
		c->echo_sent = lab_time(&c->end);
		send_echo(c);
		work++;
	}
	send_rest(c);
	if (count > 0)
		rte_pktmbuf_free_bulk(data, count);
	return work;
}
