// The conflict index: a hash table of keys, each with its highest instance per column and mode, and a list of unordered
// instances per column for the executor.
//
// An entry lives as long as an instance that holds it has not been recycled (I2). When the pool of entries is empty,
// or an instance has more keys than links, it goes to its column's list of unindexed instances and raises the column's
// barrier: everything later depends on it, which is a superset and therefore safe; the executor tests real interference.
#include "consensus/index.h"
#include "consensus/decide.h"

static uint32_t *bucket_of(const struct ep_replica *r, uint64_t hash)
{
	return (uint32_t *)ep_at(r, r->at_entry_buckets) + (hash & (r->entry_buckets - 1));
}

void ep_index_fetch_links(const struct ep_replica *r, ep_slot slot)
{
	uint32_t link = ep_link_of(r, slot, 0);
	for (uint32_t end = link + ep_rec(r, slot)->links; link < end; link++)
		__builtin_prefetch(ep_entry(r, ep_link(r, link)->entry), 1);
}

void ep_index_prefetch(const struct ep_replica *r, const struct ep_keys *keys)
{
	for (uint32_t k = 0; k < keys->count; k++)
		__builtin_prefetch(bucket_of(r, keys->key[k].hash), 1);
}

uint32_t ep_index_find(const struct ep_replica *r, uint64_t hash)
{
	uint32_t at = *bucket_of(r, hash);
	while (at != EP_NIL && ep_entry(r, at)->hash != hash)
		at = ep_entry(r, at)->next;
	return at;
}

enum ep_key_use ep_index_use(const struct ep_replica *r, uint64_t hash)
{
	uint32_t at = ep_index_find(r, hash);
	bool is_shared = false;
	for (uint32_t c = 0; at != EP_NIL && c < r->n; c++) {
		const struct ep_track *track = ep_track(ep_entry(r, at), c);
		const struct ep_column *column = &r->columns[c];
		if (c == r->self || (track->max_write <= column->stable && track->max_read <= column->stable))
			continue;
		is_shared = true;
		if (track->newest != EP_NIL && r->now - column->c_moved > ep_after_rtts(r, 2, r->config.fast_min_ns))
			return EP_KEY_STUCK;
	}
	return is_shared ? EP_KEY_SHARED : EP_KEY_PRIVATE;
}

void ep_index_clear(struct ep_replica *r)
{
	for (uint32_t b = 0; b < r->entry_buckets; b++)
		((uint32_t *)ep_at(r, r->at_entry_buckets))[b] = EP_NIL;
	for (uint32_t e = 0; e < r->config.index_keys; e++)
		ep_entry(r, e)->next = e + 1 < r->config.index_keys ? e + 1 : EP_NIL;
	r->entry_free = 0;
}

static uint32_t entry_make(struct ep_replica *r, uint64_t hash)
{
	uint32_t at = r->entry_free, *bucket = bucket_of(r, hash);
	if (at == EP_NIL)
		return EP_NIL;
	struct ep_entry *entry = ep_entry(r, at);
	r->entry_free = entry->next;
	*entry = (struct ep_entry){ .hash = hash, .next = *bucket };
	*bucket = at;
	for (uint32_t c = 0; c < r->n; c++)
		*ep_track(entry, c) = (struct ep_track){ .newest = EP_NIL, .oldest = EP_NIL };
	return at;
}

// The entry of a key, a new one when it has none; what ep_index_conflicts() saw a moment ago is not looked up again.
static inline uint32_t entry_take(struct ep_replica *r, const struct ep_key *key)
{
	uint32_t at = key->entry == 0 ? ep_index_find(r, key->hash) : key->entry == EP_KEY_ABSENT ? EP_NIL : key->entry - 1;
	DCHECK(at == ep_index_find(r, key->hash));
	return at != EP_NIL ? at : entry_make(r, key->hash);
}

static void entry_release(struct ep_replica *r, uint32_t at)
{
	struct ep_entry *entry = ep_entry(r, at);
	if (--entry->refs > 0)
		return;
	uint32_t *from = bucket_of(r, entry->hash);
	while (*from != at)
		from = &ep_entry(r, *from)->next;
	*from = entry->next;
	entry->next = r->entry_free;
	r->entry_free = at;
}

