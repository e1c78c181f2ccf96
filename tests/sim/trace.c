// The last events of a run, one column per replica.
#include "tests/sim/trace.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define COLUMN_WIDTH 38

static void print_line(const struct trace *t, const struct trace_line *line)
{
	printf("%10.3f ms %*s%s\n", (double)line->at / 1e6, line->column * COLUMN_WIDTH / (t->n > 3 ? 2 : 1), "", line->text);
}

void trace_event(struct trace *t, ep_time at, uint8_t column, const char *format, ...)
{
	struct trace_line *line = &t->lines[t->count++ % TRACE_EVENTS_MAX];
	va_list args;
	va_start(args, format);
	int len = snprintf(line->text, sizeof line->text, "p%d ", column);
	vsnprintf(line->text + len, sizeof line->text - (size_t)len, format, args);
	va_end(args);
	line->at = at;
	line->column = column;
	if (t->is_live)
		print_line(t, line);
}

void trace_frame(struct trace *t, ep_time at, uint8_t column, char direction, const char *other, const uint8_t *data, uint32_t len)
{
	struct message m;
	for (uint32_t offset = 0; decode_next(data, len, t->n, &offset, &m);)
		if (m.type != EP_STATUS)
			trace_event(t, at, column, "%c %s %s", direction, other, decode_text(&m, t->n));
}

void trace_print(const struct trace *t)
{
	uint64_t from = t->count > TRACE_EVENTS_MAX ? t->count - TRACE_EVENTS_MAX : 0;
	printf("the last %" PRIu64 " of %" PRIu64 " events (Status left out):\n", t->count - from, t->count);
	for (uint64_t e = from; e < t->count; e++)
		print_line(t, &t->lines[e % TRACE_EVENTS_MAX]);
}
