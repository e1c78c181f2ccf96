// The control plane's clock.
#pragma once
#include <stdint.h>
#include <time.h>

static inline uint64_t ctl_now(void) // CLOCK_MONOTONIC
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
