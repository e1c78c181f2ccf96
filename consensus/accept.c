// Accept, AcceptOK, Nack and the command leader's PROPOSE: phase two (protocol.md B.5, B.7).
#include "consensus/decide.h"

void ep_take_value(struct ep_replica *r, ep_slot slot, enum ep_phase phase, uint64_t bal, uint64_t abal, const uint64_t *deps,
		   uint64_t bits)
{
	struct ep_record *rec = ep_rec(r, slot);
	if (bits & EP_ST_NOP)
		vec_zero(rec_spare(rec, r->n), r->n);
	else
		vec_copy(rec_spare(rec, r->n), deps, r->n);
	if (bal != rec_bal(rec))
		rec_join(rec, bal);
	uint64_t keep = rec->st & (EP_ST_INIT | EP_ST_PAYLOAD);
	rec_publish(rec, r->n, st_make(phase, abal, keep | bits | (~rec->st & EP_ST_WHICH)));
}

void ep_propose_own(struct ep_replica *r, struct ep_effects *fx, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	struct ep_own *own = ep_own(r, slot);
	CHECK(rec_phase(rec) == EP_PREACCEPTED && rec_bal(rec) == 0);
	r->votes++;
	ep_take_value(r, slot, EP_ACCEPTED, 0, 0, rec_spare(rec, r->n), 0); // the tally's union
	own->acc_ok = (uint8_t)(1u << r->self);
	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self)
			ep_send_value(r, fx, m, EP_ACCEPT, slot, own->tally_ok & (1u << m));
	if (r->slow == 1) { // alone, and killed before the fast path was taken: no answer will ever come (A.2)
		ep_commit_now(r, fx, slot, 0, false, rec_dep(rec, r->n));
		return;
	}
	ep_timer_set(r, slot, EP_QUEUE_RESEND, r->now + ep_after_rtts(r, r->config.resend_rtts, r->config.resend_min_ns));
}

void on_accept(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	const struct ep_msg *msg = in->msg;
	struct ep_wire_value value;
	uint64_t deps[EP_MEMBERS_MAX];
	memcpy(&value, ep_body(in), sizeof value);
	ep_read_vec(r, in, sizeof value, 0, deps);
	struct ep_record *rec = in->rec;
	if (rec && rec_is_committed(rec)) {
		ep_send_value(r, fx, in->from, EP_COMMIT, in->slot, msg->flags & EP_MSG_SHORT);
		return;
	}
	if (rec && value.bal < rec_bal(rec)) {
		EP_MARK(accept_nack);
		ep_send_ballot(r, fx, in->from, EP_NACK, in->col, in->i, rec_bal(rec));
		return;
	}
	if (value.bal == 0 ? in->from != in->col : (value.bal - 1) % r->n != in->from) {
		ep_drop(r, EP_DROP_BALLOT); // only a ballot's owner proposes at it (INV5)
		return;
	}
	if (!ep_window_accepts(r, deps)) {
		ep_drop(r, EP_DROP_WINDOW);
		return;
	}
	bool is_nop = msg->flags & EP_MSG_NOP, is_new = !is_nop && !(rec && rec_has_payload(rec));
	struct ep_keys *keys = NULL;
	if (is_new) {
		if (msg->flags & EP_MSG_SHORT) { // the proposer believed wrongly: its resend is whole
			ep_send_range(r, fx, in->from, EP_FETCH, in->col, in->i, in->i);
			return;
		}
		if (!(keys = ep_message_keys(r, in)))
			return;
	}
	if (!rec)
		rec = ep_window_claim(r, in->slot, in->col, in->i, value.bal);
	else if (value.bal > rec_bal(rec))
		ep_recovery_end(r, in->slot);
	if (in->col == r->self) {
		EP_MARK(accept_of_own);
		ep_timer_cancel(r, in->slot); // somebody else decides it now
	}
	if (value.bal == 0)
		ep_leader_heard(r, in->col);
	if (is_new)
		ep_store_payload(r, in->slot, (const uint8_t *)msg + in->payload, value.seq);
	r->votes++;
	ep_take_value(r, in->slot, EP_ACCEPTED, value.bal, value.bal, deps, is_nop ? EP_ST_NOP : EP_ST_PAYLOAD);
	if (is_new)
		ep_learned(r, in->slot, keys);
	ep_send_ballot(r, fx, in->from, EP_ACCEPT_OK, in->col, in->i, value.bal);
}

void on_accept_ok(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	struct ep_record *rec = in->rec;
	uint64_t bal = ep_load64(ep_body(in));
	if (!rec || rec_phase(rec) != EP_ACCEPTED || rec_bal(rec) != bal || rec_abal(rec) != bal) {
		r->counters.duplicates++;
		return;
	}
	if (bal != 0) {
		struct ep_recovery *rc = ep_recovery_at(r, in->slot);
		if (rc && rc->bal == bal && rc->state == EP_REC_ACCEPT)
			ep_recovery_accepted(r, fx, rc, in->from);
		return;
	}
	if (in->col != r->self) {
		ep_drop(r, EP_DROP_UNEXPECTED);
		return;
	}
	struct ep_own *own = ep_own(r, in->slot);
	own->acc_ok |= (uint8_t)(1u << in->from);
	if (__builtin_popcount(own->acc_ok) >= r->slow) {
		r->counters.slow_commits++;
		ep_commit_now(r, fx, in->slot, 0, rec_is_nop(rec), rec_dep(rec, r->n));
	}
}

void on_nack(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	(void)fx;
	uint64_t seen = ep_load64(ep_body(in));
	struct ep_column *c = &r->columns[in->col];
	r->counters.nacks++;
	if (seen > c->nacked)
		c->nacked = seen;
	struct ep_recovery *rc = in->rec ? ep_recovery_at(r, in->slot) : NULL;
	if (rc && seen > rc->bal) {
		EP_MARK(nack_outbids);
		ep_recovery_end(r, in->slot); // the column's trigger tries again after its back-off
		ep_back_off(r, in->col);
	}
	if (in->rec && in->col == r->self && !rec_is_committed(in->rec)) {
		EP_MARK(nack_stops_leader);
		ep_timer_cancel(r, in->slot); // somebody recovers it: wait for the Commit
	}
}
