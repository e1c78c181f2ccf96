// Constant and Poisson arrivals.
#include "client/cli/arrivals.h"
#include <math.h>
#include "consensus/base/rng.h"

// Exponentially distributed with mean 1; the chance is never 0.
static double wait(struct arrivals *a)
{
	return -log((double)((ep_random(&a->random) >> 11) + 1) * 0x1p-53);
}

void arrivals_init(struct arrivals *a, bool is_poisson, double rate, uint64_t start_ns, uint64_t seed)
{
	*a = (struct arrivals){.start_ns = start_ns, .gap_ns = 1e9 / rate, .is_poisson = is_poisson, .random = seed};
	if (is_poisson)
		a->at = wait(a);
}

uint64_t arrivals_next(const struct arrivals *a)
{
	return a->start_ns + (uint64_t)(a->at * a->gap_ns);
}

void arrivals_take(struct arrivals *a)
{
	a->at += a->is_poisson ? wait(a) : 1;
}
