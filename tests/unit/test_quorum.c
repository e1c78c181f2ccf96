// Quorums: the table of protocol.md A.2, and why it is right.
#include "consensus/quorum.h"
#include "tests/unit/unit.h"

static void test_table(void)
{
	static const struct {
		uint32_t n, f, e, slow, fast;
	} rows[] = { { 1, 0, 0, 1, 1 }, { 2, 0, 0, 2, 2 }, { 3, 1, 1, 2, 2 }, { 4, 1, 1, 3, 3 }, { 5, 2, 2, 3, 3 }, { 6, 2, 2, 4, 4 }, { 7, 3, 2, 4, 5 } };
	for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
		uint32_t n = rows[k].n;
		CU_ASSERT_EQUAL(ep_quorum_f(n), rows[k].f);
		CU_ASSERT_EQUAL(ep_quorum_e(n), rows[k].e);
		CU_ASSERT_EQUAL(ep_quorum_slow(n), rows[k].slow);
		CU_ASSERT_EQUAL(n - ep_quorum_e(n), rows[k].fast);
	}
}

// Two slow quorums meet; the paper's condition n >= max(2e + f - 1, 2f + 1) holds, and no larger e would do.
static void test_conditions(void)
{
	for (uint32_t n = 1; n <= 7; n++) {
		uint32_t f = ep_quorum_f(n), e = ep_quorum_e(n);
		CU_ASSERT(2 * ep_quorum_slow(n) > n);
		CU_ASSERT(n >= 2 * f + 1 && n + 1 >= 2 * e + f && e <= f);
		CU_ASSERT(e == f || n + 1 < 2 * (e + 1) + f);
	}
}

static const struct unit_test tests[] = { { "table", test_table }, { "conditions", test_conditions } };
UNIT_MAIN("quorum", tests)
