// Sessions: made by OPEN, advanced by UPDATE, ended by EXPIRE; the same at every member because each of them writes the session's key.
#include "consensus/session.h"
#include "consensus/epoch.h"

static uint64_t *bucket_of(const struct ep_replica *r, const struct ep_session_id *id)
{
	uint64_t hash = ep_session_hash(&r->config, id);
	return (uint64_t *)ep_at(r, r->at_session_buckets) + (hash & (r->session_buckets - 1));
}

static uint64_t origin_of(const struct ep_session_id *id)
{
	return (uint64_t)id->epoch << 8 | id->col;
}

struct ep_session *ep_session_find(const struct ep_replica *r, const struct ep_session_id *id)
{
	for (uint32_t at = (uint32_t)*bucket_of(r, id); at != 0;) {
		struct ep_session *s = ep_session(r, at - 1);
		if (s->i == id->i && s->origin == origin_of(id))
			return s;
		at = (uint32_t)s->next;
	}
	return NULL;
}

void ep_session_free(struct ep_replica *r, uint32_t index)
{
	ep_session(r, index)->free_next = r->session_free;
	r->session_free = index;
	*ep_session_used(r, index) = 0;
}

void ep_sessions_init(struct ep_replica *r)
{
	r->session_free = EP_NIL;
	for (uint32_t s = r->config.sessions_max; s > 0; s--)
		ep_session_free(r, s - 1);
}

#define TAKEN (EP_NIL - 1) // in free_next: a bucket leads here

// The session that a link names, when it is whole and no other link led there; else NULL.
static struct ep_session *follow(struct ep_replica *r, uint64_t link, const uint64_t *bucket)
{
	uint32_t at = (uint32_t)link;
	if (!ep_word_holds(link, 32) || at > r->config.sessions_max || ep_session(r, at - 1)->free_next == TAKEN)
		return NULL;
	struct ep_session *s = ep_session(r, at - 1);
	struct ep_session_id id = { .i = s->i, .epoch = (uint32_t)(s->origin >> 8), .col = (uint8_t)s->origin };
	bool holds = ep_session_len(s) <= EP_KEPT_MAX && ep_session_reply(s, ep_session_status(s), ep_session_len(s)) == s->reply;
	if (!holds || origin_of(&id) != s->origin || bucket_of(r, &id) != bucket)
		return NULL;
	s->free_next = TAKEN;
	*ep_session_used(r, at - 1) = EP_SESSION_UNUSED;
	return s;
}

// Free is what no bucket leads to.
bool ep_sessions_attach(struct ep_replica *r)
{
	uint64_t found = 0, *buckets = ep_at(r, r->at_session_buckets);
	for (uint32_t s = 0; s < r->config.sessions_max; s++) {
		ep_session(r, s)->inflight = 0;
		ep_session(r, s)->own = EP_NIL;
		ep_session(r, s)->free_next = 0;
	}
	for (uint32_t b = 0; b < r->session_buckets; b++)
		for (uint64_t link = buckets[b]; link != 0; found++) {
			const struct ep_session *s = follow(r, link, &buckets[b]);
			if (!s)
				return false;
			link = s->next;
		}
	r->session_free = EP_NIL;
	for (uint32_t s = r->config.sessions_max; s > 0; s--)
		if (ep_session(r, s - 1)->free_next != TAKEN)
			ep_session_free(r, s - 1);
	return found == r->sessions_count;
}

static enum ep_status open_session(struct ep_replica *r, struct ep_txn *txn, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	struct ep_session_id id = { .i = rec->i, .epoch = rec->epoch, .col = ep_slot_col(r, slot) };
	if (r->sessions_count == r->config.sessions_max)
		return EP_FULL; // the same everywhere: OPEN and EXPIRE write one common key
	struct ep_session *s = ep_session(r, r->session_free);
	r->session_free = s->free_next;
	*ep_session_used(r, ep_session_index(r, s)) = ep_session_clock(r);
	*s = (struct ep_session){ .i = id.i, .origin = origin_of(&id), .next = *bucket_of(r, &id), .own = EP_NIL };
	s->reply = ep_session_reply(s, EP_OK, 0);
	ep_txn_set64(txn, bucket_of(r, &id), ep_word_seal(ep_session_index(r, s) + 1, 32));
	ep_txn_set64(txn, &r->sessions_count, r->sessions_count + 1);
	return EP_OK;
}

