// One valid message of every type and legal set of flags.
#include <stdlib.h>
#include <string.h>
#include <CUnit/CUnit.h>
#include "tests/unit/wire_samples.h"

void *room(struct writer *w, uint32_t len)
{
	void *at = w->data + w->used;
	memset(at, 0, len);
	w->used += len;
	CU_ASSERT_FATAL(w->used <= ROOM);
	return at;
}

static void put_vector(struct writer *w, uint32_t n)
{
	for (uint32_t r = 0; r < n; r++)
		ep_store64(room(w, 8), r == COL ? NUMBER - 1 : 1000 + r);
}

void put_command(struct writer *w, enum ep_command_kind kind, const char *bytes)
{
	uint32_t len = (uint32_t)strlen(bytes);
	struct ep_wire_command *c = room(w, (uint32_t)sizeof *c);
	c->kind = (uint8_t)kind;
	c->len = (uint16_t)(sizeof *c + len);
	if (kind == EP_CMD_UPDATE || kind == EP_CMD_EXPIRE) {
		c->session = (struct ep_session_id){.i = 7, .epoch = 1, .col = 1};
		c->seq = 9;
	}
	memcpy(room(w, len), bytes, len);
}

static void put_payload(struct writer *w)
{
	uint32_t from = w->used;
	struct ep_wire_payload *p = room(w, (uint32_t)sizeof *p);
	p->count = 3;
	put_command(w, EP_CMD_UPDATE, "an update");
	put_command(w, EP_CMD_READ, "r");
	put_command(w, EP_CMD_EXPIRE, "");
	p->len = (uint16_t)(w->used - from);
}

static void put_members(struct writer *w)
{
	struct ep_wire_welcome *welcome = room(w, (uint32_t)sizeof *welcome);
	*welcome = (struct ep_wire_welcome){.n = N,
					    .self = 1,
					    .frame_max = EP_FRAME_MAX_DEFAULT,
					    .epoch = 4,
					    .command_max = 1000,
					    .result_max = 1000,
					    .kept_max = EP_KEPT_MAX};
	for (int k = 0; k < N; k++) {
		struct ep_wire_member *m = room(w, (uint32_t)sizeof *m);
		m->port = (uint16_t)(7787 + k);
	}
}

static void put_value(struct writer *w, uint64_t bal)
{
	struct ep_wire_value *v = room(w, (uint32_t)sizeof *v);
	v->bal = bal;
	v->seq = 17;
}

static void put_words(struct writer *w, uint32_t count)
{
	for (uint32_t k = 0; k < count; k++)
		ep_store64(room(w, 8), k + 1);
}

static void put_conflict(struct writer *w)
{
	struct ep_wire_conflict *c = room(w, (uint32_t)sizeof *c);
	c->i = 3;
	c->col = 4;
	c->is_committed = 1;
}

static void put_recover_ok(struct writer *w)
{
	struct ep_wire_recover_ok *r = room(w, (uint32_t)sizeof *r);
	r->bal = 12;
	r->abal = 3;
	r->seq = 5;
	r->phase = 2;
}

static void put_digest(struct writer *w)
{
	struct ep_wire_digest *d = room(w, (uint32_t)sizeof *d);
	d->is_complete = 1;
	d->n = N;
}

