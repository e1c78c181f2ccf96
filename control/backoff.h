// How long to wait before a process that ended is started again: at once, unless it keeps ending young. Pure.
#pragma once
#include <stdint.h>

#define CTL_BACKOFF_FIRST_NS 100000000ULL // after the second young end in a row; doubles
#define CTL_BACKOFF_MOST_NS 10000000000ULL
#define CTL_BACKOFF_OLD_NS 10000000000ULL // who lived for so long is no failed start

struct ctl_backoff {
	uint32_t young; // ends in a row of processes that did not live long
};

static inline uint64_t ctl_backoff_next(struct ctl_backoff *b, uint64_t lived_ns)
{
	if (lived_ns >= CTL_BACKOFF_OLD_NS)
		b->young = 0;
	uint32_t young = b->young++;
	if (young == 0)
		return 0;
	uint64_t wait = CTL_BACKOFF_FIRST_NS << (young < 8 ? young - 1 : 7);
	return wait < CTL_BACKOFF_MOST_NS ? wait : CTL_BACKOFF_MOST_NS;
}
