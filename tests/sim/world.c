// The world's clockwork: events, the turns of replicas, and what the checkers look at after each of them.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/sim.h"
#include "tests/sim/verdict.h"

#define SWEEP_NS 1000000
#define EVENTS_MAX 30000000u // a run that needs more does not end

bool sim_is_alive(const struct sim *s, uint8_t p)
{
	return !s->nodes[p].is_down && !s->nodes[p].is_lost;
}

// ---- looking ---------------------------------------------------------------------------------------------------
static void look_at(struct sim *s, uint8_t p, uint8_t col, uint64_t i)
{
	struct log *log = &s->check.log;
	uint64_t before = log->committed;
	check_copy(&s->check, s->nodes[p].host.replica, p, col, i);
	if (log->committed == before)
		return;
	uint64_t stable[EP_MEMBERS_MAX] = {0};
	for (uint8_t c = 0; c < s->n; c++)
		for (uint8_t m = 0; m < s->n; m++)
			if (sim_is_alive(s, m) && ep_stable(s->nodes[m].host.replica, c) > stable[c])
				stable[c] = ep_stable(s->nodes[m].host.replica, c);
	check_visible(&s->check, log_at(log, col, i), stable);
}

void sim_look_at_frame(struct sim *s, uint8_t p, const uint8_t *data, uint32_t len)
{
	struct message m;
	if (ep_wire_check(data, len) != EP_DROP_NONE || ((const struct ep_wire_header *)(const void *)data)->kind != EP_FRAME_MEMBER)
		return;
	for (uint32_t at = 0; decode_next(data, len, s->n, &at, &m);)
		if (m.type < EP_FETCH)
			look_at(s, p, m.col, m.i);
}

static void look_at_execution(struct sim *s, uint8_t p, struct ep_session_id id)
{
	look_at(s, p, id.col, id.i);
	SIM_TRACE(s, p, "  executes (%d,%" PRIu64 ")", id.col, id.i);
	check_executed(&s->check, p, log_at(&s->check.log, id.col, id.i));
}

void sim_look_at_executed(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	uint64_t count = ep_executed_count(node->host.replica);
	if (count - node->executed_seen > EP_TRACE_MAX)
		verdict_fail("p%d executed %" PRIu64 " instances in one turn", p, count - node->executed_seen);
	for (; node->executed_seen < count; node->executed_seen++) {
		struct ep_session_id id = ep_executed_at(node->host.replica, node->executed_seen);
		if (memcmp(&id, &node->begun, sizeof id) != 0)
			look_at_execution(s, p, id);
		node->begun.i = 0;
	}
	struct ep_session_id id = ep_executing(node->host.replica);
	if (id.i == 0 || memcmp(&id, &node->begun, sizeof id) == 0)
		return;
	node->begun = id;
	look_at_execution(s, p, id);
}

void sim_look_at_all(struct sim *s, uint8_t p)
{
	const struct ep_replica *r = s->nodes[p].host.replica;
	sim_look_at_executed(s, p);
	for (uint8_t c = 0; c < s->n; c++)
		for (uint64_t i = ep_stable(r, c) + 1; i <= ep_known(r, c); i++)
			look_at(s, p, c, i);
}

// The state is hashed whole: only when something ran since.
static void look_at_state(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	uint64_t turns = s->check.log.turns[p];
	s->hash = ep_mix64(s->hash ^ ep_fingerprint(node->host.replica));
	if (node->digest_at == turns + 1)
		return;
	node->digest_at = turns + 1;
	check_digest(&s->check, node->host.replica, p);
}

// ---- what replicas send ------------------------------------------------------------------------------------------
static void on_client_frame(struct sim *s, uint8_t p, const struct ep_frame *frame)
{
	struct message m;
	uint8_t to = net_client_node(s, &frame->to);
	for (uint32_t at = 0; decode_next(frame->data, frame->len, s->n, &at, &m);) {
		s->messages++;
		if (m.type != EP_C_REPLY || m.i >= s->requests_count)
			continue;
		check_reply(&s->check, p, &m, s->requests[m.i].command);
	}
	if (to == 0xff)
		verdict_fail("p%d answers an address that no client has", p);
	net_send(s, p, to, &s->nodes[p].host.frames[0].to, frame->data, frame->len);
}

