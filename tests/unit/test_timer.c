// Timers of own instances: fast path given up, retransmission with back-off, adaptive bounds.
#include "tests/sim/probe.h"
#include "tests/sim/verdict.h"
#include "tests/unit/core.h"

#define MS 1000000ull
static struct core c;

static void test_bounds(void)
{
	core_start(&c, 3, 0, 0);
	CU_ASSERT_EQUAL(ep_after_rtts(c.r, 4, 1000), 1000);
	c.r->peers[1].srtt = 500;
	c.r->peers[2].srtt = 700;
	CU_ASSERT_EQUAL(ep_after_rtts(c.r, 4, 1000), 2800); // the slowest
	c.r->peers[2].is_suspect = true;
	CU_ASSERT_EQUAL(ep_after_rtts(c.r, 4, 1000), 2000);
	c.r->peers[1].srtt = 1ull << 40;
	CU_ASSERT_EQUAL(ep_after_rtts(c.r, 4, 1000), EP_TIMEOUT_MAX_NS);
	CU_ASSERT_EQUAL(ep_after_rtts(c.r, 4, 3 * EP_TIMEOUT_MAX_NS), 3 * EP_TIMEOUT_MAX_NS); // never below what is configured
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_PACE, .value = 10 }, &c.host.effects);
	c.r->peers[1].srtt = 1;
	CU_ASSERT_EQUAL(ep_after_rtts(c.r, 4, 1000), 10000);
	core_end(&c);
}

// Doubling, at most 2^5 times the first wait, for ever; and to the silent only.
static void test_back_off(void)
{
	core_start(&c, 5, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_preaccept_ok(&c, 2, 1, NULL);
	core_forget(&c);
	core_wait(&c, 4 * MS);
	uint32_t early = core_count(&c, EP_PREACCEPT);
	CU_ASSERT(early >= 6);
	CU_ASSERT_PTR_NULL(core_said(&c, 2, EP_PREACCEPT));
	core_forget(&c);
	core_wait(&c, 4 * MS);
	uint32_t late = core_count(&c, EP_PREACCEPT);
	CU_ASSERT(late < early);
	core_end(&c);
}

static void test_accept_is_repeated(void)
{
	core_start(&c, 3, 0, EP_MODE_D);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	uint8_t third = core_record(&c, 0, 1)->fq == 1 ? 2 : 1;
	core_preaccept_ok(&c, third, 1, NULL);
	core_wait(&c, MS);
	CU_ASSERT_EQUAL(c.r->counters.designated_missed, 1);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_ACCEPTED);
	core_forget(&c);
	core_wait(&c, 2 * MS);
	CU_ASSERT(core_count(&c, EP_ACCEPT) >= 2);
	core_end(&c);
}

static void die(void)
{
	verdict_fail("killed");
}

static void request(void *arg)
{
	(void)arg;
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
}

// A member that is alone was killed when its command was stored and not yet committed. No answer will come: the own vote decides (A.2).
static void test_alone(void)
{
	core_start(&c, 1, 0, 0);
	probe_arm(2, die); // after the store that publishes the record
	CU_ASSERT_FALSE(verdict_run(request, NULL));
	CU_ASSERT_EQUAL_FATAL(core_restart(&c), EP_ATTACH_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(core_record(&c, 0, 1));
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_PREACCEPTED);
	core_wait(&c, MS);
	CU_ASSERT_EQUAL(c.r->columns[0].exec_prefix, 1);
	core_end(&c);
}

// In a crowd of timers, each expires at its time and in order.
static void test_order(void)
{
	core_start(&c, 3, 0, EP_MODE_D);
	for (uint64_t k = 1; k <= 8; k++)
		core_request(&c, EP_CMD_READ, NULL, k, "k", NULL);
	for (uint32_t q = 0; q < EP_QUEUES; q++)
		for (uint32_t at = c.r->queues[q].head; at != EP_NIL; at = ep_own(c.r, at)->next)
			CU_ASSERT(ep_own(c.r, at)->next == EP_NIL || ep_own(c.r, at)->due <= ep_own(c.r, ep_own(c.r, at)->next)->due);
	ep_timer_cancel(c.r, ep_slot_of(c.r, 0, 4));
	ep_timer_cancel(c.r, ep_slot_of(c.r, 0, 4)); // twice does no harm
	core_forget(&c);
	core_wait(&c, MS);
	CU_ASSERT_EQUAL(c.r->counters.designated_missed, 7);
	core_end(&c);
}

// The count of a designated peer's misses does not wrap: one that was silent for ever is not quick again.
static void test_misses(void)
{
	core_start(&c, 3, 0, EP_MODE_D);
	c.r->peers[1].misses = c.r->peers[2].misses = UINT8_MAX - 1;
	for (uint64_t k = 1; k <= 6; k++) {
		core_request(&c, EP_CMD_READ, NULL, k, "k", NULL);
		core_wait(&c, MS);
	}
	CU_ASSERT_EQUAL(c.r->counters.designated_missed, 6);
	uint32_t most = c.r->peers[1].misses > c.r->peers[2].misses ? c.r->peers[1].misses : c.r->peers[2].misses;
	CU_ASSERT_EQUAL(most, UINT8_MAX);
	CU_ASSERT(c.r->peers[1].misses >= UINT8_MAX - 1 && c.r->peers[2].misses >= UINT8_MAX - 1);
	core_end(&c);
}

// The client of an instance that ended as Nop is told when its command cannot be taken again.
static void test_resubmit_refused(void)
{
	core_start(&c, 3, 0, 0);
	for (uint64_t k = 1; k <= 32; k++)
		core_request(&c, EP_CMD_READ, NULL, k, "k", NULL);
	c.r->own_unexecuted = 99; // somebody filled the table meanwhile
	core_forget(&c);
	core_value(&c, 2, EP_COMMIT, 0, 32, 3, NULL, "NOP");
	core_wait(&c, 1000);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, EP_CLIENT, EP_C_BUSY));
	CU_ASSERT_EQUAL(c.r->counters.resubmitted, 0);
	core_end(&c);
}

static const struct unit_test tests[] = { { "bounds", test_bounds }, { "back-off", test_back_off }, { "Accept again", test_accept_is_repeated },
					  { "alone", test_alone }, { "order", test_order }, { "misses", test_misses }, { "resubmit refused", test_resubmit_refused } };
UNIT_MAIN("timer", tests)
