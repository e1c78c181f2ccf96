// Hashes of what replicas must have in common, computed from the bytes themselves.
#pragma once
#include "consensus/state.h"

// Does a bounded piece of work; out->is_complete tells whether the hashes are all there. Starts anew when something was executed
// in between.
void ep_digest_slice(struct ep_replica *, struct ep_wire_digest *out);
void ep_counters_refresh(struct ep_replica *);
