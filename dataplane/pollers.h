// How many polling threads this machine carries: one shared page that every replica of this user writes itself into.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define DP_POLLERS_SLOTS 64
#define DP_POLLERS_FOLDER "/dev/shm"

struct dp_pollers {
	uint64_t *slots; // pid << 32 | threads; each written by its own process, read by all; NULL: only ourselves
	uint32_t own;    // slot of this process
	uint32_t threads;
	uint32_t cores;
	char path[96]; // of the page; "": none
};

// Enters `threads` polling threads of this process into the page in `folder` (DP_POLLERS_FOLDER but in tests); entries of
// processes that are gone are taken over.
void dp_pollers_enter(struct dp_pollers *, const char *folder, uint32_t threads);
// The last one that leaves removes the page.
void dp_pollers_leave(struct dp_pollers *);

// Whether there are more polling threads than cores. A few loads, no system call.
static inline bool dp_pollers_crowded(const struct dp_pollers *p)
{
	uint32_t total = 0;
	for (uint32_t s = 0; p->slots && s < DP_POLLERS_SLOTS; s++)
		total += (uint32_t)__atomic_load_n(&p->slots[s], __ATOMIC_RELAXED);
	return (total > p->threads ? total : p->threads) > p->cores;
}
