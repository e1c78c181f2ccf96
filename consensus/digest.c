// The digest: application, sessions and executed set of one replica, comparable at equal frontiers.
#include "consensus/digest.h"
#include "consensus/session.h"

#define SLICE 4096 // buckets or sessions a call

static uint64_t hash_session(const struct ep_replica *r, const struct ep_session *s)
{
	uint64_t head[5] = { s->i, s->origin, s->last, s->digest, ep_word_value(s->reply, EP_REPLY_BITS) };
	uint64_t h = ep_hash64(r->config.hash_seed, head, sizeof head);
	return h + ep_hash64(h, s->kept, ep_session_len(s));
}

// Sum over buckets first..last: independent of where a session lies.
static uint64_t hash_sessions(const struct ep_replica *r, uint32_t first, uint32_t last)
{
	uint64_t sum = 0;
	const uint64_t *buckets = ep_at(r, r->at_session_buckets);
	for (uint32_t b = first; b < last; b++)
		for (uint32_t at = (uint32_t)buckets[b]; at != 0; at = (uint32_t)ep_session(r, at - 1)->next)
			sum += hash_session(r, ep_session(r, at - 1));
	return sum;
}

// ep_mix64() alone maps 0 to 0: two sets of different lengths could meet there.
static uint64_t fold(uint64_t h, uint64_t word)
{
	return ep_mix64(ep_mix64(h + 0x9e3779b97f4a7c15ULL) ^ word);
}

// The executed set, and how many it has. Both from the arena: a restart must not change what a replica says of itself.
static uint64_t hash_executed(const struct ep_replica *r, uint64_t *count)
{
	uint64_t h = r->config.epoch;
	*count = 0;
	for (uint32_t c = 0; c < r->n; c++) {
		h = fold(h, r->columns[c].exec_prefix);
		*count += r->columns[c].exec_prefix - r->config.first;
		for (uint64_t i = r->columns[c].exec_prefix + 1; i <= r->columns[c].known; i++)
			if (ep_is_executed(r, c, i)) {
				h = fold(h, i | 1ULL << 63); // not a prefix
				++*count;
			}
	}
	if (r->order_done > 0) { // in the middle of a payload: neither before nor after it
		ep_slot head = order_next(r->order_head) - 1;
		h = fold(fold(fold(h, ep_slot_col(r, head)), ep_rec(r, head)->i), r->order_done);
	}
	return h;
}

// All but the application's sum, which takes long.
static struct ep_wire_digest quick_part(const struct ep_replica *r)
{
	struct ep_wire_digest d = { .n = r->n };
	uint64_t executed;
	d.executed_set = hash_executed(r, &executed);
	d.executed = executed;
	return d;
}

void ep_digest_slice(struct ep_replica *r, struct ep_wire_digest *out)
{
	*out = quick_part(r);
	if (r->digest_at != r->executed_count + 1) { // something ran since: start anew
		r->digest_at = r->executed_count + 1;
		r->digest_cursor = r->digest_sum = 0;
	}
	if (!pnyx_app_digest(ep_at(r, r->at_app), &r->digest_cursor, &r->digest_sum, SLICE))
		return;
	out->application = r->digest_sum;
	out->sessions = hash_sessions(r, 0, r->session_buckets);
	out->is_complete = 1;
	r->digest_at = 0;
}

void ep_digest_now(const struct ep_replica *r, struct ep_wire_digest *out)
{
	uint64_t cursor = 0, sum = 0;
	while (!pnyx_app_digest(ep_at(r, r->at_app), &cursor, &sum, UINT32_MAX))
		;
	*out = quick_part(r);
	out->is_complete = 1;
	out->application = sum;
	out->sessions = hash_sessions(r, 0, r->session_buckets);
}

void ep_counters_refresh(struct ep_replica *r)
{
	uint64_t live = 0;
	for (uint32_t c = 0; c < r->n; c++)
		live += r->columns[c].known - r->columns[c].stable;
	r->counters.live = live;
	r->counters.sessions = r->sessions_count;
	r->counters.arena_used = pnyx_app_used(ep_at(r, r->at_app));
	r->counters.arena_room = r->config.app_capacity;
}
