// The recorded history: one JSON object a line and operation, for any checker of linearizability.
//
// A process is one client that waits for each answer. After an unknown outcome its number is not
// used again, because that operation stays open for ever. Times are CLOCK_MONOTONIC; `call` is
// before the first datagram, `ret` after the answer.
#include <inttypes.h>
#include "client/cli/bench.h"

// Bytes as a JSON string: what is not printable ASCII as the code point of the same number.
static void write_string(FILE *f, const char *name, const void *data, size_t len)
{
	const unsigned char *p = data;
	fprintf(f, ",\"%s\":\"", name);
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '"' || p[i] == '\\')
			fprintf(f, "\\%c", p[i]);
		else if (p[i] < 0x20 || p[i] > 0x7e)
			fprintf(f, "\\u%04x", p[i]);
		else
			putc(p[i], f);
	}
	putc('"', f);
}

static const char *op_name(enum pnyx_op_type type)
{
	switch (type) {
	case PNYX_GET:
		return "get";
	case PNYX_PUT:
		return "put";
	case PNYX_APPEND:
		return "append";
	case PNYX_DEL:
	case PNYX_CAS:
	case PNYX_INCR:
	case PNYX_MGET:
	case PNYX_MPUT:
	case PNYX_RAW_READ:
	case PNYX_RAW_UPDATE:
		break;
	}
	return "other";
}

static void write_head(const struct bench *b, const struct slot *s)
{
	fprintf(b->history, "{\"process\":%" PRIu64 ",\"op\":\"%s\"", s->process, op_name(s->type));
	write_string(b->history, "key", s->key, __builtin_strlen(s->key));
	if (s->type == PNYX_GET)
		fputs(",\"value\":null", b->history);
	else
		write_string(b->history, "value", s->value, s->value_len);
	fputs(",\"old\":null", b->history);
}

static void write_tail(const struct bench *b, const struct slot *s, const char *status,
		       uint64_t ret_ns)
{
	fprintf(b->history, ",\"status\":\"%s\",\"call\":%" PRIu64 ",\"ret\":%" PRIu64 "}\n",
		status, s->call_ns, ret_ns);
}

void history_write(struct bench *b, const struct slot *s, const struct pnyx_completion *c)
{
	if (b->history == NULL)
		return;
	const char *status = pnyx_is_executed(c->status) ? "ok"
			     : c->status == PNYX_UNKNOWN ? "unknown"
							 : "fail";
	write_head(b, s);
	if (s->type == PNYX_GET && c->status == PNYX_OK)
		write_string(b->history, "result", c->value.data, c->value.len);
	else if (s->type == PNYX_APPEND && c->status == PNYX_OK)
		fprintf(b->history, ",\"result\":\"%" PRId64 "\"", c->number);
	else
		fputs(",\"result\":null", b->history);
	write_tail(b, s, status, c->received_ns > s->call_ns ? c->received_ns : bench_now_ns());
}

void history_write_open(struct bench *b, const struct slot *s, uint64_t now_ns)
{
	if (b->history == NULL)
		return;
	write_head(b, s);
	fputs(",\"result\":null", b->history);
	write_tail(b, s, "unknown", now_ns);
}
