// The arena of one replica: header, columns, tables and where each lies. Pointer-free.
#pragma once
#include "consensus/limits.h"
#include "consensus/record.h"

#define EP_ARENA_MAGIC 0x50414e5958594e50ULL
#define EP_LAYOUT 5

struct ep_column {
	// authoritative
	uint64_t exec_prefix; // all instances up to it are executed
	uint64_t exec_again;  // its complement, stored after it: a damaged prefix is known by it
	// derived or volatile
	uint64_t stable;   // slots up to it are recycled: executed by all members
	uint64_t agreed;   // executed by all members as far as is known here (minimum of their reports)
	uint64_t ripe;     // what is recycled without need: agreed as it was two Status ago, so that nobody forgets far ahead of a leader
	uint64_t ripening; // agreed as it was one Status ago
	uint64_t known;    // highest instance heard of
	uint64_t cprefix;  // all up to it are committed here
	uint64_t kprefix;  // all up to it have a known payload or are decided
	uint64_t barrier;  // highest instance that interferes with everything, or is kept unindexed
	ep_time c_moved;   // when cprefix moved last, or was asked for
	ep_time k_moved;   // likewise kprefix
	ep_time asked;     // when a fetch for cprefix + 1 went out, 0 = not since cprefix moved
	uint64_t nacked;   // highest ballot seen in a Nack
	uint32_t attempts; // since cprefix moved
	uint32_t pendings; // PENDING answers since cprefix moved
	ep_time outbid_at; // when another recoverer was given way to first since cprefix moved, 0 = not yet
	uint32_t unindexed; // first slot of the list of instances outside the index
	bool is_cut;        // the prefixes can move on: a step's budget ended
	bool is_recovering; // its leader was silent: recover what is open, range by range
	uint64_t caught_from; // cprefix when the last range was asked for in catching up
	ep_time caught_at;    // and when
	ep_time hole_wait;  // present back-off of asking for holes, 0 = none yet
	uint64_t told;      // highest executed prefix that a member has reported since the start
	ep_time told_at;    // when that member was asked for what is not committed here
	ep_time told_wait;  // present back-off of that, 0 = none yet
};

#define EP_VOTES_BITS 48 // a million votes a second for nine years

struct ep_peer {
	// kept over a restart, sealed: what was seen of a peer stays true (hello.c)
	uint64_t votes; // highest count seen
	uint64_t start; // highest attach count seen
	// volatile
	uint64_t reported[EP_MEMBERS_MAX]; // executed prefixes that it told
	uint64_t sent_seq;                 // frames sealed for it
	ep_time srtt;                      // smoothed round trip, 0 = not measured
	ep_time heard;
	uint8_t misses;   // T_fast missed in a row as designated peer
	bool is_suspect;  // told from outside
};

// The command leader's own side of an open instance: volatile, by slot of its own column.
struct ep_own {
	uint32_t waits;       // first struct ep_wait, EP_NIL = nobody waits for an answer
	uint8_t tally_ok;     // members whose PreAcceptOK was counted, this one included
	uint8_t tally_eq;     // those whose deps equal idep
	uint8_t acc_ok;       // members that accepted at ballot 0
	uint8_t is_fast;      // committed in one round trip
	uint8_t queue;        // timer queue, EP_QUEUE_NONE = none
	uint8_t is_late;      // T_fast has passed
	uint8_t is_resent;
	uint8_t is_open;      // counted in own_unexecuted
	ep_time submitted;
	ep_time due;
	uint32_t next, prev; // own slots (i mod window) in the timer queue
	uint32_t cost;       // application units reserved
};

// One recovery attempt at this replica: volatile, void as soon as the record's ballot is another (protocol.md C.2).
enum ep_recovery_state {
	EP_REC_FREE = 0,
	EP_REC_RECOVER,  // collecting RecoverOK
	EP_REC_VALIDATE, // collecting ValidateOK from all of Q
	EP_REC_DEPS,     // waiting for the conflicting instances to be decided
	EP_REC_ACCEPT,   // collecting AcceptOK for the proposal
};
struct ep_recovery {
	uint8_t state; // enum ep_recovery_state
	uint8_t got;         // members whose RecoverOK was counted
	uint8_t quorum;      // Q: those when the decision was taken
	uint8_t preaccepted; // P
	uint8_t candidates;  // R: in P with dep == idep
	uint8_t done;        // ValidateOK or AcceptOK
	uint8_t resends;
	bool is_cut;         // more conflicts than are kept
	bool has_value;      // an ACCEPTED or COMMITTED reply: `best`
	bool is_best_nop, is_best_committed;
	bool has_fq;         // the designated peer's PREACCEPTED record was among the replies
	uint8_t conflicts_count;
	ep_slot slot;
	uint64_t i, bal, best_abal;
	ep_time due;
	uint64_t best[EP_MEMBERS_MAX];  // deps of the ACCEPTED reply with the highest abal, or of a COMMITTED one
	uint64_t merged[EP_MEMBERS_MAX]; // pointwise maximum over P
	uint64_t initial[EP_MEMBERS_MAX]; // idep
	uint64_t fq_dep[EP_MEMBERS_MAX];
	struct ep_wire_conflict conflicts[EP_CONFLICTS_MAX];
};