static void on_sent(void *owner, uint8_t p, const struct ep_frame *frame)
{
	struct sim *s = owner;
	struct message m;
	struct ep_addr addr = {.port = s->swarm.config.members[p].port};
	char name[8] = "client";
	memcpy(addr.ip, s->swarm.config.members[p].ip, 4);
	sim_look_at_executed(s, p);
	if (frame->member != EP_CLIENT) {
		name[0] = 'p';
		name[1] = (char)('0' + frame->member);
		name[2] = 0;
	}
	if (s->is_traced)
		trace_frame(&s->trace, s->now, p, '>', name, frame->data, frame->len);
	if (ep_wire_check(frame->data, frame->len) != EP_DROP_NONE || frame->len > s->swarm.config.frame_max)
		verdict_fail("p%d sends a frame that does not check", p);
	if (frame->member == EP_CLIENT) {
		on_client_frame(s, p, frame);
		return;
	}
	for (uint32_t at = 0; decode_next(frame->data, frame->len, s->n, &at, &m);) {
		s->messages++;
		check_message(&s->check, p, &m);
		if (m.type < EP_FETCH)
			look_at(s, p, m.col, m.i);
	}
	net_send(s, p, frame->member, &addr, frame->data, frame->len);
}

// ---- turns -------------------------------------------------------------------------------------------------------
void sim_plan_turn(struct sim *s, uint8_t p, ep_time at)
{
	struct node *node = &s->nodes[p];
	if (at < s->now)
		at = s->now;
	if (at >= node->turn_at || !sim_is_alive(s, p))
		return;
	node->turn_at = at;
	queue_push(&s->queue, at, EVENT_TURN, p, NULL);
}

static void clear_inbox(struct node *node)
{
	while (node->inbox_count > 0) {
		free(node->inbox[node->inbox_first]);
		node->inbox_first = (node->inbox_first + 1) % SIM_INBOX_MAX;
		node->inbox_count--;
	}
}

void sim_kill(struct sim *s, uint8_t p)
{
	SIM_TRACE(s, p, "--- killed");
	sim_look_at_all(s, p); // what it had made durable
	host_kill(&s->nodes[p].host);
	clear_inbox(&s->nodes[p]);
	s->nodes[p].is_down = true;
	s->nodes[p].turn_at = EP_NEVER;
}

void sim_attach(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	enum ep_attach verdict = host_attach(&node->host);
	SIM_TRACE(s, p, "--- goes on from its arena");
	if (verdict != EP_ATTACH_OK)
		verdict_fail("p%d may not go on from its arena: %d", p, verdict);
	node->is_down = false;
	node->executed_seen = node->digest_at = 0;
	sim_look_at_all(s, p);
	sim_plan_turn(s, p, s->now);
}

static void take_packet(struct sim *s, uint8_t p, struct packet *packet)
{
	struct node *node = &s->nodes[p];
	bool is_member = packet->from < s->n;
	struct ep_source from = {.addr = packet->addr, .member = is_member ? packet->from : EP_CLIENT};
	char name[8] = {is_member ? 'p' : 'c', (char)('0' + (is_member ? packet->from : packet->from - s->n) % 10)};
	if (s->is_traced && ep_wire_check(packet->data, packet->len) == EP_DROP_NONE && is_member)
		trace_frame(&s->trace, s->now, p, '<', name, packet->data, packet->len);
	host_receive(&node->host, s->now, &from, packet->data, packet->len);
	if (is_member)
		sim_look_at_frame(s, p, packet->data, packet->len);
	for (; node->own_seen < ep_known(node->host.replica, p); node->own_seen++) // what it submitted
		look_at(s, p, p, node->own_seen + 1);
	free(packet);
}

static void turn(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	node->turn_at = EP_NEVER;
	if (node->paused_until > s->now)
		return;
	for (uint32_t b = 0; b < s->swarm.burst && node->inbox_count > 0; b++) {
		struct packet *packet = node->inbox[node->inbox_first];
		node->inbox_first = (node->inbox_first + 1) % SIM_INBOX_MAX;
		node->inbox_count--;
		take_packet(s, p, packet);
	}
	if (ep_deadline(node->host.replica) <= s->now)
		ep_tick(node->host.replica, s->now, &node->host.effects);
	host_flush(&node->host);
	sim_look_at_executed(s, p);
	if (++node->turns % 64 == 0)
		sim_look_at_all(s, p);
	if (node->host.is_mute) {
		sim_kill(s, p);
		queue_push(&s->queue, s->now + 1 + ep_random(&s->fault_rng) % 20000000, EVENT_RECOVER, p, NULL);
		return;
	}
	ep_time next = ep_deadline(node->host.replica), soon = s->now + s->swarm.turn_ns;
	sim_plan_turn(s, p, node->inbox_count > 0 || next < soon ? soon : next);
}

