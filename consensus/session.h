// The table of sessions: exactly-once updates (protocol.md D.5).
#pragma once
#include "consensus/keys.h"

void ep_sessions_init(struct ep_replica *);
// Rebuilds what is derived. False: the table contradicts itself.
bool ep_sessions_attach(struct ep_replica *);
// The session with this id, NULL when there is none.
struct ep_session *ep_session_find(const struct ep_replica *, const struct ep_session_id *);
static inline uint32_t ep_session_index(const struct ep_replica *r, const struct ep_session *s)
{
	return (uint32_t)(s - ep_session(r, 0));
}

// The kept reply's word: status and length, and a check over the session's other words (the kept bytes that count included).
#define EP_REPLY_BITS 40
static inline uint64_t ep_session_reply(const struct ep_session *s, enum ep_status status, uint32_t len)
{
	uint64_t value = (uint64_t)status << 32 | len;
	uint64_t check = ep_check_word(ep_check_word(EP_CHECK_START, value), s->i);
	check = ep_check_word(ep_check_word(ep_check_word(check, s->origin), s->last), s->digest);
	for (uint32_t w = 0; w < (len + 7) / 8; w++)
		check = ep_check_word(check, s->kept[w]);
	return value | check << EP_REPLY_BITS;
}
static inline enum ep_status ep_session_status(const struct ep_session *s)
{
	return (enum ep_status)(ep_word_value(s->reply, EP_REPLY_BITS) >> 32);
}
static inline uint32_t ep_session_len(const struct ep_session *s)
{
	return (uint32_t)s->reply;
}

// Executes one command of a committed payload inside `txn`. Returns the status; a read's result goes to `scratch` (result_max bytes),
// an update's is kept in the session. *result points to it.
struct ep_outcome {
	enum ep_status status;
	const void *result;
	uint32_t len;
	uint32_t freed; // session to be freed after the commit point: index + 1
};
struct ep_outcome ep_session_execute(struct ep_replica *, struct ep_txn *, ep_slot, const struct ep_wire_command *,
				     uint8_t *scratch);
void ep_session_free(struct ep_replica *, uint32_t index);
