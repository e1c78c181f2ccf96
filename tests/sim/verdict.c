// How a violation ends a run: a sentence and a jump.
#include "tests/sim/verdict.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "consensus/base/check.h"

static char text[VERDICT_TEXT_MAX];
static jmp_buf back;
static bool is_running;

_Noreturn void verdict_fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (is_running)
		longjmp(back, 1);
	fprintf(stderr, "%s\n", text);
	abort();
}

_Noreturn void ep_check_failed(const char *file, int line, const char *claim, uint64_t a, uint64_t b)
{
	verdict_fail("CHECK failed: %s:%d: %s (%" PRIu64 ", %" PRIu64 ")", file, line, claim, a, b);
}

bool verdict_run(void (*body)(void *), void *arg)
{
	text[0] = 0;
	is_running = true;
	if (setjmp(back) == 0)
		body(arg);
	is_running = false;
	return text[0] == 0;
}

const char *verdict_text(void)
{
	return text;
}
