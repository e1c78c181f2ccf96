// The undo journal: overwrites of reachable arena words that one store ends and attach rolls back.
// Source: protocol.md B.7, rules M0 to M4. The journal lives in the arena; offsets are from its base.
#pragma once
#include <stdint.h>
#include "consensus/base/check.h"
#include "consensus/base/seal.h"

#define EP_JOURNAL_MAX 1024 // words one transaction may overwrite; a kept reply and a multi-key command fit

struct ep_journal {
	uint64_t len; // entries in use, twice in 32 bits; 0 = no transaction open. That store is the commit point.
	struct ep_undo {
		uint64_t place; // bytes from the arena's base, multiple of 8, 40 bits; above them a check of place and old value
		uint64_t old;
	} undo[EP_JOURNAL_MAX];
};

// One open transaction. `arena` is the arena's base in this process.
struct ep_txn {
	uint8_t *arena;
	struct ep_journal *journal;
};

// Test builds cut the program at each declared store boundary; elsewhere this is nothing.
#ifdef EP_CUT_POINTS
void ep_cut_point(void);
#else
static inline void ep_cut_point(void) {}
#endif

// A release store that is a transaction of its own (or publishes what was filled before it).
static inline void ep_publish64(uint64_t *word, uint64_t value)
{
	ep_cut_point();
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	ep_cut_point();
}

static inline uint64_t ep_journal_len(const struct ep_journal *j)
{
	return (uint32_t)j->len;
}
static inline uint64_t ep_journal_word(uint64_t len)
{
	return len | len << 32;
}
static inline uint64_t ep_undo_place(uint64_t offset, uint64_t old)
{
	return offset | ep_check_word(ep_check_word(EP_CHECK_START, offset), old) << 40;
}

// Overwrites an aligned arena word inside `txn`, keeping its old value for attach().
static inline void ep_txn_set64(struct ep_txn *txn, uint64_t *word, uint64_t value)
{
	struct ep_journal *j = txn->journal;
	uint64_t len = ep_journal_len(j);
	CHECK_OP(len, <, (uint64_t)EP_JOURNAL_MAX);
	j->undo[len].place = ep_undo_place((uint64_t)((uint8_t *)word - txn->arena), *word);
	j->undo[len].old = *word;
	ep_publish64(&j->len, ep_journal_word(len + 1));
	ep_publish64(word, value);
}

// The commit point: everything set since the last commit stays.
static inline void ep_txn_commit(struct ep_txn *txn)
{
	ep_publish64(&txn->journal->len, 0);
}

// Whether the journal can be what a killed process left: its words are whole, and all lie below `end` bytes of the arena.
static inline bool ep_txn_holds(const struct ep_txn *txn, uint64_t end)
{
	const struct ep_journal *j = txn->journal;
	if (j->len != ep_journal_word(ep_journal_len(j)) || ep_journal_len(j) > EP_JOURNAL_MAX)
		return false;
	for (uint64_t k = 0; k < ep_journal_len(j); k++) {
		uint64_t offset = ep_word_value(j->undo[k].place, 40);
		if (offset % 8 != 0 || offset + 8 > end || ep_undo_place(offset, j->undo[k].old) != j->undo[k].place)
			return false;
	}
	return true;
}

// Rolls an interrupted transaction back, newest word first; idempotent under a kill.
static inline void ep_txn_rollback(struct ep_txn *txn)
{
	struct ep_journal *j = txn->journal;
	for (uint64_t len = ep_journal_len(j); len > 0; len--) {
		struct ep_undo *u = &j->undo[len - 1];
		ep_publish64((uint64_t *)(void *)(txn->arena + ep_word_value(u->place, 40)), u->old);
		ep_publish64(&j->len, ep_journal_word(len - 1));
	}
}
