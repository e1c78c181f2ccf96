// Rates and alarms from pages; back-off of starts.
#include "control/backoff.h"
#include "control/gauge.h"
#include "tests/unit/unit.h"

#define SECOND 1000000000ull

static struct ctl_gauge g;
static struct mb_snapshot page;

static void start(void)
{
	ctl_gauge_restart(&g);
	page = (struct mb_snapshot){ .at_ns = 5 * SECOND, .n = 3, .window = 1064 }; // 1000 for commands
	page.core.arena_room = 10000;
	page.shell.tsc_hz = 1000000;
	CU_ASSERT_FALSE(ctl_gauge_see(&g, &page));
}

static bool second(void)
{
	page.at_ns += SECOND;
	return ctl_gauge_see(&g, &page);
}

static void test_rates(void)
{
	start();
	page.at_ns += SECOND / 2;
	page.core.executed = 500;
	CU_ASSERT_FALSE(ctl_gauge_see(&g, &page)); // too early to measure
	page.at_ns -= SECOND / 2;
	page.core.executed = 1000;
	page.core.fast_commits = 300;
	page.core.slow_commits = 100;
	page.core.recoveries = 7;
	page.core.blocked = 3;
	page.core.scc_multi = 1;
	page.core.busy_own = 5;
	page.shell.cycles_busy = 250000;
	CU_ASSERT(second());
	CU_ASSERT_DOUBLE_EQUAL(g.commands, 1000, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(g.commits, 400, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(g.fast, 0.75, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(g.recoveries, 7, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(g.conflicts, 4, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(g.refused, 5, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(g.busy, 0.25, 0.001);
	for (uint32_t k = 0; k < 50; k++)
		second();
	CU_ASSERT_DOUBLE_EQUAL(g.commands, 0, 0.01); // at rest
	CU_ASSERT_DOUBLE_EQUAL(g.fast, 0.75, 0.001); // what it was when there was something
	ctl_gauge_restart(&g);
	CU_ASSERT_DOUBLE_EQUAL(g.commands, 0, 0);
}

// A member that reports nothing: the window of a busy column fills, and the operator hears for how long that may go on.
static void test_window(void)
{
	start();
	for (uint32_t k = 0; k < 6; k++) {
		page.columns[1].known += 100;
		page.columns[2].behind = page.columns[1].known;
		page.columns[0].behind = 3;
		second();
	}
	struct ctl_alarm a = ctl_gauge_alarm(&g);
	CU_ASSERT(a.is_raised && !a.is_room);
	CU_ASSERT_EQUAL(a.member, 2);
	CU_ASSERT_EQUAL(g.window_column, 1);
	CU_ASSERT_DOUBLE_EQUAL((double)a.left_ns / SECOND, 4, 0.01); // 600 of 1000 used, 100 a second
	page.columns[1].known = 1000;
	second();
	CU_ASSERT_EQUAL(ctl_gauge_alarm(&g).left_ns, 0); // full
	second();
	CU_ASSERT_EQUAL(ctl_gauge_alarm(&g).left_ns, 0);
	page.columns[1].stable = 1000;
	second();
	CU_ASSERT_FALSE(ctl_gauge_alarm(&g).is_raised);
}

// Recycling goes by batches: a little that is in use does not raise an alarm, nor does much that does not grow.
static void test_no_alarm(void)
{
	start();
	for (uint32_t k = 0; k < 20; k++) {
		page.columns[0].known += 50;
		page.columns[0].stable = page.columns[0].known - 50 - k % 3 * 30;
		second();
		CU_ASSERT_FALSE(ctl_gauge_alarm(&g).is_raised);
	}
	start();
	page.columns[0].known = 500;
	for (uint32_t k = 0; k < 20; k++)
		second();
	CU_ASSERT_FALSE(ctl_gauge_alarm(&g).is_raised);
	CU_ASSERT_DOUBLE_EQUAL(g.window_used, 0.5, 0.001);
}

static void test_room(void)
{
	start();
	page.core.arena_used = 8000;
	ctl_gauge_restart(&g);
	ctl_gauge_see(&g, &page);
	for (uint32_t k = 0; k < 10; k++) {
		page.core.arena_used += 100;
		second();
	}
	CU_ASSERT_FALSE(!ctl_gauge_alarm(&g).is_raised || !ctl_gauge_alarm(&g).is_room);
	CU_ASSERT(ctl_gauge_alarm(&g).left_ns > 9 * SECOND && ctl_gauge_alarm(&g).left_ns < 11 * SECOND);
}

// Numbers of a replica that is broken or hostile: no crash, no division by nothing.
static void test_garbage(void)
{
	start();
	page.window = 1;
	page.core.arena_room = 0;
	page.shell.tsc_hz = 0;
	page.columns[0].stable = UINT64_MAX;
	page.columns[1].known = UINT64_MAX;
	page.core.executed = UINT64_MAX;
	second();
	page.core.executed = 0;
	second();
	(void)ctl_gauge_alarm(&g);
	page.at_ns = 0;
	CU_ASSERT_FALSE(ctl_gauge_see(&g, &page));
}

static void test_backoff(void)
{
	struct ctl_backoff b = { 0 };
	CU_ASSERT_EQUAL(ctl_backoff_next(&b, 0), 0); // the first at once
	uint64_t last = 0;
	for (uint32_t k = 0; k < 100; k++) {
		uint64_t wait = ctl_backoff_next(&b, SECOND);
		CU_ASSERT(wait >= last && wait >= CTL_BACKOFF_FIRST_NS && wait <= CTL_BACKOFF_MOST_NS);
		last = wait;
	}
	CU_ASSERT_EQUAL(last, CTL_BACKOFF_MOST_NS);
	CU_ASSERT_EQUAL(ctl_backoff_next(&b, CTL_BACKOFF_OLD_NS), 0); // it had lived
}

static const struct unit_test tests[] = { { "rates", test_rates }, { "window", test_window }, { "no alarm", test_no_alarm },
					  { "room", test_room }, { "garbage", test_garbage }, { "back-off", test_backoff } };
UNIT_MAIN("gauge", tests)
