// Commit: the value is final (protocol.md B.5). Accepted at any ballot; a committed instance never changes.
#include "consensus/decide.h"
#include "consensus/execute.h"

struct ep_keys *ep_message_keys(struct ep_replica *r, const struct ep_about *in)
{
	if (!in->keys)
		ep_drop(r, EP_DROP_PAYLOAD);
	return in->keys;
}

void ep_store_payload(struct ep_replica *r, ep_slot slot, const uint8_t *payload, uint64_t seq)
{
	const struct ep_wire_payload *head = (const void *)payload;
	struct ep_record *rec = ep_rec(r, slot);
	CHECK(!rec_has_payload(rec) && head->len <= r->payload_stride);
	memcpy(ep_payload(r, slot), payload, head->len);
	ep_payload_seal(r, slot, rec->i, head->len);
	rec->payload_len = head->len;
	rec->seq = seq;
	if (seq > r->clock)
		r->clock = seq;
	r->counters.bytes_in_copied += head->len;
}

void ep_learned(struct ep_replica *r, ep_slot slot, const struct ep_keys *keys)
{
	ep_index_insert(r, slot, keys);
	uint32_t col = ep_slot_col(r, slot);
	if (ep_rec(r, slot)->i == r->columns[col].kprefix + 1) // unless it is the next one, no prefix moves
		ep_learn_payloads(r, col);
	ep_exec_wake(r, slot);
}

void ep_committed(struct ep_replica *r, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint8_t col = ep_slot_col(r, slot);
	r->counters.commits++;
	ep_recovery_end(r, slot);
	if (col == r->self) {
		struct ep_own *own = ep_own(r, slot);
		ep_timer_cancel(r, slot);
		if (rec_is_nop(rec) && own->waits != EP_NIL) {
			EP_MARK(nop_of_held_request);
			ep_timer_set(r, slot, EP_QUEUE_RESUBMIT, r->now);
		}
	}
	if (rec->i == r->columns[col].cprefix + 1)
		ep_learn_commits(r, col);
	if (rec->i == r->columns[col].kprefix + 1) // Nop: nothing is left to be known
		ep_learn_payloads(r, col);
	ep_exec_root(r, slot);
	ep_exec_wake(r, slot);
}

void ep_commit_now(struct ep_replica *r, struct ep_effects *fx, ep_slot slot, uint64_t bal, bool is_nop, const uint64_t *deps)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint64_t abal = rec_abal(rec) > bal ? rec_abal(rec) : bal;
	ep_take_value(r, slot, EP_COMMITTED, rec_bal(rec) > bal ? rec_bal(rec) : bal, abal, deps, is_nop ? EP_ST_NOP : 0);
	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self)
			ep_send_value(r, fx, m, EP_COMMIT, slot, true);
	ep_committed(r, slot);
}

void on_commit(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	const struct ep_msg *msg = in->msg;
	struct ep_wire_value value;
	uint64_t deps[EP_MEMBERS_MAX];
	memcpy(&value, ep_body(in), sizeof value);
	ep_read_vec(r, in, sizeof value, 0, deps);
	bool is_nop = msg->flags & EP_MSG_NOP;
	struct ep_record *rec = in->rec;
	if (rec && rec_is_committed(rec)) {
		// INV1, Agreement: a Commit can only repeat what is here. One that does not is forged, or the cluster is broken.
		if (rec_is_nop(rec) != is_nop || !vec_equal(rec_dep(rec, r->n), deps, r->n))
			ep_drop(r, EP_DROP_CONTRADICTION);
		else
			r->counters.duplicates++;
		return;
	}
	if (!ep_window_accepts(r, deps)) {
		ep_drop(r, EP_DROP_WINDOW);
		return;
	}
	bool is_new = !is_nop && !(rec && rec_has_payload(rec));
	struct ep_keys *keys = NULL;
	if (is_new) {
		if (msg->flags & EP_MSG_SHORT) {
			ep_send_range(r, fx, in->from, EP_FETCH, in->col, in->i, in->i);
			r->counters.fetches++;
			return;
		}
		if (!(keys = ep_message_keys(r, in)))
			return;
	}
	if (!rec)
		rec = ep_window_claim(r, in->slot, in->col, in->i, value.bal);
	if (is_new)
		ep_store_payload(r, in->slot, (const uint8_t *)msg + in->payload, value.seq);
	uint64_t abal = rec_abal(rec) > value.bal ? rec_abal(rec) : value.bal;
	ep_take_value(r, in->slot, EP_COMMITTED, rec_bal(rec) > value.bal ? rec_bal(rec) : value.bal, abal, deps,
		      is_nop ? EP_ST_NOP : EP_ST_PAYLOAD);
	if (is_new)
		ep_learned(r, in->slot, keys);
	ep_committed(r, in->slot);
}
