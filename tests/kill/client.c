// Clients of the small world: one operation after the other, a model of its outcome, and the comparison in the end.
#include "tests/kill/client.h"
#include <stdio.h>
#include <string.h>
#include "consensus/app/kv_store.h"
#include "consensus/state.h"
#include "tests/sim/kv_bytes.h"
#include "tests/sim/verdict.h"

#define ABSENT 0xff
#define RETRY_NS 10000000

void client_start(struct kill_client *c, const struct world *w, uint8_t which)
{
	*c = (struct kill_client){ .to = (uint8_t)(which % w->n), .a_len = ABSENT, .b_len = ABSENT };
}

static struct kv_text text_of(const char *value, uint8_t len)
{
	return (struct kv_text){ value, len == ABSENT ? 0u : len };
}

// ---- asking ----
// Sets a value of the model: the client's mark and the number of the operation, now and then too long for one block.
static uint8_t draw_value(struct world *w, const struct kill_client *c, char out[64])
{
	uint32_t len = ep_random(&w->rng) % 3 == 0 ? 63 : 9;
	snprintf(out, 64, "%02u.%02u", (unsigned)(c - w->clients), c->ops);
	memset(out + 5, 'x', len - 5);
	return (uint8_t)len;
}

static uint32_t build(struct world *w, struct kill_client *c, uint8_t which, uint8_t *out)
{
	const struct kv_text none = { "", 0 };
	char a_name[3] = { 'a', (char)('0' + which), 0 }, b_name[3] = { 'b', (char)('0' + which), 0 };
	char mark[2] = { (char)('A' + which), (char)('a' + c->appends) };
	struct kv_text a = { a_name, 2 }, b = { b_name, 2 };
	uint64_t one = 1;
	uint32_t len;
	switch ((enum op)c->op) {
	case OP_OPEN:
	case OP_EXPIRE:
	case OP_KINDS:
		return 0;
	case OP_PUT:
		c->a_len = draw_value(w, c, c->a);
		return kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_PUT, 0), a, text_of(c->a, c->a_len), none);
	case OP_DELETE:
		c->a_len = ABSENT;
		return kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_DELETE, 0), a, none, none);
	case OP_CAS: {
		char old[64];
		uint8_t old_len = c->a_len;
		memcpy(old, c->a, sizeof old);
		c->a_len = draw_value(w, c, c->a);
		len = kv_bytes_begin(out, PNYX_KV_CAS, old_len == ABSENT ? PNYX_KV_ABSENT : 0);
		return kv_bytes_add(out, len, a, text_of(c->a, c->a_len), text_of(old, old_len));
	}
	case OP_INCR:
		c->incrs++;
		return kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_INCR, 0), (struct kv_text){ "n", 1 }, (struct kv_text){ &one, 8 }, none);
	case OP_APPEND:
		c->appends++;
		return kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_APPEND, 0), (struct kv_text){ "l", 1 }, (struct kv_text){ mark, 2 }, none);
	case OP_MPUT:
		c->a_len = draw_value(w, c, c->a);
		c->b_len = draw_value(w, c, c->b);
		len = kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_MPUT, 0), a, text_of(c->a, c->a_len), none);
		return kv_bytes_add(out, len, b, text_of(c->b, c->b_len), none);
	case OP_GET:
		return kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_GET, 0), a, none, none);
	case OP_MGET:
		len = kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_MGET, 0), a, none, none);
		return kv_bytes_add(out, len, b, none, none);
	}
	return 0;
}

static enum op draw_op(struct world *w, const struct kill_client *c)
{
	static const uint8_t odds[] = { OP_APPEND, OP_APPEND, OP_APPEND, OP_APPEND, OP_INCR, OP_INCR, OP_PUT,  OP_PUT,
					OP_CAS,	   OP_CAS,    OP_DELETE, OP_MPUT,   OP_GET,  OP_MGET, OP_EXPIRE };
	return c->has_session ? odds[ep_random(&w->rng) % sizeof odds] : OP_OPEN;
}

