// Learning: prefixes, fetching, PENDING, catching up, and that every open instance ends (protocol.md C.1, E.5).
#include "tests/unit/core.h"

#define MS 1000000ull
static struct core c;

static void test_prefixes(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 2, 0, NULL, "k");
	CU_ASSERT_EQUAL(c.r->columns[1].cprefix, 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "k");
	core_wait(&c, 1);
	CU_ASSERT_EQUAL(c.r->columns[1].cprefix, 2);
	core_end(&c);
}

// An open instance: its leader is asked first, and only then recovered. PENDING re-arms the wait.
static void test_asks_first(void)
{
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 1, 1, 2, NULL, "k");
	core_forget(&c);
	while (core_count(&c, EP_FETCH) == 0)
		core_wait(&c, 1000);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_FETCH));
	CU_ASSERT_EQUAL(core_count(&c, EP_RECOVER), 0);
	ep_store64(core_begin(&c, 1, EP_PENDING, 0, 1, 1, 0, 8), 1);
	core_send(&c, 1);
	core_wait(&c, 2 * MS);
	CU_ASSERT_EQUAL(core_count(&c, EP_RECOVER), 0);
	core_wait(&c, 2000 * MS); // silence
	CU_ASSERT(core_count(&c, EP_RECOVER) > 0);
	core_end(&c);
}

// A suspicion shortens the wait; without one it works as well, later.
static void test_suspicion(void)
{
	ep_time took[2];
	for (uint32_t k = 0; k < 2; k++) {
		core_start(&c, 3, 0, 0);
		core_preaccept(&c, 1, 1, 2, NULL, "k");
		if (k == 1)
			ep_control(c.r, c.now, &(struct ep_command){ .type = EP_SUSPECT, .member = 1 }, &c.host.effects);
		ep_time began = c.now;
		while (c.r->counters.recoveries == 0 && c.now < began + 10000 * MS)
			core_wait(&c, MS / 10);
		took[k] = c.now - began;
		CU_ASSERT_EQUAL(c.r->counters.recoveries, 1);
		core_end(&c);
	}
	CU_ASSERT(took[1] < took[0]);
}

// A suspect is not asked; when all are, each is again in its turn.
static void test_suspects_are_not_asked(void)
{
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 1, 1, 2, NULL, "k");
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_SUSPECT, .member = 1 }, &c.host.effects);
	core_forget(&c);
	while (core_count(&c, EP_FETCH) == 0)
		core_wait(&c, 1000);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 2, EP_FETCH));
	CU_ASSERT_PTR_NULL(core_said(&c, 1, EP_FETCH));
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_SUSPECT, .member = 2 }, &c.host.effects);
	core_forget(&c);
	for (uint32_t k = 0; k < 100 && !(core_said(&c, 1, EP_FETCH) && core_said(&c, 2, EP_FETCH)); k++)
		core_wait(&c, MS);
	CU_ASSERT(core_said(&c, 1, EP_FETCH) && core_said(&c, 2, EP_FETCH));
	core_end(&c);
}

static void ask(uint8_t from, uint8_t col, uint64_t first, uint64_t last)
{
	core_forget(&c);
	ep_store64(core_begin(&c, from, EP_FETCH, 0, col, first, 0, 8), last);
	core_send(&c, from);
}

static void test_answers(void)
{
	core_start(&c, 3, 0, 0);
	for (uint64_t i = 1; i <= 3; i++)
		core_value(&c, 1, EP_COMMIT, 1, i, 0, NULL, i == 2 ? "NOP" : "k");
	ask(2, 1, 1, 3);
	CU_ASSERT_EQUAL(core_count(&c, EP_COMMIT), 3);
	CU_ASSERT_FALSE(core_said(&c, 2, EP_COMMIT)->msg->flags & EP_MSG_SHORT);
	ask(2, 1, 4, 9); // nothing is known of them
	CU_ASSERT_EQUAL(core_count(&c, EP_COMMIT), 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	ask(2, 0, 1, 1); // our own, open: it is driven, and the asker is told so
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 2, EP_PREACCEPT));
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 2, EP_PENDING));
	core_end(&c);
}

