// Looking in: what a control plane and checkers see of a core.
#include "tests/unit/core.h"

static struct core c;

static void test_look(void)
{
	struct ep_look look;
	core_start(&c, 3, 0, 0);
	ep_look(c.r, &look);
	CU_ASSERT_EQUAL(look.n, 3);
	CU_ASSERT_EQUAL(look.self, 0);
	CU_ASSERT_EQUAL(look.start, 1);
	CU_ASSERT_EQUAL(look.window, 128);
	CU_ASSERT_EQUAL(look.pace, 1);
	CU_ASSERT_EQUAL(look.suspects, 0);
	CU_ASSERT_EQUAL(look.columns[1].heard, 0);

	core_wait(&c, 1000);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "k");
	core_wait(&c, 1000);
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_SUSPECT, .member = 2 }, &c.host.effects);
	ep_look(c.r, &look);
	CU_ASSERT_EQUAL(look.now, c.now);
	CU_ASSERT(look.columns[1].heard > 0 && look.columns[1].heard < look.now);
	CU_ASSERT_EQUAL(look.columns[2].heard, 0);
	CU_ASSERT_EQUAL(look.columns[1].executed, 1);
	CU_ASSERT_EQUAL(look.columns[1].committed, 1);
	CU_ASSERT_EQUAL(look.columns[1].known, 1);
	CU_ASSERT_EQUAL(look.columns[1].stable, 0);
	CU_ASSERT(look.columns[0].behind == 0 && look.columns[1].behind == 1 && look.columns[2].behind == 1);
	CU_ASSERT_EQUAL(look.suspects, 1u << 2);
	CU_ASSERT_EQUAL(look.counters.commits, 1);
	CU_ASSERT_EQUAL(look.counters.live, 1); // brought up to date
	CU_ASSERT(look.counters.arena_room > 0);

	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	ep_look(c.r, &look);
	CU_ASSERT_EQUAL(look.start, 2);
	CU_ASSERT_EQUAL(look.suspects, 0); // a suspicion belongs to a process
	core_end(&c);
}

static const struct unit_test tests[] = { { "look", test_look } };
UNIT_MAIN("peek", tests)
