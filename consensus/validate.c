// Validation: whether an initial value can have been chosen on the fast path although others do not depend on it (protocol.md C.2, V1 to V4).
#include "consensus/decide.h"

// How many conflicts a ValidateOK may carry so that it fits the smallest frame.
#define CONFLICTS_SENT_MAX EP_CONFLICTS_MAX
_Static_assert(sizeof(struct ep_wire_header) + sizeof(struct ep_msg) + 8 + CONFLICTS_SENT_MAX * sizeof(struct ep_wire_conflict) <=
		       EP_FRAME_MAX_MIN,
	       "a ValidateOK fits every frame");

struct finding {
	uint32_t count;
	bool is_cut;
	struct ep_wire_conflict list[CONFLICTS_SENT_MAX];
};

static void add(struct finding *out, uint8_t col, uint64_t i, bool is_committed)
{
	if (out->count == CONFLICTS_SENT_MAX) {
		EP_MARK(conflicts_cut);
		out->is_cut = true;
		if (is_committed) // a committed one decides alone (V2): it takes the last place
			out->list[out->count - 1] = (struct ep_wire_conflict){ .i = i, .col = col, .is_committed = 1 };
		return;
	}
	out->list[out->count++] = (struct ep_wire_conflict){ .i = i, .col = col, .is_committed = is_committed };
}

// Whether instance x, above D and interfering with c, contradicts a fast commit of (col, i).
static bool contradicts(struct ep_replica *r, struct ep_record *x, ep_slot slot, uint32_t col, uint64_t i, const struct ep_keys *keys)
{
	struct ep_keys theirs;
	bool is_committed = rec_is_committed(x);
	if (!rec_has_payload(x) || (is_committed ? rec_is_nop(x) : !rec_has_init(x)))
		return false;
	const uint64_t *deps = is_committed ? rec_dep(x, r->n) : rec_idep(x); // idep, not dep, while undecided
	if (i <= deps[col])
		return false;
	return ep_keys_collect(&r->config, ep_slot_col(r, slot), x->i, ep_payload(r, slot), &theirs) && ep_keys_meet(keys, &theirs);
}

// I of the pseudo-code: known here, not in D, interfering, and without (col, i) in its dependencies.
static void find_conflicts(struct ep_replica *r, uint32_t col, uint64_t i, struct ep_keys *keys, const uint64_t *initial, struct finding *out)
{
	uint64_t tops[EP_MEMBERS_MAX];
	ep_index_tops(r, keys, tops); // most often nothing lies above D
	for (uint32_t c = 0; c < r->n; c++) {
		uint64_t low = initial[c] > r->columns[c].stable ? initial[c] : r->columns[c].stable;
		for (uint64_t x = low + 1; x <= tops[c]; x++) {
			ep_slot slot = ep_slot_of(r, c, x);
			struct ep_record *rec = ep_rec(r, slot);
			if (!rec_is_live(rec) || rec->i != x || (c == col && x == i))
				continue;
			if (contradicts(r, rec, slot, col, i, keys))
				add(out, (uint8_t)c, x, rec_is_committed(rec));
		}
	}
}

// Makes (icmd, idep) known here, so that every later interfering pre-accept sees the instance (C.7-4).
static void store_initial(struct ep_replica *r, ep_slot slot, const uint64_t *initial)
{
	struct ep_record *rec = ep_rec(r, slot);
	if (rec_has_init(rec))
		return;
	memcpy(rec_idep(rec), initial, 8u * r->n);
	r->votes++;
	rec_publish(rec, r->n, rec->st | EP_ST_INIT | EP_ST_PAYLOAD);
}

