// Faults that strike replicas and links, and their end.
#include "tests/sim/sim.h"
#include "tests/sim/verdict.h"

static uint32_t below(struct sim *s, uint64_t n)
{
	return (uint32_t)(ep_random(&s->fault_rng) % n);
}

static void pause_one(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	node->paused_until = s->now + 1 + below(s, 30000000);
	SIM_TRACE(s, p, "--- paused until %.3f ms", (double)node->paused_until / 1e6);
	queue_push(&s->queue, node->paused_until, EVENT_RECOVER, p, NULL);
}

static void restart_one(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	if (below(s, 2)) { // dies between what it did and what it would have said
		node->host.is_mute = true;
		SIM_TRACE(s, p, "--- will be killed before it sends");
		return;
	}
	sim_kill(s, p);
	queue_push(&s->queue, s->now + 1 + below(s, 20000000), EVENT_RECOVER, p, NULL);
}

static void partition(struct sim *s)
{
	uint32_t group = below(s, 1u << s->n), is_one_way = below(s, 2);
	for (uint8_t p = 0; p < s->n; p++) {
		uint32_t side = group >> p & 1, others = side ? ~group : group;
		s->cut[p] = is_one_way && side ? 0 : others & ((1u << s->n) - 1) & ~(1u << p);
	}
	SIM_TRACE(s, 0, "--- links are cut between %02x and the others%s", group, is_one_way ? ", one way" : "");
}

static void suspect(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	struct ep_command command = {.type = below(s, 3) ? EP_SUSPECT : EP_TRUST, .member = (uint8_t)below(s, s->n)};
	if (command.member == p)
		return;
	SIM_TRACE(s, p, "--- %s p%d", command.type == EP_SUSPECT ? "suspects" : "trusts", command.member);
	ep_control(node->host.replica, s->now, &command, &node->host.effects);
	host_flush(&node->host);
	sim_plan_turn(s, p, s->now);
}

static bool is_allowed(const struct sim *s, enum fault fault)
{
	return s->swarm.faults & fault;
}

void fault_strike(struct sim *s)
{
	if (s->is_healed)
		return;
	queue_push(&s->queue, s->now + 1 + below(s, 2 * s->swarm.fault_every), EVENT_FAULT, 0, NULL);
	uint8_t p = (uint8_t)below(s, s->n);
	uint32_t what = below(s, 6);
	for (uint8_t m = 0; m < s->n; m++)
		s->cut[m] = below(s, 2) ? 0 : s->cut[m];
	if (!sim_is_alive(s, p) || s->nodes[p].host.is_mute)
		return;
	if (what == 0 && is_allowed(s, FAULT_PAUSE))
		pause_one(s, p);
	else if (what == 1 && is_allowed(s, FAULT_RESTART))
		restart_one(s, p);
	else if (what == 2 && is_allowed(s, FAULT_PARTITION))
		partition(s);
	else if (what == 3 && is_allowed(s, FAULT_SUSPECT))
		suspect(s, p);
	else if (what == 4 && is_allowed(s, FAULT_CRASH) && s->lost < (s->n - 1u) / 2 && below(s, 3) == 0) {
		sim_kill(s, p);
		s->nodes[p].is_lost = true;
		s->lost++;
		SIM_TRACE(s, p, "--- lost for good");
	}
}

void fault_recover(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	if (node->is_lost)
		return;
	if (node->is_down)
		sim_attach(s, p);
	if (node->paused_until <= s->now)
		sim_plan_turn(s, p, s->now);
}

void fault_heal(struct sim *s)
{
	s->is_healed = true;
	SIM_TRACE(s, 0, "--- all faults end");
	for (uint8_t p = 0; p < s->n; p++) {
		struct node *node = &s->nodes[p];
		s->cut[p] = 0;
		node->paused_until = 0;
		if (node->is_lost)
			continue;
		if (node->host.is_mute)
			sim_kill(s, p);
		if (node->is_down)
			sim_attach(s, p);
		for (uint8_t m = 0; m < s->n; m++) {
			struct ep_command command = {.type = s->nodes[m].is_lost ? EP_SUSPECT : EP_TRUST, .member = m};
			if (m != p && (s->swarm.faults & FAULT_SUSPECT))
				ep_control(node->host.replica, s->now, &command, &node->host.effects);
		}
		host_flush(&node->host);
		sim_plan_turn(s, p, s->now);
	}
}
