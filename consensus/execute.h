// Execution: from the committed graph to a total order per key (protocol.md D). It never writes what decide owns.
#pragma once
#include "consensus/index.h"

// A committed instance to be executed once everything that it depends on is committed.
void ep_exec_root(struct ep_replica *, ep_slot);
// What waited for this instance, or for all payloads of its column up to it, is tried again.
void ep_exec_wake(struct ep_replica *, ep_slot);
// Moves a column's prefix of known payloads on, by at most `budget`, and wakes what waited for it. True when it reaches `top`.
bool ep_exec_knows(struct ep_replica *, uint32_t col, uint64_t top, uint32_t budget);
// Moves it to `top` whatever is known: what it passes is known, decided or void (protocol.md F.1).
void ep_exec_passes(struct ep_replica *, uint32_t col, uint64_t top);
// Searches and drains for at most `budget` units. Returns true while there is more to do.
bool ep_exec_run(struct ep_replica *, struct ep_effects *, uint32_t budget);

// order.c: the durable queue between search and application.
// Appends a chain first..last (linked through rec->order) by one store; each member becomes ORDERED.
void ep_order_append(struct ep_replica *, ep_slot first, ep_slot last);
// Executes the head, one transaction. False: the queue is empty, or the epoch has ended: what is left in it runs nowhere.
bool ep_order_drain_one(struct ep_replica *, struct ep_effects *);
void ep_order_advance(struct ep_replica *, uint32_t col);
// After a kill: flags the members and finds the tail. False: the queue leads to what cannot stand in it.
bool ep_order_attach(struct ep_replica *);
