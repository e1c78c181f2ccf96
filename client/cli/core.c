// The consensus core is here for the head of state files only.
#include <stdio.h>
#include <stdlib.h>
#include "consensus/base/check.h"

void ep_check_failed(const char *file, int line, const char *claim, uint64_t a, uint64_t b)
{
	fprintf(stderr, "pnyx: internal error at %s:%d: %s (%llu, %llu)\n", file, line, claim, (unsigned long long)a, (unsigned long long)b);
	abort();
}
