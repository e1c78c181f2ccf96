// Timers of own open instances: one queue per timeout class, in order of expiry; O(expired).
#include "consensus/session.h"
#include "consensus/stage.h"

ep_time ep_after_rtts(const struct ep_replica *r, uint32_t rtts, ep_time least)
{
	ep_time slowest = 0;
	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self && !r->peers[m].is_suspect && r->peers[m].srtt > slowest)
			slowest = r->peers[m].srtt;
	least *= r->pace;
	ep_time most = least > EP_TIMEOUT_MAX_NS ? least : EP_TIMEOUT_MAX_NS;
	if (slowest * rtts <= least)
		return least;
	return slowest * rtts < most ? slowest * rtts : most;
}

void ep_timer_cancel(struct ep_replica *r, ep_slot slot)
{
	struct ep_own *own = ep_own(r, slot);
	if (own->queue == EP_QUEUE_NONE)
		return;
	struct ep_queue *q = &r->queues[own->queue];
	if (own->prev != EP_NIL)
		ep_own(r, own->prev)->next = own->next;
	else
		q->head = own->next;
	if (own->next != EP_NIL)
		ep_own(r, own->next)->prev = own->prev;
	else
		q->tail = own->prev;
	own->queue = EP_QUEUE_NONE;
}

void ep_timer_set(struct ep_replica *r, ep_slot slot, uint8_t queue, ep_time due)
{
	ep_timer_cancel(r, slot);
	struct ep_own *own = ep_own(r, slot);
	struct ep_queue *q = &r->queues[queue];
	uint32_t at = slot & ep_mask(r);
	own->queue = queue;
	own->due = due;
	own->next = EP_NIL;
	own->prev = q->tail;
	if (q->tail != EP_NIL)
		ep_own(r, q->tail)->next = at;
	else
		q->head = at;
	q->tail = at;
}

ep_time ep_timers_next(const struct ep_replica *r)
{
	ep_time next = EP_NEVER;
	for (uint32_t q = 0; q < EP_QUEUES; q++)
		if (r->queues[q].head != EP_NIL && ep_own(r, r->queues[q].head)->due < next)
			next = ep_own(r, r->queues[q].head)->due;
	return next;
}

// Sends the present phase's message again to whoever has not answered it.
static void resend(struct ep_replica *r, struct ep_effects *fx, ep_slot slot)
{
	struct ep_own *own = ep_own(r, slot);
	bool is_accepted = rec_phase(ep_rec(r, slot)) == EP_ACCEPTED;
	uint8_t answered = is_accepted ? own->acc_ok : own->tally_ok;
	own->is_resent = 1;
	for (uint32_t m = 0; m < r->n; m++) {
		if (m == r->self || answered & (1u << m))
			continue;
		r->counters.resent++;
		if (is_accepted)
			ep_send_value(r, fx, m, EP_ACCEPT, slot, false);
		else
			ep_send_preaccept(r, fx, m, slot);
	}
}

// T_fast has passed: the slow path with what is there, if it is enough.
static void give_up_fast(struct ep_replica *r, struct ep_effects *fx, ep_slot slot)
{
	struct ep_own *own = ep_own(r, slot);
	struct ep_record *rec = ep_rec(r, slot);
	if (rec_phase(rec) != EP_PREACCEPTED || rec_bal(rec) != 0)
		return; // no longer ours to drive
	own->is_late = 1;
	if (r->mode == EP_MODE_D) {
		struct ep_peer *fq = &r->peers[rec->fq];
		r->counters.designated_missed++;
		if (fq->misses < UINT8_MAX)
			fq->misses++;
	}
	if (__builtin_popcount(own->tally_ok) >= r->slow)
		ep_propose_own(r, fx, slot);
	else
		ep_timer_set(r, slot, EP_QUEUE_RESEND,
			     r->now + ep_after_rtts(r, r->config.resend_rtts, r->config.resend_min_ns));
}

// After a committed Nop: one of the commands that clients still wait for gets a new instance; the next one follows at once.
static void resubmit(struct ep_replica *r, struct ep_effects *fx, ep_slot slot)
{
	struct ep_own *own = ep_own(r, slot);
	uint32_t w = own->waits;
	if (w == EP_NIL)
		return;
	struct ep_wait wait = *ep_wait(r, w);
	struct ep_request request = { .client = &wait.client, .cookie = wait.cookie, .session = wait.session };
	own->waits = wait.next;
	ep_wait_free(r, w);
	struct ep_session *s = wait.session != 0 ? ep_session(r, wait.session - 1) : NULL;
	if (ep_stage(r, fx, ep_command_at(ep_payload(r, slot), wait.command), &request) == EP_ADMIT) {
		EP_MARK(resubmitted);
		r->counters.resubmitted++;
		if (s && s->own == (slot & ep_mask(r)))
			s->own = EP_NIL;
	} else {
		EP_MARK(resubmission_refused);
		ep_send_busy(r, fx, &wait.client, wait.cookie);
		if (s && s->own == (slot & ep_mask(r)))
			s->inflight = 0;
	}
	if (own->waits != EP_NIL)
		ep_timer_set(r, slot, EP_QUEUE_RESUBMIT, r->now);
}

void ep_timer_expire(struct ep_replica *r, struct ep_effects *fx, ep_slot slot)
{
	uint8_t queue = ep_own(r, slot)->queue;
	ep_timer_cancel(r, slot);
	if (queue == EP_QUEUE_FAST) {
		give_up_fast(r, fx, slot);
	} else if (queue == EP_QUEUE_RESUBMIT) {
		resubmit(r, fx, slot);
	} else {
		uint8_t next = queue + 1 < EP_QUEUE_RESUBMIT ? (uint8_t)(queue + 1) : queue;
		resend(r, fx, slot);
		if (rec_phase(ep_rec(r, slot)) == EP_PREACCEPTED && !ep_own(r, slot)->is_late) { // after a restart: T_fast begins anew
			ep_timer_set(r, slot, EP_QUEUE_FAST,
				     r->now + ep_after_rtts(r, r->config.fast_rtts, r->config.fast_min_ns));
			return;
		}
		ep_time wait = ep_after_rtts(r, r->config.resend_rtts, r->config.resend_min_ns);
		ep_timer_set(r, slot, next, r->now + (wait << (next - EP_QUEUE_RESEND)));
	}
}

void ep_timers_run(struct ep_replica *r, struct ep_effects *fx)
{
	for (uint8_t q = 0; q < EP_QUEUES; q++)
		while (r->queues[q].head != EP_NIL && ep_own(r, r->queues[q].head)->due <= r->now && ep_has_frames(fx))
			ep_timer_expire(r, fx, ep_slot_of(r, r->self, r->queues[q].head));
}
