// Recovery of one instance: Recover, RecoverOK and the choice of a value (protocol.md C.2, branches 1 to 4).
//
// EPaxos* (arXiv 2511.02743) with the skip rule of protocol.md C.3 and, for n <= 3, the designated peer of H.3.
#include "consensus/decide.h"
#include "consensus/hello.h"

struct ep_recovery *ep_recovery_at(const struct ep_replica *r, ep_slot slot)
{
	uint8_t at = ep_exec(r, slot)->recovery;
	return at == 0 ? NULL : ep_recovery(r, at - 1u);
}

void ep_recovery_end(struct ep_replica *r, ep_slot slot)
{
	struct ep_recovery *rc = ep_recovery_at(r, slot);
	if (!rc)
		return;
	rc->state = EP_REC_FREE;
	ep_exec(r, slot)->recovery = 0;
	r->recoveries--;
}

static uint32_t members_in(uint8_t mask)
{
	return (uint32_t)__builtin_popcount(mask);
}

// Smallest ballot above `above` that this replica owns (A.3).
static uint64_t next_ballot(const struct ep_replica *r, uint64_t above)
{
	uint64_t round = above / r->n;
	uint64_t b = round * r->n + r->self + 1;
	return b > above ? b : b + r->n;
}

static ep_time answer_wait(const struct ep_replica *r)
{
	return ep_after_rtts(r, r->config.resend_rtts, r->config.resend_min_ns);
}

// Counts one reply (the own record included). `rec` fields are those of the replying member before it joined.
struct reply {
	uint8_t from, phase, fq;
	bool is_nop, has_init;
	uint64_t abal;
	const uint64_t *dep, *idep;
};

static void count_reply(struct ep_replica *r, struct ep_recovery *rc, const struct reply *in)
{
	uint8_t bit = (uint8_t)(1u << in->from);
	rc->got |= bit;
	if (in->phase == EP_PREACCEPTED) {
		rc->preaccepted |= bit;
		memcpy(rc->initial, in->idep, 8u * r->n);
		vec_max(rc->merged, in->dep, r->n);
		if (memcmp(in->dep, in->idep, 8u * r->n) == 0)
			rc->candidates |= bit;
		if (in->from == in->fq) {
			rc->has_fq = true;
			memcpy(rc->fq_dep, in->dep, 8u * r->n);
		}
	}
	bool is_committed = in->phase == EP_COMMITTED;
	if (in->phase < EP_ACCEPTED || rc->is_best_committed)
		return;
	if (is_committed || !rc->has_value || in->abal > rc->best_abal) {
		if (rc->has_value && !is_committed)
			EP_MARK(higher_ballot_replaces);
		rc->has_value = true;
		rc->is_best_committed = is_committed;
		rc->is_best_nop = in->is_nop;
		rc->best_abal = in->abal;
		memcpy(rc->best, in->dep, 8u * r->n);
	}
}

void ep_recovery_propose(struct ep_replica *r, struct ep_effects *fx, struct ep_recovery *rc, bool is_nop, const uint64_t *deps)
{
	struct ep_record *rec = ep_rec(r, rc->slot);
	CHECK_OP(rec_bal(rec), ==, rc->bal);
	CHECK(is_nop || rec_has_payload(rec));
	r->votes++;
	if (is_nop)
		r->counters.recovered_nop++;
	else
		r->counters.recovered_value++;
	ep_take_value(r, rc->slot, EP_ACCEPTED, rc->bal, rc->bal, deps, is_nop ? EP_ST_NOP : 0);
	rc->state = EP_REC_ACCEPT;
	rc->done = (uint8_t)(1u << r->self);
	rc->resends = 0;
	rc->due = r->now + answer_wait(r);
	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self)
			ep_send_value(r, fx, m, EP_ACCEPT, rc->slot, false);
	if (members_in(rc->done) >= r->slow)
		ep_commit_now(r, fx, rc->slot, rc->bal, is_nop, rec_dep(rec, r->n));
}

