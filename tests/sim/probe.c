// A core with coverage marks and store boundaries.
#include "tests/sim/probe.h"
#include <stddef.h>
#include <string.h>
#include "consensus/base/mark.h"
#include "consensus/base/txn.h"
#include "tests/sim/verdict.h"

static uint32_t left;
static void (*kill_here)(void);
static uint64_t passed;

void ep_cut_point(void)
{
	passed++;
	if (left > 0 && --left == 0)
		kill_here();
}

void probe_arm(uint32_t nth, void (*cut)(void))
{
	left = nth;
	kill_here = cut;
}

uint64_t probe_boundaries(void)
{
	return passed;
}

unsigned long probe_hits(const char *mark)
{
	unsigned long hits = 0, found = 0;
	for (const struct ep_mark *m = __start_ep_marks; m < __stop_ep_marks; m++)
		if (strcmp(m->name, mark) == 0) {
			hits += m->hits;
			found++;
		}
	if (found == 0)
		verdict_fail("no branch has the mark %s", mark);
	return hits;
}
