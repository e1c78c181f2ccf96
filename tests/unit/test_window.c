// Windows: places, frontiers, recycling (protocol.md E.0 to E.2).
#include "consensus/window.h"
#include "tests/unit/core.h"

static struct core c;

static void test_places(void)
{
	ep_slot slot;
	core_start(&c, 3, 0, 0);
	CU_ASSERT_EQUAL(ep_window_place(c.r, 1, 1, &slot), EP_PLACE_FREE);
	CU_ASSERT_EQUAL(slot, 128 + 1);
	CU_ASSERT_EQUAL(ep_known(c.r, 1), 1);
	CU_ASSERT_EQUAL(ep_window_place(c.r, 1, 128, &slot), EP_PLACE_FREE);
	CU_ASSERT_EQUAL(ep_window_place(c.r, 1, 129, &slot), EP_PLACE_OUTSIDE);
	CU_ASSERT_EQUAL(ep_window_place(c.r, 1, UINT64_MAX, &slot), EP_PLACE_OUTSIDE);
	CU_ASSERT_EQUAL(ep_known(c.r, 1), 128);
	CU_ASSERT_EQUAL(ep_window_place(c.r, 1, 0, &slot), EP_PLACE_STALE);
	core_preaccept(&c, 1, 5, 0, NULL, "k");
	CU_ASSERT_EQUAL(ep_window_place(c.r, 1, 5, &slot), EP_PLACE_FOUND);
	core_end(&c);
}

static void test_accepts(void)
{
	uint64_t deps[EP_MEMBERS_MAX] = { 0, 128, 3 };
	core_start(&c, 3, 0, 0);
	CU_ASSERT(ep_window_accepts(c.r, deps));
	CU_ASSERT_EQUAL(ep_known(c.r, 2), 3); // a dependency proves that the instance exists
	deps[2] = 129;
	deps[1] = 0;
	CU_ASSERT_FALSE(ep_window_accepts(c.r, deps));
	CU_ASSERT_EQUAL(ep_known(c.r, 2), 3);
	core_end(&c);
}

static void status_from(uint8_t from, const uint64_t *executed)
{
	uint8_t *body = core_begin(&c, from, EP_STATUS, 0, 0, 0, 0, 3 * 24);
	memcpy(body, executed, 24);
	core_send(&c, from);
}

static void ripen(void)
{
	ep_window_ripen(c.r);
	ep_window_ripen(c.r);
	ep_window_recycle(c.r, 64);
}

// What all members have executed is recycled, and nothing earlier.
static void test_recycle(void)
{
	static const uint64_t executed[3] = { 0, 3, 0 };
	core_start(&c, 3, 0, 0);
	for (uint64_t i = 1; i <= 4; i++)
		core_value(&c, 1, EP_COMMIT, 1, i, 0, NULL, "k");
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 1), 4);
	status_from(1, executed);
	core_wait(&c, 1000);
	CU_ASSERT_EQUAL(ep_stable(c.r, 1), 0); // p2 has said nothing
	status_from(2, executed);
	core_wait(&c, 1000);
	ep_window_report(c.r, 0, (uint64_t[7]){ 0 });
	ep_window_recycle(c.r, 64);
	CU_ASSERT_EQUAL(ep_stable(c.r, 1), 0); // not before two Status have told the others
	ripen();
	CU_ASSERT_EQUAL(ep_stable(c.r, 1), 3);
	CU_ASSERT_PTR_NULL(core_record(&c, 1, 3));
	CU_ASSERT_PTR_NOT_NULL(core_record(&c, 1, 4));
	CU_ASSERT_EQUAL(c.r->counters.recycled, 3);
	uint64_t before = core_drops(&c, EP_DROP_STALE);
	core_preaccept(&c, 1, 2, 0, NULL, "k"); // a latecomer
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_STALE), before + 1);
	core_end(&c);
}

// A lie about frontiers recycles nothing that is not executed here.
static void test_liar(void)
{
	static const uint64_t executed[3] = { 0, 100, 0 };
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "k");
	status_from(1, executed);
	status_from(2, executed);
	core_wait(&c, 1000);
	ripen();
	CU_ASSERT_EQUAL(ep_stable(c.r, 1), 1);
	core_end(&c);
}

