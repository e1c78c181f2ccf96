// One instance as it lies in the arena, and the words that publish its changes (protocol.md B.1, B.7).
#pragma once
#include "consensus/base/seal.h"
#include "consensus/base/txn.h"
#include "consensus/epaxos.h"

typedef uint32_t ep_slot; // column * window + (i mod window)
#define EP_NIL UINT32_MAX

// `st`, the publishing word. Everything else of a record is filled before the store that makes it reachable.
//   bits 0-1 phase | 2 which value area | 3 value is Nop | 4 icmd/idep set | 5 payload and seq set | 6 live
//   bits 8-47 abal | 48-63 check of all that the other bits select (rec_sealed)
#define EP_ST_PHASE 0x03ULL
#define EP_ST_WHICH 0x04ULL
#define EP_ST_NOP 0x08ULL
#define EP_ST_INIT 0x10ULL
#define EP_ST_PAYLOAD 0x20ULL
#define EP_ST_LIVE 0x40ULL
#define EP_ST_ABAL_SHIFT 8
#define EP_ST_CHECK_SHIFT 48
#define EP_BALLOT_BITS 40

// Legal combinations: PREACCEPTED has INIT and PAYLOAD, never NOP. ACCEPTED and COMMITTED have PAYLOAD or NOP (or both: Nop
// was chosen although the payload is known; it stays indexed, I3). INITIAL with bal > 0 joined a ballot only; INITIAL
// with INIT was validated. abal <= bal always.
#define EP_ORDER_BITS 40
#define EP_ORDER_SETTLED (1ULL << 32) // with it: application units that the instance added or freed

struct ep_record {
	uint64_t st;
	uint64_t joined; // highest ballot joined, sealed: rec_bal()
	uint64_t i;     // instance number; the slot gives the column
	uint64_t seq;   // valid with EP_ST_PAYLOAD
	uint64_t order; // sealed: slot + 1 of the next member of the ORDER QUEUE, 0 = last; once executed: EP_ORDER_SETTLED, or a left-over
	uint32_t epoch;
	uint16_t payload_len;
	uint8_t fq;
	uint8_t links; // derived: entries of the conflict index that this instance holds
	uint64_t vec[]; // idep[n], value area 0 [n], value area 1 [n], then struct ep_exec
};
_Static_assert(sizeof(struct ep_record) == 48, "record head");

// The executor's fields of a record: volatile, written by execute.c only
// (`recovery` by recover.c).
struct ep_exec {
	uint64_t blocked_on; // (col << 56 | i) of the undecided instance last met, 0 = none
	uint32_t run;        // search that visited this vertex
	uint32_t index, low;
	uint32_t parent; // slot of the vertex that led here
	uint32_t below;  // next on the component stack
	uint32_t next;   // in the queue of roots or in a list of waiters
	uint32_t link;   // cursor: link to look at next, EP_NIL = look up the start
	uint8_t col;     // cursor: column
	uint8_t key;     // cursor: key in it
	uint8_t marks;   // EP_MARK_...
	uint8_t recovery; // index + 1 of the recovery under way here (recover.c), 0 = none
};
_Static_assert(sizeof(struct ep_exec) == 40, "executor's part");

#define EP_MARK_ORDERED 1u   // in the ORDER QUEUE or executed
#define EP_MARK_QUEUED 2u    // in the queue of roots
#define EP_MARK_WAITING 4u   // in a list of waiters
#define EP_MARK_STACKED 8u   // on the component stack
#define EP_MARK_STARTED 16u  // cursor stands inside (col, key)
#define EP_MARK_UNINDEXED 32u // in its column's list of instances outside the index