#define EP_QUEUE_FAST 0
#define EP_QUEUE_RESEND 1 // and the following EP_RESEND_CLASSES - 1
#define EP_QUEUE_RESUBMIT (EP_QUEUE_RESEND + EP_RESEND_CLASSES)
#define EP_QUEUES (EP_QUEUE_RESUBMIT + 1)
#define EP_QUEUE_NONE 0xff

// The keys of a payload, as hashes (keys.c).
#define EP_KEY_ABSENT UINT32_MAX
struct ep_keys {
	uint32_t count;
	uint32_t cost;   // application units that the commands may add or free
	uint32_t growth; // those that they may add
	bool is_barrier; // interferes with everything: RECONFIG, or more keys than EP_KEYS_MAX
	struct ep_key {
		uint64_t hash;
		bool is_write, is_app;
		uint32_t entry; // of the conflict index, as just seen there: 0 not looked up, EP_KEY_ABSENT, or the entry + 1
	} key[EP_KEYS_MAX];
};

// A client that waits for one command of an own instance: volatile, in a list by the commands' places in the payload.
struct ep_wait {
	struct ep_addr client;
	uint32_t next; // of the same instance, or free; EP_NIL = last
	uint64_t cookie;
	uint32_t session; // index + 1 of the session whose update this is, 0 = none
	uint8_t command;  // place in the payload
};

// A next own instance, while a burst of requests is being gathered into it (stage.c): volatile.
struct ep_stage {
	uint64_t i; // its number and slot; the payload grows where it will stay
	ep_slot slot;
	uint32_t count;     // commands
	uint64_t group;     // of its commands (stage.c), once is_grouped
	bool is_grouped;
	bool is_closed;     // takes no more: OPEN is alone in its payload
	uint32_t waits, waits_last;
	struct ep_keys keys; // of all of them
};

struct ep_queue {
	uint32_t head, tail;
};

// One client session (protocol.md D.5). Words up to `kept` are authoritative and journalled.
struct ep_session {
	uint64_t i;      // id: instance number of its OPEN
	uint64_t origin; // id: epoch << 8 | column
	uint64_t next;   // index + 1 of the next in its bucket, sealed, 0 = end
	uint64_t last;   // highest executed seq
	uint64_t digest; // of that command's bytes
	uint64_t reply;  // status << 32 | result bytes, above them a check of all the others (session.h)
	uint64_t kept[EP_KEPT_MAX / 8];
	uint64_t inflight;  // volatile: seq of the update that this replica drives, 0 = none
	uint32_t own;       // volatile: own slot that carries it, EP_NIL = staged
	uint32_t free_next; // volatile
};
_Static_assert(sizeof(struct ep_session) == 192, "three cache lines");

// A key of the conflict index (derived). Followed by struct ep_track[n].
struct ep_entry {
	uint64_t hash;
	uint32_t refs; // live instances that hold it
	uint32_t next; // in its bucket or in the free list
};
struct ep_track {
	uint64_t max_write, max_read; // highest instance of this column that writes, reads the key
	uint32_t newest, oldest;      // links at the ends of the list of unordered instances, EP_NIL = none
};
// One (instance, key) pair, in the list of unordered instances of its (key, column), sorted by instance number.
struct ep_link {
	uint32_t entry;
	uint32_t older, newer;
	uint8_t is_write;
	uint8_t is_listed;
	uint8_t is_app; // a key of the application
	uint8_t zero;
};

// One damaged bit must not make a poisoned arena look well.
enum ep_poison { EP_POISON_NONE = 0, EP_POISON_CHECK = 0x0f0f0f0f, EP_POISON_ROLLED_BACK = 0x33333333 };

struct ep_replica {
	// authoritative
	uint64_t magic;
	uint32_t layout;
	uint32_t poison; // enum ep_poison: never attached again unless EP_POISON_NONE
	uint64_t identity; // check of what never changes (attach.c)
	uint64_t starts;   // attach count, from 1, sealed
	uint64_t votes;
	uint64_t order_head; // sealed slot + 1 of the first member of the ORDER QUEUE, 0 = empty
	uint64_t order_done; // its commands that have run, sealed: one transaction each
	uint64_t closed; // sealed slot + 1 of the RECONFIG that has ended this epoch here, 0 = none: FROZEN
	uint64_t sessions_count;
	uint64_t bytes; // of the arena
	struct ep_config config;
	struct ep_column columns[EP_MEMBERS_MAX];