static void arrive(struct sim *s, uint8_t to, struct packet *packet)
{
	if (to >= s->n) {
		client_receive(s, to - s->n, packet);
		free(packet);
		return;
	}
	struct node *node = &s->nodes[to];
	if (!sim_is_alive(s, to) || node->inbox_count == SIM_INBOX_MAX) {
		free(packet);
		return;
	}
	node->inbox[(node->inbox_first + node->inbox_count++) % SIM_INBOX_MAX] = packet;
	if (node->paused_until <= s->now)
		sim_plan_turn(s, to, s->now + s->swarm.turn_ns);
}

static void sweep(struct sim *s)
{
	const char *why = NULL;
	if (!s->is_healed && s->now >= s->swarm.heal_at)
		fault_heal(s);
	for (uint8_t p = 0; p < s->n; p++)
		if (sim_is_alive(s, p)) {
			sim_look_at_all(s, p);
			look_at_state(s, p);
		}
	s->is_over = s->is_healed && converge_reached(s, &why);
	if (!s->is_over && s->now > s->swarm.heal_at + s->swarm.converge_max)
		verdict_fail("liveness: %" PRIu64 " ms after all faults ended, %s", (s->now - s->swarm.heal_at) / 1000000, why);
	queue_push(&s->queue, s->now + SWEEP_NS, EVENT_SWEEP, 0, NULL);
}

static void dispatch(struct sim *s, const struct event *e)
{
	switch (e->type) {
	case EVENT_TURN:
		if (sim_is_alive(s, (uint8_t)e->who) && s->nodes[e->who].turn_at == e->at)
			turn(s, (uint8_t)e->who);
		return;
	case EVENT_CLIENT:
		if (s->clients[e->who].wake_at == e->at)
			client_wake(s, e->who);
		return;
	case EVENT_PACKET:
		arrive(s, (uint8_t)e->who, e->packet);
		return;
	case EVENT_FAULT:
		fault_strike(s);
		return;
	case EVENT_RECOVER:
		fault_recover(s, (uint8_t)e->who);
		return;
	case EVENT_SWEEP:
		sweep(s);
		return;
	}
}

void sim_run(struct sim *s)
{
	struct event e;
	for (uint32_t k = 0; !s->is_over; k++) {
		if (k == EVENTS_MAX || !queue_pop(&s->queue, &e))
			verdict_fail("the run does not end");
		s->now = e.at;
		dispatch(s, &e);
	}
}

void sim_start(struct sim *s, const struct sim_options *options)
{
	*s = (struct sim){.is_traced = options->is_traced};
	swarm_draw(&s->swarm, options);
	s->n = s->swarm.config.n;
	s->trace.n = s->n;
	s->trace.is_live = false;
	s->now = 1;
	s->net_rng = ep_mix64(options->seed ^ 0x6e6574);
	s->fault_rng = ep_mix64(options->seed ^ 0x6661756c74);
	check_init(&s->check, &s->swarm.config);
	for (uint8_t p = 0; p < s->n; p++) {
		struct node *node = &s->nodes[p];
		struct ep_config config = s->swarm.config;
		config.self = p;
		config.seed = ep_mix64(options->seed + p);
		node->turn_at = EP_NEVER;
		node->own_seen = config.first;
		node->host.sent = on_sent;
		node->host.owner = s;
		host_start(&node->host, &config, s->swarm.frames);
		sim_plan_turn(s, p, s->now + p);
	}
	for (uint32_t c = 0; c < s->swarm.clients + s->swarm.rogues; c++)
		client_start(s, c, c >= s->swarm.clients);
	queue_push(&s->queue, s->swarm.fault_every, EVENT_FAULT, 0, NULL);
	queue_push(&s->queue, SWEEP_NS, EVENT_SWEEP, 0, NULL);
}

void sim_free(struct sim *s)
{
	for (uint8_t p = 0; p < s->n; p++) {
		clear_inbox(&s->nodes[p]);
		host_free(&s->nodes[p].host);
	}
	for (uint32_t r = 0; r < s->requests_count; r++)
		free(s->requests[r].command);
	free(s->requests);
	queue_free(&s->queue);
	history_free(&s->history);
	check_free(&s->check);
}
