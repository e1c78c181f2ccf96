// Liveness: what must hold a bounded time after all faults ended.
#include <inttypes.h>
#include <stdio.h>
#include "tests/sim/sim.h"

static char text[300];

static bool clients_are_done(const struct sim *s, const char **why)
{
	for (uint32_t c = 0; c < s->clients_count; c++) {
		const struct client *client = &s->clients[c];
		if (client->state == CLIENT_DONE)
			continue;
		snprintf(text, sizeof text, "client %u is not done: %u operations left, the present one was tried %u times", c,
			 client->ops_left, client->tries);
		*why = text;
		return false;
	}
	return true;
}

static bool column_is_done(const struct sim *s, uint8_t p, uint8_t c, const char **why)
{
	const struct ep_replica *r = s->nodes[p].host.replica;
	uint64_t last = 0, is = ep_exec_prefix(r, c);
	for (uint8_t m = 0; m < s->n; m++) // every id that a member of the core has heard of
		if (sim_is_well(s, m) && ep_known(s->nodes[m].host.replica, c) > last)
			last = ep_known(s->nodes[m].host.replica, c);
	if (is == last && (s->is_partial || ep_stable(r, c) == last))
		return true;
	struct ep_peek next = ep_peek(r, c, is + 1);
	snprintf(text, sizeof text,
		 "p%d has executed column %d to %" PRIu64 " of %" PRIu64 ", stable %" PRIu64 "; the next one %s, %s, bal %" PRIu64
		 ", abal %" PRIu64 "%s", p, c, is, last, ep_stable(r, c), next.exists ? "is here" : "is unknown here",
		 decode_phase(next.phase), next.bal, next.abal, next.payload ? "" : ", no payload");
	*why = text;
	return false;
}

static bool digests_are_equal(const struct sim *s, const char **why)
{
	struct ep_wire_digest first = {0}, is;
	for (uint8_t p = 0; p < s->n; p++) {
		if (!sim_is_well(s, p))
			continue;
		ep_digest_now(s->nodes[p].host.replica, &is);
		if (first.is_complete && (first.application != is.application || first.sessions != is.sessions ||
					  first.executed_set != is.executed_set)) {
			snprintf(text, sizeof text, "p%d holds another state than the others", p);
			*why = text;
			return false;
		}
		first = is;
	}
	return true;
}

bool converge_reached(struct sim *s, const char **why)
{
	if (!clients_are_done(s, why))
		return false;
	for (uint8_t p = 0; p < s->n; p++)
		for (uint8_t c = 0; c < s->n; c++)
			if (sim_is_well(s, p) && !column_is_done(s, p, c, why))
				return false;
	return digests_are_equal(s, why);
}
