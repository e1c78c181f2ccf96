// The open loop's clock: constant arrivals to the nanosecond however long it runs, Poisson arrivals with the right mean and spread.
#include <stdlib.h>
#include "client/cli/arrivals.h"
#include "tests/unit/unit.h"

#define START 5000000000000000ULL // ns after boot: 58 days

static void test_constant(void)
{
	struct arrivals a;
	arrivals_init(&a, false, 300, START, 1);
	CU_ASSERT_EQUAL(arrivals_next(&a), START);
	CU_ASSERT_EQUAL(arrivals_next(&a), START); // looking is not taking
	for (int k = 0; k < 3000000; k++)
		arrivals_take(&a);
	uint64_t off = arrivals_next(&a) - START;
	CU_ASSERT(off >= 9999999999999ULL && off <= 10000000000001ULL); // 10,000 s: a third of a nanosecond is not lost each time
	arrivals_init(&a, false, 1e9, START, 1);
	arrivals_take(&a);
	CU_ASSERT_EQUAL(arrivals_next(&a), START + 1);
}

static void test_poisson(void)
{
	struct arrivals a;
	double sum = 0, squares = 0, late = 0;
	arrivals_init(&a, true, 1000, START, 7);
	uint64_t before = START;
	for (int k = 0; k < 100000; k++) {
		uint64_t next = arrivals_next(&a);
		CU_ASSERT_FATAL(next >= before);
		double gap = (double)(next - before) / 1e6; // ms; mean 1, variance 1
		sum += gap;
		squares += gap * gap;
		late += gap > 2.302585093; // one in ten
		before = next;
		arrivals_take(&a);
	}
	CU_ASSERT(sum / 1e5 > 0.98 && sum / 1e5 < 1.02);
	CU_ASSERT(squares / 1e5 > 1.93 && squares / 1e5 < 2.07);
	CU_ASSERT(late / 1e5 > 0.096 && late / 1e5 < 0.104);
}

static void test_seeds(void)
{
	struct arrivals a, b, c;
	arrivals_init(&a, true, 1000, START, 7);
	arrivals_init(&b, true, 1000, START, 7);
	arrivals_init(&c, true, 1000, START, 8);
	CU_ASSERT_EQUAL(arrivals_next(&a), arrivals_next(&b));
	CU_ASSERT_NOT_EQUAL(arrivals_next(&a), arrivals_next(&c));
}

static const struct unit_test tests[] = {
    {"constant", test_constant},
    {"poisson", test_poisson},
    {"seeds", test_seeds},
};

UNIT_MAIN("arrivals", tests)