// Everything behind the head of a valid message of this type with these flags.
static void put_body(struct writer *w, uint8_t type, uint8_t flags)
{
	switch (type) {
	case EP_PREACCEPT:
		put_words(w, 1);
		put_vector(w, N);
		put_words(w, N);
		put_payload(w);
		break;
	case EP_PREACCEPT_OK:
		put_vector(w, N);
		break;
	case EP_ACCEPT:
	case EP_COMMIT:
		put_value(w, 0);
		put_vector(w, N);
		if (!(flags & (EP_MSG_NOP | EP_MSG_SHORT)))
			put_payload(w);
		break;
	case EP_ACCEPT_OK:
	case EP_NACK:
	case EP_RECOVER:
		put_words(w, 1);
		break;
	case EP_RECOVER_OK:
		put_recover_ok(w);
		put_vector(w, N);
		put_vector(w, N);
		if (flags & EP_MSG_HAS_PAYLOAD)
			put_payload(w);
		break;
	case EP_VALIDATE:
		put_value(w, 1);
		put_vector(w, N);
		put_payload(w);
		break;
	case EP_VALIDATE_OK:
		put_words(w, 1);
		put_conflict(w);
		put_conflict(w);
		break;
	case EP_FETCH:
	case EP_PENDING:
	case EP_VOID:
		ep_store64(room(w, 8), NUMBER + 5);
		break;
	case EP_STATUS:
		put_words(w, 3 * N);
		break;
	case EP_HELLO:
	case EP_HELLO_OK:
		put_words(w, 3);
		break;
	case EP_READY:
		room(w, (uint32_t)sizeof(struct ep_wire_ready));
		break;
	case EP_EPOCH_CLOSED:
	case EP_C_WELCOME:
	case EP_C_WRONG_EPOCH:
		put_members(w);
		break;
	case EP_C_REQUEST:
		put_command(w, EP_CMD_UPDATE, "request");
		break;
	case EP_C_REPLY:
		room(w, (uint32_t)sizeof(struct ep_wire_reply));
		memcpy(room(w, 6), "result", 6);
		break;
	case EP_C_BUSY:
		put_words(w, 1);
		break;
	case EP_C_STATS_REPLY:
		put_words(w, 4);
		break;
	case EP_C_DIGEST_REPLY:
		put_digest(w);
		put_words(w, N);
		break;
	default: // C_HELLO, C_STATS, C_DIGEST: nothing more
		break;
	}
}

static bool is_about_instance(uint8_t type)
{
	return type <= EP_VOID;
}

struct ep_msg *build(struct writer *w, uint8_t type, uint8_t flags)
{
	w->used = 0;
	struct ep_msg *m = room(w, (uint32_t)sizeof *m);
	m->type = type;
	m->flags = flags;
	if (is_about_instance(type)) {
		m->i = NUMBER;
		m->col = COL;
	}
	put_body(w, type, flags);
	m->len = (uint16_t)w->used;
	return m;
}

const struct variant variants[] = {
    {EP_PREACCEPT, 0, true},
    {EP_PREACCEPT_OK, 0, false},
    {EP_ACCEPT, 0, true},
    {EP_ACCEPT, EP_MSG_NOP, false},
    {EP_ACCEPT, EP_MSG_SHORT, false},
    {EP_ACCEPT_OK, 0, false},
    {EP_COMMIT, 0, true},
    {EP_COMMIT, EP_MSG_NOP, false},
    {EP_COMMIT, EP_MSG_SHORT, false},
    {EP_NACK, 0, false},
    {EP_RECOVER, 0, false},
    {EP_RECOVER_OK, EP_MSG_HAS_PAYLOAD, true},
    {EP_RECOVER_OK, EP_MSG_HAS_PAYLOAD | EP_MSG_HAS_INIT, true},
    {EP_RECOVER_OK, EP_MSG_NOP, false},
    {EP_RECOVER_OK, EP_MSG_NOP | EP_MSG_HAS_PAYLOAD | EP_MSG_HAS_INIT, true},
    {EP_VALIDATE, 0, true},
    {EP_VALIDATE_OK, 0, false},
    {EP_FETCH, 0, false},
    {EP_PENDING, 0, false},
    {EP_VOID, 0, false},
    {EP_STATUS, 0, false},
    {EP_HELLO, 0, false},
    {EP_HELLO_OK, 0, false},
    {EP_READY, 0, false},
    {EP_EPOCH_CLOSED, 0, false},
    {EP_C_HELLO, 0, false},
    {EP_C_REQUEST, 0, true},
    {EP_C_STATS, 0, false},
    {EP_C_DIGEST, 0, false},
    {EP_C_WELCOME, 0, false},
    {EP_C_REPLY, 0, false},
    {EP_C_REPLY, EP_MSG_FAST, false},
    {EP_C_BUSY, 0, false},
    {EP_C_WRONG_EPOCH, 0, false},
    {EP_C_STATS_REPLY, 0, false},
    {EP_C_DIGEST_REPLY, 0, false},
};
const size_t variants_count = sizeof variants / sizeof variants[0];

enum ep_drop check_copy(const void *message, uint32_t len, uint32_t n, uint32_t *payload)
{
	uint8_t *copy = malloc(len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, message, len);
	enum ep_drop drop = ep_wire_check_msg((const struct ep_msg *)(void *)copy, n, payload);
	free(copy);
	return drop;
}