// A hole known from a dependency only: asked for at once, ended as Nop when nobody has it.
static void test_hole(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, (uint64_t[]){ 0, 0, 1 }, "k");
	CU_ASSERT_FALSE(ep_peek(c.r, 1, 1).is_executed);
	CU_ASSERT_EQUAL(c.r->counters.blocked_on_hole, 1);
	core_wait(&c, MS);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 2, EP_FETCH));
	core_value(&c, 2, EP_COMMIT, 2, 1, 0, NULL, "k");
	core_wait(&c, 1000);
	CU_ASSERT(ep_peek(c.r, 1, 1).is_executed);
	core_end(&c);
}

// Many open instances of a dead leader are recovered together: one round of messages, not one after the other.
static void test_range(void)
{
	core_start(&c, 3, 0, 0);
	for (uint64_t i = 1; i <= 60; i++)
		core_preaccept(&c, 1, i, 2, NULL, "k");
	core_forget(&c);
	for (uint32_t k = 0; k < 20000 && c.r->counters.recoveries == 0; k++)
		core_wait(&c, MS / 10);
	CU_ASSERT(c.r->recoveries >= 30);
	core_end(&c);
}

// Far behind: the next range is asked for as soon as something of the last one has come, however little fitted its frames.
static void test_catches_up(void)
{
	struct ep_config config = core_config(3, 0, 0);
	config.window = 1024;
	config.own_max = 16;
	uint64_t words[9] = { 0, 500, 0, 0, 500, 0, 0, 0, 0 };
	core_start_with(&c, &config);
	memcpy(core_begin(&c, 2, EP_STATUS, 0, 0, 0, 0, 72), words, 72);
	core_send(&c, 2);
	while (core_count(&c, EP_FETCH) == 0)
		core_wait(&c, 1000);
	for (uint64_t i = 1; i <= 90; i += 3) {
		core_forget(&c);
		for (uint64_t k = i; k < i + 3; k++)
			core_value(&c, 1, EP_COMMIT, 1, k, 0, NULL, "k");
		core_wait(&c, 1);
		CU_ASSERT(core_count(&c, EP_FETCH) >= 1);
	}
	core_end(&c);
}

// What a member says it has executed is asked of that member, again with back-off, and long before T_open.
static void test_told(void)
{
	uint64_t words[9] = { 0, 1, 0, 0, 1, 0, 0, 0, 0 };
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 1, 1, 2, NULL, "k");
	core_wait(&c, MS);
	CU_ASSERT_EQUAL(core_count(&c, EP_FETCH), 0);
	memcpy(core_begin(&c, 2, EP_STATUS, 0, 0, 0, 0, 72), words, 72);
	core_send(&c, 2);
	core_wait(&c, MS / 10);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 2, EP_FETCH));
	core_forget(&c);
	core_wait(&c, MS);
	CU_ASSERT(core_count(&c, EP_FETCH) >= 1 && core_count(&c, EP_FETCH) <= 6);
	CU_ASSERT_EQUAL(core_count(&c, EP_RECOVER), 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "k");
	core_forget(&c);
	core_wait(&c, 100 * MS);
	CU_ASSERT_EQUAL(core_count(&c, EP_FETCH), 0);
	core_end(&c);
}

static void test_status(void)
{
	uint64_t words[9] = { 0, 0, 0, 0, 5, 0, 0, 0, 0 };
	core_start(&c, 3, 0, 0);
	memcpy(core_begin(&c, 2, EP_STATUS, 0, 0, 0, 0, 72), words, 72);
	core_send(&c, 2);
	CU_ASSERT_EQUAL(ep_known(c.r, 1), 5); // p2 has heard of (1,5)
	words[4] = 100000;
	memcpy(core_begin(&c, 2, EP_STATUS, 0, 0, 0, 0, 72), words, 72);
	core_send(&c, 2);
	CU_ASSERT(ep_known(c.r, 1) <= 128); // bounded by the window
	core_end(&c);
}

static const struct unit_test tests[] = { { "prefixes", test_prefixes }, { "asks first", test_asks_first }, { "suspicion", test_suspicion },
					  { "suspects are not asked", test_suspects_are_not_asked }, { "answers", test_answers }, { "hole", test_hole },
					  { "range", test_range }, { "catches up", test_catches_up }, { "told", test_told },
					  { "status", test_status } };
UNIT_MAIN("learn", tests)
