// The histogram against sorted arrays of the same values: its error bound, its edges.
#include <stdlib.h>
#include <string.h>
#include "client/cli/histogram.h"
#include "consensus/base/rng.h"
#include "tests/unit/unit.h"

static struct histogram h, other;

static void test_empty(void)
{
	histogram_reset(&h);
	CU_ASSERT_EQUAL(histogram_quantile(&h, 0.5), 0);
	CU_ASSERT_EQUAL(h.count, 0);
}

static void test_small_values_are_exact(void)
{
	histogram_reset(&h);
	for (uint64_t v = 1; v <= 255; v++)
		histogram_add(&h, v);
	CU_ASSERT_EQUAL(h.min, 1);
	CU_ASSERT_EQUAL(h.max, 255);
	CU_ASSERT_EQUAL(h.sum, 255 * 128);
	for (uint64_t v = 1; v <= 255; v++)
		CU_ASSERT_EQUAL(histogram_quantile(&h, (double)v / 255), v);
}

static void test_rank_is_rounded_up(void)
{
	histogram_reset(&h);
	for (uint64_t v = 1; v <= 100; v++)
		histogram_add(&h, v);
	CU_ASSERT_EQUAL(histogram_quantile(&h, 0.5), 50);
	CU_ASSERT_EQUAL(histogram_quantile(&h, 0.99), 99);
	CU_ASSERT_EQUAL(histogram_quantile(&h, 0.999), 100);
	CU_ASSERT_EQUAL(histogram_quantile(&h, 0.991), 100);
	CU_ASSERT_EQUAL(histogram_quantile(&h, 1.0), 100);
	CU_ASSERT_EQUAL(histogram_quantile(&h, 0.0001), 1);
}

static void test_edges(void)
{
	static const uint64_t edges[] = {0,	     1,
					 127,	     128,
					 129,	     255,
					 256,	     257,
					 511,	     512,
					 1ULL << 32, (1ULL << 32) - 1,
					 1ULL << 63, UINT64_MAX - 1,
					 UINT64_MAX};
	for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
		histogram_reset(&h);
		histogram_add(&h, edges[i]);
		CU_ASSERT_EQUAL(histogram_quantile(&h, 0.5),
				edges[i]); // never above the largest value
		histogram_add(&h, UINT64_MAX);
		uint64_t got = histogram_quantile(&h, 0.5);
		CU_ASSERT_TRUE(got >= edges[i]);
		CU_ASSERT_TRUE(got - edges[i] <= edges[i] / 128);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static uint64_t true_quantile(const uint64_t *sorted, uint64_t count, uint64_t parts, uint64_t of)
{
	uint64_t rank = (count * parts + of - 1) / of;
	return sorted[rank > 0 ? rank - 1 : 0];
}

static void test_error_bound(void)
{
	static uint64_t values[20000];
	uint64_t seed = 7;
	for (int round = 0; round < 20; round++) {
		uint32_t count = (uint32_t)(ep_random(&seed) % 20000) + 1;
		histogram_reset(&h);
		for (uint32_t i = 0; i < count; i++) { // spread over all octaves
			values[i] = ep_random(&seed) >> (ep_random(&seed) % 64);
			histogram_add(&h, values[i]);
		}
		qsort(values, count, sizeof values[0], compare);
		for (uint64_t parts = 1; parts <= 1000; parts++) {
			uint64_t want = true_quantile(values, count, parts, 1000);
			uint64_t got = histogram_quantile(&h, (double)parts / 1000);
			CU_ASSERT_FATAL(got >= want);
			CU_ASSERT_FATAL(got - want <= want / 128);
		}
	}
}

static void test_merge(void)
{
	histogram_reset(&h);
	histogram_reset(&other);
	histogram_add(&h, 10);
	histogram_add(&other, 5);
	histogram_add(&other, 1000);
	histogram_merge(&h, &other);
	CU_ASSERT_EQUAL(h.count, 3);
	CU_ASSERT_EQUAL(h.min, 5);
	CU_ASSERT_EQUAL(h.max, 1000);
	CU_ASSERT_EQUAL(h.sum, 1015);
	CU_ASSERT_EQUAL(histogram_quantile(&h, 0.5), 10);
}

static const struct unit_test tests[] = {
    {"empty", test_empty},
    {"small_values_are_exact", test_small_values_are_exact},
    {"rank_is_rounded_up", test_rank_is_rounded_up},
    {"edges", test_edges},
    {"error_bound", test_error_bound},
    {"merge", test_merge},
};

UNIT_MAIN("histogram", tests)
