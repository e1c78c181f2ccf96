// Killing a process between two stores of a step: the core is built with counted store boundaries (consensus/base/txn.h), and
// control leaves it at one of them for good.
#include <setjmp.h>
#include "tests/sim/probe.h"
#include "tests/sim/sim.h"

const bool cut_is_possible = true;

static jmp_buf out;

static void die(void)
{
	longjmp(out, 1);
}

bool cut_run(struct sim *s, uint8_t p, void (*body)(struct sim *, uint8_t))
{
	struct node *node = &s->nodes[p];
	if (node->cut_in == 0) {
		body(s, p);
		return false;
	}
	uint64_t began = probe_boundaries();
	if (setjmp(out) != 0) {
		probe_arm(0, NULL);
		node->cut_in = 0;
		return true;
	}
	probe_arm(node->cut_in, die);
	body(s, p);
	probe_arm(0, NULL);
	node->cut_in -= (uint32_t)(probe_boundaries() - began);
	return false;
}

void cut_reset(void)
{
	probe_arm(0, NULL);
}
