// The small world without faults, until everybody agrees: nothing is lost, clients finish what they began.
#include <stdio.h>
#include "consensus/state.h"
#include "tests/kill/client.h"

#define ROUNDS_MAX 20000

static bool is_at_rest(const struct world *w)
{
	for (uint8_t c = 0; c < WORLD_CLIENTS; c++)
		if (!client_is_idle(w, &w->clients[c]))
			return false;
	for (uint8_t col = 0; col < w->n; col++)
		for (uint8_t p = 0; p < w->n; p++) {
			const struct ep_replica *r = world_replica(w, p);
			if (ep_exec_prefix(r, col) != ep_known(r, col) || ep_known(r, col) != ep_known(world_replica(w, 0), col))
				return false;
		}
	return true;
}

static void run(struct world *w, struct step *s, struct lent *l)
{
	s->now = w->now;
	step_run(w, s, l);
	world_collect(w, s, l);
}

// Everything under way, first in, first out.
static void deliver_all(struct world *w, struct lent *l)
{
	struct step s = { .kind = STEP_RECEIVE };
	for (uint32_t k = 0; w->flights_count > 0 && k < 1000; k++) {
		world_take(w, 0, &s.in);
		s.at = s.in.to;
		if (s.in.to == EP_CLIENT)
			client_receive(w, &w->clients[s.in.client], s.in.data);
		else
			run(w, &s, l);
	}
}

static void run_timers(struct world *w, struct lent *l)
{
	ep_time next = EP_NEVER;
	for (uint8_t c = 0; c < WORLD_CLIENTS; c++) {
		client_turn(w, c);
		if (w->clients[c].is_waiting && w->clients[c].retry_at < next)
			next = w->clients[c].retry_at;
	}
	for (uint8_t p = 0; p < w->n; p++) {
		struct step s = { .kind = STEP_TICK, .at = p };
		if (ep_deadline(world_replica(w, p)) <= w->now)
			run(w, &s, l);
		if (ep_deadline(world_replica(w, p)) < next)
			next = ep_deadline(world_replica(w, p));
	}
	if (w->flights_count == 0 && next > w->now)
		w->now = next;
}

static const char *compare(const struct world *w)
{
	struct ep_wire_digest first, is;
	ep_digest_now(world_replica(w, 0), &first);
	for (uint8_t p = 0; p < w->n; p++) {
		const char *wrong = client_expect(w, p);
		ep_digest_now(world_replica(w, p), &is);
		if (wrong)
			return wrong;
		if (is.application != first.application)
			return "members hold different values";
		if (is.sessions != first.sessions)
			return "members hold different sessions";
		if (is.executed_set != first.executed_set)
			return "members executed different instances";
		if (ep_drops(world_replica(w, p))[EP_DROP_CONTRADICTION] != 0)
			return "a member was told another value for an instance that it had committed";
	}
	return NULL;
}

const char *world_converge(struct world *w, struct lent *l)
{
	w->is_closing = true;
	for (uint32_t k = 0; k < ROUNDS_MAX; k++) {
		deliver_all(w, l);
		if (is_at_rest(w))
			return compare(w);
		run_timers(w, l);
	}
	return "the cluster does not come to rest";
}
