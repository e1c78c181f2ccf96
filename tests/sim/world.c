// The world's clockwork: events, and the turns of replicas.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/sim.h"
#include "tests/sim/verdict.h"

#define SWEEP_NS 1000000
#define EVENTS_MAX 30000000u // a round that needs more does not end

bool sim_is_alive(const struct sim *s, uint8_t p)
{
	return !s->nodes[p].is_down && !s->nodes[p].is_lost;
}

bool sim_is_well(const struct sim *s, uint8_t p)
{
	return sim_is_alive(s, p) && !s->nodes[p].is_out;
}

static void on_sent(void *owner, uint8_t p, const struct ep_frame *frame)
{
	struct sim *s = owner;
	struct ep_addr addr = {.port = s->swarm.config.members[p].port};
	char name[8] = "client";
	memcpy(addr.ip, s->swarm.config.members[p].ip, 4);
	if (frame->member != EP_CLIENT) {
		name[0] = 'p';
		name[1] = (char)('0' + frame->member);
		name[2] = 0;
	}
	if (s->is_traced)
		trace_frame(&s->trace, s->now, p, '>', name, frame->data, frame->len);
	sim_look_at_sent(s, p, frame);
	uint8_t to = frame->member == EP_CLIENT ? net_client_node(s, &frame->to) : frame->member;
	if (to == 0xff)
		verdict_fail("p%d answers an address that no client has", p);
	net_send(s, p, to, &addr, frame->data, frame->len);
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

// What is not from a member at all must not move a replica.
static void take_forged(struct sim *s, uint8_t p, const struct packet *packet, const struct ep_source *from)
{
	struct host *h = &s->nodes[p].host;
	uint64_t before = ep_fingerprint(h->replica);
	host_receive(h, clock_now(s, p), from, packet->data, packet->len);
	if (ep_fingerprint(h->replica) != before)
		verdict_fail("a frame that no member sent has changed the state of p%d", p);
}

static void take_packet(struct sim *s, uint8_t p, const struct packet *packet)
{
	struct node *node = &s->nodes[p];
	bool is_member = packet->from < s->n;
	struct ep_source from = {.addr = packet->addr, .member = is_member ? packet->from : EP_CLIENT};
	char name[8] = {is_member ? 'p' : 'c', (char)('0' + (is_member ? packet->from : packet->from - s->n) % 10)};
	if (packet->is_forged) {
		take_forged(s, p, packet, &from);
		return;
	}
	if (s->is_traced && is_member && decode_is_whole(packet->data, packet->len, s->n))
		trace_frame(&s->trace, s->now, p, '<', name, packet->data, packet->len);
	s->figures.full_frames += host_receive(&node->host, clock_now(s, p), &from, packet->data, packet->len);
	if (is_member && decode_is_whole(packet->data, packet->len, s->n))
		sim_look_at_frame(s, p, packet->data, packet->len);
	for (; node->own_seen < ep_known(node->host.replica, p); node->own_seen++) // what it submitted
		sim_look_at(s, p, p, node->own_seen + 1);
}

static void take_turn(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	for (uint32_t b = 0; b < s->swarm.burst && node->inbox_count > 0; b++) {
		node->taken = node->inbox[node->inbox_first];
		node->inbox_first = (node->inbox_first + 1) % SIM_INBOX_MAX;
		node->inbox_count--;
		take_packet(s, p, node->taken);
		free(node->taken);
		node->taken = NULL;
	}
	if (ep_deadline(node->host.replica) <= clock_now(s, p))
		ep_tick(node->host.replica, clock_now(s, p), &node->host.effects);
	host_flush(&node->host);
}

static void plan_restart(struct sim *s, uint8_t p)
{
	queue_push(&s->queue, s->now + 1 + ep_random(&s->fault_rng) % (2 * s->swarm.fault_length), EVENT_RECOVER, p, NULL);
}

static void turn(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	node->turn_at = EP_NEVER;
	if (node->paused_until > s->now)
		return;
	if (cut_run(s, p, take_turn)) {
		sim_die_between_stores(s, p);
		plan_restart(s, p);
		return;
	}
	sim_look_at_executed(s, p);
	if (++node->turns % 64 == 0)
		sim_look_at_all(s, p);
	if (node->host.is_mute || (node->is_ambushed && check_is_inside_component(&s->check, p))) {
		sim_kill(s, p);
		plan_restart(s, p);
		return;
	}
	ep_time next = clock_when(s, p, ep_deadline(node->host.replica)), soon = s->now + s->swarm.turn_ns;
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
		s->figures.full_inbox += sim_is_alive(s, to);
		free(packet);
		return;
	}
	node->inbox[(node->inbox_first + node->inbox_count++) % SIM_INBOX_MAX] = packet;
	if (node->paused_until <= s->now)
		sim_plan_turn(s, to, s->now + s->swarm.turn_ns);
}

