// Ejection and return, in virtual time.
#include "control/membership.h"
#include "tests/unit/unit.h"

#define S 1000000000ull
#define EJECT (60 * S)

static struct ctl_members m;
static struct ctl_absences a;

static void start(uint32_t n, uint32_t self)
{
	a = (struct ctl_absences){ .at_ns = 1000 * S, .epoch = 1, .n = n, .self = self, .pace = 1 };
	ctl_members_init(&m, EJECT, true);
}

static bool ejects(uint32_t member)
{
	struct ctl_wish w = ctl_members_see(&m, &a);
	return w.what == CTL_EJECT && w.member == member;
}

static bool keeps(void)
{
	return ctl_members_see(&m, &a).what == CTL_KEEP;
}

static void test_eject(void)
{
	start(5, 0);
	a.silent_ns[3] = EJECT - 1;
	CU_ASSERT(keeps());
	a.silent_ns[3] = EJECT;
	CU_ASSERT(ejects(3));
	CU_ASSERT(keeps()); // once
	a.at_ns += CTL_AGAIN_NS;
	CU_ASSERT(ejects(3)); // it came to nothing
	a.epoch = 2, a.n = 4, a.silent_ns[3] = 0;
	CU_ASSERT(keeps());
	a.silent_ns[1] = EJECT;
	CU_ASSERT(ejects(1)); // another epoch: no waiting for the last one's wish
	a.pace = 2, a.at_ns += 10 * S;
	CU_ASSERT(keeps()); // times stretch
	ctl_members_init(&m, 0, true);
	a.silent_ns[1] = UINT64_MAX;
	CU_ASSERT(keeps());
}

// The lowest living column first, the others after their turn; the longest silence first.
static void test_turns(void)
{
	start(5, 2);
	a.silent_ns[0] = EJECT + CTL_TURN_NS - 1; // column 1 lives and is before us
	CU_ASSERT(keeps());
	a.silent_ns[0]++;
	CU_ASSERT(ejects(0));
	start(7, 0);
	a.silent_ns[2] = EJECT + 1, a.silent_ns[4] = EJECT + 2, a.silent_ns[6] = EJECT;
	CU_ASSERT(ejects(4));
}

// Who hears no majority is the one that is cut off; three are kept unless room runs out.
static void test_least(void)
{
	start(5, 0);
	a.silent_ns[1] = a.silent_ns[2] = a.silent_ns[3] = 2 * EJECT;
	CU_ASSERT(keeps());
	start(4, 0);
	a.silent_ns[1] = a.silent_ns[2] = 2 * EJECT;
	CU_ASSERT(keeps());
	start(3, 0);
	a.silent_ns[1] = 2 * EJECT;
	CU_ASSERT(keeps());
	a.is_pressed = true;
	struct ctl_wish w = ctl_members_see(&m, &a);
	CU_ASSERT(w.what == CTL_EJECT && w.member == 1 && w.is_alarm);
	start(2, 0);
	a.is_pressed = true, a.silent_ns[1] = 2 * EJECT;
	CU_ASSERT(keeps());
	start(4, 0);
	a.silent_ns[1] = EJECT;
	w = ctl_members_see(&m, &a);
	CU_ASSERT(w.what == CTL_EJECT && !w.is_alarm);
}

static void test_return(void)
{
	uint8_t uuid[16] = { 1 }, other[16] = { 2 };
	uint64_t now = 0, wait = CTL_RETURN_FIRST_NS;
	start(3, 0);
	CU_ASSERT_EQUAL(ctl_members_return(&m, uuid, now), 0);
	now = 1;
	for (uint32_t k = 0; k < 12; k++) {
		CU_ASSERT_EQUAL(ctl_members_return(&m, uuid, now), wait);
		CU_ASSERT_EQUAL(ctl_members_return(&m, uuid, now + wait - 1), 1);
		now += wait;
		CU_ASSERT_EQUAL(ctl_members_return(&m, uuid, now), 0);
		wait = 2 * wait < CTL_RETURN_MOST_NS ? 2 * wait : CTL_RETURN_MOST_NS;
	}
	CU_ASSERT_EQUAL(wait, CTL_RETURN_MOST_NS);
	CU_ASSERT_EQUAL(ctl_members_return(&m, other, now), 0); // each by itself
	now += 2 * wait + 1;
	CU_ASSERT_EQUAL(ctl_members_return(&m, uuid, now), 0);
	CU_ASSERT_EQUAL(ctl_members_return(&m, uuid, now), CTL_RETURN_FIRST_NS); // forgotten
	for (uint8_t k = 0; k < 2 * CTL_RETURNS_MAX; k++) // more than are remembered
		CU_ASSERT_EQUAL(ctl_members_return(&m, (uint8_t[16]){ 9, k }, now + k), 0);
	ctl_members_init(&m, EJECT, false);
	CU_ASSERT_EQUAL(ctl_members_return(&m, uuid, now), UINT64_MAX);
}

static const struct unit_test tests[] = { { "eject", test_eject }, { "turns", test_turns }, { "least", test_least }, { "return", test_return } };
UNIT_MAIN("membership", tests)
