// Expiry of sessions: proposed after silence, by rank; ordered, so that one used meanwhile stays.
#include "consensus/expire.h"
#include "tests/unit/core.h"

#define MS 1000000ULL
static struct core c;

static void start(uint8_t n, uint8_t self, ep_time idle)
{
	struct ep_config config = core_config(n, self, EP_MODE_AUTO);
	config.session_idle_ns = idle;
	config.status_ns = 5 * MS;
	core_start_with(&c, &config);
}

// Alone: whatever is proposed is executed at once.
static void test_silent_session(void)
{
	start(1, 0, 100 * MS);
	struct ep_session_id id = core_open(&c);
	core_request(&c, EP_CMD_UPDATE, &id, 1, "a", "1");
	core_wait(&c, 80 * MS);
	core_request(&c, EP_CMD_UPDATE, &id, 2, "a", "2"); // a use: the time begins anew
	core_wait(&c, 80 * MS);
	CU_ASSERT_PTR_NOT_NULL(ep_session_find(c.r, &id));
	core_wait(&c, 80 * MS);
	CU_ASSERT_PTR_NULL(ep_session_find(c.r, &id));
	CU_ASSERT_EQUAL(c.r->counters.expiries, 1);
	core_forget(&c);
	core_request(&c, EP_CMD_UPDATE, &id, 3, "a", "3");
	const struct said *s = core_said(&c, EP_CLIENT, EP_C_REPLY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(((const struct ep_wire_reply *)(s->msg + 1))->status, EP_NO_SESSION);
	core_end(&c);
}

// A start knows no time: with a clock that stands anywhere a session is not silent since that clock's beginning.
static void test_clock_of_a_start(void)
{
	static const ep_time clocks[] = { 1, 1ULL << 32, 1ULL << 52, 1ULL << 63 };
	for (uint32_t k = 0; k < 4; k++) {
		start(1, 0, 100 * MS);
		struct ep_session_id id = core_open(&c);
		CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
		c.now = clocks[k];
		core_wait(&c, 90 * MS);
		CU_ASSERT_PTR_NOT_NULL(ep_session_find(c.r, &id));
		core_wait(&c, 40 * MS);
		CU_ASSERT_PTR_NULL(ep_session_find(c.r, &id));
		core_end(&c);
	}
}

static void test_never(void)
{
	start(1, 0, 0);
	struct ep_session_id id = core_open(&c);
	core_wait(&c, 100000 * MS);
	CU_ASSERT_PTR_NOT_NULL(ep_session_find(c.r, &id));
	core_end(&c);
}

// Many at once: a few a time, and all in the end. A full table has room again.
static void test_full_table(void)
{
	start(1, 0, 100 * MS);
	for (uint32_t k = 0; k < c.host.config.sessions_max; k++)
		core_open(&c);
	CU_ASSERT_EQUAL(c.r->sessions_count, 16);
	core_wait(&c, 150 * MS);
	CU_ASSERT_EQUAL(c.r->sessions_count, 0);
	CU_ASSERT_EQUAL(c.r->counters.expiries, 16);
	CU_ASSERT_NOT_EQUAL(core_open(&c).i, 0);
	core_end(&c);
}

// A session of another member: this one (rank 2 of 3) waits twice as long, and proposes it with the last number.
static void test_rank(void)
{
	start(3, 0, 100 * MS);
	uint8_t *body = core_begin(&c, 1, EP_COMMIT, 0, 1, 1, 0, 16 + 24 + 40);
	struct ep_wire_payload head = { .len = 40, .count = 1 };
	struct ep_wire_command open = { .len = 32, .kind = EP_CMD_OPEN };
	ep_store64(body + 8, 1);
	memcpy(body + 40, &head, sizeof head);
	memcpy(body + 48, &open, sizeof open);
	core_send(&c, 1);
	struct ep_session_id id = { .i = 1, .epoch = 1, .col = 1 };
	CU_ASSERT_PTR_NOT_NULL_FATAL(ep_session_find(c.r, &id));
	core_wait(&c, 190 * MS);
	CU_ASSERT_EQUAL(core_count(&c, EP_PREACCEPT), 0);
	core_wait(&c, 30 * MS);
	CU_ASSERT(core_count(&c, EP_PREACCEPT) >= 2);
	CU_ASSERT_EQUAL(c.r->counters.expiries, 1);
	const struct said *s = core_said(&c, 2, EP_PREACCEPT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	struct ep_wire_command expire;
	memcpy(&expire, (const uint8_t *)(s->msg + 1) + 8 + 48 + 8, sizeof expire);
	CU_ASSERT_EQUAL(expire.kind, EP_CMD_EXPIRE);
	CU_ASSERT_EQUAL(expire.session.i, 1);
	CU_ASSERT_EQUAL(expire.session.col, 1);
	CU_ASSERT_EQUAL(expire.seq, 0);
	core_end(&c);
}

// A start counts as a use: a session is not ended because its replica was away.
static void test_restart(void)
{
	start(1, 0, 100 * MS);
	struct ep_session_id id = core_open(&c);
	core_wait(&c, 90 * MS);
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	c.now = 0; // a new process has a new clock
	core_wait(&c, 90 * MS);
	CU_ASSERT_PTR_NOT_NULL(ep_session_find(c.r, &id));
	core_wait(&c, 30 * MS);
	CU_ASSERT_PTR_NULL(ep_session_find(c.r, &id));
	core_end(&c);
}

static const struct unit_test tests[] = {
	{ "silent session", test_silent_session }, { "clock of a start", test_clock_of_a_start }, { "never", test_never }, { "full table", test_full_table },
	{ "rank", test_rank }, { "restart", test_restart },
};
UNIT_MAIN("expire", tests)
