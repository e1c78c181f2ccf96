// Rounds: faults, healing, the checks of what clients saw, and clearing up before the next round in the same world.
#include <inttypes.h>
#include "tests/sim/sim.h"
#include "tests/sim/verdict.h"

void round_start(struct sim *s)
{
	s->phase = SIM_FAULTS;
	s->round_began = s->now;
	s->clients_count = s->flooder = 0;
	s->swarm.load.round = s->round;
	for (uint8_t p = 0; p < s->n; p++)
		clock_set_rate(s, p, s->swarm.clock_ppm[p]);
	for (uint32_t c = 0; c < s->swarm.clients + s->swarm.rogues; c++)
		client_start(s, c, c < s->swarm.clients ? CLIENT_HONEST : CLIENT_ROGUE);
	if (s->swarm.faults & FAULT_FLOOD) {
		s->flooder = s->clients_count;
		client_start(s, s->flooder, CLIENT_FLOOD);
	}
	queue_push(&s->queue, s->now + s->swarm.fault_every, EVENT_FAULT, s->round, NULL);
}

// What clients saw is explained, or the run ends here.
static void check_round(struct sim *s)
{
	load_check(&s->swarm.load, &s->history, &s->report);
	history_free(&s->history);
	if (s->round + 1 >= s->options->rounds) {
		s->phase = SIM_OVER;
		return;
	}
	s->phase = SIM_CLEANING;
	fault_forgive(s);
	client_start(s, s->clients_count, CLIENT_JANITOR);
}

static void next_round(struct sim *s)
{
	check_forget(&s->check);
	request_forget(s);
	s->round++;
	swarm_draw_round(&s->swarm, s->options, s->round);
	round_start(s);
}

void round_sweep(struct sim *s)
{
	const char *why = NULL;
	if (s->phase == SIM_FAULTS) {
		if (s->now >= s->round_began + s->swarm.heal_after)
			fault_heal(s);
		return;
	}
	if (converge_reached(s, &why)) {
		if (s->phase == SIM_HEALED)
			check_round(s);
		else if (s->check.sessions_open == 0)
			next_round(s);
		else // a late OPEN came after the janitor
			client_again(s, s->clients_count - 1);
		return;
	}
	if (s->now > s->healed_at + s->swarm.converge_max)
		verdict_fail("liveness: %" PRIu64 " ms after all faults ended%s, %s", (s->now - s->healed_at) / 1000000,
			     s->is_partial ? " for a quorum" : "", why);
}
