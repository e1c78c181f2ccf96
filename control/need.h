// Whether our replica can come to the cluster's epoch by itself, or needs another member's state. Pure.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CTL_ALONE_NS 2000000000ULL // nobody of its epoch was heard for so long: the others may have gone on without it

struct ctl_need {
	bool is_dead;    // its identity must not come back
	bool is_running; // and has said something
	bool is_waiting; // it has nothing to begin with
	bool is_frozen, is_retired; // its epoch has ended; and it is not in the next
	uint32_t epoch;  // of the newest arena that is known, 0 = none
	uint32_t n;      // members of that epoch
	uint64_t alive_ns;  // since it was seen first
	uint64_t silent_ns; // since it heard any of its peers
	uint32_t pace;      // all times are this many times longer
};

// *above: a state helps when it is of an epoch above this one.
static inline bool ctl_needs_state(const struct ctl_need *n, uint32_t *above)
{
	*above = n->epoch;
	if (n->is_dead)
		return true;
	if (!n->is_running)
		return false;
	if (n->is_waiting) {
		*above = 0;
		return true;
	}
	if (n->is_frozen)
		return n->is_retired; // else the next epoch's arena is being made from its own
	*above = n->epoch + 1; // its peers keep what it needs to end this epoch, until it has been heard in the next
	return n->n > 1 && n->alive_ns > CTL_ALONE_NS * n->pace && n->silent_ns > CTL_ALONE_NS * n->pace;
}
