// A configuration of the core: the defaults hold, and each wrong field is named.
#include "tests/unit/core.h"

static void test_defaults(void)
{
	for (uint8_t n = 1; n <= EP_MEMBERS_MAX; n++) {
		struct ep_config c = { .n = n };
		ep_config_defaults(&c);
		CU_ASSERT_PTR_NULL(ep_config_check(&c));
		CU_ASSERT(ep_replica_size(&c) > 0);
	}
}

static void names(const struct ep_config *c, const char *field)
{
	const char *wrong = ep_config_check(c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(wrong);
	if (strncmp(wrong, field, strlen(field)) != 0)
		printf("\nwanted %s, got: %s\n", field, wrong);
	CU_ASSERT_EQUAL(strncmp(wrong, field, strlen(field)), 0);
}

#define WRONG(field, value) \
	do { \
		struct ep_config one = core_config(5, 0, 0); \
		one.field = (value); \
		names(&one, #field); \
	} while (0)

static void test_wrong(void)
{
	struct ep_config c = core_config(5, 0, 0);
	c.n = 0;
	names(&c, "members");
	c.n = 8;
	names(&c, "members");
	WRONG(self, 5);
	WRONG(e, 3);
	WRONG(mode, 3);
	WRONG(mode, EP_MODE_D);
	WRONG(epoch, 0);
	WRONG(frame_max, 1023);
	WRONG(frame_max, 8973);
	WRONG(window, 0);
	WRONG(window, 1);
	WRONG(window, 192);
	WRONG(window, 1u << 25);
	WRONG(own_max, 0);
	WRONG(own_max, 65);
	WRONG(keys_max, 1);
	WRONG(keys_max, 3);
	WRONG(keys_max, 128);
	WRONG(index_keys, 15);
	WRONG(index_keys, (1u << 28) + 1);
	WRONG(batch_max, 0);
	WRONG(batch_max, 65);
	WRONG(session_idle_ns, 1000000ULL * 1000000000 + 1);
	WRONG(sessions_max, 0);
	WRONG(sessions_max, (1u << 24) + 1);
	WRONG(app_capacity, 63);
	c = core_config(7, 0, 0); // f = 3, and only 2 of them may be silent
	c.e = 3;
	names(&c, "e:");
	WRONG(app_capacity, (1u << 30) + 1ull);
	WRONG(app_capacity, 2 * 5 * 1024);
	WRONG(first, UINT64_MAX - 5);
}

static void test_timers(void)
{
	struct ep_config c;
#define ZERO(field) c = core_config(3, 0, 0), c.field = 0, names(&c, "timers")
	ZERO(status_ns);
	ZERO(fast_min_ns);
	ZERO(resend_min_ns);
	ZERO(open_min_ns);
	ZERO(fast_rtts);
	ZERO(resend_rtts);
	ZERO(open_rtts);
	ZERO(exec_budget);
}

// e = 1 is a legal, larger fast quorum for five and more.
static void test_smaller_e(void)
{
	struct ep_config config = core_config(5, 0, 0);
	config.e = 1;
	CU_ASSERT_PTR_NULL(ep_config_check(&config));
	struct core c;
	core_start_with(&c, &config);
	CU_ASSERT_EQUAL(c.r->fast, 4);
	core_end(&c);
}

static const struct unit_test tests[] = { { "defaults", test_defaults }, { "wrong", test_wrong }, { "timers", test_timers },
					  { "smaller e", test_smaller_e } };
UNIT_MAIN("core_config", tests)
