// Encoding messages straight from the arena into the frames that the shell lends.
#pragma once
#include "consensus/state.h"

// A message of `len` bytes in the member's open frame (a new one when it does not fit). Its body is the caller's to fill, every byte.
struct ep_msg *ep_emit(struct ep_replica *, struct ep_effects *, uint32_t to, enum ep_msg_type, uint32_t len);
// The same for a client; consecutive answers to one client share a frame.
struct ep_msg *ep_emit_client(struct ep_replica *, struct ep_effects *, const struct ep_addr *, enum ep_msg_type, uint32_t len,
			      uint64_t cookie);

void ep_send_preaccept(struct ep_replica *, struct ep_effects *, uint32_t to, ep_slot);
void ep_send_preaccept_ok(struct ep_replica *, struct ep_effects *, uint32_t to, ep_slot);
// ACCEPT or COMMIT of the record's present value; `is_short` leaves the payload out.
void ep_send_value(struct ep_replica *, struct ep_effects *, uint32_t to, enum ep_msg_type, ep_slot, bool is_short);
// ACCEPT_OK, NACK, RECOVER.
void ep_send_ballot(struct ep_replica *, struct ep_effects *, uint32_t to, enum ep_msg_type, uint32_t col, uint64_t i,
		    uint64_t bal);
void ep_send_recover_ok(struct ep_replica *, struct ep_effects *, uint32_t to, ep_slot);
void ep_send_validate(struct ep_replica *, struct ep_effects *, uint32_t to, ep_slot, uint64_t bal, const uint64_t *initial);
// FETCH, PENDING, VOID.
void ep_send_range(struct ep_replica *, struct ep_effects *, uint32_t to, enum ep_msg_type, uint32_t col, uint64_t first,
		   uint64_t last);
void ep_send_status(struct ep_replica *, struct ep_effects *, uint32_t to);
void ep_send_reply(struct ep_replica *, struct ep_effects *, const struct ep_addr *, uint64_t cookie, uint8_t flags,
		   enum ep_status, const struct ep_session_id *instance, const void *result, uint32_t len);
void ep_send_busy(struct ep_replica *, struct ep_effects *, const struct ep_addr *, uint64_t cookie);

// Whether another step may begin: blanks for its worst case are left.
static inline bool ep_has_frames(const struct ep_effects *fx)
{
	return fx->used + EP_STEP_FRAMES_MAX <= fx->count;
}
