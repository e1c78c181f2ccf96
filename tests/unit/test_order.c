// The ORDER QUEUE: first in, first out, one transaction each, and the same after a kill.
#include "tests/unit/core.h"

static struct core c;

static void commit(uint8_t col, uint64_t i, uint64_t b, uint64_t d)
{
	core_value(&c, col, EP_COMMIT, col, i, 0, (uint64_t[]){ 0, b, d }, "k");
}

// Killed with a component of two half executed: the rest runs first, in the order that was fixed.
static void test_half_a_component(void)
{
	core_start(&c, 3, 0, 0);
	c.r->config.exec_budget = 0; // nothing runs by itself
	commit(1, 1, 0, 1);
	commit(2, 1, 1, 0);
	commit(2, 2, 1, 1);
	uint32_t steps = 0;
	while (c.r->order_head == 0 && ++steps < 100)
		ep_exec_run(c.r, &c.host.effects, 1);
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 0);
	CU_ASSERT(ep_order_drain_one(c.r, &c.host.effects));
	CU_ASSERT_NOT_EQUAL(c.r->order_head, 0); // the other member
	CU_ASSERT(ep_is_executed(c.r, 1, 1));
	c.host.config.exec_budget = 16;
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	CU_ASSERT_NOT_EQUAL(c.r->order_head, 0);
	core_wait(&c, 1000000);
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 2); // since the restart
	CU_ASSERT_EQUAL(ep_executed_at(c.r, 0).i, 1);
	CU_ASSERT_EQUAL(ep_executed_at(c.r, 0).col, 2);
	CU_ASSERT_EQUAL(ep_executed_at(c.r, 1).i, 2);
	core_end(&c);
}

// Others ended a number of ours that was never used (somebody named it): it was not counted, and is not counted off.
static void test_never_used(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 0, 1, 2, NULL, "NOP");
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 1);
	CU_ASSERT_EQUAL(c.r->own_unexecuted, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_BUSY), 0);
	CU_ASSERT_EQUAL(c.r->own_unexecuted, 1);
	core_value(&c, 1, EP_COMMIT, 0, 2, 2, NULL, "NOP");
	CU_ASSERT_EQUAL(c.r->own_unexecuted, 1); // its command was submitted again
	core_end(&c);
}

static void test_empty(void)
{
	core_start(&c, 3, 0, 0);
	CU_ASSERT_FALSE(ep_order_drain_one(c.r, &c.host.effects));
	core_end(&c);
}

// Executed out of order within a column: the prefix follows when the gap closes. Through laps of the window.
static void test_prefix(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 2, 0, NULL, "a");
	core_value(&c, 1, EP_COMMIT, 1, 3, 0, NULL, "b");
	CU_ASSERT(ep_is_executed(c.r, 1, 3));
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 1), 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "c");
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 1), 3);
	core_end(&c);
}

static const struct unit_test tests[] = { { "half a component", test_half_a_component }, { "never used", test_never_used }, { "empty", test_empty }, { "prefix", test_prefix } };
UNIT_MAIN("order", tests)
