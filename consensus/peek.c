// Looking in from outside: for checkers, statistics and tools. Changes nothing.
#include "consensus/digest.h"
#include "consensus/state.h"

const struct ep_counters *ep_counters(const struct ep_replica *r)
{
	return &r->counters;
}

const uint64_t *ep_drops(const struct ep_replica *r)
{
	return r->drops;
}

struct ep_shell_counters *ep_shell(struct ep_replica *r)
{
	return &r->shell;
}

void ep_counters_carry(struct ep_replica *to, const struct ep_replica *from)
{
	to->counters = from->counters;
	memcpy(to->drops, from->drops, sizeof to->drops);
	ep_counters_refresh(to); // what is a state, and no sum
}

static uint64_t behind(const struct ep_replica *r, uint32_t member)
{
	uint64_t sum = 0;
	for (uint32_t c = 0; c < r->n && member != r->self; c++)
		if (r->columns[c].exec_prefix > r->peers[member].reported[c])
			sum += r->columns[c].exec_prefix - r->peers[member].reported[c];
	return sum;
}

void ep_look(struct ep_replica *r, struct ep_look *ret)
{
	ep_counters_refresh(r);
	*ret = (struct ep_look){ .now = r->now,
				 .incarnation = r->config.members[r->self].incarnation,
				 .epoch = r->config.epoch,
				 .start = r->start,
				 .window = r->config.window,
				 .own_max = r->config.own_max,
				 .pace = r->pace,
				 .n = r->n,
				 .self = r->self,
				 .standing = (uint8_t)ep_standing(r),
				 .counters = r->counters };
	for (uint32_t c = 0; c < r->n; c++) {
		const struct ep_column *col = &r->columns[c];
		const struct ep_peer *peer = &r->peers[c];
		ret->suspects |= (uint8_t)(peer->is_suspect << c);
		ret->columns[c] = (struct ep_look_column){ col->exec_prefix, col->cprefix, col->known, col->stable, peer->srtt, peer->heard,
							   behind(r, c) };
	}
}

struct ep_peek ep_peek(const struct ep_replica *r, uint8_t col, uint64_t i)
{
	struct ep_peek out = { .is_executed = ep_is_executed(r, col, i) };
	ep_slot slot = ep_slot_of(r, col, i);
	struct ep_record *rec = ep_rec(r, slot);
	if (!rec_is_live(rec) || rec->i != i)
		return out;
	out.exists = true;
	out.is_nop = rec_is_nop(rec);
	out.has_init = rec_has_init(rec);
	out.phase = (uint8_t)rec_phase(rec);
	out.fq = rec->fq;
	out.bal = rec_bal(rec);
	out.abal = rec_abal(rec);
	out.seq = rec->seq;
	memcpy(out.dep, rec_dep(rec, r->n), 8u * r->n);
	memcpy(out.idep, rec_idep(rec), 8u * r->n);
	if (rec_has_payload(rec)) {
		out.payload = ep_payload(r, slot);
		out.payload_len = rec->payload_len;
	}
	return out;
}

uint64_t ep_exec_prefix(const struct ep_replica *r, uint8_t col)
{
	return r->columns[col].exec_prefix;
}

uint64_t ep_stable(const struct ep_replica *r, uint8_t col)
{
	return r->columns[col].stable;
}

uint64_t ep_known(const struct ep_replica *r, uint8_t col)
{
	return r->columns[col].known;
}

uint64_t ep_executed_count(const struct ep_replica *r)
{
	return r->executed_count;
}

struct ep_session_id ep_executed_at(const struct ep_replica *r, uint64_t nth)
{
	return ((const struct ep_session_id *)ep_at(r, r->at_trace))[nth % EP_TRACE_MAX];
}

struct ep_session_id ep_executing(const struct ep_replica *r)
{
	if (r->order_done == 0)
		return (struct ep_session_id){ 0 };
	const struct ep_record *rec = ep_rec(r, order_next(r->order_head) - 1);
	return (struct ep_session_id){ .i = rec->i, .epoch = rec->epoch, .col = ep_slot_col(r, order_next(r->order_head) - 1) };
}