	// where the tables lie, bytes from the arena's base
	uint64_t at_journal, at_records, at_payloads, at_bitmap, at_sessions, at_session_buckets, at_app;
	uint64_t at_links, at_entries, at_entry_buckets, at_waiters, at_unindexed, at_own, at_trace, at_recoveries,
		at_session_used, at_waits;
	uint32_t record_stride, payload_stride, entry_stride;
	uint32_t entry_buckets, session_buckets; // powers of two
	uint8_t n, self, f, e, slow, fast, mode, window_shift, keys_shift;

	// derived
	uint32_t start; // as `starts` says
	uint32_t config_hash;

	// volatile
	ep_time now;
	uint64_t clock; // Lamport clock of seq
	uint64_t next_i;
	uint64_t own_unexecuted;
	uint64_t own_cost; // of own commands not yet stable
	uint64_t rng;
	uint8_t standing;   // enum ep_standing
	uint8_t hello_from; // members that answered Hello in this start, this one included
	uint16_t zero;
	ep_time hello_due;
	uint64_t hello_highest; // highest own instance that the arena knew when this start began
	struct ep_refutation refutation;
	uint64_t void_next; // FROZEN: own instance whose waiting clients are told next that it came to nothing
	uint32_t pace; // lower bounds of timeouts are multiplied by it (EP_PACE)
	uint32_t spare;
	ep_time status_due;
	ep_time wake_at; // cached earliest deadline of timers
	uint64_t executed_at_status;
	uint32_t entry_free, session_free;
	uint32_t order_tail; // slot + 1
	uint32_t order_offset; // of the next command in the payload of the first, 0 = look it up
	uint64_t order_used;   // application units when the first one's first command ran, UINT64_MAX = in an earlier start
	uint32_t wait_free;
	uint32_t staged, stage_first; // how many of the stages are filled, and which is the oldest: a ring, in the order of their numbers
	struct ep_stage stages[EP_STAGES];
	uint32_t root_head, root_tail;
	uint32_t run, run_index, run_vertex, run_root, run_stack;
	uint32_t recoveries; // in use
	uint64_t executed_count;
	uint32_t expire_cursor; // session looked at last (expire.c)
	uint64_t digest_cursor, digest_at, digest_sum;
	struct ep_queue queues[EP_QUEUES];
	struct ep_peer peers[EP_MEMBERS_MAX];
	struct ep_counters counters;
	uint64_t drops[EP_DROP_REASONS];
	struct ep_shell_counters shell;
};

