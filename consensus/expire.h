// Sessions that nobody uses any more.
#pragma once
#include "consensus/emit.h"

// Looks at a few sessions and proposes to end what was silent too long. Call now and then; the cost is bounded.
void ep_expire_run(struct ep_replica *, struct ep_effects *);