void ep_recovery_accepted(struct ep_replica *r, struct ep_effects *fx, struct ep_recovery *rc, uint8_t from)
{
	struct ep_record *rec = ep_rec(r, rc->slot);
	rc->done |= (uint8_t)(1u << from);
	if (members_in(rc->done) >= r->slow)
		ep_commit_now(r, fx, rc->slot, rc->bal, rec_is_nop(rec), rec_dep(rec, r->n));
}

static void choose(struct ep_replica *r, struct ep_effects *fx, struct ep_recovery *rc)
{
	uint8_t leader = ep_slot_col(r, rc->slot);
	rc->quorum = rc->got;
	if (rc->is_best_committed) { // 1
		EP_MARK(branch_1_committed);
		r->counters.recovered_value++;
		ep_commit_now(r, fx, rc->slot, rc->bal, rc->is_best_nop, rc->best);
	} else if (rc->has_value) { // 2: highest abal
		EP_MARK(branch_2_accepted);
		ep_recovery_propose(r, fx, rc, rc->is_best_nop, rc->best);
	} else if (rc->got & (1u << leader)) { // 3: it answered undecided, so it can never fast-commit
		bool is_slow_quorum = members_in(rc->preaccepted) >= r->slow;
		EP_MARK_EITHER(is_slow_quorum, branch_3_value, branch_3_nop);
		ep_recovery_propose(r, fx, rc, !is_slow_quorum, rc->merged);
	} else if (r->mode == EP_MODE_D) { // 4, designated peer
		EP_MARK_EITHER(rc->has_fq, branch_4d_value, branch_4d_nop);
		ep_recovery_propose(r, fx, rc, !rc->has_fq, rc->fq_dep);
	} else if (members_in(rc->candidates) + r->e < members_in(rc->quorum)) { // 4: no fast quorum can exist
		EP_MARK(branch_4e_nop);
		ep_recovery_propose(r, fx, rc, true, NULL);
	} else if (members_in(rc->candidates) + 1 >= r->slow) { // 4: skip rule
		EP_MARK(branch_4e_skip);
		ep_recovery_propose(r, fx, rc, false, rc->initial);
	} else {
		EP_MARK(branch_4e_validate);
		ep_validate_start(r, fx, rc);
	}
}

bool ep_recover(struct ep_replica *r, struct ep_effects *fx, uint32_t col, uint64_t i)
{
	ep_slot slot;
	enum ep_place place = ep_window_place(r, col, i, &slot);
	if (place == EP_PLACE_STALE || place == EP_PLACE_OUTSIDE)
		return true;
	struct ep_record *rec = ep_rec(r, slot);
	if (place == EP_PLACE_FOUND && (rec_is_committed(rec) || ep_recovery_at(r, slot)))
		return true;
	if (!ep_is_member(r))
		return false;
	if (r->recoveries == EP_RECOVERIES_MAX) {
		EP_MARK(recover_contexts_full);
		return false;
	}
	uint32_t at = 0;
	while (ep_recovery(r, at)->state != EP_REC_FREE)
		at++;
	uint64_t seen = place == EP_PLACE_FOUND ? rec_bal(rec) : 0;
	uint64_t b = next_ballot(r, seen > r->columns[col].nacked ? seen : r->columns[col].nacked);
	if (b >= EP_BALLOT_MAX)
		return true;
	if (place == EP_PLACE_FREE) {
		EP_MARK(recover_hole);
		rec = ep_window_claim(r, slot, col, i, b);
		rec_publish(rec, r->n, st_make(EP_INITIAL, 0, 0));
	} else {
		rec_join(rec, b);
	}
	r->votes++;
	if (col == r->self) {
		EP_MARK(recover_own);
		ep_timer_cancel(r, slot);
	}
	struct ep_recovery *rc = ep_recovery(r, at);
	*rc = (struct ep_recovery){ .state = EP_REC_RECOVER, .slot = slot, .i = i, .bal = b, .due = r->now + answer_wait(r) };
	ep_exec(r, slot)->recovery = (uint8_t)(at + 1);
	r->recoveries++;
	r->counters.recoveries++;
	struct reply own = { .from = r->self, .phase = (uint8_t)rec_phase(rec), .fq = rec->fq, .is_nop = rec_is_nop(rec),
			     .has_init = rec_has_init(rec), .abal = rec_abal(rec), .dep = rec_dep(rec, r->n),
			     .idep = rec_idep(rec) };
	count_reply(r, rc, &own);
	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self)
			ep_send_ballot(r, fx, m, EP_RECOVER, col, i, b);
	if (members_in(rc->got) >= r->slow)
		choose(r, fx, rc);
	return true;
}

