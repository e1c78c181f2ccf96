// Zipf's law against the shares that it promises, at exponents below, at and above 1; its ends.
#include <math.h>
#include <string.h>
#include "client/cli/skew.h"
#include "tests/unit/unit.h"

#define KEYS 50
#define DRAWS 200000

static void test_shares(void)
{
	static const double exponents[] = {0, 0.5, 0.99, 1, 1.01, 2, 10};
	for (size_t e = 0; e < sizeof exponents / sizeof exponents[0]; e++) {
		static unsigned seen[KEYS];
		struct skew s;
		double all = 0;
		uint64_t random = e;
		memset(seen, 0, sizeof seen);
		skew_init(&s, exponents[e], KEYS);
		for (int k = 0; k < DRAWS; k++) {
			uint64_t key = skew_next(&s, &random);
			CU_ASSERT_FATAL(key < KEYS);
			seen[key]++;
		}
		for (int k = 0; k < KEYS; k++)
			all += pow(k + 1, -exponents[e]);
		for (int k = 0; k < KEYS; k++) { // five standard deviations and one
			double share = pow(k + 1, -exponents[e]) / all, want = DRAWS * share;
			CU_ASSERT_FATAL(fabs(seen[k] - want) < 5 * sqrt(want * (1 - share)) + 1);
		}
	}
}

static void test_ends(void)
{
	struct skew s;
	uint64_t random = 3, top = 0;
	skew_init(&s, 1.5, 1);
	for (int k = 0; k < 1000; k++)
		CU_ASSERT_EQUAL_FATAL(skew_next(&s, &random), 0);
	skew_init(&s, 0.5, 100000000);
	for (int k = 0; k < 100000; k++) {
		uint64_t key = skew_next(&s, &random);
		CU_ASSERT_FATAL(key < 100000000);
		top = key > top ? key : top;
	}
	CU_ASSERT(top > 99000000);
}

static const struct unit_test tests[] = {
    {"shares", test_shares},
    {"ends", test_ends},
};

UNIT_MAIN("skew", tests)
