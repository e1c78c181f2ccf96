// The digest: equal for equal states, different otherwise, the same after a restart.
#include "consensus/digest.h"
#include "tests/unit/core.h"

static struct core c;

static struct ep_wire_digest digest(void)
{
	struct ep_wire_digest d;
	ep_digest_now(c.r, &d);
	return d;
}

static void commit(uint8_t col, uint64_t i, const char *key)
{
	core_value(&c, col, EP_COMMIT, col, i, 0, NULL, key);
}

// {(0,1), (0,3)} and {(0,1), (0,2)} with the rest alike: found by the simulator (seed 102865) when both had one hash.
static void test_holes_differ_from_prefixes(void)
{
	struct ep_wire_digest sets[3];
	for (uint32_t k = 0; k < 3; k++) {
		core_start(&c, 3, 1, EP_MODE_E);
		commit(0, 1, "NOP");
		commit(2, 1, "NOP");
		commit(2, 2, "NOP");
		if (k < 2)
			commit(0, k == 0 ? 2 : 3, "NOP");
		sets[k] = digest();
		CU_ASSERT_EQUAL(sets[k].executed, k < 2 ? 4 : 3);
		core_end(&c);
	}
	CU_ASSERT_NOT_EQUAL(sets[0].executed_set, sets[1].executed_set);
	CU_ASSERT_NOT_EQUAL(sets[0].executed_set, sets[2].executed_set);
	CU_ASSERT_NOT_EQUAL(sets[1].executed_set, sets[2].executed_set);
}

// Many small sets, all different.
static void test_no_collisions(void)
{
	static uint64_t seen[1024];
	uint32_t count = 0;
	for (uint32_t bits = 0; bits < 1024; bits++) {
		core_start(&c, 2, 0, EP_MODE_E);
		for (uint32_t b = 0; b < 10; b++)
			if (bits & (1u << b))
				commit(1, b + 1, "NOP");
		uint64_t hash = digest().executed_set;
		for (uint32_t k = 0; k < count; k++)
			CU_ASSERT_NOT_EQUAL(seen[k], hash);
		seen[count++] = hash;
		core_end(&c);
	}
}

static void test_restart(void)
{
	core_start(&c, 1, 0, 0);
	struct ep_session_id session = core_open(&c);
	for (uint64_t seq = 1; seq <= 20; seq++)
		core_request(&c, EP_CMD_UPDATE, &session, seq, "k", "v");
	struct ep_wire_digest before = digest();
	CU_ASSERT_EQUAL(before.executed, 21);
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	struct ep_wire_digest after = digest();
	CU_ASSERT_EQUAL(memcmp(&before, &after, sizeof before), 0);
	core_request(&c, EP_CMD_UPDATE, &session, 21, "k", "w");
	CU_ASSERT_NOT_EQUAL(digest().application, before.application);
	CU_ASSERT_NOT_EQUAL(digest().sessions, before.sessions);
	core_end(&c);
}

// In slices it says the same, and starts anew when something ran in between.
static void test_slices(void)
{
	struct ep_wire_digest slice, whole;
	core_start(&c, 1, 0, 0);
	struct ep_session_id session = core_open(&c);
	core_request(&c, EP_CMD_UPDATE, &session, 1, "k", "v");
	whole = digest();
	uint32_t calls = 0;
	do
		ep_digest_slice(c.r, &slice);
	while (!slice.is_complete && ++calls < 1000);
	CU_ASSERT_EQUAL(memcmp(&slice, &whole, sizeof slice), 0);
	core_end(&c);
}

static const struct unit_test tests[] = { { "holes differ from prefixes", test_holes_differ_from_prefixes },
					  { "no collisions", test_no_collisions }, { "restart", test_restart }, { "slices", test_slices } };
UNIT_MAIN("digest", tests)
