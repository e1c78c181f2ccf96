// SUBMIT: what is staged becomes an instance of this replica's own column (protocol.md B.5, H.3).
#include "consensus/session.h"
#include "consensus/stage.h"

// A peer's round trip; one that was not measured yet may be slow, one that was never heard from may be dead.
static ep_time answer_time(const struct ep_peer *p)
{
	if (p->heard == 0)
		return EP_NEVER;
	return p->srtt != 0 ? p->srtt : EP_NEVER - 1;
}

// The peer that answers fastest; one that stayed silent or is suspected only when there is no other.
static uint8_t choose_designated(const struct ep_replica *r)
{
	uint8_t best = r->self;
	for (uint8_t m = 0; m < r->n; m++) {
		if (m == r->self)
			continue;
		const struct ep_peer *p = &r->peers[m], *b = &r->peers[best];
		bool is_good = !p->is_suspect && p->misses < EP_MISSES_MAX;
		bool is_best_good = best != r->self && !b->is_suspect && b->misses < EP_MISSES_MAX;
		if (best == r->self || (is_good && !is_best_good) || (is_good == is_best_good && answer_time(p) < answer_time(b)))
			best = m;
	}
	return best;
}

static void start_own(struct ep_replica *r, struct ep_stage *stage, ep_slot slot)
{
	struct ep_own *own = ep_own(r, slot);
	*own = (struct ep_own){ .queue = EP_QUEUE_NONE, .submitted = r->now, .cost = stage->keys.cost, .is_open = 1, .waits = stage->waits,
				.tally_ok = (uint8_t)(1u << r->self), .tally_eq = (uint8_t)(1u << r->self) };
	for (uint32_t w = stage->waits; w != EP_NIL; w = ep_wait(r, w)->next)
		if (ep_wait(r, w)->session != 0)
			ep_session(r, ep_wait(r, w)->session - 1)->own = slot & ep_mask(r);
	r->own_cost += stage->keys.cost;
	r->own_unexecuted++;
	r->counters.submits += stage->count;
	if (stage->count > 1)
		r->counters.batched += stage->count;
}

void ep_submit(struct ep_replica *r, struct ep_effects *fx)
{
	struct ep_stage *stage = ep_stage_at(r, 0);
	uint64_t i = stage->i;
	ep_slot slot = stage->slot;
	if (i <= r->columns[r->self].stable || rec_is_live(ep_rec(r, slot))) {
		ep_stage_drop(r); // others ended the number, which was never used, meanwhile
		return;
	}
	ep_window_note(r, r->self, i); // only now: a number that is known is recovered
	struct ep_record *rec = ep_window_claim(r, slot, r->self, i, 0);
	rec->payload_len = ((const struct ep_wire_payload *)(const void *)ep_payload(r, slot))->len;
	ep_payload_seal(r, slot, i, rec->payload_len);
	r->counters.bytes_in_copied += rec->payload_len;
	rec->seq = ++r->clock;
	rec->fq = r->mode == EP_MODE_D ? choose_designated(r) : r->self;
	ep_index_conflicts(r, &stage->keys, r->self, i, rec_idep(rec));
	vec_copy(rec_area(rec, r->n, false), rec_idep(rec), r->n);
	vec_copy(rec_area(rec, r->n, true), rec_idep(rec), r->n); // the tally of PreAcceptOKs starts from D
	r->votes++;
	rec_publish(rec, r->n, st_make(EP_PREACCEPTED, 0, EP_ST_INIT | EP_ST_PAYLOAD));
	r->next_i = i + 1;
	start_own(r, stage, slot);
	ep_learned(r, slot, &stage->keys);
	ep_stage_pop(r);

	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self)
			ep_send_preaccept(r, fx, m, slot);
	ep_slot_fetch(r, ep_slot_of(r, r->self, i + 1), true); // the next one's
	if (r->fast == 1) // the own vote is a quorum
		ep_commit_now(r, fx, slot, 0, false, rec_dep(rec, r->n));
	else
		ep_timer_set(r, slot, EP_QUEUE_FAST, r->now + ep_after_rtts(r, r->config.fast_rtts, r->config.fast_min_ns));
}
