// Runs one call of a core in a child process, instruction by instruction (ptrace, no privileges needed).
#pragma once
#include <sys/types.h>
#include "tests/kill/world.h"

// Shared with the child, which touches it and the world and nothing else.
struct mailbox {
	struct step step;
	struct lent lent;
	volatile bool is_over;
};

struct tracer {
	pid_t child;
	struct mailbox *box;
	const struct world *world; // in shared memory, like the mailbox
};

// False, with a reason, where a process may not trace its own child.
bool tracer_open(struct tracer *, struct mailbox *, const struct world *, const char **why);
void tracer_close(struct tracer *);
// Puts the child in front of the first instruction of box->step.
void tracer_begin(struct tracer *);
// Lets it run one instruction. False: the step has returned.
bool tracer_next(struct tracer *);
// Where it stands: an address as addr2line wants it.
uint64_t tracer_where(const struct tracer *);
