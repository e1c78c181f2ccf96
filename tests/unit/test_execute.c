// Execution: chains, cycles, blocking, budgets.
#include "tests/unit/core.h"

static struct core c;

static void commit(uint8_t col, uint64_t i, uint64_t a, uint64_t b, uint64_t d, const char *key)
{
	core_value(&c, col == 0 ? 1 : col, EP_COMMIT, col, i, 0, (uint64_t[]){ a, b, d }, key);
}

static void executed(uint64_t nth, uint8_t col, uint64_t i)
{
	struct ep_session_id id = ep_executed_at(c.r, nth);
	CU_ASSERT_EQUAL(id.col, col);
	CU_ASSERT_EQUAL(id.i, i);
}

static void test_waits_for_deps(void)
{
	core_start(&c, 3, 0, 0);
	commit(1, 1, 0, 0, 1, "k");
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 0);
	commit(2, 1, 0, 0, 0, "k");
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 2);
	executed(0, 2, 1);
	executed(1, 1, 1);
	core_end(&c);
}

// A dependency vector covers a prefix; what does not interfere does not hold up.
static void test_only_interfering(void)
{
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 2, 1, 2, NULL, "other");
	commit(1, 1, 0, 0, 1, "k");
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 1);
	core_preaccept(&c, 2, 2, 2, NULL, "k");
	commit(1, 2, 0, 1, 2, "k");
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 1);
	core_value(&c, 1, EP_COMMIT, 2, 2, 2, NULL, "NOP"); // it ended as Nop
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 3);
	core_end(&c);
}

// A cycle of three, by seq: the numbers 3, 1, 2 of test messages make seqs 103, 101, 102.
static void test_cycle(void)
{
	core_start(&c, 3, 0, 0);
	commit(1, 1, 0, 0, 0, "x"), commit(1, 2, 0, 0, 0, "x"), commit(2, 1, 0, 0, 0, "x"); // to have the numbers
	commit(0, 1, 0, 3, 0, "k");
	commit(1, 3, 0, 0, 2, "k");
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 3);
	commit(2, 2, 1, 0, 0, "k");
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 6);
	executed(3, 0, 1);
	executed(4, 2, 2);
	executed(5, 1, 3);
	CU_ASSERT_EQUAL(c.r->counters.scc_multi, 1);
	CU_ASSERT_EQUAL(c.r->counters.scc_largest, 3);
	core_end(&c);
}

// Equal seqs: the column decides, at every member alike.
static void test_equal_seq(void)
{
	core_start(&c, 3, 0, 0);
	commit(2, 1, 0, 1, 0, "k");
	commit(1, 1, 0, 0, 1, "k");
	executed(0, 1, 1);
	executed(1, 2, 1);
	core_end(&c);
}

// A chain across columns as long as the window: constant stack, in pieces of the budget.
static void test_long_chain(void)
{
	struct ep_config config = core_config(3, 0, 0);
	config.window = 65536;
	config.own_max = 1024;
	config.cost_max = 8 * 65536;
	config.app_capacity = 1u << 23;
	config.exec_budget = 64;
	core_start_with(&c, &config);
	uint64_t length = 100000;
	for (uint64_t i = length; i >= 1; i--) // from its end: nothing can run before the first one is there
		commit(1 + i % 2, (i + 1) / 2, 0, i % 2 ? i / 2 : i / 2 - 1, i % 2 ? (i - 1) / 2 : i / 2, "k");
	while (ep_deadline(c.r) <= c.now)
		ep_tick(c.r, c.now, &c.host.effects), host_flush(&c.host);
	CU_ASSERT_EQUAL(ep_executed_count(c.r), length);
	for (uint64_t nth = length - 4000; nth < length; nth++) {
		uint64_t i = nth + 1;
		executed(nth, 1 + i % 2, (i + 1) / 2);
	}
	core_end(&c);
}

// Found by the simulator: a column's prefix passes the dependencies in the middle of its search.
static void test_prefix_moves_under_search(void)
{
	struct ep_config config = core_config(3, 0, 0);
	config.exec_budget = 16;
	core_start_with(&c, &config);
	c.r->config.exec_budget = 1;
	for (uint64_t i = 1; i <= 20; i++) {
		commit(1, i, 0, i - 1, i > 1 ? i - 1 : 0, "k");
		commit(2, i, 0, i, i - 1, "k");
	}
	for (uint32_t turns = 0; turns < 5000 && ep_executed_count(c.r) < 40; turns++)
		core_wait(&c, 1000);
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 40);
	for (uint64_t nth = 0; nth < 40; nth++)
		executed(nth, nth % 2 ? 2 : 1, nth / 2 + 1);
	core_end(&c);
}

