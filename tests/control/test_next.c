// Lists of the next epoch.
#include "control/next.h"
#include "tests/unit/unit.h"

static struct ep_membership now, next;

static void start(uint8_t n)
{
	now = (struct ep_membership){ .epoch = 4, .chain = 77, .n = n, .e = n >= 5 };
	for (uint32_t m = 0; m < n; m++) {
		now.members[m].uuid[15] = (uint8_t)(m + 1);
		now.members[m].incarnation = m + 1;
	}
}

static void test_without(void)
{
	for (uint8_t n = 2; n <= EP_MEMBERS_MAX; n++) {
		for (uint32_t gone = 0; gone < n; gone++) {
			start(n);
			next = ctl_next_without(&now, gone);
			CU_ASSERT(next.n == n - 1 && next.epoch == 4 && next.e == (n >= 6));
			for (uint32_t m = 0; m < n - 1u; m++)
				CU_ASSERT(next.members[m].uuid[15] == m + 1 + (m >= gone) && next.members[m].incarnation == m + 1 + (m >= gone));
			CU_ASSERT_EQUAL(next.members[n - 1].uuid[15], 0);
		}
	}
}

static enum ctl_admission ask(uint8_t uuid, uint64_t incarnation, bool is_lost, uint32_t live)
{
	struct ep_member who = { .incarnation = incarnation, .port = 7 };
	who.uuid[15] = uuid;
	return ctl_next_with(&now, &who, is_lost, live, &next);
}

static void test_out(void)
{
	start(4);
	CU_ASSERT_EQUAL(ask(9, 3, false, 15), CTL_ADMIT);
	CU_ASSERT(next.n == 5 && next.members[4].uuid[15] == 9 && next.members[4].incarnation == 4 && next.members[4].port == 7);
	CU_ASSERT_EQUAL(memcmp(next.members, now.members, 4 * sizeof next.members[0]), 0);
	CU_ASSERT_EQUAL(ask(9, 3, false, 7), CTL_ADMIT);
	CU_ASSERT_EQUAL(ask(9, 3, false, 3), CTL_ADMIT_MINORITY);
	CU_ASSERT_EQUAL(ask(2, 2, false, 15), CTL_ADMIT_THERE);
	start(EP_MEMBERS_MAX);
	CU_ASSERT_EQUAL(ask(9, 3, false, 127), CTL_ADMIT_FULL);
}

static void test_lost(void)
{
	start(3);
	CU_ASSERT_EQUAL(ask(2, 2, true, 5), CTL_ADMIT);
	CU_ASSERT(next.n == 3 && next.members[1].uuid[15] == 2 && next.members[1].incarnation == 3);
	CU_ASSERT_EQUAL(ask(2, 2, true, 7), CTL_ADMIT);  // a short absence nobody has noticed
	CU_ASSERT_EQUAL(ask(2, 2, true, 3), CTL_ADMIT_MINORITY); // two of three have lost what they promised: it does not count itself
	CU_ASSERT_EQUAL(ask(2, 1, true, 7), CTL_ADMIT_THERE); // the second incarnation was let in since
	start(EP_MEMBERS_MAX);
	CU_ASSERT_EQUAL(ask(7, 7, true, 127), CTL_ADMIT); // it has a place
	CU_ASSERT_EQUAL(next.n, EP_MEMBERS_MAX);
}

static const struct unit_test tests[] = {
	{ "without a member", test_without },
	{ "with one that was out", test_out },
	{ "with one that has lost its arena", test_lost },
};

UNIT_MAIN("next", tests)
