// Suspicion, in virtual time: one replica of three that looks at its peers every 10 ms.
#include "control/suspicion.h"
#include "consensus/base/rng.h"
#include "tests/unit/unit.h"

#define MS 1000000ull
#define STEP (10 * MS)
#define SUSPECT (50 * MS)
#define TRUST (200 * MS)

static struct ctl_suspicion s;
static struct ctl_sight sight;
static uint64_t now;
static uint32_t orders; // given in total

static void start(void)
{
	now = 1000 * MS;
	orders = 0;
	sight = (struct ctl_sight){ .pace = 1 };
	ctl_suspicion_init(&s, 3, 0, SUSPECT, TRUST);
}

// Gives the orders to the core, which obeys.
static uint32_t obey(void)
{
	struct ctl_verdict v[EP_MEMBERS_MAX];
	uint32_t count = ctl_suspicion_orders(&s, now, v);
	for (uint32_t k = 0; k < count; k++)
		sight.suspects = v[k].is_suspect ? sight.suspects | 1u << v[k].member : sight.suspects & ~(1u << v[k].member);
	orders += count;
	return count;
}

// Time passes by steps; members of `heard` (bits) are heard in each.
static void pass(uint64_t ns, uint32_t heard)
{
	for (uint64_t t = 0; t < ns; t += STEP) {
		now += STEP;
		sight.at_ns = now;
		for (uint32_t m = 0; m < 3; m++)
			sight.heard[m] = heard >> m & 1 ? now : sight.heard[m];
		ctl_suspicion_see(&s, &sight);
		obey();
	}
}

static void test_silence(void)
{
	start();
	pass(1000 * MS, 6);
	CU_ASSERT_EQUAL(orders, 0);
	pass(SUSPECT - STEP, 4);
	CU_ASSERT_EQUAL(sight.suspects, 0);
	pass(2 * STEP, 4);
	CU_ASSERT_EQUAL(sight.suspects, 2);
	pass(1000 * MS, 4);
	CU_ASSERT_EQUAL(orders, 1);
	pass(TRUST - STEP, 6);
	CU_ASSERT_EQUAL(sight.suspects, 2);
	pass(3 * STEP, 6);
	CU_ASSERT_EQUAL(sight.suspects, 0);
	CU_ASSERT_EQUAL(orders, 2);
}

// Never heard since our own start counts as silent; ourselves never.
static void test_never_heard(void)
{
	start();
	pass(1000 * MS, 0);
	CU_ASSERT_EQUAL(sight.suspects, 6);
	CU_ASSERT_EQUAL(orders, 2);
}

// A frame now and then is not enough to be trusted; it is enough not to be suspected.
static void test_hysteresis(void)
{
	start();
	pass(500 * MS, 6);
	for (uint32_t k = 0; k < 50; k++) {
		pass(SUSPECT - 2 * STEP, 4);
		pass(STEP, 6);
	}
	CU_ASSERT_EQUAL(orders, 0);
	pass(100 * MS, 4);
	CU_ASSERT_EQUAL(sight.suspects, 2);
	for (uint32_t k = 0; k < 50; k++) {
		pass(SUSPECT - STEP, 4);
		pass(STEP, 6);
	}
	CU_ASSERT_EQUAL(sight.suspects, 2);
}

// Our replica stood still: nobody could be heard, nobody is suspected, however long it was.
static void test_own_stall(void)
{
	start();
	pass(500 * MS, 6);
	for (uint32_t k = 0; k < 3; k++) {
		now += 60000 * MS;
		sight.at_ns = now;
		ctl_suspicion_see(&s, &sight);
		obey();
		pass(STEP, 6);
	}
	CU_ASSERT_EQUAL(orders, 0);
	// The page does not move at all: no time counts.
	for (uint32_t k = 0; k < 1000; k++) {
		now += STEP;
		ctl_suspicion_see(&s, &sight);
		obey();
	}
	CU_ASSERT_EQUAL(orders, 0);
}

static void test_death(void)
{
	struct ctl_verdict v[EP_MEMBERS_MAX];
	start();
	pass(500 * MS, 6);
	ctl_suspicion_hear_down(&s, 2, 77);
	CU_ASSERT_EQUAL_FATAL(ctl_suspicion_orders(&s, now, v), 1); // at once, without a sight
	CU_ASSERT(v[0].member == 2 && v[0].is_suspect && v[0].cause == CTL_DIED && v[0].number == 1);
	sight.suspects = 4;
	ctl_suspicion_hear_down(&s, 2, 77); // told again and again
	pass(500 * MS, 2);
	ctl_suspicion_hear_down(&s, 2, 77);
	CU_ASSERT_EQUAL(sight.suspects, 4);
	// A new process: trusted with its first frame.
	ctl_suspicion_hear_up(&s, 2);
	pass(2 * STEP, 2);
	CU_ASSERT_EQUAL(sight.suspects, 4);
	pass(STEP, 6);
	CU_ASSERT_EQUAL(sight.suspects, 0);
	// The old death is no news; one of the new process is.
	ctl_suspicion_hear_down(&s, 2, 77);
	pass(STEP, 6);
	CU_ASSERT_EQUAL(sight.suspects, 0);
	ctl_suspicion_hear_down(&s, 2, 78);
	CU_ASSERT_EQUAL(ctl_suspicion_orders(&s, now, v), 1);
}

// A control plane that is wrong, or gone: what is heard wins in the end.
static void test_wrong_announcement(void)
{
	start();
	pass(500 * MS, 6);
	ctl_suspicion_hear_down(&s, 1, 5);
	pass(TRUST - STEP, 6);
	CU_ASSERT_EQUAL(sight.suspects, 2);
	pass(3 * STEP, 6);
	CU_ASSERT_EQUAL(sight.suspects, 0);
}