// Found by scripts/chaos.sh: what needs the payloads of a column up to a number is searched again when all are there, not at every
// hole that is filled below; also what needs them only through others.
static void test_many_holes(void)
{
	core_start(&c, 3, 0, 0);
	for (uint64_t i = 1; i <= 30; i++)
		commit(1, i, 0, i - 1, 100, "k");
	for (uint64_t i = 31; i <= 60; i++)
		commit(1, i, 0, i - 1, 0, "k");
	uint64_t blocked = c.r->counters.blocked;
	CU_ASSERT_EQUAL(c.r->counters.blocked_on_hole, blocked);
	for (uint64_t i = 1; i < 100; i++)
		commit(2, i, 0, 0, i - 1, "other");
	CU_ASSERT_EQUAL(c.r->counters.blocked, blocked);
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 99);
	commit(2, 100, 0, 0, 99, "k");
	while (ep_deadline(c.r) <= c.now)
		core_wait(&c, 1);
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 160);
	core_end(&c);
}

// Instances outside the index (too many keys, or no room) still order with everything.
static void test_unindexed(void)
{
	struct ep_config config = core_config(3, 0, 0);
	config.index_keys = 16;
	core_start_with(&c, &config);
	char key[8];
	for (uint64_t i = 1; i <= 30; i++) {
		snprintf(key, sizeof key, "k%u", (unsigned)(i % 12));
		core_preaccept(&c, 1, i, 1, NULL, key);
	}
	CU_ASSERT(c.r->counters.unindexed > 0);
	for (uint64_t i = 30; i >= 1; i--) {
		snprintf(key, sizeof key, "k%u", (unsigned)(i % 12));
		commit(1, i, 0, i - 1, 0, key);
	}
	core_wait(&c, 1000000);
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 30);
	for (uint64_t a = 0; a < 30; a++)
		for (uint64_t b = a + 1; b < 30; b++) {
			uint64_t x = ep_executed_at(c.r, a).i, z = ep_executed_at(c.r, b).i;
			CU_ASSERT(x % 12 != z % 12 || x < z);
		}
	core_end(&c);
}

// RECONFIG interferes with everything and is the last of its component, whatever its seq (EX2). What it ends: test_epoch.c.
static void test_reconfig(void)
{
	uint8_t reconfig[EP_RECONFIG_MAX];
	uint32_t len = core_reconfig(3, reconfig);
	struct ep_wire_payload head = { .len = (uint16_t)(sizeof head + len), .count = 1 };
	const uint64_t deps[3] = { 0, 0, 2 };
	core_start(&c, 3, 0, 0);
	uint8_t *body = core_begin(&c, 1, EP_COMMIT, 0, 1, 1, 0, 16 + 24 + head.len);
	ep_store64(body + 8, 1); // the lowest seq
	memcpy(body + 16, deps, sizeof deps);
	memcpy(body + 40, &head, sizeof head);
	memcpy(body + 40 + sizeof head, reconfig, len);
	core_send(&c, 1);
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 0);
	commit(2, 2, 0, 1, 0, "j");
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 0); // nothing passes it: (2,1) could be anything
	core_preaccept(&c, 2, 3, 2, NULL, "i"); // what comes later depends on it
	CU_ASSERT(core_deps_are(&c, core_said(&c, 2, EP_PREACCEPT_OK), (uint64_t[]){ 0, 1, 0 }));
	commit(2, 1, 0, 0, 0, "k");
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 3);
	executed(0, 2, 1);
	executed(1, 2, 2);
	executed(2, 1, 1);
	CU_ASSERT_EQUAL(c.r->counters.scc_multi, 1);
	core_end(&c);
}

static const struct unit_test tests[] = { { "waits for dependencies", test_waits_for_deps }, { "only interfering", test_only_interfering },
					  { "cycle", test_cycle }, { "equal seq", test_equal_seq }, { "long chain", test_long_chain },
					  { "prefix moves under a search", test_prefix_moves_under_search },
					  { "many holes", test_many_holes }, { "unindexed", test_unindexed }, { "RECONFIG", test_reconfig } };
UNIT_MAIN("execute", tests)
