// Every bound of the core in one place, with its reason.
#pragma once
#include "consensus/app/app.h"
#include "consensus/wire.h"

#define EP_WINDOW_MIN 2         // for exploration; a configuration file starts at 128 (client/config)
#define EP_WINDOW_MAX (1u << 24) // slot numbers of 7 columns fit 32 bits with room for links
#define EP_WINDOW_RESERVE 64    // instances that only RECONFIG may use: a full window must be curable; half of a window below 128
#define EP_KEYS_MAX 64          // keys of one instance: 16 of a command, its session, room for batches
#define EP_STAGES 4              // own instances that one burst fills at a time: a power of two
#define EP_FETCH_SPAN 64        // instances that one FetchCommit asks for
#define EP_RECYCLE_BUDGET 64    // slots recycled per step: four times what one step can fill at the most
#define EP_TIMEOUT_MAX_NS 500000000ULL // adaptive timeouts end here: overload inflates the measured round trips
#define EP_RESEND_CLASSES 6     // back-off doubles five times, then stays
#define EP_MISSES_MAX 3         // unanswered T_fast in a row before a designated peer is avoided
#define EP_WAIT_PENDING_MAX 4   // PENDING answers that re-arm T_open
#define EP_SESSION_IDLE_MAX (1000000ULL * 1000000000) // with the longest rank far below the session clock's wrap
#define EP_RECOVERIES_MAX 192   // attempts under way at one replica; a range is taken in turns of it
#define EP_CONFLICTS_MAX 48     // conflicts that one validation keeps; more make it wait for a new ballot
#define EP_RECOVER_RESENDS 4    // messages sent again before an attempt is given up

static inline uint32_t ep_window_reserve(uint32_t window)
{
	return window < 2 * EP_WINDOW_RESERVE ? window / 2 : EP_WINDOW_RESERVE;
}

// A step takes at most two frames for a member: one message that fits a frame, after what was open.
_Static_assert(EP_KEYS_MAX >= PNYX_KEYS_MAX + 2, "a command's keys, its session and the table of sessions");
_Static_assert(EP_FRAME_MAX_MIN >= EP_RECOVER_OK_ROOM + 512, "a frame carries a useful payload");
_Static_assert((EP_STAGES & (EP_STAGES - 1)) == 0, "a ring of stages");
_Static_assert(EP_KEPT_MAX % 8 == 0, "kept replies are journalled by words");