void on_recover(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	uint64_t b = ep_load64(ep_body(in));
	struct ep_record *rec = in->rec;
	if ((b - 1) % r->n != in->from) {
		ep_drop(r, EP_DROP_BALLOT);
		return;
	}
	if (rec && rec_is_committed(rec)) {
		EP_MARK(joined_none_committed);
		ep_send_value(r, fx, in->from, EP_COMMIT, in->slot, false);
		return;
	}
	if (rec && b < rec_bal(rec)) {
		EP_MARK(joined_none_nack);
		ep_send_ballot(r, fx, in->from, EP_NACK, in->col, in->i, rec_bal(rec));
		return;
	}
	if (rec && b == rec_bal(rec)) {
		EP_MARK_EITHER(rec_abal(rec) < b, joined_again, joined_again_too_late);
		if (rec_abal(rec) < b)
			ep_send_recover_ok(r, fx, in->from, in->slot); // unchanged since the first answer
		return;
	}
	if (rec && ep_recovery_at(r, in->slot)) {
		EP_MARK(joined_ends_own_attempt);
		ep_recovery_end(r, in->slot);
	}
	ep_outbid(r, in->col);
	if (in->col == r->self) {
		EP_MARK(joined_own_instance);
		ep_timer_cancel(r, in->slot);
	}
	r->votes++;
	if (!rec) {
		EP_MARK(joined_hole);
		rec = ep_window_claim(r, in->slot, in->col, in->i, b);
		rec_publish(rec, r->n, st_make(EP_INITIAL, 0, 0));
	} else {
		rec_join(rec, b);
	}
	ep_send_recover_ok(r, fx, in->from, in->slot);
}

// A payload that a reply brings to a recoverer that has none. It stays INITIAL: knowing is not voting.
static bool keep_payload(struct ep_replica *r, const struct ep_about *in, uint64_t seq)
{
	if (rec_has_payload(in->rec))
		return true;
	struct ep_keys *keys = ep_message_keys(r, in);
	if (!keys)
		return false;
	EP_MARK(payload_from_reply);
	ep_store_payload(r, in->slot, (const uint8_t *)in->msg + in->payload, seq);
	in->rec->fq = in->msg->arg;
	rec_publish(in->rec, r->n, in->rec->st | EP_ST_PAYLOAD);
	ep_learned(r, in->slot, keys);
	return true;
}

// V4(d): an answer from outside Q, while the attempt validates or waits.
static void late_reply(struct ep_replica *r, struct ep_effects *fx, struct ep_recovery *rc, uint8_t from)
{
	if (rc->is_best_committed) {
		EP_MARK(v4d_committed);
		ep_commit_now(r, fx, rc->slot, rc->bal, rc->is_best_nop, rc->best);
	} else if (rc->has_value) {
		EP_MARK(v4d_accepted);
		ep_recovery_propose(r, fx, rc, rc->is_best_nop, rc->best);
	} else if (from == ep_slot_col(r, rc->slot)) {
		EP_MARK(v4d_leader);
		ep_recovery_propose(r, fx, rc, true, NULL);
	} else {
		EP_MARK(v4d_tells_nothing);
	}
}

