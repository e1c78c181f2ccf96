// Texts for people.
#include <stdarg.h>
#include <stdio.h>
#include "client/internal.h"

static const char *const texts[PNYX_STATUSES] = {
    [PNYX_OK] = "ok",
    [PNYX_NOT_FOUND] = "not found",
    [PNYX_NO_MATCH] = "no match",
    [PNYX_NOT_NUMBER] = "not a number",
    [PNYX_OVERFLOW] = "overflow",
    [PNYX_TOO_LARGE] = "too large",
    [PNYX_REFUSED] = "refused",
    [PNYX_NO_ROOM] = "no room for a session",
    [PNYX_TIMEOUT] = "timeout",
    [PNYX_UNKNOWN] = "unknown",
    [PNYX_INVALID] = "invalid",
    [PNYX_AGAIN] = "too many outstanding",
};

const char *pnyx_status_text(enum pnyx_status status)
{
	return (unsigned)status < PNYX_STATUSES ? texts[status] : "no such status";
}

bool pnyx_is_executed(enum pnyx_status status)
{
	switch (status) {
	case PNYX_OK:
	case PNYX_NOT_FOUND:
	case PNYX_NO_MATCH:
	case PNYX_NOT_NUMBER:
	case PNYX_OVERFLOW:
	case PNYX_TOO_LARGE:
		return true;
	case PNYX_REFUSED:
	case PNYX_NO_ROOM:
	case PNYX_TIMEOUT:
	case PNYX_UNKNOWN:
	case PNYX_INVALID:
	case PNYX_AGAIN:
	case PNYX_STATUSES:
		return false;
	}
	return false;
}

const char *pnyx_error(const struct pnyx *c)
{
	return c->error;
}

void cl_error(struct pnyx *c, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(c->error, sizeof c->error, format, args);
	va_end(args);
}
