// The ORDER QUEUE: components in their final order, executed first in, first out, one transaction each (protocol.md D.3, B.7).
#include "consensus/decide.h"
#include "consensus/execute.h"
#include "consensus/session.h"

void ep_order_append(struct ep_replica *r, ep_slot first, ep_slot last)
{
	for (ep_slot at = first; at != EP_NIL; at = (ep_slot)ep_rec(r, at)->order - 1) {
		ep_exec(r, at)->marks |= EP_MARK_ORDERED;
		if (rec_has_payload(ep_rec(r, at)))
			ep_index_unlist(r, at);
	}
	uint64_t *end = r->order_head == 0 ? &r->order_head : &ep_rec(r, r->order_tail - 1)->order;
	ep_publish64(end, (uint64_t)first + 1); // the whole component, by one store: irrevocable
	r->order_tail = last + 1;
}

void ep_order_advance(struct ep_replica *r, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	uint64_t prefix = c->exec_prefix;
	while (prefix - c->exec_prefix < r->config.window && ep_is_executed(r, col, prefix + 1))
		prefix++;
	if (prefix == c->exec_prefix)
		return;
	ep_publish64(&c->exec_prefix, prefix);
	if (c->known < prefix)
		c->known = prefix;
}

static void mark_executed(struct ep_replica *r, struct ep_txn *txn, ep_slot slot, uint64_t i)
{
	uint64_t *word = (uint64_t *)ep_at(r, r->at_bitmap) + (slot >> 6);
	uint64_t bit = 1ULL << (slot & 63);
	bool value = ~(i >> r->window_shift) & 1;
	ep_txn_set64(txn, word, value ? *word | bit : *word & ~bit);
}

static void reply(struct ep_replica *r, struct ep_effects *fx, ep_slot slot, const struct ep_outcome *out)
{
	struct ep_own *own = ep_own(r, slot);
	if (own->session != 0) {
		struct ep_session *s = ep_session(r, own->session - 1);
		if (s->own == (slot & ep_mask(r)))
			s->inflight = 0;
	}
	if (!own->is_held)
		return;
	own->is_held = 0;
	struct ep_record *rec = ep_rec(r, slot);
	struct ep_session_id id = { .i = rec->i, .epoch = rec->epoch, .col = r->self };
	ep_send_reply(r, fx, &own->client, own->cookie, own->is_fast ? EP_MSG_FAST : 0, out->status, &id, out->result, out->len);
}

// What the command may add or free was an upper bound; now it is known, and the same at every member.
static void settle_cost(struct ep_replica *r, ep_slot slot, uint64_t used_before)
{
	struct ep_own *own = ep_own(r, slot);
	uint64_t used = pnyx_app_used(ep_at(r, r->at_app));
	uint64_t change = used > used_before ? used - used_before : used_before - used;
	if (change >= own->cost)
		return;
	r->own_cost -= own->cost - change;
	own->cost = (uint32_t)change;
}

bool ep_order_drain_one(struct ep_replica *r, struct ep_effects *fx)
{
	if (r->order_head == 0)
		return false;
	ep_slot slot = (ep_slot)r->order_head - 1;
	struct ep_record *rec = ep_rec(r, slot);
	uint8_t col = ep_slot_col(r, slot);
	uint8_t scratch[EP_FRAME_MAX_MAX];
	struct ep_txn txn = ep_txn(r);
	struct ep_outcome out = { .status = EP_OK };
	uint32_t freed[EP_BATCH_MAX], freed_count = 0, count = 0;
	uint64_t used = pnyx_app_used(ep_at(r, r->at_app));
	if (rec_is_nop(rec)) {
		r->counters.nops++;
	} else {
		const uint8_t *payload = ep_payload(r, slot);
		uint32_t offset = sizeof(struct ep_wire_payload);
		count = ((const struct ep_wire_payload *)(const void *)payload)->count;
		for (uint32_t c = 0; c < count; c++) {
			out = ep_session_execute(r, &txn, slot, ep_command_next(payload, &offset), scratch);
			if (out.freed != 0)
				freed[freed_count++] = out.freed - 1;
		}
	}
	mark_executed(r, &txn, slot, rec->i);
	ep_txn_set64(&txn, &r->order_head, rec->order);
	ep_txn_commit(&txn);

	pnyx_app_committed(ep_at(r, r->at_app));
	for (uint32_t f = 0; f < freed_count; f++)
		ep_session_free(r, freed[f]);
	ep_order_advance(r, col);
	ep_learn_advance(r, col);
	struct ep_session_id *trace = (struct ep_session_id *)ep_at(r, r->at_trace) + r->executed_count++ % EP_TRACE_MAX;
	*trace = (struct ep_session_id){ .i = rec->i, .epoch = rec->epoch, .col = col };
	if (col == r->self) {
		// A number that others ended before it was used here was never counted.
		r->own_unexecuted -= ep_own(r, slot)->is_open;
		ep_own(r, slot)->is_open = 0;
		settle_cost(r, slot, used);
		if (!rec_is_nop(rec))
			reply(r, fx, slot, &out);
	}
	return true;
}

void ep_order_attach(struct ep_replica *r)
{
	r->order_tail = (uint32_t)r->order_head;
	for (uint64_t at = r->order_head; at != 0; at = ep_rec(r, (ep_slot)at - 1)->order) {
		ep_exec(r, (ep_slot)at - 1)->marks |= EP_MARK_ORDERED;
		r->order_tail = (uint32_t)at;
	}
}
