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

// HdrHistogram's percentile output: every line is a quantile, the last one the largest value, the foot as its plotters expect it.
static void test_print(void)
{
	char text[1 << 16], last[256] = "";
	double value, share, up_to = 0, before = -1;
	unsigned long count;
	int lines = 0;
	FILE *f = fmemopen(text, sizeof text, "w+");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	histogram_reset(&h);
	for (uint64_t v = 1; v <= 10000; v++)
		histogram_add(&h, v * 1000);
	histogram_print(f, &h, 1000);
	rewind(f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(last, sizeof last, f));
	CU_ASSERT_STRING_EQUAL(last, "       Value     Percentile TotalCount 1/(1-Percentile)\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(last, sizeof last, f));
	while (fgets(last, sizeof last, f) != NULL && last[0] != '#') {
		CU_ASSERT_EQUAL_FATAL(sscanf(last, "%lf %lf %lu", &value, &share, &count), 3);
		CU_ASSERT(share > before && (double)count >= up_to);
		CU_ASSERT(value >= share * 10000 - 0.001 && value <= share * 10000 * (1 + 1 / 128.0) + 1.01);
		before = share;
		up_to = (double)count;
		lines++;
	}
	CU_ASSERT(lines > 30 && lines < 100);
	CU_ASSERT(value == 10000 && share == 1 && count == 10000);
	CU_ASSERT_EQUAL_FATAL(sscanf(last, "#[Mean    = %lf, StdDeviation   = %lf]", &value, &share), 2);
	CU_ASSERT(value == 5000.5 && share > 2886 && share < 2887.5); // exact; from buckets: 2886.751
	CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(last, sizeof last, f));
	CU_ASSERT_STRING_EQUAL(last, "#[Max     =    10000.000, Total count    =        10000]\n");
	fclose(f);
}

static void test_print_nothing(void)
{
	char text[4096] = "";
	FILE *f = fmemopen(text, sizeof text, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	histogram_reset(&h);
	histogram_print(f, &h, 1);
	fclose(f);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "Total count    =            0]"));
	CU_ASSERT_PTR_NULL(strstr(text, "nan"));
}

static const struct unit_test tests[] = {
    {"empty", test_empty},
    {"small_values_are_exact", test_small_values_are_exact},
    {"rank_is_rounded_up", test_rank_is_rounded_up},
    {"edges", test_edges},
    {"error_bound", test_error_bound},
    {"merge", test_merge},
    {"print", test_print},
    {"print_nothing", test_print_nothing},
};

UNIT_MAIN("histogram", tests)
