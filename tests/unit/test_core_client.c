// Messages of clients: HELLO, requests, statistics, digest.
#include "tests/unit/core.h"

static struct core c;

static const struct said *ask(enum ep_msg_type type, uint8_t arg, uint32_t epoch, enum ep_msg_type answer)
{
	core_forget(&c);
	c.out_len = ep_wire_begin(c.out, EP_FRAME_REQUEST, EP_SENDER_CLIENT, 9, epoch);
	struct ep_msg *msg = ep_wire_append(c.out, &c.out_len, sizeof c.out, type, sizeof *msg);
	msg->arg = arg;
	msg->i = 4242;
	core_send(&c, EP_CLIENT);
	const struct said *s = core_said(&c, EP_CLIENT, answer);
	if (s)
		CU_ASSERT_EQUAL(s->msg->i, 4242); // the cookie
	return s;
}

static void test_hello(void)
{
	core_start(&c, 5, 3, 0);
	const struct said *s = ask(EP_C_HELLO, 0, 0, EP_C_WELCOME);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	const struct ep_wire_welcome *w = (const void *)(s->msg + 1);
	CU_ASSERT_EQUAL(w->n, 5);
	CU_ASSERT_EQUAL(w->self, 3);
	CU_ASSERT_EQUAL(w->epoch, 1);
	CU_ASSERT_EQUAL(w->command_max, ep_command_max(EP_FRAME_MAX_DEFAULT));
	CU_ASSERT_EQUAL(((const struct ep_wire_member *)(w + 1))[4].uuid[0], 5);
	core_end(&c);
}

static void test_statistics(void)
{
	core_start(&c, 3, 0, 0);
	static const struct {
		uint8_t page;
		size_t bytes;
	} pages[] = { { EP_STATS_CORE, sizeof(struct ep_counters) }, { EP_STATS_DROPS, 8 * EP_DROP_REASONS },
		      { EP_STATS_SHELL, sizeof(struct ep_shell_counters) }, { EP_STATS_FRONTIER, 6 * 8 * 3 } };
	for (size_t k = 0; k < 4; k++) {
		const struct said *s = ask(EP_C_STATS, pages[k].page, 0, EP_C_STATS_REPLY);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(s->msg->len, sizeof *s->msg + pages[k].bytes);
	}
	CU_ASSERT_PTR_NULL(ask(EP_C_STATS, 99, 0, EP_C_STATS_REPLY));
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_MALFORMED), 1);
	core_end(&c);
}

static void test_digest(void)
{
	core_start(&c, 1, 0, 0);
	core_open(&c);
	const struct said *s = NULL;
	for (uint32_t k = 0; k < 1000; k++) {
		s = ask(EP_C_DIGEST, 0, 0, EP_C_DIGEST_REPLY);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		if (((const struct ep_wire_digest *)(s->msg + 1))->is_complete)
			break;
	}
	struct ep_wire_digest now;
	ep_digest_now(c.r, &now);
	CU_ASSERT_EQUAL(memcmp(s->msg + 1, &now, sizeof now), 0);
	core_end(&c);
}

