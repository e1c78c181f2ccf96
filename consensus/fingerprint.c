// The fingerprint: one number for all that decides what a replica will do, apart from time. For comparing states.
//
// Canonical: equal for states that differ in clocks, counters, statistics, or in where and in which order things lie. Left out is what
// follows from what is hashed (the index, prefixes of commits, whom an execution waits for), and what can have no influence
// any more: ballots and initial dependencies of a committed instance, tallies of a phase that is over. The application and the
// sessions follow from the order of execution, and that from what is committed.
#include "consensus/state.h"

// ep_mix64() alone maps 0 to 0: lists of different lengths could meet there.
static uint64_t mix(uint64_t h, uint64_t v)
{
	return ep_mix64(ep_mix64(h + 0x9e3779b97f4a7c15ULL) ^ v);
}

static uint64_t mix_vec(const struct ep_replica *r, uint64_t h, const uint64_t *vec)
{
	return ep_hash64(h, vec, 8u * r->n);
}

// The command leader's own side, as long as the instance is in its hands.
static uint64_t mix_own(const struct ep_replica *r, uint64_t h, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	const struct ep_own *own = ep_own(r, slot);
	bool is_waiting = own->queue > EP_QUEUE_RESEND && own->queue < EP_QUEUE_RESUBMIT; // all back-offs of a resend are one
	h = mix(h, (uint64_t)(is_waiting ? EP_QUEUE_RESEND : own->queue) | (uint64_t)(own->waits != EP_NIL) << 8);
	if (rec_bal(rec) != 0)
		return h;
	if (rec_phase(rec) == EP_ACCEPTED)
		return mix(h, own->acc_ok);
	if (rec_phase(rec) == EP_PREACCEPTED) // with the union of the answers, which lies where PROPOSE will want it
		h = mix_vec(r, mix(h, own->tally_ok | own->tally_eq << 8 | own->is_late << 16), rec_spare(rec, r->n));
	return h;
}

static uint64_t mix_recovery(const struct ep_replica *r, uint64_t h, const struct ep_recovery *rc)
{
	h = mix(mix(h, rc->state), rc->bal);
	uint64_t conflicts = 0; // a set
	for (uint32_t k = 0; k < rc->conflicts_count; k++)
		conflicts += mix(mix(rc->conflicts[k].i, rc->conflicts[k].col), rc->conflicts[k].is_committed);
	switch ((enum ep_recovery_state)rc->state) {
	case EP_REC_FREE:
		return h;
	case EP_REC_ACCEPT:
		return mix(h, rc->done); // the value is in the record
	case EP_REC_RECOVER:
		h = mix(h, rc->got | (uint64_t)rc->preaccepted << 8 | (uint64_t)rc->candidates << 16 | (uint64_t)rc->has_value << 24 |
				   (uint64_t)rc->is_best_nop << 25 | (uint64_t)rc->is_best_committed << 26 | (uint64_t)rc->has_fq << 27);
		h = mix_vec(r, mix_vec(r, mix(h, rc->best_abal), rc->best), rc->merged);
		return mix_vec(r, mix_vec(r, h, rc->initial), rc->fq_dep);
	case EP_REC_VALIDATE:
	case EP_REC_DEPS:
		h = mix(h, rc->got | (uint64_t)rc->quorum << 8 | (uint64_t)rc->candidates << 16 | (uint64_t)rc->done << 24 |
				   (uint64_t)rc->is_cut << 32);
		return mix_vec(r, mix(h, conflicts), rc->initial);
	}
	return h;
}

static uint64_t mix_record(const struct ep_replica *r, uint64_t h, uint32_t col, uint64_t i, bool is_volatile)
{
	ep_slot slot = ep_slot_of(r, col, i);
	struct ep_record *rec = ep_rec(r, slot);
	bool is_executed = ep_is_executed(r, col, i);
	if (!rec_is_live(rec) || rec->i != i)
		return is_executed ? mix(h, i) : h; // as if its number had not been heard of: see EP_PRINT_KNOWN
	h = mix(mix(h, i | 1ULL << 63), (uint64_t)rec_phase(rec) | (uint64_t)rec_is_nop(rec) << 2 | (uint64_t)rec_has_payload(rec) << 3 |
						(uint64_t)is_executed << 4);
	if (rec_has_payload(rec))
		h = ep_hash64(mix(h, rec->seq), ep_payload(r, slot), rec->payload_len);
	h = mix_vec(r, h, rec_dep(rec, r->n));
	if (rec_is_committed(rec))
		return col == r->self && is_volatile ? mix(h, ep_own(r, slot)->waits != EP_NIL) : h;
	h = mix(mix(h, rec_bal(rec)), rec_abal(rec));
	h = mix_vec(r, mix(h, rec->fq | (uint64_t)rec_has_init(rec) << 8), rec_idep(rec));
	if (!is_volatile)
		return h;
	if (col == r->self)
		h = mix_own(r, h, slot);
	uint8_t recovery = ep_exec(r, slot)->recovery;
	return recovery != 0 ? mix_recovery(r, h, ep_recovery(r, recovery - 1u)) : h;
}

uint64_t ep_fingerprint_without(const struct ep_replica *r, uint32_t parts)
{
	uint64_t h = mix(mix(mix(r->config.epoch, r->next_i), r->standing), r->closed);
	if (!(parts & EP_PRINT_CLOCK))
		h = mix(h, r->clock);
	for (uint32_t c = 0; c < r->n; c++) {
		const struct ep_column *col = &r->columns[c];
		h = mix(mix(mix(h, c), col->stable), r->peers[c].is_suspect);
		if (!(parts & EP_PRINT_NACKED))
			h = mix(h, col->nacked);
		for (uint64_t i = col->stable + 1; i <= col->known; i++)
			h = mix_record(r, h, c, i, !(parts & EP_PRINT_VOLATILE));
		h = mix(h, col->barrier > col->stable ? col->barrier : 0);
		if (!(parts & EP_PRINT_KNOWN))
			h = mix(h, col->known);
		if (!(parts & EP_PRINT_REPORTED))
			h = mix(mix(mix(h, col->agreed), col->ripe), col->ripening);
		for (uint32_t m = 0; m < r->n && !(parts & EP_PRINT_REPORTED); m++) {
			uint64_t told = r->peers[m].reported[c];
			h = mix(h, told > col->stable ? told : col->stable);
		}
	}
	for (uint32_t k = 0; k < r->staged && !(parts & EP_PRINT_VOLATILE); k++) {
		const struct ep_stage *stage = &r->stages[(r->stage_first + k) & (EP_STAGES - 1)];
		const uint8_t *staged = ep_payload(r, stage->slot);
		h = ep_hash64(mix(h, stage->i), staged, ((const struct ep_wire_payload *)(const void *)staged)->len);
	}
	h = mix(h, r->order_done);
	for (uint32_t at = order_next(r->order_head); at != 0; at = order_next(ep_rec(r, at - 1)->order)) // ordered, not yet executed
		h = mix(h, at);
	return h;
}

uint64_t ep_fingerprint(const struct ep_replica *r)
{
	return ep_fingerprint_without(r, 0);
}
