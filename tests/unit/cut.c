// Kills a piece of code at a declared store boundary; and catches failed CHECKs where a test
// expects one.
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include "consensus/base/txn.h"
#include "tests/unit/cut.h"

static jmp_buf out;
static uint32_t left;
static bool is_check_expected;

void ep_cut_point(void)
{
	if (left > 0 && --left == 0)
		longjmp(out, 1);
}

_Noreturn void ep_check_failed(const char *file, int line, const char *claim, uint64_t a,
			       uint64_t b)
{
	if (is_check_expected)
		longjmp(out, 1);
	fprintf(stderr, "%s:%d: check failed: %s (%" PRIu64 ", %" PRIu64 ")\n", file, line, claim,
		a, b);
	abort();
}

bool cut_run(uint32_t nth, void (*body)(void *), void *argument)
{
	if (setjmp(out) != 0)
		return true;
	left = nth;
	body(argument);
	left = 0;
	return false;
}

bool cut_check_fails(void (*body)(void *), void *argument)
{
	is_check_expected = true;
	bool failed = cut_run(0, body, argument);
	is_check_expected = false;
	return failed;
}
