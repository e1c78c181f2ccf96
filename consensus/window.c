// Windows: which instance a slot may hold, what is stable, and recycling of what all members have executed.
#include "consensus/window.h"
#include "consensus/index.h"

void ep_window_raise(struct ep_replica *r, uint32_t col, uint64_t i)
{
	struct ep_column *c = &r->columns[col];
	if (c->cprefix == c->known)
		c->c_moved = r->now; // what was waited for until now has arrived
	if (c->kprefix == c->known)
		c->k_moved = r->now;
	c->known = i;
}

// Frees the slot of the next stable instance. False: a queue still holds it.
static bool recycle_next(struct ep_replica *r, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	ep_slot slot = ep_slot_of(r, col, c->stable + 1);
	struct ep_record *rec = ep_rec(r, slot);
	ep_index_fetch_links(r, ep_slot_of(r, col, c->stable + 3));
	ep_slot_fetch(r, ep_slot_of(r, col, c->stable + 5), false);
	if (rec_is_live(rec) && rec->i == c->stable + 1) {
		struct ep_exec *exec = rec_exec(rec, r->n);
		if (exec->marks & (EP_MARK_QUEUED | EP_MARK_WAITING | EP_MARK_STACKED))
			return false;
		if (col == r->self && ep_own(r, slot)->queue != EP_QUEUE_NONE)
			return false; // clients' commands in a Nop: they have to be submitted again first
		if (rec_has_payload(rec))
			ep_index_remove(r, slot);
		if (col == r->self) {
			r->own_cost -= ep_own(r, slot)->cost;
			ep_own(r, slot)->cost = 0;
		}
		ep_publish64(&rec->st, 0);
	}
	c->stable++;
	r->counters.recycled++;
	return true;
}

static void agree(struct ep_replica *r, uint32_t col, uint64_t i)
{
	struct ep_column *c = &r->columns[col];
	if (i > c->exec_prefix)
		i = c->exec_prefix; // never more than what is executed here
	if (i > c->agreed)
		c->agreed = i;
}

void ep_window_join_stable(struct ep_replica *r, const uint64_t *stable)
{
	for (uint32_t c = 0; c < r->n; c++)
		if (stable[c] > r->columns[c].agreed)
			agree(r, c, stable[c]);
}

void ep_window_report(struct ep_replica *r, uint32_t from, const uint64_t *prefix)
{
	vec_max(r->peers[from].reported, prefix, r->n);
	for (uint32_t c = 0; c < r->n; c++) {
		uint64_t least = UINT64_MAX;
		for (uint32_t m = 0; m < r->n; m++) {
			uint64_t p = m == r->self ? r->columns[c].exec_prefix : r->peers[m].reported[c];
			if (p < least)
				least = p;
		}
		agree(r, c, least);
	}
}

void ep_window_ripen(struct ep_replica *r)
{
	for (uint32_t col = 0; col < r->n; col++) {
		struct ep_column *c = &r->columns[col];
		c->ripe = c->ripening;
		c->ripening = c->agreed;
	}
}

bool ep_window_recycle(struct ep_replica *r, uint32_t budget)
{
	for (uint32_t col = 0; col < r->n; col++) {
		struct ep_column *c = &r->columns[col];
		while (c->stable < c->ripe) {
			if (budget-- == 0)
				return true;
			if (!recycle_next(r, col))
				break;
		}
	}
	return false;
}

bool ep_window_make_room(struct ep_replica *r, uint32_t col, uint64_t i)
{
	struct ep_column *c = &r->columns[col];
	while (i > c->stable + r->config.window)
		if (!recycle_next(r, col))
			return false;
	return true;
}

enum ep_place ep_window_place(struct ep_replica *r, uint32_t col, uint64_t i, ep_slot *slot)
{
	struct ep_column *c = &r->columns[col];
	if (i <= c->stable)
		return EP_PLACE_STALE;
	if (i > c->exec_prefix + r->config.window)
		return EP_PLACE_OUTSIDE;
	ep_window_note(r, col, i);
	*slot = ep_slot_of(r, col, i);
	const struct ep_record *rec = ep_rec(r, *slot);
	if (rec_is_live(rec) && rec->i == i)
		return EP_PLACE_FOUND;
	if (i > c->stable + r->config.window) {
		// (col, i) could only be started when (col, i - window) was executed by all.
		agree(r, col, i - r->config.window);
		if (!ep_window_make_room(r, col, i))
			return EP_PLACE_OUTSIDE;
	}
	return EP_PLACE_FREE;
}

struct ep_record *ep_window_claim(struct ep_replica *r, ep_slot slot, uint32_t col, uint64_t i, uint64_t bal)
{
	struct ep_record *rec = ep_rec(r, slot);
	CHECK_OP(rec->st, ==, 0);
	CHECK_OP(ep_slot_of(r, col, i), ==, slot);
	rec->joined = ep_word_seal(bal, EP_BALLOT_BITS);
	rec->i = i;
	rec->seq = 0;
	rec->order = 0;
	rec->epoch = r->config.epoch;
	rec->payload_len = 0;
	rec->fq = 0;
	rec->links = 0;
	vec_zero(rec->vec, 3 * r->n);
	struct ep_exec *exec = rec_exec(rec, r->n);
	*exec = (struct ep_exec){ 0 };
	if (ep_is_executed(r, col, i)) // executed before a state transfer: a record without an effect
		exec->marks = EP_MARK_ORDERED;
	return rec;
}

bool ep_window_accepts(struct ep_replica *r, const uint64_t *deps)
{
	bool is_news = false;
	for (uint32_t c = 0; c < r->n; c++)
		is_news |= deps[c] > r->columns[c].known;
	if (!is_news)
		return true; // what is known lies inside
	for (uint32_t c = 0; c < r->n; c++)
		if (deps[c] > r->columns[c].exec_prefix + r->config.window)
			return false;
	for (uint32_t c = 0; c < r->n; c++)
		ep_window_note(r, c, deps[c]);
	return true;
}

bool ep_window_has_room(const struct ep_replica *r, uint64_t i)
{
	const struct ep_column *c = &r->columns[r->self];
	return i <= c->agreed + r->config.window - ep_window_reserve(r->config.window);
}

bool ep_window_has_reserve(const struct ep_replica *r, uint64_t i)
{
	return i <= r->columns[r->self].agreed + r->config.window;
}
