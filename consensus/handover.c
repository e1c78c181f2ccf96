// The handover: a new epoch's arena starts from the state of a frozen one (protocol.md F.1).
//
// The state is one range of the arena, sessions and application; it does not depend on how many members there are. It is copied into an
// arena that has no magic yet: whoever is killed before that word is stored has no arena of the new epoch, and begins again.
#include "consensus/arena.h"
#include "consensus/epoch.h"
#include "consensus/hello.h"
#include "consensus/session.h"

bool ep_handover(const struct ep_replica *r, struct ep_handover *ret)
{
	if (r->closed == 0)
		return false;
	*ret = (struct ep_handover){ .next = ep_epoch_next_list(r), .cluster = r->config.cluster, .bytes = ep_state(r).bytes,
				     .sessions = r->sessions_count, .clock = r->clock };
	return true;
}

struct ep_state ep_state(const struct ep_replica *r)
{
	struct pnyx_app_config app = ep_arena_app(&r->config);
	return (struct ep_state){ ep_at(r, r->at_sessions), r->at_app + pnyx_app_size(&app) - r->at_sessions };
}

enum ep_attach ep_epoch_begin(void *arena, size_t size, const struct ep_config *config, const struct ep_handover *from, struct ep_replica **ret)
{
	if (config->epoch != from->next.epoch || config->cluster != from->cluster || config->chain != from->next.chain)
		return EP_ATTACH_CLUSTER;
	struct ep_replica *r;
	enum ep_attach verdict = ep_arena_make(arena, size, config, &r);
	if (verdict != EP_ATTACH_OK)
		return verdict;
	if (ep_state(r).bytes != from->bytes)
		return EP_ATTACH_SIZES;
	*ret = r;
	return EP_ATTACH_OK;
}

enum ep_attach ep_epoch_finish(struct ep_replica *r, const struct ep_handover *from, bool is_foreign)
{
	struct pnyx_app_config app = ep_arena_app(&r->config);
	r->sessions_count = from->sessions;
	r->clock = from->clock;
	if (!ep_sessions_attach(r))
		return EP_ATTACH_SESSIONS;
	if (is_foreign && !pnyx_app_attach(ep_at(r, r->at_app), &app))
		return EP_ATTACH_APPLICATION;
	ep_arena_publish(r, true); // it waits for SLOW members who hold the state too: they answer its Hello
	return EP_ATTACH_OK;
}

bool ep_all_heard(const struct ep_replica *r)
{
	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self && r->peers[m].heard == 0)
			return false;
	return true;
}
