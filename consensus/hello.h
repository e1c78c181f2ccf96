// Hello, before the first vote of a start.
#pragma once
#include "consensus/emit.h"

// Begins to ask (or, not asked for, counts as a member at once). Call when the records are read: the own highest number is told.
void ep_hello_start(struct ep_replica *, bool is_asked);
// Asks again those that have not answered.
void ep_hello_run(struct ep_replica *, struct ep_effects *);
ep_time ep_hello_next(const struct ep_replica *);
void on_hello(struct ep_replica *, struct ep_effects *, const struct ep_msg *, uint8_t from);
void on_hello_ok(struct ep_replica *, const struct ep_msg *, uint8_t from);

// Whether this replica may vote, drive instances and take commands.
static inline bool ep_is_member(const struct ep_replica *r)
{
	return r->standing == EP_STANDING_MEMBER;
}
