// The clockwork: deadlines, Status, control.
#include "consensus/stage.h"
#include "tests/unit/core.h"

static struct core c;

static void test_deadline(void)
{
	core_start(&c, 3, 0, 0);
	CU_ASSERT(ep_deadline(c.r) > c.now);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT(ep_deadline(c.r) <= c.now + c.r->config.fast_min_ns);
	core_end(&c);
}

static void test_status(void)
{
	struct ep_config config = core_config(3, 0, 0);
	config.status_ns = 1000000;
	core_start_with(&c, &config);
	core_wait(&c, 10000000);
	CU_ASSERT(core_count(&c, EP_STATUS) >= 18 && core_count(&c, EP_STATUS) <= 22); // ten to each of two
	core_end(&c);
}

// Under load frontiers are told by use of the window, not by the clock.
static void test_status_under_load(void)
{
	core_start(&c, 3, 0, 0);
	for (uint64_t i = 1; i <= 30; i++)
		core_value(&c, 1, EP_COMMIT, 1, i, 0, NULL, "NOP");
	CU_ASSERT(core_count(&c, EP_STATUS) >= 2);
	core_end(&c);
}

static void test_control(void)
{
	core_start(&c, 3, 0, 0);
	struct ep_effects *fx = &c.host.effects;
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_SUSPECT, .member = 2 }, fx);
	CU_ASSERT(c.r->peers[2].is_suspect);
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_TRUST, .member = 2 }, fx);
	CU_ASSERT_FALSE(c.r->peers[2].is_suspect);
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_SUSPECT, .member = 200 }, fx);
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_PACE, .value = 0 }, fx);
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_PACE, .value = 101 }, fx);
	CU_ASSERT_EQUAL(c.r->pace, 1);
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_PACE, .value = 100 }, fx);
	CU_ASSERT_EQUAL(c.r->pace, 100);
	core_end(&c);
}

// Time may stand still, and a call with an older time changes nothing.
static void test_time(void)
{
	core_start(&c, 3, 0, 0);
	ep_time now = c.r->now;
	ep_tick(c.r, 5, &c.host.effects);
	CU_ASSERT_EQUAL(c.r->now, now);
	host_flush(&c.host);
	core_end(&c);
}

// A burst has ended: what it staged is submitted at once, when there are frames for it.
static void test_burst(void)
{
	core_start(&c, 3, 0, 0);
	struct ep_source source = { .member = EP_CLIENT };
	uint32_t count = c.host.effects.count;
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT_EQUAL(c.r->counters.submits, 1);
	host_receive(&c.host, c.now, &source, c.out, c.out_len);
	CU_ASSERT(ep_is_staged(c.r));
	c.host.effects.count = 0;
	ep_burst_end(c.r, c.now, &c.host.effects);
	CU_ASSERT(ep_is_staged(c.r));
	c.host.effects.count = count;
	ep_time now = c.r->now;
	ep_burst_end(c.r, 5, &c.host.effects); // an older time changes nothing
	CU_ASSERT_EQUAL(c.r->now, now);
	CU_ASSERT_FALSE(ep_is_staged(c.r));
	CU_ASSERT_EQUAL(c.r->counters.submits, 2);
	ep_burst_end(c.r, now + 77, &c.host.effects);
	CU_ASSERT_EQUAL(c.r->now, now + 77);
	CU_ASSERT_EQUAL(c.r->counters.submits, 2);
	host_flush(&c.host);
	host_receive(&c.host, c.now, &source, c.out, c.out_len);
	c.r->standing = EP_STANDING_DEAD; // whose identity was refuted starts nothing
	ep_burst_end(c.r, c.now, &c.host.effects);
	CU_ASSERT_EQUAL(c.r->counters.submits, 2);
	core_end(&c);
}

static const struct unit_test tests[] = { { "deadline", test_deadline }, { "Status", test_status }, { "Status under load", test_status_under_load },
					  { "control", test_control }, { "time", test_time },	 { "burst", test_burst } };
UNIT_MAIN("replica", tests)
