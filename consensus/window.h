// Windows of instances, frontiers and recycling (protocol.md E.0 to E.2).
#pragma once
#include "consensus/state.h"

enum ep_place {
	EP_PLACE_FOUND,   // the slot holds this instance
	EP_PLACE_FREE,    // unknown here: ep_window_claim() makes room for it
	EP_PLACE_STALE,   // recycled: executed by all
	EP_PLACE_OUTSIDE, // beyond the window: counts as lost
};

// Fetches the lines of a slot: its record, and where a new payload and its links will go. The arena is larger than any cache, and
// slots are used in turns: whoever comes to one finds it cold.
static inline void ep_slot_fetch(const struct ep_replica *r, ep_slot slot, bool is_new)
{
	const uint8_t *rec = (const uint8_t *)ep_rec(r, slot);
	for (uint32_t at = 0; at < r->record_stride; at += 64)
		__builtin_prefetch(rec + at, 1);
	if (ep_slot_col(r, slot) == r->self)
		__builtin_prefetch(ep_own(r, slot), 1);
	if (!is_new)
		return;
	__builtin_prefetch(ep_payload(r, slot), 1);
	__builtin_prefetch(ep_payload(r, slot) + 64, 1);
	__builtin_prefetch(ep_link(r, ep_link_of(r, slot, 0)), 1);
}

// Where (col, i) stands. *slot is set for FOUND and FREE. Raises known[] and stable[] as i proves them.
enum ep_place ep_window_place(struct ep_replica *, uint32_t col, uint64_t i, ep_slot *slot);
// Makes the slot an empty record of (col, i) with the given ballot, INITIAL and not yet live: the caller fills
// and publishes st.
struct ep_record *ep_window_claim(struct ep_replica *, ep_slot, uint32_t col, uint64_t i, uint64_t bal);
// Whether all dependencies of a vector lie inside the window; raises known[] by them.
bool ep_window_accepts(struct ep_replica *, const uint64_t *deps);
// A member told its executed prefixes, or (from is self) ours moved.
void ep_window_report(struct ep_replica *, uint32_t from, const uint64_t *prefix);
// A member knows that all up to these are stable.
void ep_window_join_stable(struct ep_replica *, const uint64_t *stable);
// A Status went out: what was stable two of them ago may be recycled.
void ep_window_ripen(struct ep_replica *);
// Recycles up to `budget` slots. True while there is more to do.
bool ep_window_recycle(struct ep_replica *, uint32_t budget);
// Whether there is anything for it to do.
static inline bool ep_window_is_ripe(const struct ep_replica *r)
{
	for (uint32_t c = 0; c < r->n; c++)
		if (r->columns[c].stable < r->columns[c].ripe)
			return true;
	return false;
}
// Recycles what stands in the slot of (col, i), which is known to be stable. False: the executor's queue still holds it.
bool ep_window_make_room(struct ep_replica *, uint32_t col, uint64_t i);
// Whether this replica may start its instance i now; for commands, and for RECONFIG, which may use the reserve too.
bool ep_window_has_room(const struct ep_replica *, uint64_t i);
bool ep_window_has_reserve(const struct ep_replica *, uint64_t i);
// An instance number of a column was heard of.
void ep_window_raise(struct ep_replica *, uint32_t col, uint64_t i);
static inline void ep_window_note(struct ep_replica *r, uint32_t col, uint64_t i)
{
	if (i > r->columns[col].known)
		ep_window_raise(r, col, i);
}
