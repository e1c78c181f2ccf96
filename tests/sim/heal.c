// The end of all faults: for everybody who is not lost, or for a random quorum only - the core - while the others stay dead, paused,
// cut off, deaf or silent. What the core has heard of must end all the same.
#include "tests/sim/sim.h"

static uint64_t below(struct sim *s, uint64_t n)
{
	return ep_random(&s->fault_rng) % n;
}

static void leave_out(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	static const char *const fates[] = {"dead", "paused", "cut off", "deaf", "silent"};
	uint64_t fate = below(s, 5);
	node->is_out = true;
	if (fate == 0 && !node->is_down)
		sim_kill(s, p);
	if (fate == 1)
		node->paused_until = EP_NEVER;
	node->is_deaf = fate == 2 || fate == 3;
	node->is_silent = fate == 2 || fate == 4;
	SIM_TRACE(s, p, "--- stays outside the core, %s", fates[fate]);
}

// A quorum of those who are not lost; everybody, unless the seed says otherwise.
static void choose_core(struct sim *s)
{
	uint32_t alive = s->n - s->lost, quorum = s->n - (s->n - 1u) / 2;
	if (!(s->swarm.faults & FAULT_CORE) || alive == quorum)
		return;
	for (uint32_t outside = (uint32_t)below(s, alive - quorum + 1); outside > 0; outside--) {
		uint8_t p = (uint8_t)below(s, s->n);
		while (s->nodes[p].is_lost || s->nodes[p].is_out)
			p = (uint8_t)((p + 1) % s->n);
		leave_out(s, p);
	}
}

static void make_well(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	node->paused_until = 0;
	node->is_ambushed = false;
	node->cut_in = 0;
	if (node->is_lost)
		return;
	if (node->host.is_mute)
		sim_kill(s, p);
	if (node->is_down)
		sim_attach(s, p);
}

static void tell_who_lives(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	for (uint8_t m = 0; m < s->n; m++) {
		struct ep_command command = {.type = sim_is_well(s, m) ? EP_TRUST : EP_SUSPECT, .member = m};
		if (m != p && (s->swarm.faults & FAULT_SUSPECT))
			ep_control(node->host.replica, clock_now(s, p), &command, &node->host.effects);
	}
	host_flush(&node->host);
	sim_plan_turn(s, p, s->now);
}

static void end_faults(struct sim *s)
{
	SIM_TRACE(s, 0, "--- all faults end");
	s->healed_at = s->now;
	for (uint8_t p = 0; p < s->n; p++) {
		s->cut[p] = 0;
		for (uint8_t from = 0; from < s->n; from++)
			s->clog_until[from][p] = 0;
		make_well(s, p);
	}
}

static void begin_to_converge(struct sim *s)
{
	s->is_partial = false;
	for (uint8_t p = 0; p < s->n; p++) {
		s->is_partial |= !sim_is_well(s, p);
		if (sim_is_well(s, p))
			tell_who_lives(s, p);
	}
}

void fault_heal(struct sim *s)
{
	s->phase = SIM_HEALED;
	end_faults(s);
	choose_core(s);
	begin_to_converge(s);
}

void fault_forgive(struct sim *s)
{
	for (uint8_t p = 0; p < s->n; p++)
		s->nodes[p].is_out = s->nodes[p].is_deaf = s->nodes[p].is_silent = false;
	end_faults(s);
	begin_to_converge(s);
}
