// Messages of the wire format: every type is accepted, every broken field has its reason.
#include <string.h>
#include "tests/unit/unit.h"
#include "tests/unit/wire_samples.h"

static void each_type_is_accepted(void)
{
	struct writer w;
	bool seen[256] = {false};
	for (size_t k = 0; k < variants_count; k++) {
		uint32_t payload = 12345;
		struct ep_msg *m = build(&w, variants[k].type, variants[k].flags);
		enum ep_drop drop = check_copy(m, m->len, N, &payload);
		if (drop != EP_DROP_NONE)
			printf("\n%s flags %u: %s\n", ep_wire_type_name(m->type), m->flags,
			       ep_drop_names[drop]);
		CU_ASSERT_EQUAL(drop, EP_DROP_NONE);
		CU_ASSERT_EQUAL(payload != 0, variants[k].carries);
		CU_ASSERT(payload == 0 || payload < m->len);
		if (payload != 0 && m->type != EP_C_REQUEST)
			CU_ASSERT(ep_wire_check_payload((uint8_t *)m + payload, m->len - payload));
		seen[variants[k].type] = true;
	}
	for (unsigned type = 0; type < 256; type++) // a new type needs a variant
		CU_ASSERT_EQUAL(seen[type], ep_wire_kind_of((uint8_t)type) != 0);
}

static void unknown_types_are_told(void)
{
	struct writer w;
	for (unsigned type = 0; type < 256; type++) {
		uint32_t payload = 77;
		if (ep_wire_kind_of((uint8_t)type) != 0) {
			CU_ASSERT_STRING_NOT_EQUAL(ep_wire_type_name((uint8_t)type), "unknown");
			continue;
		}
		struct ep_msg *m = build(&w, EP_C_HELLO, 0);
		m->type = (uint8_t)type;
		CU_ASSERT_EQUAL(check_copy(m, m->len, N, &payload), EP_DROP_TYPE);
		CU_ASSERT_EQUAL(payload, 77);
		CU_ASSERT_STRING_EQUAL(ep_wire_type_name((uint8_t)type), "unknown");
	}
	for (int reason = 0; reason < EP_DROP_REASONS; reason++)
		CU_ASSERT_PTR_NOT_NULL(ep_drop_names[reason]);
}

// ---- broken fields ---------------------------------------------------------------------

#define HEAD(field) offsetof(struct ep_msg, field)
#define BODY(s, field) (sizeof(struct ep_msg) + offsetof(struct s, field))
#define VEC(fixed, index) (sizeof(struct ep_msg) + (fixed) + 8 * (index))
#define BIG (1ULL << 63)

struct breakage {
	uint8_t type, flags;
	size_t at;     // byte in the message
	uint8_t width; // bytes
	uint64_t value;
	enum ep_drop drop;
};

