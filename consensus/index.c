// The conflict index: a hash table of keys, each with its highest instance per column and mode, and a list of unordered
// instances per column for the executor.
//
// An entry lives as long as an instance that holds it has not been recycled (I2). When the pool of entries is empty,
// or an instance has more keys than links, it goes to its column's list of unindexed instances and raises the column's
// barrier: everything later depends on it, which is a superset and therefore safe; the executor tests real interference.
#include "consensus/index.h"

static uint32_t *bucket_of(const struct ep_replica *r, uint64_t hash)
{
	return (uint32_t *)ep_at(r, r->at_entry_buckets) + (hash & (r->entry_buckets - 1));
}

void ep_index_prefetch(const struct ep_replica *r, uint64_t hash)
{
	__builtin_prefetch(bucket_of(r, hash));
}

uint32_t ep_index_find(const struct ep_replica *r, uint64_t hash)
{
	uint32_t at = *bucket_of(r, hash);
	while (at != EP_NIL && ep_entry(r, at)->hash != hash)
		at = ep_entry(r, at)->next;
	return at;
}

void ep_index_clear(struct ep_replica *r)
{
	for (uint32_t b = 0; b < r->entry_buckets; b++)
		((uint32_t *)ep_at(r, r->at_entry_buckets))[b] = EP_NIL;
	for (uint32_t e = 0; e < r->config.index_keys; e++)
		ep_entry(r, e)->next = e + 1 < r->config.index_keys ? e + 1 : EP_NIL;
	r->entry_free = 0;
}

static uint32_t entry_take(struct ep_replica *r, uint64_t hash)
{
	uint32_t at = ep_index_find(r, hash);
	if (at != EP_NIL || r->entry_free == EP_NIL)
		return at;
	at = r->entry_free;
	struct ep_entry *entry = ep_entry(r, at);
	r->entry_free = entry->next;
	entry->hash = hash;
	entry->refs = 0;
	entry->next = *bucket_of(r, hash);
	*bucket_of(r, hash) = at;
	for (uint32_t c = 0; c < r->n; c++)
		*ep_track(entry, c) = (struct ep_track){ .newest = EP_NIL };
	return at;
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

void ep_index_conflicts(struct ep_replica *r, const struct ep_keys *keys, uint32_t col, uint64_t i, uint64_t *deps)
{
	for (uint32_t c = 0; c < r->n; c++) {
		const struct ep_column *column = &r->columns[c];
		uint64_t top = keys->is_barrier ? column->known : column->barrier;
		// What is stable is forgotten, so it is covered as a whole (E.2); the leader also covers what is about to be.
		uint64_t gone = r->self == col ? column->agreed : column->stable;
		deps[c] = top > gone ? top : gone;
	}
	for (uint32_t k = 0; k < keys->count && !keys->is_barrier; k++) {
		uint32_t at = ep_index_find(r, keys->key[k].hash);
		if (at == EP_NIL)
			continue;
		for (uint32_t c = 0; c < r->n; c++) {
			const struct ep_track *track = ep_track(ep_entry(r, at), c);
			uint64_t top = track->max_write;
			if (keys->key[k].is_write && track->max_read > top)
				top = track->max_read;
			if (top > deps[c])
				deps[c] = top;
		}
	}
	if (r->self != col)
		deps[col] = 0; // own column: only the command leader sets it (B.2)
	else if (deps[col] > i - 1)
		deps[col] = i - 1;
}

// Puts a link into the list of its (key, column), newest first. Instances arrive nearly in order.
static void list_insert(struct ep_replica *r, uint32_t link, struct ep_track *track)
{
	uint64_t i = ep_rec(r, ep_link_slot(r, link))->i;
	uint32_t newer = EP_NIL, older = track->newest;
	while (older != EP_NIL && ep_rec(r, ep_link_slot(r, older))->i > i) {
		newer = older;
		older = ep_link(r, older)->older;
	}
	struct ep_link *at = ep_link(r, link);
	at->older = older;
	at->newer = newer;
	at->is_listed = 1;
	if (older != EP_NIL)
		ep_link(r, older)->newer = link;
	if (newer != EP_NIL)
		ep_link(r, newer)->older = link;
	else
		track->newest = link;
}

static void list_remove(struct ep_replica *r, uint32_t link, uint32_t col)
{
	struct ep_link *at = ep_link(r, link);
	if (!at->is_listed)
		return;
	at->is_listed = 0;
	if (at->older != EP_NIL)
		ep_link(r, at->older)->newer = at->newer;
	if (at->newer != EP_NIL)
		ep_link(r, at->newer)->older = at->older;
	else
		ep_track(ep_entry(r, at->entry), col)->newest = at->older;
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

void ep_index_insert(struct ep_replica *r, ep_slot slot, const struct ep_keys *keys)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint32_t col = ep_slot_col(r, slot);
	bool is_listed = !(rec_exec(rec, r->n)->marks & EP_MARK_ORDERED);
	uint32_t taken[EP_KEYS_MAX], count = 0;
	rec->links = 0;
	if (keys->is_barrier || keys->count > r->config.keys_max) {
		insert_unindexed(r, slot);
		return;
	}
	for (; count < keys->count; count++) {
		taken[count] = entry_take(r, keys->key[count].hash);
		if (taken[count] == EP_NIL)
			break;
		ep_entry(r, taken[count])->refs++;
	}
	if (count < keys->count) {
		while (count > 0)
			entry_release(r, taken[--count]);
		insert_unindexed(r, slot);
		return;
	}
	for (uint32_t k = 0; k < count; k++) {
		struct ep_track *track = ep_track(ep_entry(r, taken[k]), col);
		uint64_t *top = keys->key[k].is_write ? &track->max_write : &track->max_read;
		if (rec->i > *top)
			*top = rec->i;
		uint32_t link = ep_link_of(r, slot, k);
		*ep_link(r, link) = (struct ep_link){ .entry = taken[k], .older = EP_NIL, .newer = EP_NIL,
						      .is_write = keys->key[k].is_write };
		if (is_listed)
			list_insert(r, link, track);
	}
	rec->links = (uint8_t)count;
}

void ep_index_unlist(struct ep_replica *r, ep_slot slot)
{
	uint32_t col = ep_slot_col(r, slot);
	for (uint32_t k = 0; k < ep_rec(r, slot)->links; k++)
		list_remove(r, ep_link_of(r, slot, k), col);
	struct ep_exec *exec = ep_exec(r, slot);
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
	for (uint32_t k = 0; k < rec->links; k++)
		entry_release(r, ep_link(r, ep_link_of(r, slot, k))->entry);
	rec->links = 0;
}
