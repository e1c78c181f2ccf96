// The undo journal: overwrites of reachable arena words that one store ends and attach rolls back.
// Source: protocol.md B.7, rules M0 to M4. The journal lives in the arena; offsets are from its base.
#pragma once
#include <stdint.h>
#include "consensus/base/check.h"

#define EP_JOURNAL_MAX 1024 // words one transaction may overwrite; a kept reply and a multi-key command fit

struct ep_journal {
	uint64_t len; // entries in use; 0 = no transaction open. That store is the commit point.
	struct ep_undo {
		uint64_t offset; // bytes from the arena's base, multiple of 8
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

// Overwrites an aligned arena word inside `txn`, keeping its old value for attach().
static inline void ep_txn_set64(struct ep_txn *txn, uint64_t *word, uint64_t value)
{
	struct ep_journal *j = txn->journal;
	CHECK_OP(j->len, <, (uint64_t)EP_JOURNAL_MAX);
	j->undo[j->len].offset = (uint64_t)((uint8_t *)word - txn->arena);
	j->undo[j->len].old = *word;
	ep_publish64(&j->len, j->len + 1);
	ep_publish64(word, value);
}

// The commit point: everything set since the last commit stays.
static inline void ep_txn_commit(struct ep_txn *txn)
{
	ep_publish64(&txn->journal->len, 0);
}

// Rolls an interrupted transaction back, newest word first; idempotent under a kill.
static inline void ep_txn_rollback(struct ep_txn *txn)
{
	struct ep_journal *j = txn->journal;
	while (j->len > 0) {
		struct ep_undo *u = &j->undo[j->len - 1];
		ep_publish64((uint64_t *)(void *)(txn->arena + u->offset), u->old);
		ep_publish64(&j->len, j->len - 1);
	}
}
