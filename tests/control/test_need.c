// When a replica needs another member's state: each cause, and nothing else.
#include "control/need.h"
#include "tests/unit/unit.h"

#define S 1000000000ULL
static const struct ctl_need serving = { .is_running = true, .epoch = 4, .n = 3, .alive_ns = 100 * S, .silent_ns = 1000, .pace = 1 };
static uint32_t above;

static bool needs(struct ctl_need n)
{
	return ctl_needs_state(&n, &above);
}

static void test_well(void)
{
	struct ctl_need n = serving;
	CU_ASSERT_FALSE(needs(n));
	n.is_running = false; // it is started again on its own arena
	n.silent_ns = 100 * S;
	CU_ASSERT_FALSE(needs(n));
	n = serving;
	n.is_frozen = true; // its own next arena is being made
	n.silent_ns = 100 * S;
	CU_ASSERT_FALSE(needs(n));
}

static void test_lost(void)
{
	struct ctl_need n = { .is_dead = true, .epoch = 4 };
	CU_ASSERT_TRUE(needs(n)); // running or not
	CU_ASSERT_EQUAL(above, 4); // its old epoch's state would give it its old identity
	n = (struct ctl_need){ .is_running = true, .is_waiting = true, .pace = 1 };
	CU_ASSERT_TRUE(needs(n));
	CU_ASSERT_EQUAL(above, 0);
	n = serving;
	n.is_frozen = n.is_retired = true;
	CU_ASSERT_TRUE(needs(n));
	CU_ASSERT_EQUAL(above, 4);
}

// Nobody is heard: perhaps all have gone two epochs on. One step it comes by itself.
static void test_alone(void)
{
	struct ctl_need n = serving;
	n.silent_ns = CTL_ALONE_NS;
	CU_ASSERT_FALSE(needs(n));
	n.silent_ns++;
	CU_ASSERT_TRUE(needs(n));
	CU_ASSERT_EQUAL(above, 5);
	n.alive_ns = CTL_ALONE_NS; // it has just come itself
	CU_ASSERT_FALSE(needs(n));
	n.alive_ns = 100 * S;
	n.pace = 10;
	CU_ASSERT_FALSE(needs(n));
	n.pace = 1;
	n.n = 1; // there is nobody to be heard
	CU_ASSERT_FALSE(needs(n));
}

static const struct unit_test tests[] = { { "well", test_well }, { "lost", test_lost }, { "alone", test_alone } };
UNIT_MAIN("need", tests)
