// Single-stepping a child process.
#include "tests/kill/tracer.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/sim/verdict.h"

extern const char __executable_start; // by the linker: where the program was loaded

_Noreturn static void child(struct tracer *t)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(errno);
	for (;;) {
		__asm__ volatile("int3" ::: "memory");
		step_run(t->world, &t->box->step, &t->box->lent);
		t->box->is_over = true;
	}
}

// The next stop of the child; it must be a trap.
static void wait_for_trap(struct tracer *t)
{
	int status = 0;
	while (waitpid(t->child, &status, __WALL) < 0)
		if (errno != EINTR)
			verdict_fail("the traced process is gone: %s", strerror(errno));
	if (!WIFSTOPPED(status))
		verdict_fail("the traced process ended");
	if (WSTOPSIG(status) != SIGTRAP)
		verdict_fail("the traced process got signal %d (%s)", WSTOPSIG(status), strsignal(WSTOPSIG(status)));
}

bool tracer_open(struct tracer *t, struct mailbox *box, const struct world *world, const char **why)
{
	int status = 0;
	*t = (struct tracer){ .box = box, .world = world };
	t->child = fork();
	if (t->child == 0)
		child(t);
	if (t->child < 0 || waitpid(t->child, &status, __WALL) < 0 || !WIFSTOPPED(status)) {
		*why = strerror(t->child < 0 ? errno : WEXITSTATUS(status));
		return false;
	}
	// What stops it must be the trap, and a step must move it: some sandboxes know PTRACE_TRACEME and no more.
	bool is_trap = WSTOPSIG(status) == SIGTRAP && ptrace(PTRACE_SINGLESTEP, t->child, NULL, NULL) == 0 &&
		       waitpid(t->child, &status, __WALL) == t->child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
	tracer_close(t);
	*why = "single-stepping does not work";
	if (!is_trap)
		return false;
	t->child = fork();
	if (t->child == 0)
		child(t);
	wait_for_trap(t);
	return true;
}

void tracer_close(struct tracer *t)
{
	int status;
	kill(t->child, SIGKILL);
	while (waitpid(t->child, &status, __WALL) == t->child && WIFSTOPPED(status))
		;
}

void tracer_begin(struct tracer *t)
{
	t->box->is_over = false;
}

bool tracer_next(struct tracer *t)
{
	if (ptrace(PTRACE_SINGLESTEP, t->child, NULL, NULL) != 0)
		verdict_fail("a step of the traced process fails: %s", strerror(errno));
	wait_for_trap(t);
	if (!t->box->is_over)
		return true;
	if (ptrace(PTRACE_CONT, t->child, NULL, NULL) != 0)
		verdict_fail("the traced process does not go on: %s", strerror(errno));
	wait_for_trap(t); // in front of the next step
	return false;
}

uint64_t tracer_where(const struct tracer *t)
{
	struct user_regs_struct regs;
	if (ptrace(PTRACE_GETREGS, t->child, NULL, &regs) != 0)
		return 0;
	return regs.rip - (uintptr_t)&__executable_start;
}