// Raises deps to what this key has of each column: of a writer's interest all, of a reader's the writers.
static inline void cover(const struct ep_replica *r, struct ep_entry *entry, bool is_write, uint64_t *deps)
{
	const struct ep_track *track = ep_track(entry, 0);
	uint64_t reads = is_write ? UINT64_MAX : 0;
	for (uint32_t c = 0; c < r->n; c++) {
		uint64_t writer = track[c].max_write, reader = track[c].max_read & reads, top = deps[c];
		top = writer > top ? writer : top;
		deps[c] = reader > top ? reader : top;
	}
}

static void cover_all(struct ep_replica *r, struct ep_keys *keys, uint64_t *deps)
{
	for (uint32_t k = 0; k < keys->count && !keys->is_barrier; k++) {
		struct ep_key *key = &keys->key[k];
		uint32_t at = ep_index_find(r, key->hash);
		key->entry = at == EP_NIL ? EP_KEY_ABSENT : at + 1;
		if (at != EP_NIL)
			cover(r, ep_entry(r, at), key->is_write, deps);
	}
}

void ep_index_conflicts(struct ep_replica *r, struct ep_keys *keys, uint32_t col, uint64_t i, uint64_t *deps)
{
	for (uint32_t c = 0; c < r->n; c++) {
		const struct ep_column *column = &r->columns[c];
		uint64_t top = keys->is_barrier ? column->known : column->barrier;
		// What is stable is forgotten, so it is covered as a whole (E.2); the leader also covers what is about to be.
		uint64_t gone = r->self == col ? column->agreed : column->stable;
		deps[c] = top > gone ? top : gone;
	}
	cover_all(r, keys, deps);
	if (r->self != col)
		deps[col] = 0; // own column: only the command leader sets it (B.2)
	else if (deps[col] > i - 1)
		deps[col] = i - 1;
}

void ep_index_tops(struct ep_replica *r, struct ep_keys *keys, uint64_t *tops)
{
	for (uint32_t c = 0; c < r->n; c++)
		tops[c] = keys->is_barrier ? r->columns[c].known : r->columns[c].barrier;
	cover_all(r, keys, tops);
}

#define NEAR 32 // links, or instance numbers, looked at before a list is walked

static inline uint64_t number_of(struct ep_replica *r, uint32_t link)
{
	return ep_rec(r, ep_link_slot(r, link))->i;
}

// The nearest lower instances of the column, one after the other: the first that is listed under this entry. `passed`: none is near.
static uint32_t lower_neighbour(struct ep_replica *r, uint32_t col, uint64_t i, uint32_t entry, uint32_t passed)
{
	for (uint64_t k = i - 1; k + NEAR >= i && k > r->columns[col].stable; k--) {
		ep_slot slot = ep_slot_of(r, col, k);
		const struct ep_record *rec = ep_rec(r, slot);
		if (!rec_is_live(rec) || rec->i != k)
			continue;
		uint32_t link = ep_link_of(r, slot, 0);
		for (uint32_t end = link + rec->links; link < end; link++)
			if (ep_link(r, link)->entry == entry && ep_link(r, link)->is_listed)
				return link;
	}
	return passed;
}

// Most arrive nearly in order. A replica that catches up inserts below all that is new, or next to what it inserted before: then a key
// that everybody writes is not walked from its newest end.
uint32_t ep_index_older(struct ep_replica *r, uint32_t entry, uint32_t col, uint64_t i)
{
	const struct ep_track *track = ep_track(ep_entry(r, entry), col);
	uint32_t at = track->newest;
	for (uint32_t k = 0; k < NEAR; k++, at = ep_link(r, at)->older)
		if (at == EP_NIL || number_of(r, at) < i)
			return at;
	if (number_of(r, track->oldest) > i)
		return EP_NIL;
	at = lower_neighbour(r, col, i, entry, at);
	while (at != EP_NIL && number_of(r, at) > i)
		at = ep_link(r, at)->older;
	return at;
}

