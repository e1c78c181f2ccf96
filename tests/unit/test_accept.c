// Accept, AcceptOK and Nack, row by row of protocol.md B.5.
#include "tests/unit/core.h"

static struct core c;

static void test_takes_a_value(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_ACCEPT, 1, 1, 0, (uint64_t[]){ 0, 0, 2 }, "k");
	struct ep_peek peek = ep_peek(c.r, 1, 1);
	CU_ASSERT_EQUAL(peek.phase, EP_ACCEPTED);
	CU_ASSERT_EQUAL(peek.dep[2], 2);
	CU_ASSERT_EQUAL(core_said(&c, 1, EP_ACCEPT_OK)->bal, 0);
	CU_ASSERT_EQUAL(ep_known(c.r, 2), 2);
	core_forget(&c);
	core_value(&c, 1, EP_ACCEPT, 1, 1, 0, (uint64_t[]){ 0, 0, 2 }, "k"); // idempotent
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_ACCEPT_OK));
	core_end(&c);
}

static void test_ballots(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 2, EP_ACCEPT, 1, 1, 6, NULL, "NOP");
	core_forget(&c);
	core_value(&c, 2, EP_ACCEPT, 1, 1, 3, NULL, "k");
	CU_ASSERT_EQUAL(core_said(&c, 2, EP_NACK)->bal, 6);
	CU_ASSERT_EQUAL(rec_abal(core_record(&c, 1, 1)), 6);
	CU_ASSERT(rec_is_nop(core_record(&c, 1, 1)));
	core_value(&c, 2, EP_ACCEPT, 1, 1, 8, NULL, "k"); // 8 is p1's
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_BALLOT), 1);
	core_value(&c, 2, EP_ACCEPT, 1, 2, 0, NULL, "k"); // 0 is the command leader's
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_BALLOT), 2);
	core_value(&c, 1, EP_ACCEPT, 1, 1, 8, NULL, "k");
	CU_ASSERT_FALSE(rec_is_nop(core_record(&c, 1, 1)));
	CU_ASSERT_EQUAL(rec_abal(core_record(&c, 1, 1)), 8);
	core_end(&c);
}

static void test_short_without_payload(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_ACCEPT, 1, 1, 0, NULL, NULL);
	CU_ASSERT_PTR_NULL(core_said(&c, 1, EP_ACCEPT_OK));
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_FETCH));
	CU_ASSERT_PTR_NULL(core_record(&c, 1, 1));
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	core_value(&c, 1, EP_ACCEPT, 1, 1, 0, NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_ACCEPT_OK));
	core_end(&c);
}

static void test_after_commit(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "k");
	core_forget(&c);
	core_value(&c, 2, EP_ACCEPT, 1, 1, 3, NULL, "NOP");
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 2, EP_COMMIT));
	CU_ASSERT_FALSE(rec_is_nop(core_record(&c, 1, 1)));
	core_end(&c);
}

static void test_outside(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_ACCEPT, 1, 1, 0, (uint64_t[]){ 999, 0, 0 }, "k");
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_WINDOW), 1);
	core_end(&c);
}

// The slow path: two of three, the own vote counted; one member's vote counts once.
static void test_quorum(void)
{
	core_start(&c, 5, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_preaccept_ok(&c, 1, 1, NULL);
	core_preaccept_ok(&c, 2, 1, (uint64_t[]){ 0, 0, 3, 0, 0 });
	core_wait(&c, 50000000); // T_fast
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_ACCEPTED);
	core_ballot(&c, 1, EP_ACCEPT_OK, 0, 1, 0);
	core_ballot(&c, 1, EP_ACCEPT_OK, 0, 1, 0);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_ACCEPTED);
	core_ballot(&c, 3, EP_ACCEPT_OK, 0, 1, 5); // another ballot's
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_ACCEPTED);
	core_ballot(&c, 3, EP_ACCEPT_OK, 0, 1, 0);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_COMMITTED);
	CU_ASSERT_EQUAL(c.r->counters.slow_commits, 1);
	CU_ASSERT_EQUAL(ep_peek(c.r, 0, 1).dep[2], 3);
	core_end(&c);
}

// An AcceptOK for somebody else's proposal is nothing to us.
static void test_not_ours(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_ACCEPT, 1, 1, 0, NULL, "k");
	core_ballot(&c, 2, EP_ACCEPT_OK, 1, 1, 0);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_UNEXPECTED), 1);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 1, 1)), EP_ACCEPTED);
	core_end(&c);
}

// Somebody else's Accept or a Nack for an own instance: it stops driving it (found by the simulator: its own timer went on).
static void test_robbed(void)
{
	for (uint32_t k = 0; k < 2; k++) {
		core_start(&c, 3, 0, 0);
		core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
		if (k == 0)
			core_value(&c, 2, EP_ACCEPT, 0, 1, 3, NULL, "NOP");
		else
			core_ballot(&c, 1, EP_NACK, 0, 1, 3);
		core_forget(&c);
		core_wait(&c, 4000000);
		CU_ASSERT_EQUAL(core_count(&c, EP_PREACCEPT) + core_count(&c, EP_ACCEPT), 0);
		core_preaccept_ok(&c, 1, 1, NULL); // too late, if it was robbed
		if (k == 0)
			CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_ACCEPTED);
		core_end(&c);
	}
}

static const struct unit_test tests[] = { { "takes a value", test_takes_a_value }, { "ballots", test_ballots },
					  { "short without payload", test_short_without_payload }, { "after Commit", test_after_commit },
					  { "outside the window", test_outside }, { "quorum", test_quorum }, { "not ours", test_not_ours },
					  { "robbed", test_robbed } };
UNIT_MAIN("accept", tests)