static const struct breakage breakages[] = {
    {EP_COMMIT, 0, HEAD(zero), 2, 1, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, HEAD(zero), 2, 0x100, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, HEAD(i), 8, 0, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, HEAD(i), 8, BIG, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, HEAD(col), 1, N, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, HEAD(col), 1, 0xff, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, HEAD(arg), 1, 1, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, HEAD(flags), 1, EP_MSG_NOP, EP_DROP_MALFORMED},   // carries a payload
    {EP_COMMIT, 0, HEAD(flags), 1, EP_MSG_SHORT, EP_DROP_MALFORMED}, // likewise
    {EP_COMMIT, EP_MSG_NOP, HEAD(flags), 1, 0, EP_DROP_MALFORMED},   // carries none
    {EP_COMMIT, EP_MSG_NOP, HEAD(flags), 1, EP_MSG_NOP | EP_MSG_SHORT, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, HEAD(flags), 1, EP_MSG_FAST, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, HEAD(flags), 1, 128, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, BODY(ep_wire_value, bal), 8, EP_BALLOT_MAX, EP_DROP_BALLOT},
    {EP_COMMIT, 0, BODY(ep_wire_value, seq), 8, BIG, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, VEC(16, COL), 8, NUMBER, EP_DROP_MALFORMED}, // depends on itself
    {EP_COMMIT, 0, VEC(16, 0), 8, BIG, EP_DROP_MALFORMED},
    {EP_COMMIT, 0, VEC(16, N), 2, 1, EP_DROP_PAYLOAD}, // the payload's length
    {EP_COMMIT, 0, VEC(16, N) + 2, 1, 0, EP_DROP_PAYLOAD},
    {EP_COMMIT, 0, VEC(16, N) + 2, 1, EP_BATCH_MAX + 1, EP_DROP_PAYLOAD},
    {EP_COMMIT, 0, VEC(16, N) + 3, 1, 1, EP_DROP_PAYLOAD},
    {EP_ACCEPT, EP_MSG_SHORT, HEAD(flags), 1, 0, EP_DROP_MALFORMED},
    {EP_ACCEPT, 0, BODY(ep_wire_value, bal), 8, ~0ULL, EP_DROP_BALLOT},
    {EP_PREACCEPT, 0, HEAD(arg), 1, N, EP_DROP_MALFORMED}, // fq
    {EP_PREACCEPT, 0, HEAD(flags), 1, EP_MSG_SHORT, EP_DROP_MALFORMED},
    {EP_PREACCEPT, 0, BODY(ep_wire_preaccept, seq), 8, BIG, EP_DROP_MALFORMED},
    {EP_PREACCEPT, 0, VEC(8, COL), 8, NUMBER, EP_DROP_MALFORMED},
    {EP_PREACCEPT, 0, VEC(8, COL), 8, NUMBER + 1, EP_DROP_MALFORMED},
    {EP_PREACCEPT, 0, VEC(8, N + COL), 8, BIG, EP_DROP_MALFORMED}, // stable
    {EP_PREACCEPT_OK, 0, VEC(0, COL), 8, NUMBER, EP_DROP_MALFORMED},
    {EP_ACCEPT_OK, 0, BODY(ep_wire_ballot, bal), 8, EP_BALLOT_MAX, EP_DROP_BALLOT},
    {EP_NACK, 0, BODY(ep_wire_ballot, bal), 8, 0, EP_DROP_BALLOT},
    {EP_RECOVER, 0, BODY(ep_wire_ballot, bal), 8, 0, EP_DROP_BALLOT},
    {EP_VALIDATE, 0, BODY(ep_wire_value, bal), 8, 0, EP_DROP_BALLOT},
    {EP_VALIDATE_OK, 0, BODY(ep_wire_ballot, bal), 8, 0, EP_DROP_BALLOT},
    {EP_VALIDATE_OK, 0, VEC(8, 0), 8, 0, EP_DROP_MALFORMED},	 // conflict.i
    {EP_VALIDATE_OK, 0, VEC(8, 1), 1, N, EP_DROP_MALFORMED},	 // .col
    {EP_VALIDATE_OK, 0, VEC(8, 1) + 1, 1, 2, EP_DROP_MALFORMED}, // .is_committed
    {EP_VALIDATE_OK, 0, VEC(8, 1) + 7, 1, 1, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_HAS_PAYLOAD, HEAD(arg), 1, N, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_HAS_PAYLOAD, HEAD(flags), 1, 0, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_HAS_PAYLOAD, HEAD(flags), 1, EP_MSG_NOP, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_NOP, HEAD(flags), 1, EP_MSG_NOP | EP_MSG_HAS_PAYLOAD, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_NOP, HEAD(flags), 1, EP_MSG_NOP | EP_MSG_HAS_INIT, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_NOP, HEAD(flags), 1, 0, EP_DROP_MALFORMED}, // ACCEPTED without a value
    {EP_RECOVER_OK, EP_MSG_NOP, BODY(ep_wire_recover_ok, phase), 1, 0, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_HAS_PAYLOAD, BODY(ep_wire_recover_ok, phase), 1, 1, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_HAS_PAYLOAD, BODY(ep_wire_recover_ok, phase), 1, 4, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_NOP, BODY(ep_wire_recover_ok, zero), 1, 1, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_NOP, BODY(ep_wire_recover_ok, bal), 8, 0, EP_DROP_BALLOT},
    {EP_RECOVER_OK, EP_MSG_NOP, BODY(ep_wire_recover_ok, abal), 8, 13, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_NOP, BODY(ep_wire_recover_ok, seq), 8, BIG, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_NOP, VEC(32, COL), 8, NUMBER, EP_DROP_MALFORMED},
    {EP_RECOVER_OK, EP_MSG_NOP, VEC(32, N + COL), 8, NUMBER, EP_DROP_MALFORMED},
    {EP_FETCH, 0, BODY(ep_wire_fetch, last), 8, NUMBER - 1, EP_DROP_MALFORMED},
    {EP_PENDING, 0, BODY(ep_wire_fetch, last), 8, BIG, EP_DROP_MALFORMED},
    {EP_VOID, 0, BODY(ep_wire_fetch, last), 8, NUMBER - 1, EP_DROP_MALFORMED},
    {EP_STATUS, 0, HEAD(i), 8, 1, EP_DROP_MALFORMED},
    {EP_STATUS, 0, HEAD(col), 1, 1, EP_DROP_MALFORMED},
    {EP_STATUS, 0, VEC(0, 3 * N - 1), 8, BIG, EP_DROP_MALFORMED},
    {EP_HELLO, 0, HEAD(col), 1, 1, EP_DROP_MALFORMED},
    {EP_HELLO_OK, 0, HEAD(arg), 1, 1, EP_DROP_MALFORMED},
    {EP_READY, 0, BODY(ep_wire_ready, zero), 4, 1, EP_DROP_MALFORMED},
    {EP_EPOCH_CLOSED, 0, BODY(ep_wire_welcome, n), 1, 0, EP_DROP_MALFORMED},
    {EP_C_HELLO, 0, HEAD(col), 1, 1, EP_DROP_MALFORMED},
    {EP_C_STATS, 0, HEAD(arg), 1, 200, EP_DROP_MALFORMED},
    {EP_C_DIGEST, 0, HEAD(flags), 1, 1, EP_DROP_MALFORMED},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, len), 2, 32, EP_DROP_PAYLOAD},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, kind), 1, 0, EP_DROP_PAYLOAD},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, kind), 1, EP_CMD_OPEN, EP_DROP_PAYLOAD},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, kind), 1, EP_CMD_READ,
     EP_DROP_PAYLOAD}, // has a session
    {EP_C_REQUEST, 0, BODY(ep_wire_command, kind), 1, 6, EP_DROP_PAYLOAD},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, zero), 1, 1, EP_DROP_PAYLOAD},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, seq), 8, 0, EP_DROP_PAYLOAD},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, session.i), 8, 0, EP_DROP_PAYLOAD},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, session.i), 8, BIG, EP_DROP_PAYLOAD},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, session.epoch), 4, 0, EP_DROP_PAYLOAD},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, session.col), 1, 7, EP_DROP_PAYLOAD},
    {EP_C_REQUEST, 0, BODY(ep_wire_command, session.zero), 1, 1, EP_DROP_PAYLOAD},
    {EP_C_WELCOME, 0, BODY(ep_wire_welcome, n), 1, 0, EP_DROP_MALFORMED},
    {EP_C_WELCOME, 0, BODY(ep_wire_welcome, n), 1, 8, EP_DROP_MALFORMED},
    {EP_C_WELCOME, 0, BODY(ep_wire_welcome, n), 1, N + 1, EP_DROP_MALFORMED}, // one is missing
    {EP_C_WELCOME, 0, BODY(ep_wire_welcome, self), 1, N, EP_DROP_MALFORMED},
    {EP_C_WELCOME, 0, BODY(ep_wire_welcome, frame_max), 2, EP_FRAME_MAX_MIN - 1, EP_DROP_MALFORMED},
    {EP_C_WELCOME, 0, BODY(ep_wire_welcome, frame_max), 2, EP_FRAME_MAX_MAX + 1, EP_DROP_MALFORMED},
    {EP_C_WELCOME, 0, BODY(ep_wire_welcome, zero), 4, 1, EP_DROP_MALFORMED},
    {EP_C_WELCOME, 0, VEC(sizeof(struct ep_wire_welcome), 0) + 22, 2, 1, EP_DROP_MALFORMED},
    {EP_C_REPLY, 0, HEAD(flags), 1, EP_MSG_NOP, EP_DROP_MALFORMED},
    {EP_C_REPLY, 0, BODY(ep_wire_reply, status), 1, EP_REDIRECT + 1, EP_DROP_MALFORMED},
    {EP_C_REPLY, 0, BODY(ep_wire_reply, zero), 1, 1, EP_DROP_MALFORMED},
    {EP_C_REPLY, 0, BODY(ep_wire_reply, instance.col), 1, 7, EP_DROP_MALFORMED},
    {EP_C_REPLY, 0, BODY(ep_wire_reply, instance.i), 8, BIG, EP_DROP_MALFORMED},
    {EP_C_REPLY, 0, BODY(ep_wire_reply, instance.zero), 1, 1, EP_DROP_MALFORMED},
    {EP_C_BUSY, 0, HEAD(col), 1, 1, EP_DROP_MALFORMED},
    {EP_C_WRONG_EPOCH, 0, HEAD(arg), 1, 1, EP_DROP_MALFORMED},
    {EP_C_STATS_REPLY, 0, HEAD(arg), 1, 200, EP_DROP_MALFORMED},
    {EP_C_DIGEST_REPLY, 0, BODY(ep_wire_digest, is_complete), 1, 2, EP_DROP_MALFORMED},
    {EP_C_DIGEST_REPLY, 0, BODY(ep_wire_digest, n), 1, N - 1, EP_DROP_MALFORMED},
    {EP_C_DIGEST_REPLY, 0, BODY(ep_wire_digest, n), 1, 200, EP_DROP_MALFORMED},
    {EP_C_DIGEST_REPLY, 0, BODY(ep_wire_digest, zero), 1, 1, EP_DROP_MALFORMED},
};