void on_recover_ok(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	struct ep_wire_recover_ok body;
	uint64_t dep[EP_MEMBERS_MAX], idep[EP_MEMBERS_MAX];
	memcpy(&body, ep_body(in), sizeof body);
	ep_read_vec(r, in, sizeof body, 0, dep);
	ep_read_vec(r, in, sizeof body, 1, idep);
	struct ep_recovery *rc = in->rec ? ep_recovery_at(r, in->slot) : NULL;
	if (!rc || rc->bal != body.bal || rec_bal(in->rec) != body.bal || rc->got & (1u << in->from) || rc->state == EP_REC_ACCEPT) {
		EP_MARK(reply_not_waited_for);
		ep_drop(r, EP_DROP_UNEXPECTED);
		return;
	}
	if (body.abal >= body.bal && body.phase != EP_COMMITTED) {
		ep_drop(r, EP_DROP_BALLOT);
		return;
	}
	if (!ep_window_accepts(r, dep) || !ep_window_accepts(r, idep)) {
		ep_drop(r, EP_DROP_WINDOW);
		return;
	}
	if (in->msg->flags & EP_MSG_HAS_PAYLOAD && !keep_payload(r, in, body.seq))
		return;
	struct reply reply = { .from = in->from, .phase = body.phase, .fq = in->msg->arg, .is_nop = in->msg->flags & EP_MSG_NOP,
			       .has_init = in->msg->flags & EP_MSG_HAS_INIT, .abal = body.abal, .dep = dep, .idep = idep };
	count_reply(r, rc, &reply);
	if (rc->state != EP_REC_RECOVER)
		late_reply(r, fx, rc, in->from);
	else if (members_in(rc->got) >= r->slow)
		choose(r, fx, rc);
}

static void resend(struct ep_replica *r, struct ep_effects *fx, struct ep_recovery *rc)
{
	uint8_t col = ep_slot_col(r, rc->slot);
	for (uint32_t m = 0; m < r->n; m++) {
		uint8_t bit = (uint8_t)(1u << m);
		if (m == r->self)
			continue;
		switch ((enum ep_recovery_state)rc->state) {
		case EP_REC_FREE:
			break;
		case EP_REC_RECOVER:
		case EP_REC_DEPS: // whoever was silent may still tell (V4 d)
			if (rc->got & bit)
				break;
			EP_MARK_EITHER(rc->state == EP_REC_DEPS, resend_recover_waiting, resend_recover);
			ep_send_ballot(r, fx, m, EP_RECOVER, col, rc->i, rc->bal);
			break;
		case EP_REC_VALIDATE:
			if (!(rc->quorum & bit) || rc->done & bit)
				break;
			EP_MARK(resend_validate);
			ep_send_validate(r, fx, m, rc->slot, rc->bal, rc->initial);
			break;
		case EP_REC_ACCEPT:
			if (rc->done & bit)
				break;
			EP_MARK(resend_accept);
			ep_send_value(r, fx, m, EP_ACCEPT, rc->slot, false);
			break;
		}
	}
	r->counters.resent++;
}

void ep_recoveries_run(struct ep_replica *r, struct ep_effects *fx)
{
	uint32_t left = r->recoveries;
	for (uint32_t at = 0; left > 0 && at < EP_RECOVERIES_MAX && ep_has_frames(fx); at++) {
		struct ep_recovery *rc = ep_recovery(r, at);
		if (rc->state == EP_REC_FREE)
			continue;
		left--;
		if (rc->state == EP_REC_DEPS)
			ep_validate_wait(r, fx, rc);
		if (rc->state == EP_REC_FREE || rc->due > r->now)
			continue;
		if (rc->resends++ == EP_RECOVER_RESENDS) {
			EP_MARK_EITHER(rc->state == EP_REC_DEPS, v4e_new_ballot, silence_new_ballot);
			ep_recovery_end(r, rc->slot); // V4(e): a new ballot after the column's back-off
			ep_back_off(r, ep_slot_col(r, rc->slot));
			continue;
		}
		resend(r, fx, rc);
		rc->due = r->now + (answer_wait(r) << rc->resends);
	}
}

ep_time ep_recoveries_next(const struct ep_replica *r)
{
	ep_time next = EP_NEVER;
	uint32_t left = r->recoveries;
	for (uint32_t at = 0; left > 0 && at < EP_RECOVERIES_MAX; at++) {
		const struct ep_recovery *rc = ep_recovery(r, at);
		if (rc->state == EP_REC_FREE)
			continue;
		left--;
		if (rc->due < next)
			next = rc->due;
	}
	return next;
}
