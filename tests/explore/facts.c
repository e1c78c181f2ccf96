// What checkers and the search read of a replica's state, once for each state.
#include "tests/explore/explore.h"
#include <string.h>
#include "consensus/decide.h"
#include "tests/sim/verdict.h"

static void take_attempt(struct ep_replica *r, ep_slot slot, struct fact *f)
{
	const struct ep_recovery *rc = ep_recovery_at(r, slot);
	if (!rc)
		return;
	f->rec_state = rc->state;
	f->rec_got = rc->got;
	f->rec_done = rc->done;
	f->rec_bal = (uint16_t)rc->bal;
}

static void take_own(const struct ep_replica *r, ep_slot slot, struct fact *f)
{
	const struct ep_own *own = ep_own(r, slot);
	f->queue = own->queue;
	f->tally_ok = own->tally_ok;
	f->acc_ok = own->acc_ok;
}

static void take(const struct scope *s, struct ep_replica *r, uint32_t k, struct fact *f)
{
	uint32_t col = s->commands[k].col;
	uint64_t i = scope_number(s, k);
	ep_slot slot = ep_slot_of(r, col, i);
	struct ep_record *rec = ep_rec(r, slot);
	uint32_t value = f->value;
	*f = (struct fact){ .queue = EP_QUEUE_NONE, .is_executed = ep_is_executed(r, col, i) };
	if (i <= r->columns[col].stable) { // recycled: what it was is remembered outside the replica
		f->is_committed = f->is_recycled = true;
		f->value = value;
		return;
	}
	if (!rec_is_live(rec) || rec->i != i)
		return;
	f->has_record = true;
	f->has_payload = rec_has_payload(rec);
	f->phase = (uint8_t)rec_phase(rec);
	f->bal = (uint16_t)rec_bal(rec);
	f->abal = (uint16_t)rec_abal(rec);
	f->is_committed = rec_is_committed(rec);
	if (rec_bal(rec) > UINT16_MAX)
		verdict_fail("ballots beyond what the explorer keeps");
	if (f->is_committed) {
		f->value = said_value_of(r, k, slot);
		return;
	}
	f->has_initial = rec_has_init(rec);
	f->initial = f->has_initial ? (uint32_t)ep_hash64(1, rec_idep(rec), 8u * r->n) : 0;
	take_attempt(r, slot, f);
	if (col == r->self)
		take_own(r, slot, f);
}

void facts_take(const struct scope *s, struct ep_replica *r, struct local *l)
{
	l->self = r->self;
	l->submitted = (uint8_t)(r->next_i - 1 - r->config.first);
	for (uint32_t k = 0; k < s->count; k++)
		take(s, r, k, &l->facts[k]);
}

void facts_order(const struct scope *s, const struct ep_replica *r, uint64_t since, const struct local *before, struct local *l)
{
	memcpy(l->order, before->order, sizeof l->order);
	l->order_count = before->order_count;
	for (uint64_t e = since; e < ep_executed_count(r); e++) {
		struct ep_session_id id = ep_executed_at(r, e);
		uint32_t k = scope_command_of(s, id.col, id.i);
		if (k == COMMANDS_MAX || ep_peek(r, id.col, id.i).is_nop)
			continue;
		if (l->order_count == COMMANDS_MAX)
			verdict_fail("p%u executes something twice", r->self);
		l->order[l->order_count++] = (uint8_t)k;
	}
}
