// Single producer, single consumer ring in memory that the other side may fill with anything.
//
// Each side keeps its own position to itself and only publishes it. What it reads of the other side is a bound at most: a
// position that cannot be is "full" for a producer and "start again at the end" for a consumer. A message is copied out, once,
// before anybody looks at it.
#pragma once
#include <stdbool.h>
#include "mailbox/layout.h"

struct mb_ring {
	struct mb_message *slots; // MB_RING
	uint64_t *own, *other;    // shared positions: ours (we write it), theirs (we read it)
	uint64_t at;              // ours, private
	uint64_t garbage;         // consumer: times their position could not be
	uint64_t lost;            // producer: messages that found no room
};

// Goes on where this side's former process stopped.
void mb_ring_produce(struct mb_ring *, struct mb_message *slots, uint64_t *head, const uint64_t *tail);
// Begins behind everything that is in the ring: it was meant for somebody who is gone.
void mb_ring_consume(struct mb_ring *, const struct mb_message *slots, const uint64_t *head, uint64_t *tail);

// False: no room (counted). The other side may have stopped reading.
bool mb_push(struct mb_ring *, const struct mb_message *);
// False: nothing there. The message's content is whatever the other side wrote: check it.
bool mb_pop(struct mb_ring *, struct mb_message *ret);
// Whether mb_pop() would find something: one load.
static inline bool mb_is_waiting(const struct mb_ring *r)
{
	return __atomic_load_n(r->other, __ATOMIC_RELAXED) != r->at;
}
