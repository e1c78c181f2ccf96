// The ORDER QUEUE: components in their final order, executed first in, first out, one transaction a command (protocol.md D.3, B.7).
#include "consensus/execute.h"
#include "consensus/epoch.h"
#include "consensus/session.h"
#include "consensus/stage.h"

void ep_order_append(struct ep_replica *r, ep_slot first, ep_slot last)
{
	for (ep_slot at = first; at != EP_NIL; at = order_next(ep_rec(r, at)->order) - 1) {
		ep_exec(r, at)->marks |= EP_MARK_ORDERED;
		if (rec_has_payload(ep_rec(r, at)))
			ep_index_unlist(r, at);
	}
	uint64_t *end = r->order_head == 0 ? &r->order_head : &ep_rec(r, r->order_tail - 1)->order;
	ep_publish64(end, order_link(first + 1)); // the whole component, by one store: irrevocable
	r->order_tail = last + 1;
}

void ep_order_advance(struct ep_replica *r, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	uint64_t prefix = c->exec_prefix, top = prefix + r->config.window;
	while (prefix < top && ep_is_marked(r, col, prefix + 1))
		prefix++;
	if (prefix == c->exec_prefix)
		return;
	ep_publish64(&c->exec_prefix, prefix);
	ep_publish64(&c->exec_again, ~prefix);
	if (c->known < prefix)
		c->known = prefix;
}

static void mark_executed(struct ep_replica *r, struct ep_txn *txn, ep_slot slot, uint64_t i)
{
	uint64_t *word = ep_executed_word(r, slot);
	uint32_t bit = 1u << (slot & 31), bits = (uint32_t)*word;
	bool value = ~(i >> r->window_shift) & 1;
	ep_txn_set64(txn, word, ep_word_pair(value ? bits | bit : bits & ~bit));
}

// Answers whoever waits for the command at this place.
static void reply(struct ep_replica *r, struct ep_effects *fx, ep_slot slot, uint32_t place, const struct ep_outcome *out)
{
	struct ep_own *own = ep_own(r, slot);
	uint32_t w = own->waits;
	if (w == EP_NIL || ep_wait(r, w)->command != place)
		return;
	struct ep_wait wait = *ep_wait(r, w);
	own->waits = wait.next;
	ep_wait_free(r, w);
	if (wait.session != 0) {
		struct ep_session *s = ep_session(r, wait.session - 1);
		if (s->own == (slot & ep_mask(r)))
			s->inflight = 0;
	}
	struct ep_record *rec = ep_rec(r, slot);
	struct ep_session_id id = { .i = rec->i, .epoch = rec->epoch, .col = r->self };
	ep_send_reply(r, fx, &wait.client, wait.cookie, own->is_fast ? EP_MSG_FAST : 0, out->status, &id, out->result, out->len);
}

// What the commands may add or free was an upper bound; now it is known. The record keeps it for a restart; a kill before that store
// leaves the upper bound.
static void settle_cost(struct ep_replica *r, ep_slot slot)
{
	struct ep_own *own = ep_own(r, slot);
	uint64_t used = pnyx_app_used(ep_at(r, r->at_app)), before = r->order_used;
	uint64_t change = used > before ? used - before : before - used;
	if (before == UINT64_MAX || change >= own->cost)
		return;
	r->own_cost -= own->cost - change;
	own->cost = (uint32_t)change;
	ep_publish64(&ep_rec(r, slot)->order, order_settled((uint32_t)change));
}

// After the commit point of its last command.
static void instance_done(struct ep_replica *r, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint8_t col = ep_slot_col(r, slot);
	ep_order_advance(r, col);
	struct ep_session_id *trace = (struct ep_session_id *)ep_at(r, r->at_trace) + r->executed_count++ % EP_TRACE_MAX;
	*trace = (struct ep_session_id){ .i = rec->i, .epoch = rec->epoch, .col = col };
	if (col != r->self)
		return;
	// A number that others ended before it was used here was never counted.
	r->own_unexecuted -= ep_own(r, slot)->is_open;
	ep_own(r, slot)->is_open = 0;
	settle_cost(r, slot);
}

