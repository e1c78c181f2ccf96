// The end of an epoch, and how another begins: RECONFIG, FROZEN, the handover (protocol.md F.1).
#pragma once
#include "consensus/decide.h"

// Whether a RECONFIG that parses may be decided under this configuration: the same at every member.
bool ep_epoch_may_follow(const struct ep_config *, const struct ep_wire_command *);
// Executes RECONFIG inside the transaction that marks it as executed: with its commit point the epoch is over here.
void ep_epoch_end(struct ep_replica *, struct ep_txn *, ep_slot);
// FROZEN from now on: after that commit point, and at a start that finds the epoch ended.
void ep_epoch_freeze(struct ep_replica *);
// At a start, when the records are verified. False: what ended the epoch is not there.
bool ep_epoch_attach(const struct ep_replica *);
// The list in the RECONFIG that has been executed.
struct ep_membership ep_epoch_next_list(const struct ep_replica *frozen);

// What a FROZEN replica does by itself: tells members what it has executed, and clients that their commands came to nothing.
void ep_epoch_run(struct ep_replica *, struct ep_effects *);
ep_time ep_epoch_due(const struct ep_replica *);
// FROZEN: answers FetchCommit, with Commit for what is committed and Void for the rest. Moves nothing here, not even a window.
void ep_epoch_tell(struct ep_replica *, struct ep_effects *, const struct ep_about *);

static inline bool ep_is_frozen(const struct ep_replica *r)
{
	return r->standing == EP_STANDING_FROZEN;
}
