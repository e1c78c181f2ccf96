// Messages of clients.
#pragma once
#include "consensus/state.h"

// `keys`: of a request's command, NULL = not collected.
void on_client_message(struct ep_replica *, struct ep_effects *, const struct ep_addr *from, const struct ep_wire_header *,
		       const struct ep_msg *, const struct ep_keys *keys);