static enum ep_status expire_session(struct ep_replica *r, struct ep_txn *txn, const struct ep_wire_command *command,
				     uint32_t *freed)
{
	struct ep_session *s = ep_session_find(r, &command->session);
	if (!s)
		return EP_NO_SESSION;
	if (s->last != command->seq)
		return EP_STALE;
	uint64_t *from = bucket_of(r, &command->session);
	while ((uint32_t)*from != ep_session_index(r, s) + 1)
		from = &ep_session(r, (uint32_t)*from - 1)->next;
	ep_txn_set64(txn, from, s->next);
	ep_txn_set64(txn, &r->sessions_count, r->sessions_count - 1);
	*freed = ep_session_index(r, s) + 1;
	return EP_OK;
}

static struct ep_outcome kept(const struct ep_session *s)
{
	return (struct ep_outcome){ ep_session_status(s), s->kept, ep_session_len(s), 0 };
}

static struct ep_outcome update(struct ep_replica *r, struct ep_txn *txn, const struct ep_wire_command *command)
{
	const uint8_t *bytes = ep_command_bytes(command);
	uint32_t len = ep_command_len(command);
	struct ep_session *s = ep_session_find(r, &command->session);
	if (!s)
		return (struct ep_outcome){ .status = EP_NO_SESSION };
	uint64_t digest = ep_hash64(r->config.hash_seed, bytes, len);
	if (command->seq < s->last)
		return (struct ep_outcome){ .status = EP_STALE };
	if (command->seq == s->last)
		return digest == s->digest ? kept(s) : (struct ep_outcome){ .status = EP_MISMATCH };
	uint64_t result[EP_KEPT_MAX / 8 + 1];
	uint32_t result_len = pnyx_app_apply(ep_at(r, r->at_app), txn, bytes, len, (uint8_t *)result, EP_KEPT_MAX);
	CHECK_OP(result_len, <=, (uint32_t)EP_KEPT_MAX);
	memset((uint8_t *)result + result_len, 0, 8); // the last word is kept whole
	for (uint32_t w = 0; w < (result_len + 7) / 8; w++)
		ep_txn_set64(txn, &s->kept[w], result[w]);
	ep_txn_set64(txn, &s->digest, digest);
	ep_txn_set64(txn, &s->last, command->seq);
	ep_txn_set64(txn, &s->reply, ep_session_reply(s, EP_OK, result_len)); // last: it checks the others
	*ep_session_used(r, ep_session_index(r, s)) = ep_session_clock(r);
	r->counters.executed++;
	return kept(s);
}

struct ep_outcome ep_session_execute(struct ep_replica *r, struct ep_txn *txn, ep_slot slot, const struct ep_wire_command *command,
				     uint8_t *scratch)
{
	struct ep_outcome out = { .status = EP_OK };
	switch ((enum ep_command_kind)command->kind) {
	case EP_CMD_UPDATE:
		return update(r, txn, command);
	case EP_CMD_READ:
		out.len = pnyx_app_apply(ep_at(r, r->at_app), txn, ep_command_bytes(command), ep_command_len(command), scratch,
					 ep_result_max(r->config.frame_max));
		out.result = scratch;
		break;
	case EP_CMD_OPEN:
		out.status = open_session(r, txn, slot);
		break;
	case EP_CMD_EXPIRE:
		out.status = expire_session(r, txn, command, &out.freed);
		break;
	case EP_CMD_RECONFIG:
		ep_epoch_end(r, txn, slot);
		break;
	}
	r->counters.executed++;
	return out;
}