static void each_broken_field_has_its_reason(void)
{
	struct writer w;
	for (size_t k = 0; k < sizeof breakages / sizeof breakages[0]; k++) {
		const struct breakage *b = &breakages[k];
		uint32_t payload = 77;
		struct ep_msg *m = build(&w, b->type, b->flags);
		CU_ASSERT_FATAL(b->at + b->width <= m->len);
		memcpy((uint8_t *)m + b->at, &b->value, b->width);
		enum ep_drop drop = check_copy(m, m->len, N, &payload);
		if (drop != b->drop)
			printf("\n%s, row %zu: %s instead of %s\n", ep_wire_type_name(b->type), k,
			       ep_drop_names[drop], ep_drop_names[b->drop]);
		CU_ASSERT_EQUAL(drop, b->drop);
		CU_ASSERT_EQUAL(payload, 77); // untouched on failure
	}
}

static void member_count_is_bounded(void)
{
	struct writer w;
	uint32_t payload;
	struct ep_msg *m = build(&w, EP_PREACCEPT_OK, 0);
	CU_ASSERT_EQUAL(check_copy(m, m->len, 0, &payload), EP_DROP_MALFORMED);
	CU_ASSERT_EQUAL(check_copy(m, m->len, EP_MEMBERS_MAX + 1, &payload), EP_DROP_MALFORMED);
	CU_ASSERT_EQUAL(check_copy(m, m->len, N + 1, &payload), EP_DROP_SHORT);
	CU_ASSERT_EQUAL(check_copy(m, m->len, N - 1, &payload), EP_DROP_MALFORMED);
}

