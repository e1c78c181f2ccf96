// A change of the members that an operator has asked for: proposed until the epoch is another, or for ten seconds.
#include <stdio.h>
#include "control/wish.h"
#include "control/control.h"
#include "control/log.h"

#define PROPOSE_NS 300000000ULL    // between two proposals of the same change
#define PATIENCE_NS 10000000000ULL // for the epoch to end

static void end(struct ctl_order *o, const char *refusal, uint32_t epoch)
{
	void (*done)(void *, const char *, uint32_t) = o->done;
	void *arg = o->arg;
	*o = (struct ctl_order){ 0 };
	done(arg, refusal, epoch);
}

void ctl_order_tend(struct ctl *c)
{
	struct ctl_order *o = &c->order;
	struct ctl_offer newest;
	uint64_t now = ctl_now();
	if (!o->done)
		return;
	ctl_page_offer(&c->replica.page, &newest);
	if (newest.now.epoch > o->next.epoch) {
		bool is_it = ctl_wish_is_same(&newest.now, &o->next);
		end(o, is_it ? NULL : "another change of the members came first: look at them, and ask again", newest.now.epoch);
	} else if (o->is_refused) {
		end(o, "the replica does not take the proposal: its log says whether it goes on to other epochs", 0);
	} else if (now - o->began_ns > PATIENCE_NS) {
		end(o, "the epoch did not end within 10 s: is a quorum of the members there? It may still happen", 0);
	} else if (now - o->proposed_ns > PROPOSE_NS) {
		o->proposed_ns = now;
		ctl_propose(c, &o->next);
		o->number = c->proposals;
	}
}

// Told on the next tick: the epoch may have ended a moment ago.
void ctl_order_refused(struct ctl *c, uint64_t number)
{
	c->order.is_refused = c->order.done && number == c->order.number;
}

const char *ctl_order_start(struct ctl *c, const char *wish, void (*done)(void *, const char *, uint32_t), void *arg)
{
	static char why[256];
	struct ep_membership now, next;
	if (c->order.done || c->backup.done)
		return "another change is under way";
	if (c->replica.life != CTL_LIFE_SERVING || c->replica.page.standing != EP_STANDING_MEMBER)
		return "the replica of this node does not serve; ask another node";
	ctl_page_list(&c->replica.page, &now);
	if (now.epoch == 0)
		return "the replica does not say who its members are";
	const char *refusal = ctl_wish_list(&c->file, &now, wish, &next, why, sizeof why);
	if (refusal)
		return refusal;
	c->order = (struct ctl_order){ .next = next, .began_ns = ctl_now(), .done = done, .arg = arg }; // proposed on the next tick
	ctl_log(LOG_NOTICE, "change-proposed", "wish=\"%s\" epoch=%u members=%u", wish, now.epoch, next.n);
	return NULL;
}