// Commands of the first instance that have run.
static uint32_t done(const struct ep_replica *r)
{
	return (uint32_t)ep_word_value(r->order_done, 32);
}

// Runs the next command of the payload; true when it was the last.
static bool run_command(struct ep_replica *r, struct ep_txn *txn, ep_slot slot, uint8_t *scratch, struct ep_outcome *out)
{
	const uint8_t *payload = ep_payload(r, slot);
	if (r->order_offset == 0)
		r->order_offset = (uint32_t)((const uint8_t *)ep_command_at(payload, done(r)) - payload);
	*out = ep_session_execute(r, txn, slot, ep_command_next(payload, &r->order_offset), scratch);
	return done(r) + 1 == ((const struct ep_wire_payload *)(const void *)payload)->count;
}

bool ep_order_drain_one(struct ep_replica *r, struct ep_effects *fx)
{
	if (r->order_head == 0 || r->closed != 0)
		return false;
	ep_slot slot = order_next(r->order_head) - 1;
	struct ep_record *rec = ep_rec(r, slot);
	uint8_t scratch[EP_FRAME_MAX_MAX];
	struct ep_txn txn = ep_txn(r);
	struct ep_outcome out = { .status = EP_OK };
	uint32_t place = done(r);
	bool is_nop = rec_is_nop(rec), is_last = true;
	if (place == 0)
		r->order_used = pnyx_app_used(ep_at(r, r->at_app));
	if (is_nop)
		r->counters.nops++;
	else
		is_last = run_command(r, &txn, slot, scratch, &out);
	if (is_last) {
		mark_executed(r, &txn, slot, rec->i);
		ep_txn_set64(&txn, &r->order_head, rec->order);
		r->order_offset = 0;
	}
	if (!is_last || place > 0)
		ep_txn_set64(&txn, &r->order_done, is_last ? 0 : ep_word_seal(place + 1, 32));
	ep_txn_commit(&txn);

	pnyx_app_committed(ep_at(r, r->at_app));
	if (out.freed != 0)
		ep_session_free(r, out.freed - 1);
	if (is_last)
		instance_done(r, slot);
	if (ep_slot_col(r, slot) == r->self && !is_nop)
		reply(r, fx, slot, place, &out);
	if (r->closed != 0)
		ep_epoch_freeze(r);
	return true;
}

// Whether the first instance is one that can have run so far.
static bool is_half_run(const struct ep_replica *r)
{
	if (!ep_word_holds(r->order_done, 32) || r->order_head == 0)
		return false;
	ep_slot slot = order_next(r->order_head) - 1;
	return !rec_is_nop(ep_rec(r, slot)) && done(r) < ((const struct ep_wire_payload *)(const void *)ep_payload(r, slot))->count;
}

bool ep_order_attach(struct ep_replica *r)
{
	uint32_t slots = (uint32_t)r->n << r->window_shift;
	r->order_tail = 0;
	r->order_offset = 0;
	r->order_used = UINT64_MAX; // of an instance half run: unknown, its upper bound stays
	for (uint64_t link = r->order_head; link != 0; link = ep_rec(r, r->order_tail - 1)->order) {
		uint32_t at = order_next(link);
		if (!ep_word_holds(link, EP_ORDER_BITS) || link & EP_ORDER_SETTLED || at > slots)
			return false;
		struct ep_record *rec = ep_rec(r, at - 1);
		struct ep_exec *exec = rec_exec(rec, r->n);
		if (!rec_is_live(rec) || !rec_is_committed(rec) || exec->marks & EP_MARK_ORDERED) // executed, or met before
			return false;
		exec->marks |= EP_MARK_ORDERED;
		r->order_tail = at;
	}
	return r->order_done == 0 || is_half_run(r);
}
