// The table of sessions: exactly-once updates (protocol.md D.5).
#pragma once
#include "consensus/keys.h"

void ep_sessions_init(struct ep_replica *);
bool ep_sessions_attach(struct ep_replica *);
// The session with this id, NULL when there is none.
struct ep_session *ep_session_find(const struct ep_replica *, const struct ep_session_id *);
static inline uint32_t ep_session_index(const struct ep_replica *r, const struct ep_session *s)
{
	return (uint32_t)(s - ep_session(r, 0));
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