static void test_refused(void)
{
	core_start(&c, 3, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	((struct ep_wire_header *)(void *)c.out)->epoch = 9;
	core_send(&c, EP_CLIENT);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, EP_CLIENT, EP_C_WRONG_EPOCH));
	core_forget(&c);
	core_request(&c, EP_CMD_READ, NULL, 2, "k", "v"); // a READ that writes
	const struct said *s = core_said(&c, EP_CLIENT, EP_C_REPLY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(((const struct ep_wire_reply *)(s->msg + 1))->status, EP_BAD_COMMAND);
	core_forget(&c);
	uint8_t bytes[EP_RECONFIG_MAX]; // members end epochs, clients do not
	uint32_t len = core_reconfig(2, bytes);
	c.out_len = ep_wire_begin(c.out, EP_FRAME_REQUEST, EP_SENDER_CLIENT, c.host.config.cluster, 1);
	memcpy(ep_wire_append(c.out, &c.out_len, sizeof c.out, EP_C_REQUEST, (uint32_t)sizeof(struct ep_msg) + len) + 1, bytes, len);
	core_send(&c, EP_CLIENT);
	s = core_said(&c, EP_CLIENT, EP_C_REPLY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(((const struct ep_wire_reply *)(s->msg + 1))->status, EP_BAD_COMMAND);
	CU_ASSERT_EQUAL(c.r->counters.submits, 1);
	core_end(&c);
}

// A command that fits a request and no RecoverOK would be lost with its leader: it is refused before anything is stored.
static void test_too_big(void)
{
	static uint8_t bytes[EP_FRAME_MAX_DEFAULT];
	core_start(&c, 3, 0, 0);
	uint32_t limit = ep_command_max(c.host.config.frame_max);
	for (uint32_t extra = 0; extra < 2; extra++) {
		core_forget(&c);
		uint32_t len = limit + extra;
		c.out_len = ep_wire_begin(c.out, EP_FRAME_REQUEST, EP_SENDER_CLIENT, 9, 1);
		struct ep_msg *msg = ep_wire_append(c.out, &c.out_len, sizeof c.out, EP_C_REQUEST,
						    (uint32_t)(sizeof *msg + sizeof(struct ep_wire_command)) + len);
		struct ep_wire_command head = { .len = (uint16_t)(sizeof head + len), .kind = EP_CMD_READ };
		msg->i = 4242;
		memcpy(msg + 1, &head, sizeof head);
		memcpy((uint8_t *)(msg + 1) + sizeof head, bytes, len);
		core_send(&c, EP_CLIENT);
		const struct said *s = core_said(&c, EP_CLIENT, EP_C_REPLY);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(((const struct ep_wire_reply *)(s->msg + 1))->status, extra ? EP_TOO_BIG : EP_BAD_COMMAND);
	}
	CU_ASSERT_EQUAL(c.r->counters.submits, 0);
	core_end(&c);
}

// The hint about free sessions has 16 bits.
static void test_many_sessions(void)
{
	struct ep_config config = core_config(3, 0, 0);
	config.sessions_max = 70000;
	core_start_with(&c, &config);
	const struct said *s = ask(EP_C_HELLO, 0, 0, EP_C_WELCOME);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(((const struct ep_wire_welcome *)(const void *)(s->msg + 1))->sessions_free_hint, 65535);
	core_end(&c);
}

// An impatient client: its repeat joins the instance that carries the first one, and the answer goes to the newest address.
static void test_repeat_in_flight(void)
{
	struct ep_session_id session = { .i = 1, .epoch = 1, .col = 1 };
	uint8_t payload[KV_BYTES_MAX];
	core_start(&c, 3, 0, EP_MODE_E);
	uint32_t len = 8 + 32; // OPEN of p1 makes the session
	struct ep_wire_payload head = { .len = (uint16_t)len, .count = 1 };
	struct ep_wire_command open = { .len = 32, .kind = EP_CMD_OPEN };
	memcpy(payload, &head, 8);
	memcpy(payload + 8, &open, 32);
	memcpy((uint8_t *)core_begin(&c, 1, EP_COMMIT, 0, 1, 1, 0, 40 + len) + 40, payload, len);
	core_send(&c, 1);
	CU_ASSERT_EQUAL(c.r->sessions_count, 1);
	core_request(&c, EP_CMD_UPDATE, &session, 1, "k", "v");
	core_request(&c, EP_CMD_UPDATE, &session, 1, "k", "v");
	CU_ASSERT_EQUAL(c.r->counters.submits, 1);
	CU_ASSERT_EQUAL(c.r->counters.duplicates, 1);
	core_request(&c, EP_CMD_UPDATE, &session, 1, "k", "other"); // not a repeat
	CU_ASSERT_EQUAL(c.r->counters.submits, 2);
	core_preaccept_ok(&c, 1, 1, ep_peek(c.r, 0, 1).idep);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, EP_CLIENT, EP_C_REPLY));
	core_end(&c);
}

static const struct unit_test tests[] = { { "HELLO", test_hello }, { "statistics", test_statistics }, { "digest", test_digest },
					  { "refused", test_refused }, { "repeat in flight", test_repeat_in_flight }, { "too big", test_too_big },
					  { "many sessions", test_many_sessions } };
UNIT_MAIN("core_client", tests)