static void decide(struct ep_replica *r, struct ep_effects *fx, struct ep_recovery *rc)
{
	bool has_committed = false, has_outsider = false;
	for (uint32_t k = 0; k < rc->conflicts_count; k++) {
		has_committed |= rc->conflicts[k].is_committed;
		has_outsider |= !(rc->quorum & (1u << rc->conflicts[k].col));
	}
	uint32_t candidates = (uint32_t)__builtin_popcount(rc->candidates & rc->quorum), quorum = (uint32_t)__builtin_popcount(rc->quorum);
	if (rc->conflicts_count == 0) { // V1
		EP_MARK(v1_no_conflict);
		ep_recovery_propose(r, fx, rc, false, rc->initial);
	} else if (has_committed) { // V2
		EP_MARK(v2_committed_conflict);
		ep_recovery_propose(r, fx, rc, true, NULL);
	} else if (candidates == quorum - r->e && has_outsider) { // V3
		EP_MARK(v3_leader_outside);
		ep_recovery_propose(r, fx, rc, true, NULL);
	} else {
		EP_MARK(v4_wait);
		rc->state = EP_REC_DEPS;
		ep_validate_wait(r, fx, rc);
	}
}

static void count(struct ep_recovery *rc, uint8_t from, const struct ep_wire_conflict *list, uint32_t len, bool is_cut)
{
	rc->done |= (uint8_t)(1u << from);
	rc->is_cut |= is_cut;
	for (uint32_t k = 0; k < len; k++) {
		uint32_t at = 0;
		while (at < rc->conflicts_count && (rc->conflicts[at].i != list[k].i || rc->conflicts[at].col != list[k].col))
			at++;
		if (at == EP_CONFLICTS_MAX) {
			rc->is_cut = true;
			rc->conflicts[at - 1].is_committed |= list[k].is_committed;
			continue;
		}
		if (at == rc->conflicts_count) {
			rc->conflicts[rc->conflicts_count++] = list[k];
			continue;
		}
		rc->conflicts[at].is_committed |= list[k].is_committed;
	}
}

void ep_validate_start(struct ep_replica *r, struct ep_effects *fx, struct ep_recovery *rc)
{
	struct ep_record *rec = ep_rec(r, rc->slot);
	uint8_t col = ep_slot_col(r, rc->slot);
	struct ep_keys keys;
	struct finding mine = { 0 };
	r->counters.validations++;
	rc->state = EP_REC_VALIDATE;
	rc->resends = 0;
	rc->due = r->now + ep_after_rtts(r, r->config.resend_rtts, r->config.resend_min_ns);
	CHECK(ep_keys_collect(&r->config, col, rc->i, ep_payload(r, rc->slot), &keys));
	find_conflicts(r, col, rc->i, &keys, rc->initial, &mine);
	store_initial(r, rc->slot, rc->initial);
	count(rc, r->self, mine.list, mine.count, mine.is_cut);
	CHECK_OP(rec_bal(rec), ==, rc->bal);
	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self && rc->quorum & (1u << m))
			ep_send_validate(r, fx, m, rc->slot, rc->bal, rc->initial);
	if (rc->done == rc->quorum)
		decide(r, fx, rc);
}

