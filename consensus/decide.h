// Deciding one instance: what the handlers share. The handlers themselves are one file per message.
#pragma once
#include "consensus/base/mark.h"
#include "consensus/emit.h"
#include "consensus/index.h"
#include "consensus/window.h"

// A message about one instance after the checks of receive.c: lengths fit its type, the window was consulted.
struct ep_about {
	const struct ep_msg *msg;
	uint32_t payload; // offset in the message, 0 = none
	uint8_t from;     // column of the sender
	uint8_t col;
	uint64_t i;
	enum ep_place place; // FOUND or FREE (STALE for what may still be answered)
	ep_slot slot;
	struct ep_record *rec; // NULL when FREE
	struct ep_keys *keys;  // of the payload; NULL: none, or one that is refused
};
static inline const uint8_t *ep_body(const struct ep_about *in)
{
	return (const uint8_t *)(in->msg + 1);
}
// Reads vector number `at` that follows `skip` fixed bytes.
static inline void ep_read_vec(const struct ep_replica *r, const struct ep_about *in, uint32_t skip, uint32_t at, uint64_t *vec)
{
	const uint8_t *from = ep_body(in) + skip + at * 8u * r->n;
	for (uint32_t c = 0; c < r->n; c++)
		vec[c] = ep_load64(from + 8 * c);
}

// ---- handlers (one file each) ---------------------------------------------------------------------------------
void on_preaccept(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_preaccept_ok(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_accept(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_accept_ok(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_commit(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_nack(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_fetch(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_pending(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_void(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_recover(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_recover_ok(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_validate(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_validate_ok(struct ep_replica *, struct ep_effects *, const struct ep_about *);
void on_status(struct ep_replica *, const struct ep_msg *, uint8_t from);

// ---- shared steps ---------------------------------------------------------------------------------------------
enum ep_admission { EP_ADMIT = 0, EP_ADMIT_WINDOW, EP_ADMIT_OWN, EP_ADMIT_ROOM, EP_ADMIT_BAD };

// SUBMIT: what is staged becomes a new own instance.
void ep_submit(struct ep_replica *, struct ep_effects *);

// Stores payload and seq into a record that has none; the caller publishes EP_ST_PAYLOAD and then calls ep_learned().
void ep_store_payload(struct ep_replica *, ep_slot, const uint8_t *payload, uint64_t seq);
// The payload of the instance has become known: into the index, and whoever waited for it is tried again.
void ep_learned(struct ep_replica *, ep_slot, const struct ep_keys *);
// Takes a value by the two-area rule (B.7): spare area, then bal, then st. `bits`: EP_ST_NOP, EP_ST_PAYLOAD, EP_ST_INIT to be set.
void ep_take_value(struct ep_replica *, ep_slot, enum ep_phase, uint64_t bal, uint64_t abal, const uint64_t *deps, uint64_t bits);
// The keys of the message's payload, for a record that has none yet. NULL: it is refused, and the message counted as dropped.
struct ep_keys *ep_message_keys(struct ep_replica *, const struct ep_about *);

// PROPOSE by the command leader at ballot 0: the slow path.
void ep_propose_own(struct ep_replica *, struct ep_effects *, ep_slot);
// COMMIT_NOW: commits here and tells all. `deps` may be the record's own vector.
void ep_commit_now(struct ep_replica *, struct ep_effects *, ep_slot, uint64_t bal, bool is_nop, const uint64_t *deps);
// What follows from a record having become COMMITTED.
void ep_committed(struct ep_replica *, ep_slot);

// Whether this replica, as the command leader, still drives its instance (one of its own column): nobody has outbid it.
static inline bool ep_is_driven(const struct ep_replica *r, ep_slot slot)
{
	const struct ep_record *rec = ep_rec(r, slot);
	return rec_is_live(rec) && rec_bal(rec) == 0 && !rec_is_committed(rec) && ep_own(r, slot)->queue != EP_QUEUE_NONE;
}

// Timers of own open instances.
void ep_timer_set(struct ep_replica *, ep_slot, uint8_t queue, ep_time due);
void ep_timer_cancel(struct ep_replica *, ep_slot);
// The timer of an open own instance fires, whatever its time is.
void ep_timer_expire(struct ep_replica *, struct ep_effects *, ep_slot);
void ep_timers_run(struct ep_replica *, struct ep_effects *);
ep_time ep_timers_next(const struct ep_replica *);
ep_time ep_after_rtts(const struct ep_replica *, uint32_t rtts, ep_time least);

// Recovery (recover.c, validate.c). Starts an attempt for (col, i) unless one runs, it is committed, or all contexts are taken.
bool ep_recover(struct ep_replica *, struct ep_effects *, uint32_t col, uint64_t i);
// The attempt at this slot, which holds an instance; NULL when none is under way.
struct ep_recovery *ep_recovery_at(const struct ep_replica *, ep_slot);
void ep_recovery_end(struct ep_replica *, ep_slot);
// PROPOSE at the attempt's ballot.
void ep_recovery_propose(struct ep_replica *, struct ep_effects *, struct ep_recovery *, bool is_nop, const uint64_t *deps);
void ep_recovery_accepted(struct ep_replica *, struct ep_effects *, struct ep_recovery *, uint8_t from);
void ep_recoveries_run(struct ep_replica *, struct ep_effects *);
ep_time ep_recoveries_next(const struct ep_replica *);
void ep_validate_start(struct ep_replica *, struct ep_effects *, struct ep_recovery *);
// V4: whether the conflicting instances have been decided.
void ep_validate_wait(struct ep_replica *, struct ep_effects *, struct ep_recovery *);

// Learning commits: advances the prefixes, asks for what is missing.
void ep_learn_commits(struct ep_replica *, uint32_t col);
void ep_learn_payloads(struct ep_replica *, uint32_t col);
void ep_learn_run(struct ep_replica *, struct ep_effects *);
// The command leader of a column shows that it drives its instances.
static inline void ep_leader_heard(struct ep_replica *r, uint32_t col)
{
	r->columns[col].is_recovering = false;
}
// Somebody else recovers instances of this column: leave it to them for a while, but not for ever (C.1, duels end).
void ep_outbid(struct ep_replica *, uint32_t col);
// An attempt came to nothing: the column's next ones wait longer. Once for all attempts that end together.
void ep_back_off(struct ep_replica *, uint32_t col);
ep_time ep_learn_next(const struct ep_replica *);
bool ep_is_payload_known(const struct ep_replica *, uint32_t col, uint64_t i);