static void sweep(struct sim *s)
{
	for (uint8_t p = 0; p < s->n; p++)
		if (sim_is_alive(s, p)) {
			sim_look_at_all(s, p);
			sim_look_at_state(s, p);
			if (ep_standing(s->nodes[p].host.replica) == EP_STANDING_DEAD)
				verdict_fail("p%d believes that its arena was rolled back, and it was not", p);
		}
	round_sweep(s);
	queue_push(&s->queue, s->now + SWEEP_NS * s->swarm.pace, EVENT_SWEEP, 0, NULL);
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
		if (e->who == s->round)
			fault_strike(s);
		return;
	case EVENT_KILL:
		if (s->phase != SIM_FAULTS || !sim_is_alive(s, (uint8_t)e->who))
			return;
		sim_kill(s, (uint8_t)e->who);
		plan_restart(s, (uint8_t)e->who);
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
	uint32_t round = 0, events = 0;
	while (s->phase != SIM_OVER) {
		events = s->round == round ? events + 1 : 0;
		round = s->round;
		if (events == EVENTS_MAX || !queue_pop(&s->queue, &e))
			verdict_fail("the run does not end");
		s->now = e.at;
		dispatch(s, &e);
	}
}

void sim_start(struct sim *s, const struct sim_options *options)
{
	*s = (struct sim){.is_traced = options->is_traced, .options = options, .now = 1, .round_began = 1};
	cut_reset();
	swarm_draw(&s->swarm, options);
	s->n = s->swarm.config.n;
	s->trace.n = s->n;
	s->net_rng = ep_mix64(options->seed ^ 0x6e6574);
	s->fault_rng = ep_mix64(options->seed ^ 0x6661756c74);
	s->forge_rng = ep_mix64(options->seed ^ 0x666f726765);
	check_init(&s->check, &s->swarm.config);
	for (uint8_t p = 0; p < s->n; p++) {
		struct node *node = &s->nodes[p];
		struct ep_config config = s->swarm.config;
		config.self = p;
		config.seed = ep_mix64(options->seed + p);
		node->turn_at = EP_NEVER;
		node->own_seen = config.first;
		node->clock_ppm = s->swarm.clock_ppm[p];
		node->host.sent = on_sent;
		node->host.owner = s;
		sim_start_process(s, p, &config);
	}
	round_start(s);
	queue_push(&s->queue, SWEEP_NS * s->swarm.pace, EVENT_SWEEP, 0, NULL);
}

void sim_free(struct sim *s)
{
	for (uint8_t p = 0; p < s->n; p++) {
		struct node *node = &s->nodes[p];
		free(node->taken);
		for (; node->inbox_count > 0; node->inbox_count--, node->inbox_first = (node->inbox_first + 1) % SIM_INBOX_MAX)
			free(node->inbox[node->inbox_first]);
		host_free(&node->host);
	}
	forge_free(s);
	request_forget(s);
	queue_free(&s->queue);
	history_free(&s->history);
	check_free(&s->check);
}
