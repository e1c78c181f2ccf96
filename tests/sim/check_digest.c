// Equal executed sets have equal state: application and sessions, by the core's own complete digest.
#include <stdlib.h>
#include <string.h>
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

static struct check_digest *place(struct check *k, uint64_t executed_set)
{
	uint32_t at = (uint32_t)executed_set & (k->digests_room - 1);
	while (k->digests[at].executed_set != 0 && k->digests[at].executed_set != executed_set)
		at = (at + 1) & (k->digests_room - 1);
	return &k->digests[at];
}

static void grow(struct check *k)
{
	struct check_digest *old = k->digests;
	uint32_t room = k->digests_room;
	k->digests_room = room ? 2 * room : 256;
	k->digests = calloc(k->digests_room, sizeof *k->digests);
	for (uint32_t d = 0; d < room; d++)
		if (old[d].executed_set != 0)
			*place(k, old[d].executed_set) = old[d];
	free(old);
}

void check_digest(struct check *k, const struct ep_replica *r, uint8_t p)
{
	struct ep_wire_digest is;
	ep_digest_now(r, &is);
	if (2 * k->digests_count >= k->digests_room)
		grow(k);
	struct check_digest *was = place(k, is.executed_set);
	if (was->executed_set == 0) {
		*was = (struct check_digest){is.executed_set, is.application, is.sessions};
		k->digests_count++;
		return;
	}
	k->digests_compared++;
	if (was->application != is.application || was->sessions != is.sessions)
		verdict_fail("INV8: p%d has executed the same set as another replica or as before, but its %s differs", p,
			     was->application != is.application ? "application" : "table of sessions");
}
