// What the bench makes of the replicas' counters before and after a load.
#include <stdlib.h>
#include "client/cli/members.h"
#include "tests/unit/unit.h"

static struct cluster_counters before, after;

static void setup(void)
{
	before = (struct cluster_counters){.n = 3, .asked = 3, .answered = 3};
	for (int m = 0; m < 3; m++) {
		struct member_counters *c = &before.members[m];
		*c = (struct member_counters){.is_asked = true, .is_there = true};
		c->core = (struct ep_counters){.fast_commits = 10, .slow_commits = 5, .submits = 100};
		c->shell = (struct ep_shell_counters){.cycles_busy = 7000, .tsc_hz = 1000};
	}
	after = before;
}

static void test_nothing(void)
{
	setup();
	struct cluster_work w = work_between(&before, &after);
	CU_ASSERT_EQUAL(w.fast + w.slow + w.commands + w.cycles_busy + w.busy, 0);
	CU_ASSERT_EQUAL(w.members, 3);
	CU_ASSERT_EQUAL(w.tsc_hz, 1000);
}

// Instances and commands are counted where they were led, cycles everywhere.
static void test_sums(void)
{
	setup();
	for (int m = 0; m < 3; m++) {
		after.members[m].core.submits += 60;
		after.members[m].shell.cycles_busy += 100;
	}
	after.members[0].core.fast_commits += 20;
	after.members[1].core.slow_commits += 4;
	after.members[0].core.busy_window += 1;
	after.members[1].core.busy_own += 2;
	after.members[2].core.busy_room += 3;
	after.members[2].core.busy_asking += 4;
	struct cluster_work w = work_between(&before, &after);
	CU_ASSERT_EQUAL(w.fast, 20);
	CU_ASSERT_EQUAL(w.slow, 4);
	CU_ASSERT_EQUAL(w.commands, 180);
	CU_ASSERT_EQUAL(w.cycles_busy, 300);
	CU_ASSERT_EQUAL(w.busy, 10);
}

// Who did not answer both times does not count.
static void test_absent(void)
{
	setup();
	for (int m = 0; m < 3; m++)
		after.members[m].core.submits += 60;
	after.members[2].is_there = false;
	before.members[0].is_there = false;
	struct cluster_work w = work_between(&before, &after);
	CU_ASSERT_EQUAL(w.members, 1);
	CU_ASSERT_EQUAL(w.commands, 60);
}

static const struct unit_test tests[] = {
    {"nothing happened", test_nothing},
    {"sums", test_sums},
    {"absent members", test_absent},
};

UNIT_MAIN("members", tests)
