// etcd: Put and Range over gRPC, with as much HTTP/2 as that takes. Every request is a stream of its own on one connection, as in
// etcd's own client library; header fields are sent as literals and those of the answers are not read: a unary call that ends
// with a message was done, one that ends without was refused.
#include <string.h>
#include "tests/compare/load.h"

#define FRAME_HEAD 9
#define WINDOW_FIRST 65535
#define WINDOW_MAX 0x7fffffffu

enum frame { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE };
enum flags { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void frame(struct connection *c, enum frame type, unsigned flags, uint32_t stream,
		  const void *payload, size_t len)
{
	uint8_t head[FRAME_HEAD] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
				    (uint8_t)type, (uint8_t)flags};
	put32(head + 5, stream);
	load_out(c, head, sizeof head);
	load_out(c, payload, len);
}

static void greet(struct connection *c)
{
	uint8_t more[4];
	load_out(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	frame(c, SETTINGS, 0, 0, "", 0);
	put32(more, WINDOW_MAX - WINDOW_FIRST);
	frame(c, WINDOW_UPDATE, 0, 0, more, sizeof more);
	c->window = WINDOW_FIRST;
}

// A header field "literal without indexing", its name given as the bytes that HPACK wants.
static size_t field(uint8_t *at, const char *name, size_t name_len, const char *value)
{
	size_t len = strlen(value);
	memcpy(at, name, name_len);
	at[name_len] = (uint8_t)len; // below 127: no continuation
	memcpy(at + name_len + 1, value, len);
	return name_len + 1 + len;
}

static size_t headers(uint8_t *at, bool is_get)
{
	size_t n = 2;
	memcpy(at, "\x83\x86", 2); // :method POST, :scheme http
	n += field(at + n, "\x04", 1, is_get ? "/etcdserverpb.KV/Range" : "/etcdserverpb.KV/Put");
	n += field(at + n, "\x01", 1, "compare"); // :authority
	n += field(at + n, "\x0f\x10", 2, "application/grpc"); // content-type
	n += field(at + n, "\x00\x02te", 4, "trailers");
	return n;
}

// A protobuf field of bytes.
static size_t bytes_field(uint8_t *at, uint8_t number, const void *bytes, size_t len)
{
	size_t n = 0;
	at[n++] = (uint8_t)(number << 3 | 2);
	if (len >= 128)
		at[n++] = (uint8_t)(len | 128);
	at[n++] = (uint8_t)(len >= 128 ? len >> 7 : len);
	memcpy(at + n, bytes, len);
	return n + len;
}

static void ask(struct connection *c, const struct op *op)
{
	uint8_t head[128], body[5 + KEY_MAX + VALUE_MAX + 8] = {0};
	char key[KEY_MAX];
	uint32_t stream = 2 * (c->asked - 1) + 1; // so that the stream tells the operation's place
	size_t n = 5;
	n += bytes_field(body + n, 1, key, load_key(op, key));
	if (!op->is_get)
		n += bytes_field(body + n, 2, load_value, load_value_len);
	put32(body + 1, (uint32_t)n - 5);
	c->window -= (int64_t)n;
	if (c->window < 0)
		load_die("more data in flight than the window of etcd takes");
	frame(c, HEADERS, END_HEADERS, stream, head, headers(head, op->is_get));
	frame(c, DATA, END_STREAM, stream, body, n);
}

static void on_data(struct connection *c, struct op *op, size_t len)
{
	uint8_t more[4];
	// A value that was asked for is in its answer.
	if (len > 5 && (!op->is_get || len > load_value_len))
		op->has_answer = true;
	c->consumed += len;
	if (c->consumed < WINDOW_MAX / 4)
		return;
	put32(more, (uint32_t)c->consumed);
	frame(c, WINDOW_UPDATE, 0, 0, more, sizeof more);
	c->consumed = 0;
}

static void on_frame(struct connection *c, enum frame type, unsigned flags, uint32_t stream,
		     const uint8_t *payload, size_t len)
{
	struct op *op = &c->ops[(stream >> 1) % OPS_MAX];
	switch (type) {
	case DATA:
		on_data(c, op, len);
		break;
	case SETTINGS:
		if ((flags & ACK) == 0)
			frame(c, SETTINGS, ACK, 0, "", 0);
		return;
	case PING:
		if ((flags & ACK) == 0)
			frame(c, PING, ACK, 0, payload, len);
		return;
	case WINDOW_UPDATE:
		c->window += stream == 0 && len == 4 ? get32(payload) & WINDOW_MAX : 0;
		return;
	case GOAWAY:
		load_die("etcd closed the connection");
	case RST_STREAM: // also behind the end of a stream, when the answer was faster than etcd's view of ours
		if (op->is_open)
			load_done(c, op, false);
		return;
	case HEADERS:
	case PRIORITY:
	case PUSH_PROMISE:
		break;
	}
	if ((flags & END_STREAM) != 0)
		load_done(c, op, op->has_answer);
}

static size_t take(struct connection *c, const uint8_t *bytes, size_t len)
{
	size_t used = 0;
	while (len - used >= FRAME_HEAD) {
		const uint8_t *at = bytes + used;
		size_t payload = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
		if (len - used < FRAME_HEAD + payload)
			break;
		used += FRAME_HEAD + payload;
		if (at[3] <= WINDOW_UPDATE) // others: extensions, to be ignored
			on_frame(c, (enum frame)at[3], at[4], get32(at + 5) & WINDOW_MAX, at + FRAME_HEAD,
				 payload);
	}
	return used;
}

const struct protocol etcd_protocol = {"etcd", 2379, greet, ask, take};