// Makes a link and puts it into the list of its (key, column), newest first.
static inline void list_insert(struct ep_replica *r, uint32_t link, struct ep_link *at, uint64_t i, uint32_t col, struct ep_track *track)
{
	uint32_t older = track->newest, newer = EP_NIL;
	if (older != EP_NIL && number_of(r, older) > i) {
		older = ep_index_older(r, at->entry, col, i);
		newer = older != EP_NIL ? ep_link(r, older)->newer : track->oldest;
	}
	at->older = older;
	at->newer = newer;
	at->is_listed = 1;
	if (older != EP_NIL)
		ep_link(r, older)->newer = link;
	else
		track->oldest = link;
	if (newer != EP_NIL)
		ep_link(r, newer)->older = link;
	else
		track->newest = link;
}

static inline void list_remove(struct ep_replica *r, uint32_t link, uint32_t col)
{
	struct ep_link *at = ep_link(r, link);
	if (!at->is_listed)
		return;
	at->is_listed = 0;
	struct ep_track *track = ep_track(ep_entry(r, at->entry), col);
	if (at->older != EP_NIL)
		ep_link(r, at->older)->newer = at->newer;
	else
		track->oldest = at->newer;
	if (at->newer != EP_NIL)
		ep_link(r, at->newer)->older = at->older;
	else
		track->newest = at->older;
}

static void insert_unindexed(struct ep_replica *r, ep_slot slot)
{
	struct ep_column *column = &r->columns[ep_slot_col(r, slot)];
	uint64_t i = ep_rec(r, slot)->i;
	if (i > column->barrier)
		column->barrier = i;
	if (ep_is_executed(r, ep_slot_col(r, slot), i))
		return;
	*ep_unindexed(r, slot) = column->unindexed;
	column->unindexed = slot;
	ep_exec(r, slot)->marks |= EP_MARK_UNINDEXED;
	r->counters.unindexed++;
}

// Takes the entries of all keys, or of none: false when there are too few.
static bool take_entries(struct ep_replica *r, const struct ep_keys *keys, uint32_t *taken)
{
	for (uint32_t k = 0; k < keys->count; k++) {
		taken[k] = entry_take(r, &keys->key[k]);
		if (taken[k] == EP_NIL) {
			while (k > 0)
				entry_release(r, taken[--k]);
			return false;
		}
		ep_entry(r, taken[k])->refs++;
	}
	return true;
}

void ep_index_insert(struct ep_replica *r, ep_slot slot, const struct ep_keys *keys)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint32_t col = ep_slot_col(r, slot), taken[EP_KEYS_MAX];
	bool is_listed = !(rec_exec(rec, r->n)->marks & EP_MARK_ORDERED);
	rec->links = 0;
	if (keys->is_barrier || keys->count > r->config.keys_max || !take_entries(r, keys, taken)) {
		insert_unindexed(r, slot);
		return;
	}
	uint64_t i = rec->i;
	uint32_t link = ep_link_of(r, slot, 0);
	for (uint32_t k = 0; k < keys->count; k++, link++) {
		bool is_write = keys->key[k].is_write;
		struct ep_track *track = ep_track(ep_entry(r, taken[k]), col);
		uint64_t *top = is_write ? &track->max_write : &track->max_read;
		*top = i > *top ? i : *top;
		struct ep_link *at = ep_link(r, link);
		*at = (struct ep_link){ .entry = taken[k], .older = EP_NIL, .newer = EP_NIL, .is_write = is_write,
					.is_app = keys->key[k].is_app };
		if (is_listed)
			list_insert(r, link, at, i, col, track);
	}
	rec->links = (uint8_t)keys->count;
}

void ep_index_unlist(struct ep_replica *r, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	struct ep_exec *exec = rec_exec(rec, r->n);
	uint32_t col = ep_slot_col(r, slot), link = ep_link_of(r, slot, 0);
	for (uint32_t end = link + rec->links; link < end; link++)
		list_remove(r, link, col);
	if (!(exec->marks & EP_MARK_UNINDEXED))
		return;
	exec->marks &= (uint8_t)~EP_MARK_UNINDEXED;
	uint32_t *from = &r->columns[col].unindexed;
	while (*from != slot)
		from = ep_unindexed(r, *from);
	*from = *ep_unindexed(r, slot);
}

void ep_index_remove(struct ep_replica *r, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	ep_index_unlist(r, slot);
	uint32_t link = ep_link_of(r, slot, 0);
	for (uint32_t end = link + rec->links; link < end; link++)
		entry_release(r, ep_link(r, link)->entry);
	rec->links = 0;
}
