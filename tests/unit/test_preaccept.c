// PreAccept and PreAcceptOK, row by row of protocol.md B.5.
#include "tests/unit/core.h"

static struct core c;

static void test_answers_the_union(void)
{
	core_start(&c, 3, 0, EP_MODE_E);
	core_preaccept(&c, 2, 3, 0, NULL, "k");
	core_preaccept(&c, 1, 7, 1, (uint64_t[]){ 0, 2, 0 }, "k");
	CU_ASSERT(core_deps_are(&c, core_said(&c, 1, EP_PREACCEPT_OK), (uint64_t[]){ 0, 2, 3 }));
	struct ep_peek peek = ep_peek(c.r, 1, 7);
	CU_ASSERT_EQUAL(peek.phase, EP_PREACCEPTED);
	CU_ASSERT_EQUAL(peek.idep[2], 0);
	CU_ASSERT_EQUAL(peek.dep[2], 3);
	CU_ASSERT_EQUAL(ep_known(c.r, 1), 7);
	core_end(&c);
}

// A repeat gets the stored answer, although more is known by now.
static void test_repeat(void)
{
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	core_preaccept(&c, 2, 1, 0, NULL, "k");
	core_forget(&c);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	CU_ASSERT(core_deps_are(&c, core_said(&c, 1, EP_PREACCEPT_OK), (uint64_t[]){ 0, 0, 0 }));
	core_forget(&c);
	core_preaccept(&c, 1, 1, 2, NULL, "k"); // another designated peer: never
	CU_ASSERT_EQUAL(c.said_count, 0);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_FQ), 1);
	core_end(&c);
}

static void test_after_joining(void)
{
	core_start(&c, 3, 0, 0);
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 3);
	core_forget(&c);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	CU_ASSERT_PTR_NULL(core_said(&c, 1, EP_PREACCEPT_OK));
	CU_ASSERT_PTR_NOT_NULL_FATAL(core_said(&c, 1, EP_NACK));
	CU_ASSERT_EQUAL(core_said(&c, 1, EP_NACK)->bal, 3);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 1, 1)), EP_INITIAL);
	core_end(&c);
}

static void test_after_accept_and_commit(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_ACCEPT, 1, 1, 0, NULL, "k");
	core_forget(&c);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	CU_ASSERT_EQUAL(c.said_count, 0); // the leader is past it
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "k");
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_COMMIT));
	core_end(&c);
}

static void test_not_the_leader(void)
{
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	core_begin(&c, 2, EP_PREACCEPT, 0, 1, 2, 0, 8 + 48 + 8);
	uint8_t payload[KV_BYTES_MAX];
	uint32_t len = core_payload(payload, NULL, 0, "k", NULL);
	uint8_t *body = core_begin(&c, 2, EP_PREACCEPT, 0, 1, 2, 0, 8 + 48 + len);
	memcpy(body + 56, payload, len);
	ep_store64(body, 5);
	core_send(&c, 2);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_SENDER), 1);
	CU_ASSERT_PTR_NULL(core_record(&c, 1, 2));
	core_end(&c);
}

static void test_outside(void)
{
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 1, 1, 0, (uint64_t[]){ 0, 0, 500 }, "k");
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_WINDOW), 1);
	CU_ASSERT_PTR_NULL(core_record(&c, 1, 1));
	core_end(&c);
}

// Mode D: the designated peer's answer commits with its deps, whatever they are; the third member's does not.
static void test_mode_d(void)
{
	core_start(&c, 3, 0, EP_MODE_D);
	c.r->peers[1].srtt = 1;
	c.r->peers[2].srtt = 9;
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_preaccept_ok(&c, 2, 1, NULL);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_PREACCEPTED);
	core_preaccept_ok(&c, 1, 1, (uint64_t[]){ 0, 4, 2 });
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_COMMITTED);
	CU_ASSERT(core_deps_are(&c, core_said(&c, 2, EP_COMMIT), (uint64_t[]){ 0, 4, 2 }));
	CU_ASSERT_EQUAL(c.r->counters.fast_commits, 1);
	core_end(&c);
}

// Mode E at n = 5: three equal votes; a vote counts once; when three cannot come any more, the union is proposed at once.
static void test_mode_e(void)
{
	static const uint64_t other[5] = { 0, 0, 0, 0, 3 };
	core_start(&c, 5, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_preaccept_ok(&c, 1, 1, NULL);
	core_preaccept_ok(&c, 1, 1, NULL);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_PREACCEPTED);
	core_preaccept_ok(&c, 2, 1, NULL);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_COMMITTED);
	CU_ASSERT_EQUAL(c.r->counters.fast_commits, 1);

	core_request(&c, EP_CMD_READ, NULL, 2, "k", NULL);
	core_preaccept_ok(&c, 1, 2, other);
	core_preaccept_ok(&c, 2, 2, other);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 2)), EP_PREACCEPTED); // two may still come
	core_preaccept_ok(&c, 3, 2, other);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 2)), EP_ACCEPTED); // three equal votes cannot
	CU_ASSERT(core_deps_are(&c, core_said(&c, 4, EP_ACCEPT), other));
	core_end(&c);
}

static void test_answer_outside(void)
{
	core_start(&c, 3, 0, EP_MODE_E);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_preaccept_ok(&c, 1, 1, (uint64_t[]){ 0, 0, 999 });
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_WINDOW), 1);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_PREACCEPTED);
	core_end(&c);
}

// An answer about an instance of another's column, or of one that was never made, is nobody's.
static void test_answer_astray(void)
{
	core_start(&c, 3, 0, EP_MODE_E);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	uint64_t before = c.r->counters.duplicates;
	core_begin(&c, 2, EP_PREACCEPT_OK, 0, 1, 1, 0, 24);
	core_send(&c, 2);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 1, 1)), EP_PREACCEPTED);
	core_preaccept_ok(&c, 2, 9, NULL);
	CU_ASSERT_PTR_NULL(core_record(&c, 0, 9));
	CU_ASSERT_EQUAL(c.r->counters.fast_commits, 0);
	CU_ASSERT_EQUAL(c.r->counters.duplicates, before + 2);
	core_end(&c);
}

static const struct unit_test tests[] = { { "answers the union", test_answers_the_union }, { "repeat", test_repeat },
					  { "after joining a ballot", test_after_joining }, { "after Accept and Commit", test_after_accept_and_commit },
					  { "not the leader", test_not_the_leader }, { "outside the window", test_outside },
					  { "mode D", test_mode_d }, { "mode E", test_mode_e }, { "answer outside", test_answer_outside },
					  { "answer astray", test_answer_astray } };
UNIT_MAIN("preaccept", tests)
