// Clients' frames that wait while members' are handled: what is decided comes before what is new, so that overload cannot starve
// completion. First come, first served. While the line is full, a few of those who come are refused (BUSY); the
// others are dropped before anything but a look at their address was spent on them, and their clients' own timers tell them.
#pragma once
#include <rte_cycles.h>
#include "dataplane/net.h"

#define DP_BACKLOG 128     // frames, a power of two
#define DP_PATIENCE_US 500 // until a request is refused: several times what it takes to be committed
#define DP_SERVED 8192     // bytes of requests that one turn serves: its length stays that of a few bursts
#define DP_REFUSED 4       // frames of a burst that are refused while the line is full
#define DP_FULL_TURNS 8    // turns with full bursts from the port until requests have their turn in any case

struct dp_backlog {
	struct rte_mbuf *frames[DP_BACKLOG];
	uint32_t first, count, bytes;
	uint32_t full_turns; // in a row: more lies behind the port, perhaps from members
};

static inline bool dp_backlog_is_full(const struct dp_backlog *w)
{
	return w->count == DP_BACKLOG || w->bytes >= 2 * DP_SERVED;
}

static inline void dp_backlog_put(struct dp_backlog *w, struct rte_mbuf *m)
{
	dp_meta(m)->arrived = rte_rdtsc();
	w->bytes += m->data_len;
	w->frames[(w->first + w->count++) % DP_BACKLOG] = m;
}

static inline struct rte_mbuf *dp_backlog_take(struct dp_backlog *w)
{
	struct rte_mbuf *m = w->frames[w->first++ % DP_BACKLOG];
	w->count--;
	w->bytes -= m->data_len;
	return m;
}

// Whether requests have their turn after a burst of `count` frames.
static inline bool dp_backlog_has_turn(struct dp_backlog *w, bool is_full)
{
	w->full_turns = is_full ? w->full_turns + 1 : 0;
	if (w->full_turns == DP_FULL_TURNS)
		w->full_turns = 0;
	return w->full_turns == 0;
}