static inline void *ep_at(const struct ep_replica *r, uint64_t offset)
{
	return (uint8_t *)(uintptr_t)r + offset;
}
static inline uint32_t ep_mask(const struct ep_replica *r)
{
	return r->config.window - 1;
}
static inline ep_slot ep_slot_of(const struct ep_replica *r, uint32_t col, uint64_t i)
{
	return (col << r->window_shift) | (uint32_t)(i & ep_mask(r));
}
static inline uint8_t ep_slot_col(const struct ep_replica *r, ep_slot slot)
{
	return (uint8_t)(slot >> r->window_shift);
}
static inline struct ep_record *ep_rec(const struct ep_replica *r, ep_slot slot)
{
	return ep_at(r, r->at_records + (uint64_t)slot * r->record_stride);
}
static inline struct ep_exec *ep_exec(const struct ep_replica *r, ep_slot slot)
{
	return rec_exec(ep_rec(r, slot), r->n);
}
static inline uint8_t *ep_payload(const struct ep_replica *r, ep_slot slot)
{
	return ep_at(r, r->at_payloads + (uint64_t)slot * r->payload_stride);
}
// The check of a payload lies behind its last byte; the instance number is part of it: another instance's payload does not pass.
static inline uint64_t *ep_payload_check_at(const struct ep_replica *r, ep_slot slot, uint32_t len)
{
	return (uint64_t *)(void *)(ep_payload(r, slot) + ((len + 7) & ~7u));
}
static inline uint64_t ep_payload_check(const struct ep_replica *r, ep_slot slot, uint64_t i, uint32_t len)
{
	return ep_check_bytes(ep_check_word(EP_CHECK_START, i), ep_payload(r, slot), len);
}
static inline void ep_payload_seal(const struct ep_replica *r, ep_slot slot, uint64_t i, uint32_t len)
{
	*ep_payload_check_at(r, slot, len) = ep_payload_check(r, slot, i, len);
}
static inline struct ep_own *ep_own(const struct ep_replica *r, ep_slot slot)
{
	return (struct ep_own *)ep_at(r, r->at_own) + (slot & ep_mask(r));
}
static inline struct ep_wait *ep_wait(const struct ep_replica *r, uint32_t index)
{
	return (struct ep_wait *)ep_at(r, r->at_waits) + index;
}
static inline struct ep_link *ep_link(const struct ep_replica *r, uint32_t link)
{
	return (struct ep_link *)ep_at(r, r->at_links) + link;
}
static inline uint32_t ep_link_of(const struct ep_replica *r, ep_slot slot, uint32_t key)
{
	return slot << r->keys_shift | key;
}
static inline ep_slot ep_link_slot(const struct ep_replica *r, uint32_t link)
{
	return link >> r->keys_shift;
}
static inline struct ep_entry *ep_entry(const struct ep_replica *r, uint32_t entry)
{
	return ep_at(r, r->at_entries + (uint64_t)entry * r->entry_stride);
}
static inline struct ep_track *ep_track(struct ep_entry *entry, uint32_t col)
{
	return (struct ep_track *)(void *)(entry + 1) + col;
}
static inline uint32_t *ep_waiters(const struct ep_replica *r, ep_slot slot)
{
	return (uint32_t *)ep_at(r, r->at_waiters) + slot;
}
static inline uint32_t *ep_unindexed(const struct ep_replica *r, ep_slot slot)
{
	return (uint32_t *)ep_at(r, r->at_unindexed) + slot;
}
static inline struct ep_session *ep_session(const struct ep_replica *r, uint32_t index)
{
	return (struct ep_session *)ep_at(r, r->at_sessions) + index;
}
// When a session was used last here, by ep_session_clock(); 0 = there is none. Volatile: the first look after a start counts as a use.
#define EP_SESSION_UNUSED 1u // not since the start, and attach() does not know the time
static inline uint32_t *ep_session_used(const struct ep_replica *r, uint32_t index)
{
	return (uint32_t *)ep_at(r, r->at_session_used) + index;
}
#define EP_SESSION_CLOCK_SHIFT 20 // ticks of 2^20 ns, about a millisecond: no division; 32 bits wrap after 52 days
static inline uint32_t ep_session_clock(const struct ep_replica *r)
{
	return (uint32_t)(r->now >> EP_SESSION_CLOCK_SHIFT) | 1; // never 0; a pair of ticks is one
}
static inline struct ep_recovery *ep_recovery(const struct ep_replica *r, uint32_t index)
{
	return (struct ep_recovery *)ep_at(r, r->at_recoveries) + index;
}
static inline struct ep_txn ep_txn(struct ep_replica *r)
{
	return (struct ep_txn){ (uint8_t *)r, ep_at(r, r->at_journal) };
}
// Vectors have a few words: loops, not calls.
static inline void vec_copy(uint64_t *to, const uint64_t *from, uint32_t n)
{
	for (uint32_t c = 0; c < n; c++)
		to[c] = from[c];
}
static inline bool vec_equal(const uint64_t *a, const uint64_t *b, uint32_t n)
{
	uint64_t differ = 0;
	for (uint32_t c = 0; c < n; c++)
		differ |= a[c] ^ b[c];
	return differ == 0;
}
static inline void vec_zero(uint64_t *a, uint32_t n)
{
	for (uint32_t c = 0; c < n; c++)
		a[c] = 0;
}
static inline void vec_max(uint64_t *a, const uint64_t *b, uint32_t n)
{
	for (uint32_t c = 0; c < n; c++)
		a[c] = a[c] > b[c] ? a[c] : b[c];
}
static inline void ep_drop(struct ep_replica *r, enum ep_drop why)
{
	r->drops[why]++;
}

// The word of a slot in the bitmap of executed instances: 32 slots and their complement.
static inline uint64_t *ep_executed_word(const struct ep_replica *r, ep_slot slot)
{
	return (uint64_t *)ep_at(r, r->at_bitmap) + (slot >> 5);
}
// Whether (col, i), in the window above the executed prefix, is marked as executed. A bit means "executed" by equality with the
// parity of i's lap around the window, so that advancing never has to clear bits.
static inline bool ep_is_marked(const struct ep_replica *r, uint32_t col, uint64_t i)
{
	ep_slot slot = ep_slot_of(r, col, i);
	return (*ep_executed_word(r, slot) >> (slot & 31) & 1) == (~(i >> r->window_shift) & 1);
}

// Whether (col, i) is executed here.
static inline bool ep_is_executed(const struct ep_replica *r, uint32_t col, uint64_t i)
{
	if (i <= r->columns[col].exec_prefix)
		return true;
	return i <= r->columns[col].exec_prefix + r->config.window && ep_is_marked(r, col, i);
}