static void start(struct world *w, struct kill_client *c, uint8_t which)
{
	uint8_t bytes[KV_BYTES_MAX];
	c->op = (uint8_t)draw_op(w, c);
	c->ops++;
	c->cookie++;
	bool is_read = c->op == OP_GET || c->op == OP_MGET, is_update = !is_read && c->op != OP_OPEN && c->op != OP_EXPIRE;
	c->seq = c->op == OP_OPEN ? 0 : c->seq + is_update;
	uint32_t len = build(w, c, which, bytes);
	struct ep_wire_command head = { .len = (uint16_t)(sizeof head + len) };
	head.kind = c->op == OP_OPEN ? EP_CMD_OPEN : c->op == OP_EXPIRE ? EP_CMD_EXPIRE : is_read ? EP_CMD_READ : EP_CMD_UPDATE;
	if (is_update || c->op == OP_EXPIRE) {
		head.session = c->session;
		head.seq = c->seq;
	}
	if (sizeof head + len > sizeof c->command)
		verdict_fail("a command of %u bytes is too long for this world", len);
	memcpy(c->command, &head, sizeof head);
	memcpy(c->command + sizeof head, bytes, len);
	c->len = head.len;
	c->is_waiting = true;
}

void client_turn(struct world *w, uint8_t which)
{
	struct kill_client *c = &w->clients[which];
	if (c->is_done || (c->is_waiting && w->now < c->retry_at) || w->flights_count == WORLD_FLIGHTS_MAX)
		return;
	if (!c->is_waiting) {
		if (w->is_closing || c->ops == WORLD_OPS)
			return;
		start(w, c, which);
	} else if (ep_random(&w->rng) % 2) {
		c->to = (uint8_t)((c->to + 1) % w->n);
	}
	c->retry_at = w->now + RETRY_NS;
	struct flight *f = &w->flights[w->flights_count++];
	*f = (struct flight){ .from = EP_CLIENT, .to = c->to, .client = which };
	uint32_t at = ep_wire_begin(f->data, EP_FRAME_REQUEST, EP_SENDER_CLIENT, w->config[0].cluster, w->config[0].epoch);
	struct ep_msg *msg = ep_wire_append(f->data, &at, sizeof f->data, EP_C_REQUEST, (uint32_t)sizeof *msg + c->len);
	msg->i = c->cookie;
	memcpy(msg + 1, c->command, c->len);
	ep_wire_seal(f->data, at);
	f->len = (uint16_t)at;
}

// ---- answers ----
static void expect_value(const struct kill_client *c, const uint8_t **at, const char *value, uint8_t len)
{
	struct pnyx_kv_value head;
	memcpy(&head, *at, sizeof head);
	bool is_same = len == ABSENT ? head.code == PNYX_KV_NOT_FOUND :
				       head.code == PNYX_KV_OK && head.len == len && memcmp(*at + sizeof head, value, len) == 0;
	if (!is_same)
		verdict_fail("a client that did %d operations reads another value than it wrote", c->ops);
	*at += sizeof head + head.len;
}

static void check_result(const struct kill_client *c, const uint8_t *result)
{
	struct pnyx_kv_result head;
	memcpy(&head, result, sizeof head);
	const uint8_t *at = result + sizeof head;
	bool is_read = c->op == OP_GET || c->op == OP_MGET;
	if (head.code != PNYX_KV_OK && !(c->op == OP_GET && head.code == PNYX_KV_NOT_FOUND && c->a_len == ABSENT))
		verdict_fail("operation %d of a client ended with code %d", c->op, head.code);
	if (is_read)
		expect_value(c, &at, c->a, c->a_len);
	if (c->op == OP_MGET)
		expect_value(c, &at, c->b, c->b_len);
}

