// Messages of clients.
#pragma once
#include "consensus/emit.h"

// `keys`: of a request's command, NULL = not collected.
void on_client_message(struct ep_replica *, struct ep_effects *, const struct ep_addr *from, const struct ep_wire_header *,
		       const struct ep_msg *, const struct ep_keys *keys);
// Sends a client on: WRONG_EPOCH, with the members that serve as far as is known here.
void ep_send_wrong_epoch(struct ep_replica *, struct ep_effects *, const struct ep_addr *to, uint64_t cookie);