static inline enum ep_phase rec_phase(const struct ep_record *rec)
{
	return (enum ep_phase)(rec->st & EP_ST_PHASE);
}
static inline bool rec_is_live(const struct ep_record *rec)
{
	return rec->st & EP_ST_LIVE;
}
static inline bool rec_is_nop(const struct ep_record *rec)
{
	return rec->st & EP_ST_NOP;
}
static inline bool rec_has_payload(const struct ep_record *rec)
{
	return rec->st & EP_ST_PAYLOAD;
}
static inline bool rec_has_init(const struct ep_record *rec)
{
	return rec->st & EP_ST_INIT;
}
static inline bool rec_is_committed(const struct ep_record *rec)
{
	return rec_phase(rec) == EP_COMMITTED;
}
static inline uint64_t rec_bal(const struct ep_record *rec)
{
	return ep_word_value(rec->joined, EP_BALLOT_BITS);
}
static inline void rec_join(struct ep_record *rec, uint64_t bal)
{
	ep_publish64(&rec->joined, ep_word_seal(bal, EP_BALLOT_BITS));
}
static inline uint64_t rec_abal(const struct ep_record *rec)
{
	return (rec->st >> EP_ST_ABAL_SHIFT) & (EP_BALLOT_MAX - 1);
}
static inline uint64_t *rec_idep(struct ep_record *rec)
{
	return rec->vec;
}
static inline uint64_t *rec_area(struct ep_record *rec, uint32_t n, bool which)
{
	return rec->vec + n * (which ? 2u : 1u);
}
// The current dependency vector; the other area may be written freely.
static inline uint64_t *rec_dep(struct ep_record *rec, uint32_t n)
{
	return rec_area(rec, n, rec->st & EP_ST_WHICH);
}
static inline uint64_t *rec_spare(struct ep_record *rec, uint32_t n)
{
	return rec_area(rec, n, !(rec->st & EP_ST_WHICH));
}
static inline struct ep_exec *rec_exec(struct ep_record *rec, uint32_t n)
{
	return (struct ep_exec *)(void *)(rec->vec + 3 * n);
}

// The state word for (phase, abal) with the given EP_ST_ bits, not sealed.
static inline uint64_t st_make(enum ep_phase phase, uint64_t abal, uint64_t bits)
{
	return (uint64_t)phase | bits | EP_ST_LIVE | abal << EP_ST_ABAL_SHIFT;
}
// `st` with its check. What it does not select may change without it: the spare area, idep before INIT, the payload before PAYLOAD.
static inline uint64_t rec_sealed(struct ep_record *rec, uint32_t n, uint64_t st)
{
	st = ep_word_value(st, EP_ST_CHECK_SHIFT);
	const uint64_t *dep = rec_area(rec, n, st & EP_ST_WHICH);
	uint64_t check = ep_check_word(ep_check_word(EP_CHECK_START, st), rec->i);
	for (uint32_t c = 0; c < n; c++)
		check = ep_check_word(check, dep[c]);
	for (uint32_t c = 0; c < n && st & EP_ST_INIT; c++)
		check = ep_check_word(check, rec_idep(rec)[c]);
	if (st & EP_ST_PAYLOAD)
		check = ep_check_word(ep_check_word(check, rec->seq), rec->payload_len | (uint64_t)rec->fq << 16);
	check = ep_check_word(check, rec->epoch);
	return st | check << EP_ST_CHECK_SHIFT;
}
// Makes the record what `st` and everything that it selects say.
static inline void rec_publish(struct ep_record *rec, uint32_t n, uint64_t st)
{
	ep_publish64(&rec->st, rec_sealed(rec, n, st));
}

// Words of the ORDER QUEUE: a link, or what an executed instance took.
static inline uint64_t order_link(uint32_t slot_plus_one)
{
	return ep_word_seal(slot_plus_one, EP_ORDER_BITS);
}
static inline uint64_t order_settled(uint32_t units)
{
	return ep_word_seal(EP_ORDER_SETTLED | units, EP_ORDER_BITS);
}
static inline uint32_t order_next(uint64_t link) // slot + 1, 0 = none
{
	return (uint32_t)link;
}