void client_receive(struct world *w, struct kill_client *c, const uint8_t *frame)
{
	const struct ep_msg *msg = ep_wire_msg(frame, sizeof(struct ep_wire_header));
	const struct ep_wire_reply *reply = (const void *)(msg + 1);
	if (!c->is_waiting || msg->i != c->cookie)
		return;
	if (msg->type != EP_C_REPLY) { // busy
		c->retry_at = w->now + RETRY_NS / 10;
		return;
	}
	c->is_waiting = false;
	if (c->op == OP_OPEN) {
		c->has_session = reply->status == EP_OK;
		c->is_done = !c->has_session; // the table is full
		c->session = reply->instance;
	} else if (c->op == OP_EXPIRE) {
		if (reply->status != EP_OK && reply->status != EP_NO_SESSION) // the second: this was a repeat
			verdict_fail("EXPIRE is answered %d", reply->status);
		c->has_session = false;
	} else {
		if (reply->status != EP_OK)
			verdict_fail("operation %d with number %llu of its session is answered %d", c->op, (unsigned long long)c->seq,
				     reply->status);
		check_result(c, (const uint8_t *)(reply + 1));
	}
}

bool client_is_idle(const struct world *w, const struct kill_client *c)
{
	return c->is_done || (!c->is_waiting && (w->is_closing || c->ops == WORLD_OPS));
}

// ---- in the end ----
static uint32_t stored(const struct ep_replica *r, const char *key, uint32_t key_len, uint8_t *out, uint32_t room)
{
	const struct kv_store *s = ep_at(r, r->at_app);
	struct kv_place place = kv_store_find(s, (const uint8_t *)key, key_len);
	if (place.index == 0)
		return ABSENT;
	uint32_t len = kv_block(s, place.index)->item.value_len;
	struct kv_cursor cursor = kv_store_value(s, place.index);
	if (len > 0 && len <= room)
		kv_cursor_copy(&cursor, out, len);
	return len;
}

static bool has_log(const struct world *w, const struct ep_replica *r)
{
	uint8_t log[256];
	uint32_t len = stored(r, "l", 1, log, sizeof log), seen[WORLD_CLIENTS] = { 0 }, sum = 0;
	for (uint32_t c = 0; c < WORLD_CLIENTS; c++)
		sum += w->clients[c].appends;
	if (sum == 0)
		return len == ABSENT;
	if (len != 2 * sum)
		return false;
	for (uint32_t at = 0; at < len; at += 2) // every mark once, those of one client in order
		if (log[at + 1] != 'a' + seen[log[at] - 'A']++)
			return false;
	return true;
}

static bool has_counter(const struct world *w, const struct ep_replica *r)
{
	uint8_t is[32];
	char expected[32];
	uint32_t sum = 0, len = stored(r, "n", 1, is, sizeof is);
	for (uint32_t c = 0; c < WORLD_CLIENTS; c++)
		sum += w->clients[c].incrs;
	if (sum == 0)
		return len == ABSENT;
	return (int)len == snprintf(expected, sizeof expected, "%u", sum) && memcmp(is, expected, len) == 0;
}

static bool has_value(const struct ep_replica *r, char letter, uint8_t which, const char *value, uint8_t len)
{
	uint8_t is[64];
	char key[2] = { letter, (char)('0' + which) };
	uint32_t is_len = stored(r, key, 2, is, sizeof is);
	return is_len == len && (len == ABSENT || memcmp(is, value, len) == 0);
}

const char *client_expect(const struct world *w, uint8_t column)
{
	const struct ep_replica *r = world_replica(w, column);
	if (!has_log(w, r))
		return "the log does not hold each mark once";
	if (!has_counter(w, r))
		return "the counter is not the number of increments";
	for (uint8_t c = 0; c < WORLD_CLIENTS; c++)
		if (!has_value(r, 'a', c, w->clients[c].a, w->clients[c].a_len) || !has_value(r, 'b', c, w->clients[c].b, w->clients[c].b_len))
			return "a client's own key does not hold what it wrote last";
	return NULL;
}
