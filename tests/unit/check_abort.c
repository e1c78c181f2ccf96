// A failed CHECK in a test program: says which one and aborts.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "consensus/base/check.h"

_Noreturn void ep_check_failed(const char *file, int line, const char *claim, uint64_t a,
			       uint64_t b)
{
	fprintf(stderr, "%s:%d: check failed: %s (%" PRIu64 ", %" PRIu64 ")\n", file, line, claim,
		a, b);
	abort();
}
