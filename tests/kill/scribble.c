// Fills everything that a restarted replica must not trust with garbage: what is derived or volatile (protocol.md M3), and memory that
// nothing reachable refers to.
#include "tests/kill/scribble.h"
#include "consensus/app/kv_store.h"

#define GARBAGE 0x5a
#define FILL(place) memset(&(place), GARBAGE, sizeof(place))

static void fill_between(void *from, void *to)
{
	memset(from, GARBAGE, (size_t)((uint8_t *)to - (uint8_t *)from));
}

static void header(struct ep_replica *r)
{
	uint64_t clock = r->clock; // the header's: the highest seq may belong to an instance that was recycled
	struct ep_peer peers[EP_MEMBERS_MAX];
	memcpy(peers, r->peers, sizeof peers);
	for (uint32_t c = 0; c < r->n; c++)
		fill_between(&r->columns[c].stable, &r->columns[c + 1]);
	fill_between(&r->start, r + 1);
	r->clock = clock;
	for (uint32_t m = 0; m < EP_MEMBERS_MAX; m++) { // what was seen of peers is kept
		r->peers[m].votes = peers[m].votes;
		r->peers[m].start = peers[m].start;
	}
}

static void record(struct ep_replica *r, ep_slot slot, bool is_queued)
{
	struct ep_record *rec = ep_rec(r, slot);
	FILL(*rec_exec(rec, r->n));
	rec->links = GARBAGE;
	if (!rec_is_live(rec)) {
		uint64_t st = rec->st;
		memset(rec, GARBAGE, r->record_stride);
		rec->st = st;
	} else {
		memset(rec_spare(rec, r->n), GARBAGE, 8u * r->n);
	}
	if (rec_is_live(rec) && !is_queued && !ep_is_executed(r, ep_slot_col(r, slot), rec->i))
		rec->order = order_link(GARBAGE); // a chain that was never appended
	if (!rec_is_live(rec) || !rec_has_payload(rec))
		memset(ep_payload(r, slot), GARBAGE, r->payload_stride);
}

static void records(struct ep_replica *r)
{
	static bool is_queued[EP_MEMBERS_MAX * 1024];
	ep_slot slots = (uint32_t)r->n << r->window_shift;
	memset(is_queued, 0, slots);
	for (uint32_t at = order_next(r->order_head); at != 0; at = order_next(ep_rec(r, at - 1)->order))
		is_queued[at - 1] = true;
	for (ep_slot s = 0; s < slots; s++)
		record(r, s, is_queued[s]);
}

static void sessions(struct ep_replica *r)
{
	static bool is_used[1024];
	memset(is_used, 0, r->config.sessions_max);
	for (uint32_t b = 0; b < r->session_buckets; b++)
		for (uint32_t at = (uint32_t)((uint64_t *)ep_at(r, r->at_session_buckets))[b]; at != 0; at = (uint32_t)ep_session(r, at - 1)->next)
			is_used[at - 1] = true;
	for (uint32_t s = 0; s < r->config.sessions_max; s++) {
		struct ep_session *session = ep_session(r, s);
		fill_between(is_used[s] ? (void *)&session->inflight : (void *)session, session + 1);
	}
}

static void application(struct kv_store *s)
{
	static bool is_used[4096];
	memset(is_used, 0, s->blocks);
	for (uint32_t b = 0; b < s->buckets; b++)
		for (uint32_t i = kv_bucket_first(s, b); i != 0; i = kv_item_next(&kv_block(s, i)->item)) {
			is_used[i] = true;
			for (uint32_t more = kv_item_more(&kv_block(s, i)->item); more != 0; more = kv_block(s, more)->tail.more)
				is_used[more] = true;
		}
	for (uint32_t i = 1; i < s->blocks; i++)
		if (!is_used[i])
			FILL(*kv_block(s, i));
	fill_between(&s->sum_next, s + 1);
	memset((uint8_t *)s + s->at_marks, GARBAGE, s->at_blocks - s->at_marks);
}

void scribble(struct ep_replica *r)
{
	if (ep_journal_len(ep_txn(r).journal) == 0) { // else what is reachable is known after the rollback only
		records(r);
		sessions(r);
		application(ep_at(r, r->at_app));
	}
	header(r);
	fill_between(ep_at(r, r->at_links), (uint8_t *)r + r->bytes);
}
