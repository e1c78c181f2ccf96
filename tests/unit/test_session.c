// Sessions: exactly once, whatever a client does (protocol.md D.5).
#include "tests/unit/core.h"

static struct core c;
static struct ep_session_id session;

static const struct ep_wire_reply *ask(uint8_t kind, const struct ep_session_id *id, uint64_t seq, const char *key, const char *value)
{
	core_forget(&c);
	core_request(&c, kind, id, seq, key, value);
	const struct said *s = core_said(&c, EP_CLIENT, EP_C_REPLY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return (const void *)(s->msg + 1);
}

static void start(void)
{
	core_start(&c, 1, 0, 0);
	session = core_open(&c);
	CU_ASSERT_EQUAL(session.i, 1);
}

static void test_once(void)
{
	start();
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &session, 1, "k", "v")->status, EP_OK);
	uint64_t ran = c.r->counters.executed;
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &session, 1, "k", "v")->status, EP_OK); // a repeat: from the table
	CU_ASSERT_EQUAL(c.r->counters.executed, ran);
	CU_ASSERT_EQUAL(c.r->counters.kept_replies, 1);
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &session, 1, "k", "w")->status, EP_MISMATCH);
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &session, 5, "k", "w")->status, EP_OK); // seqs may leave gaps
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &session, 4, "k", "x")->status, EP_STALE);
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &session, 1, "k", "v")->status, EP_STALE);
	CU_ASSERT_EQUAL(c.r->counters.executed, ran + 1);
	core_end(&c);
}

static void test_unknown(void)
{
	struct ep_session_id other = { .i = 77, .epoch = 1 }, old;
	start();
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &other, 1, "k", "v")->status, EP_NO_SESSION);
	old = session;
	old.epoch = 2;
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &old, 1, "k", "v")->status, EP_NO_SESSION);
	old = session;
	old.col = 1;
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &old, 1, "k", "v")->status, EP_NO_SESSION);
	core_end(&c);
}

static void test_expire(void)
{
	start();
	ask(EP_CMD_UPDATE, &session, 1, "k", "v");
	CU_ASSERT_EQUAL(ask(EP_CMD_EXPIRE, &session, 0, NULL, NULL)->status, EP_STALE); // it was used since
	CU_ASSERT_EQUAL(ask(EP_CMD_EXPIRE, &session, 1, NULL, NULL)->status, EP_OK);
	CU_ASSERT_EQUAL(ask(EP_CMD_EXPIRE, &session, 1, NULL, NULL)->status, EP_NO_SESSION);
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &session, 2, "k", "v")->status, EP_NO_SESSION); // never a second first time
	core_end(&c);
}

static void test_full(void)
{
	start();
	struct ep_session_id last = session;
	for (uint32_t k = 1; k < 16; k++)
		last = core_open(&c);
	CU_ASSERT_EQUAL(ask(EP_CMD_OPEN, NULL, 0, NULL, NULL)->status, EP_FULL);
	CU_ASSERT_EQUAL(ask(EP_CMD_EXPIRE, &last, 0, NULL, NULL)->status, EP_OK);
	CU_ASSERT_EQUAL(ask(EP_CMD_OPEN, NULL, 0, NULL, NULL)->status, EP_OK);
	CU_ASSERT_EQUAL(c.r->sessions_count, 16);
	core_end(&c);
}

static void test_survives(void)
{
	start();
	ask(EP_CMD_UPDATE, &session, 1, "k", "v");
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	CU_ASSERT_EQUAL(ask(EP_CMD_UPDATE, &session, 1, "k", "v")->status, EP_OK);
	CU_ASSERT_EQUAL(c.r->counters.executed, 0);
	CU_ASSERT_EQUAL(ask(EP_CMD_OPEN, NULL, 0, NULL, NULL)->status, EP_OK);
	core_end(&c);
}

static const struct unit_test tests[] = { { "once", test_once }, { "unknown", test_unknown }, { "expire", test_expire }, { "full", test_full },
					  { "survives", test_survives } };
UNIT_MAIN("session", tests)
