// The conflict index: which instances touched a key, per column and mode (protocol.md B.3).
#pragma once
#include "consensus/keys.h"

void ep_index_clear(struct ep_replica *);
// D = conflicts(keys, (col, i)), to be taken before the instance itself is inserted. Notes in `keys` which entries it found, for
// an insertion that follows at once.
void ep_index_conflicts(struct ep_replica *, struct ep_keys *, uint32_t col, uint64_t i, uint64_t *deps);
// The highest live instance of each column that can interfere with these keys, or more; 0 where there is none.
void ep_index_tops(struct ep_replica *, struct ep_keys *keys, uint64_t *tops);
// I1: the payload of this instance became known.
void ep_index_insert(struct ep_replica *, ep_slot, const struct ep_keys *);
// The instance is ordered: the executor's lists drop it, later commands still depend on it.
void ep_index_unlist(struct ep_replica *, ep_slot);
// The slot is recycled: every member has executed it.
void ep_index_remove(struct ep_replica *, ep_slot);
// The entry of a key, EP_NIL when no live instance holds it.
uint32_t ep_index_find(const struct ep_replica *, uint64_t hash);
// The newest unordered instance of this entry and column below i, as a link; EP_NIL when there is none.
uint32_t ep_index_older(struct ep_replica *, uint32_t entry, uint32_t col, uint64_t i);
// What is known here of a key: other members took no command with it lately; they did, and may at this moment; an instance of a column that
// has come to a standstill holds it, and what else has the key waits for that.
enum ep_key_use { EP_KEY_PRIVATE, EP_KEY_SHARED, EP_KEY_STUCK };
enum ep_key_use ep_index_use(const struct ep_replica *, uint64_t hash);
// Fetches the places where these keys are looked up; the entries that an instance holds.
void ep_index_prefetch(const struct ep_replica *, const struct ep_keys *);
void ep_index_fetch_links(const struct ep_replica *, ep_slot);