// ---- payloads --------------------------------------------------------------------------

static bool payload_of(const enum ep_command_kind *kinds, unsigned count, unsigned claimed)
{
	struct writer w = {.used = 0};
	struct ep_wire_payload *p = room(&w, (uint32_t)sizeof *p);
	for (unsigned k = 0; k < count; k++)
		put_command(&w, kinds[k], kinds[k] == EP_CMD_UPDATE ? "x" : "");
	p->count = (uint8_t)claimed;
	p->len = (uint16_t)w.used;
	return ep_wire_check_payload(w.data, w.used);
}

static void an_open_is_alone_in_its_payload(void)
{
	const enum ep_command_kind open_first[] = {EP_CMD_OPEN, EP_CMD_UPDATE};
	const enum ep_command_kind open_last[] = {EP_CMD_UPDATE, EP_CMD_OPEN};
	CU_ASSERT(payload_of(open_first, 1, 1));
	CU_ASSERT(!payload_of(open_first, 2, 2));
	CU_ASSERT(!payload_of(open_last, 2, 2));
}

static void a_payload_has_the_commands_it_claims(void)
{
	enum ep_command_kind many[EP_BATCH_MAX + 1];
	for (size_t k = 0; k <= EP_BATCH_MAX; k++)
		many[k] = EP_CMD_READ;
	CU_ASSERT(payload_of(many, EP_BATCH_MAX, EP_BATCH_MAX));
	CU_ASSERT(!payload_of(many, 3, 2));
	CU_ASSERT(!payload_of(many, 2, 3));
	CU_ASSERT(!payload_of(many, 0, 0));
	CU_ASSERT(!payload_of(many, 0, 1));
}

static void commands_without_bytes_have_none(void)
{
	struct writer w = {.used = 0};
	put_command(&w, EP_CMD_OPEN, "");
	CU_ASSERT(ep_wire_check_command(w.data, w.used));
	w.used = 0;
	put_command(&w, EP_CMD_OPEN, "x");
	CU_ASSERT(!ep_wire_check_command(w.data, w.used));
	w.used = 0;
	put_command(&w, EP_CMD_EXPIRE, "x");
	CU_ASSERT(!ep_wire_check_command(w.data, w.used));
	CU_ASSERT(!ep_wire_check_command(w.data, 0));
}

static const struct unit_test tests[] = {
	{"each type is accepted", each_type_is_accepted},
	{"unknown types are told", unknown_types_are_told},
	{"each broken field has its reason", each_broken_field_has_its_reason},
	{"the member count is bounded", member_count_is_bounded},
	{"an OPEN is alone in its payload", an_open_is_alone_in_its_payload},
	{"a payload has the commands it claims", a_payload_has_the_commands_it_claims},
	{"commands without bytes have none", commands_without_bytes_have_none},
};
UNIT_MAIN("wire_fields", tests)
