// A replica's process: it starts, dies between two steps or between two stores, and goes on from its arena.
#include <stdlib.h>
#include "consensus/state.h"
#include "tests/sim/sim.h"
#include "tests/sim/verdict.h"

// What a configuration cannot ask for: execution in small bites, counters that have come far.
static void tune(struct sim *s, uint8_t p)
{
	if (s->swarm.slow_exec > 0)
		s->nodes[p].host.replica->config.exec_budget = s->swarm.slow_exec;
}

void sim_start_process(struct sim *s, uint8_t p, const struct ep_config *config)
{
	struct host *h = &s->nodes[p].host;
	host_start(h, config, s->swarm.frames);
	struct ep_replica *r = h->replica;
	r->clock = s->swarm.clock;
	r->run = (uint32_t)s->swarm.search;
	for (uint8_t m = 0; m < s->n; m++) {
		r->columns[m].nacked = s->swarm.ballot;
		r->peers[m].sent_seq = s->swarm.frame_seq;
	}
	clock_start(s, p, 1 + s->swarm.time);
	tune(s, p);
	sim_plan_turn(s, p, s->now + p);
}

// The pools of a process that ran full, by its own counters.
void sim_count_full(struct sim *s, uint8_t p)
{
	const struct ep_counters *c = ep_counters(s->nodes[p].host.replica);
	s->figures.full_window += c->busy_window;
	s->figures.full_own += c->busy_own;
	s->figures.full_room += c->busy_room;
	s->figures.full_index += c->unindexed;
}

bool sim_has_no_room(const struct sim *s, uint8_t p)
{
	const struct ep_config *c = &s->swarm.config;
	return sim_is_alive(s, p) &&
	       pnyx_app_used(ep_at(s->nodes[p].host.replica, s->nodes[p].host.replica->at_app)) + 2ULL * s->n * c->cost_max > c->app_capacity;
}

static void clear_inbox(struct node *node)
{
	free(node->taken);
	node->taken = NULL;
	while (node->inbox_count > 0) {
		free(node->inbox[node->inbox_first]);
		node->inbox_first = (node->inbox_first + 1) % SIM_INBOX_MAX;
		node->inbox_count--;
	}
}

static void die(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	s->figures.kills++;
	s->figures.kills_inside += check_is_inside_component(&s->check, p);
	sim_count_full(s, p);
	host_kill(&node->host);
	clear_inbox(node);
	node->is_down = true;
	node->is_ambushed = false;
	node->cut_in = 0;
	node->turn_at = EP_NEVER;
}

void sim_kill(struct sim *s, uint8_t p)
{
	SIM_TRACE(s, p, "--- killed");
	sim_look_at_all(s, p); // what it had made durable
	die(s, p);
}

void sim_die_between_stores(struct sim *s, uint8_t p)
{
	SIM_TRACE(s, p, "--- killed between two stores");
	s->figures.cuts++;
	sim_look_at_trace(s, p); // whole executions; all else may be in the middle of a change
	die(s, p);
}

static void attach(struct sim *s, uint8_t p)
{
	enum ep_attach verdict = host_attach(&s->nodes[p].host);
	if (verdict != EP_ATTACH_OK)
		verdict_fail("p%d may not go on from its arena: %d", p, verdict);
}

void sim_attach(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	while (cut_run(s, p, attach)) {
		SIM_TRACE(s, p, "--- killed while it started");
		s->figures.cuts++;
	}
	SIM_TRACE(s, p, "--- goes on from its arena");
	node->cut_in = 0;
	node->is_down = false;
	node->executed_seen = node->digest_at = 0;
	clock_start(s, p, 1 + s->swarm.time / 2 + ep_random(&s->fault_rng) % 1000000); // a new process has a new clock
	tune(s, p);
	sim_look_after_attach(s, p);
	sim_plan_turn(s, p, s->now);
}