// Numbers near 2^63: nothing wraps.
static void test_large_numbers(void)
{
	static const uint64_t starts[] = { (1ull << 32) - 64, (1ull << 63) - (1ull << 32) };
	for (size_t k = 0; k < 2; k++) {
		struct ep_config config = core_config(1, 0, 0);
		config.first = starts[k];
		core_start_with(&c, &config);
		struct ep_session_id session = core_open(&c);
		CU_ASSERT_EQUAL(session.i, starts[k] + 1);
		for (uint64_t seq = 1; seq <= 300; seq++) {
			core_forget(&c);
			core_request(&c, EP_CMD_UPDATE, &session, seq, "k", "v");
			CU_ASSERT_PTR_NOT_NULL(core_said(&c, EP_CLIENT, EP_C_REPLY));
			ep_window_report(c.r, 0, (uint64_t[7]){ 0 });
			ep_window_recycle(c.r, 64);
		}
		CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 0), starts[k] + 301);
		core_end(&c);
	}
}

// Commands of an instance that ended as Nop lie in its slot until they have been given to another: it is not recycled before.
static void test_resubmission_pending(void)
{
	static const uint64_t executed[3] = { 1, 0, 0 };
	core_start(&c, 3, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_value(&c, 1, EP_COMMIT, 0, 1, 2, NULL, "NOP");
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 0), 1);
	ep_slot slot = ep_slot_of(c.r, 0, 1);
	ep_timer_set(c.r, slot, EP_QUEUE_RESUBMIT, EP_NEVER - 1); // as when a loaded replica has not come to its timers yet
	status_from(1, executed);
	status_from(2, executed);
	ripen();
	CU_ASSERT_EQUAL(ep_stable(c.r, 0), 0);
	ep_timer_cancel(c.r, slot);
	ripen();
	CU_ASSERT_EQUAL(ep_stable(c.r, 0), 1);
	core_end(&c);
}

// Down to two instances a column, for exploration: several columns share a word of the executed bitmap.
static void test_small(void)
{
	for (uint32_t window = 2; window <= 64; window *= 2) {
		struct ep_config config = core_config(3, 0, 0);
		config.window = window;
		config.own_max = window / 2;
		core_start_with(&c, &config);
		for (uint64_t i = 1; i <= 3 * window + 1; i++) {
			for (uint8_t col = 1; col < 3; col++) {
				CU_ASSERT_FALSE(ep_peek(c.r, col, i).is_executed);
				core_value(&c, col, EP_COMMIT, col, i, 0, NULL, "NOP");
				CU_ASSERT(ep_peek(c.r, col, i).is_executed);
				CU_ASSERT_EQUAL(ep_exec_prefix(c.r, col), i);
			}
			CU_ASSERT_FALSE(ep_peek(c.r, 0, 1).is_executed);
		}
		CU_ASSERT_EQUAL(ep_stable(c.r, 1), 2 * window + 1); // what came later proves it
		core_end(&c);
	}
}

// A leader that is ahead tells what is stable; here it counts up to what was executed here, never beyond.
static void test_ahead(void)
{
	static const uint64_t far[EP_MEMBERS_MAX] = { 0, 2, 99 };
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "NOP");
	core_value(&c, 1, EP_COMMIT, 1, 2, 0, NULL, "NOP");
	core_value(&c, 2, EP_COMMIT, 2, 1, 0, NULL, "NOP");
	ep_window_join_stable(c.r, far);
	CU_ASSERT_EQUAL(c.r->columns[1].agreed, 2);
	CU_ASSERT_EQUAL(c.r->columns[2].agreed, 1);
	ripen();
	CU_ASSERT_EQUAL(ep_stable(c.r, 1), 2);
	CU_ASSERT_EQUAL(ep_stable(c.r, 2), 1);
	core_end(&c);
}

static const struct unit_test tests[] = { { "places", test_places }, { "accepts", test_accepts }, { "recycle", test_recycle },
					  { "ahead", test_ahead },					  { "a liar", test_liar },
					  { "resubmission pending", test_resubmission_pending }, { "large numbers", test_large_numbers },
					  { "small windows", test_small } };
UNIT_MAIN("window", tests)