// Each time that it comes and goes it has to be heard for twice as long; a calm minute forgives all.
static void test_flapping(void)
{
	uint64_t last = 0;
	start();
	pass(500 * MS, 6);
	for (uint32_t k = 0; k < 5; k++) {
		pass(100 * MS, 4);
		CU_ASSERT_EQUAL(sight.suspects, 2);
		uint64_t began = now;
		while (sight.suspects != 0 && now < began + 100000 * MS)
			pass(STEP, 6);
		CU_ASSERT(k > CTL_FLAPS_MAX || now - began >= last + last / 2);
		last = now - began;
	}
	CU_ASSERT(last >= TRUST << CTL_FLAPS_MAX && last < (TRUST << CTL_FLAPS_MAX) + TRUST);
	pass(CTL_CALM_NS, 6);
	pass(100 * MS, 4);
	CU_ASSERT_EQUAL(sight.suspects, 2);
	pass(TRUST + 3 * STEP, 6);
	CU_ASSERT_EQUAL(sight.suspects, 0);
}

// The core does not show what it was told: it is told again, not more often than needed.
static void test_repeat(void)
{
	struct ctl_verdict v[EP_MEMBERS_MAX];
	uint32_t given = 0, repeats = 0;
	start();
	pass(500 * MS, 6);
	ctl_suspicion_hear_down(&s, 1, 5);
	for (uint32_t k = 0; k < 100; k++) {
		now += STEP;
		uint32_t count = ctl_suspicion_orders(&s, now, v);
		given += count;
		repeats += count > 0 && v[0].is_repeat;
	}
	CU_ASSERT_EQUAL(given, 1000 * MS / CTL_REPEAT_NS);
	CU_ASSERT_EQUAL(repeats, given - 1);
	// Nobody suspects it here, and the core does: from before our time.
	start();
	sight.suspects = 4;
	pass(STEP, 6);
	CU_ASSERT_EQUAL(sight.suspects, 0);
}

// Our replica is a new process: it is told again whom we suspect.
static void test_restart(void)
{
	start();
	pass(500 * MS, 6);
	pass(100 * MS, 4);
	CU_ASSERT_EQUAL(sight.suspects, 2);
	ctl_suspicion_restart(&s);
	sight = (struct ctl_sight){ .pace = 1 };
	pass(STEP, 4);
	CU_ASSERT_EQUAL(sight.suspects, 2);
	CU_ASSERT_EQUAL(orders, 2);
}

static void test_pace(void)
{
	start();
	sight.pace = 10;
	pass(500 * MS, 6);
	pass(9 * SUSPECT, 4);
	CU_ASSERT_EQUAL(sight.suspects, 0);
	pass(2 * SUSPECT, 4);
	CU_ASSERT_EQUAL(sight.suspects, 2);
	pass(9 * TRUST, 6);
	CU_ASSERT_EQUAL(sight.suspects, 2);
	pass(2 * TRUST, 6);
	CU_ASSERT_EQUAL(sight.suspects, 0);
}

static void test_nobody(void)
{
	start();
	ctl_suspicion_hear_down(&s, 0, 5); // ourselves
	ctl_suspicion_hear_down(&s, 3, 5);
	ctl_suspicion_hear_down(&s, UINT32_MAX, 5);
	ctl_suspicion_hear_down(&s, 1, 0);
	ctl_suspicion_hear_up(&s, 200);
	CU_ASSERT_EQUAL(obey(), 0);
}

// Any inputs: never ourselves, never more than one order a member; and in the end, heard all the time, everybody is trusted.
static void test_any(void)
{
	uint64_t rng = 5;
	for (uint32_t round = 0; round < 300; round++) {
		start();
		for (uint32_t k = 0; k < 200; k++) {
			struct ctl_verdict v[EP_MEMBERS_MAX];
			now += ep_random(&rng) % (ep_random(&rng) % 8 ? 20 * MS : 5000 * MS);
			sight.at_ns = ep_random(&rng) % 16 ? now : ep_random(&rng);
			sight.pace = 1 + (uint32_t)(ep_random(&rng) % 10);
			sight.suspects = (uint32_t)ep_random(&rng) & 6;
			sight.heard[ep_random(&rng) % 3] = ep_random(&rng) % 4 ? now : ep_random(&rng);
			if (ep_random(&rng) % 8 == 0)
				ctl_suspicion_hear_down(&s, (uint32_t)(ep_random(&rng) % 4), ep_random(&rng) % 5);
			if (ep_random(&rng) % 8 == 0)
				ctl_suspicion_hear_up(&s, (uint32_t)(ep_random(&rng) % 4));
			ctl_suspicion_see(&s, &sight);
			uint32_t count = ctl_suspicion_orders(&s, now, v);
			CU_ASSERT_FATAL(count <= 2);
			for (uint32_t i = 0; i < count; i++)
				CU_ASSERT_FATAL(v[i].member >= 1 && v[i].member < 3 && (i == 0 || v[i].member != v[0].member));
		}
		sight.pace = 1;
		s.seen_at = sight.at_ns = now;
		pass((TRUST << CTL_FLAPS_MAX) + 1000 * MS, 6);
		CU_ASSERT_EQUAL_FATAL(sight.suspects, 0);
	}
}

static const struct unit_test tests[] = { { "silence", test_silence }, { "never heard", test_never_heard }, { "hysteresis", test_hysteresis },
					  { "own stall", test_own_stall }, { "death", test_death }, { "wrong announcement", test_wrong_announcement },
					  { "flapping", test_flapping }, { "repeat", test_repeat }, { "restart", test_restart }, { "pace", test_pace },
					  { "nobody", test_nobody }, { "any", test_any } };
UNIT_MAIN("suspicion", tests)
