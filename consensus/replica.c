// The clockwork: what happens without a message, and when.
#include "consensus/decide.h"
#include "consensus/epoch.h"
#include "consensus/execute.h"
#include "consensus/expire.h"
#include "consensus/hello.h"
#include "consensus/stage.h"

static void send_status(struct ep_replica *r, struct ep_effects *fx)
{
	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self)
			ep_send_status(r, fx, m);
	ep_window_ripen(r);
	r->status_due = r->now + r->config.status_ns * r->pace;
	r->executed_at_status = r->executed_count;
}

void ep_burst_end(struct ep_replica *r, ep_time now, struct ep_effects *fx)
{
	if (now > r->now)
		r->now = now;
	while (ep_is_staged(r) && ep_is_member(r) && ep_has_frames(fx))
		ep_submit(r, fx);
}

void ep_tick(struct ep_replica *r, ep_time now, struct ep_effects *fx)
{
	if (now > r->now)
		r->now = now;
	if (r->standing == EP_STANDING_DEAD)
		return;
	if (ep_is_frozen(r)) {
		ep_epoch_run(r, fx);
		return;
	}
	ep_window_recycle(r, EP_RECYCLE_BUDGET); // first: what runs in this tick can still be looked at when it ends
	while (ep_is_staged(r) && ep_has_frames(fx))
		ep_submit(r, fx); // what this burst brought
	ep_exec_run(r, fx, r->config.exec_budget);
	if (ep_is_frozen(r))
		return;
	ep_hello_run(r, fx);
	if (ep_is_member(r))
		ep_timers_run(r, fx);
	ep_learn_run(r, fx);
	ep_recoveries_run(r, fx);
	// Under load frontiers are told as soon as a part of the window has been used up, not by the clock.
	bool is_far = r->executed_count - r->executed_at_status >= (r->config.window + 15) / 16;
	if ((r->now >= r->status_due || is_far) && ep_has_frames(fx)) {
		uint64_t none[EP_MEMBERS_MAX] = { 0 };
		ep_window_report(r, r->self, none); // our own prefixes moved
		send_status(r, fx);
		ep_expire_run(r, fx);
	}
}

ep_time ep_deadline(const struct ep_replica *r)
{
	if (r->standing == EP_STANDING_DEAD)
		return EP_NEVER;
	if (ep_is_frozen(r))
		return ep_epoch_due(r);
	if (ep_is_staged(r) || r->order_head != 0 || r->run_vertex != EP_NIL || r->root_head != EP_NIL)
		return r->now;
	for (uint32_t c = 0; c < r->n; c++)
		if (r->columns[c].stable < r->columns[c].ripe)
			return r->now;
	ep_time next = r->status_due, learn = ep_learn_next(r);
	ep_time timers = ep_is_member(r) ? ep_timers_next(r) : ep_hello_next(r); // nothing is driven while asking
	ep_time recoveries = ep_recoveries_next(r);
	next = timers < next ? timers : next;
	next = recoveries < next ? recoveries : next;
	return learn < next ? learn : next;
}

void ep_control(struct ep_replica *r, ep_time now, const struct ep_command *command, struct ep_effects *fx)
{
	(void)fx;
	if (now > r->now)
		r->now = now;
	switch (command->type) {
	case EP_SUSPECT:
	case EP_TRUST:
		if (command->member < r->n)
			r->peers[command->member].is_suspect = command->type == EP_SUSPECT;
		return;
	case EP_PACE:
		if (command->value >= 1 && command->value <= 100)
			r->pace = command->value;
		return;
	}
}