void on_validate(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	struct ep_wire_value value;
	uint64_t initial[EP_MEMBERS_MAX];
	struct ep_record *rec = in->rec;
	struct finding found = { 0 };
	memcpy(&value, ep_body(in), sizeof value);
	ep_read_vec(r, in, sizeof value, 0, initial);
	if (!rec) {
		ep_drop(r, EP_DROP_UNEXPECTED); // never joined the ballot
		return;
	}
	if (rec_is_committed(rec)) {
		EP_MARK(validate_committed);
		ep_send_value(r, fx, in->from, EP_COMMIT, in->slot, false);
		return;
	}
	if (rec_bal(rec) > value.bal) {
		EP_MARK(validate_nack);
		ep_send_ballot(r, fx, in->from, EP_NACK, in->col, in->i, rec_bal(rec));
		return;
	}
	if (rec_bal(rec) != value.bal || rec_phase(rec) == EP_ACCEPTED) { // the second: a stale duplicate, C.7-5
		EP_MARK(validate_stale);
		ep_drop(r, EP_DROP_UNEXPECTED);
		return;
	}
	if (!ep_window_accepts(r, initial)) {
		ep_drop(r, EP_DROP_WINDOW);
		return;
	}
	struct ep_keys *keys = ep_message_keys(r, in);
	if (!keys)
		return;
	find_conflicts(r, in->col, in->i, keys, initial, &found);
	if (!rec_has_payload(rec)) {
		EP_MARK(validate_teaches);
		ep_store_payload(r, in->slot, (const uint8_t *)in->msg + in->payload, value.seq);
		store_initial(r, in->slot, initial);
		ep_learned(r, in->slot, keys);
	} else {
		store_initial(r, in->slot, initial);
	}
	uint32_t len = (uint32_t)(sizeof(struct ep_msg) + 8 + found.count * sizeof found.list[0]);
	struct ep_msg *msg = ep_emit(r, fx, in->from, EP_VALIDATE_OK, len);
	msg->col = in->col;
	msg->i = in->i;
	msg->flags = found.is_cut ? EP_MSG_SHORT : 0;
	ep_store64(msg + 1, value.bal);
	memcpy((uint8_t *)(msg + 1) + 8, found.list, found.count * sizeof found.list[0]);
}

// What lies beyond the window has never been started: such a list is damaged.
static bool are_in_window(const struct ep_replica *r, const struct ep_wire_conflict *list, uint32_t len)
{
	for (uint32_t k = 0; k < len; k++)
		if (list[k].i > r->columns[list[k].col].exec_prefix + r->config.window)
			return false;
	return true;
}

void on_validate_ok(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	struct ep_recovery *rc = in->rec ? ep_recovery_at(r, in->slot) : NULL;
	uint64_t bal = ep_load64(ep_body(in));
	uint8_t bit = (uint8_t)(1u << in->from);
	if (!rc || rc->bal != bal || rc->state != EP_REC_VALIDATE || !(rc->quorum & bit) || rc->done & bit) {
		ep_drop(r, EP_DROP_UNEXPECTED);
		return;
	}
	const struct ep_wire_conflict *list = (const void *)(ep_body(in) + 8);
	uint32_t len = (in->msg->len - (uint32_t)sizeof(struct ep_msg) - 8) / (uint32_t)sizeof *list;
	if (!are_in_window(r, list, len)) {
		ep_drop(r, EP_DROP_WINDOW);
		return;
	}
	count(rc, in->from, list, len, in->msg->flags & EP_MSG_SHORT);
	if (rc->done == rc->quorum)
		decide(r, fx, rc);
}

void ep_validate_wait(struct ep_replica *r, struct ep_effects *fx, struct ep_recovery *rc)
{
	uint8_t col = ep_slot_col(r, rc->slot);
	bool are_all_harmless = !rc->is_cut;
	for (uint32_t k = 0; k < rc->conflicts_count; k++) {
		const struct ep_wire_conflict *x = &rc->conflicts[k];
		struct ep_peek p = ep_peek(r, x->col, x->i);
		if (!p.exists || p.phase != EP_COMMITTED) {
			are_all_harmless = false;
			if (x->i <= r->columns[x->col].stable) { // recycled: its outcome is not known any more
				EP_MARK(v4_conflict_recycled);
				ep_recovery_end(r, rc->slot); // a new ballot validates without it (E.3)
				return;
			}
			ep_window_note(r, x->col, x->i);
		} else if (!p.is_nop && rc->i > p.dep[col]) { // V4(a)
			EP_MARK(v4a_conflict_does_not_know);
			ep_recovery_propose(r, fx, rc, true, NULL);
			return;
		}
	}
	if (are_all_harmless) { // V4(b)
		EP_MARK(v4b_all_harmless);
		ep_recovery_propose(r, fx, rc, false, rc->initial);
	}
}
