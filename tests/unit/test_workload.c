// What the bench asks for: shares, keys and values of the mix; appends that fit; the keys of final reads.
#include <stdlib.h>
#include "client/cli/bench.h"
#include "tests/unit/unit.h"

static struct bench b;
static struct slot slot;

static void setup(enum workload workload, uint64_t keys)
{
	b = (struct bench){.o = {.keys = keys, .value_size = 64, .seed = 9, .workload = workload}};
	CU_ASSERT_FATAL(workload_init(&b));
}

static bool is_about(unsigned count, unsigned of, double percent)
{
	double share = 100.0 * count / of;
	return share > percent - 3 && share < percent + 3;
}

static void test_shares(void)
{
	static const double shares[][2] = {{0, 0}, {25, 50}, {100, 100}, {0, 100}, {100, 0}};
	for (size_t k = 0; k < sizeof shares / sizeof shares[0]; k++) {
		unsigned hot = 0, reads = 0;
		setup(WORKLOAD_MIX, 1000);
		b.o.hot = shares[k][0];
		b.o.reads = shares[k][1];
		for (int n = 0; n < 10000; n++) {
			workload_next(&b, &slot);
			hot += strcmp(slot.key, "hot") == 0;
			reads += slot.type == PNYX_GET;
		}
		CU_ASSERT(is_about(hot, 10000, shares[k][0]));
		CU_ASSERT(is_about(reads, 10000, shares[k][1]));
		workload_end(&b);
	}
}

static void test_keys_and_values(void)
{
	static unsigned seen[16];
	char last[64] = "";
	setup(WORKLOAD_MIX, 16);
	for (int n = 0; n < 1000; n++) {
		workload_next(&b, &slot);
		CU_ASSERT_FATAL(slot.key[0] == 'k' && atoi(slot.key + 1) < 16);
		seen[atoi(slot.key + 1)]++;
		CU_ASSERT_EQUAL(slot.value_len, 64);
		CU_ASSERT_NOT_EQUAL(memcmp(last, slot.value, 64), 0);
		memcpy(last, slot.value, 64);
		struct pnyx_op op = workload_op(&slot);
		CU_ASSERT_EQUAL(op.type, PNYX_PUT);
		CU_ASSERT_EQUAL(op.key.len, strlen(slot.key));
		CU_ASSERT_EQUAL(op.value.len, 64);
	}
	for (int k = 0; k < 16; k++)
		CU_ASSERT(seen[k] > 10);
	workload_end(&b);
}

// Values of a recorded run are unique as far as their size allows; other sizes are kept exactly.
static void test_value_sizes(void)
{
	static const uint64_t sizes[] = {0, 1, 8, 32, 1000};
	for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
		setup(WORKLOAD_MIX, 10);
		b.o.value_size = sizes[k];
		workload_next(&b, &slot);
		CU_ASSERT_EQUAL(slot.value_len, sizes[k]);
		workload_end(&b);
	}
}

static void test_same_seed(void)
{
	char keys[100][BENCH_KEY_MAX];
	for (int round = 0; round < 2; round++) {
		setup(WORKLOAD_MIX, 1000);
		for (int n = 0; n < 100; n++) {
			workload_next(&b, &slot);
			if (round == 0)
				memcpy(keys[n], slot.key, sizeof keys[n]);
			else
				CU_ASSERT_STRING_EQUAL(keys[n], slot.key);
		}
		workload_end(&b);
	}
}

// No element twice, no value beyond what a frame holds, every key that was ever used is read at the end.
static void test_appends(void)
{
	enum { KEYS = 3000, ROUNDS = 20000 };
	static uint32_t bytes[KEYS];
	static bool used[KEYS];
	uint64_t element, last = 0;
	setup(WORKLOAD_APPEND, 4);
	for (int n = 0; n < ROUNDS; n++) {
		workload_next(&b, &slot);
		const char *number = strchr(slot.key, '-');
		CU_ASSERT_FATAL(slot.type == PNYX_APPEND && number != NULL);
		int key = atoi(number + 1);
		CU_ASSERT_FATAL(key < KEYS);
		bytes[key] += (uint32_t)slot.value_len;
		used[key] = true;
		CU_ASSERT_FATAL(bytes[key] <= 800);
		element = strtoull(slot.value, NULL, 10);
		CU_ASSERT_EQUAL(element, last + 1);
		last = element;
		CU_ASSERT_EQUAL(slot.value[slot.value_len - 1], ',');
	}
	uint64_t count = 0;
	while (workload_final(&b, count, &slot)) {
		CU_ASSERT_EQUAL(slot.type, PNYX_GET);
		used[atoi(strchr(slot.key, '-') + 1)] = false;
		count++;
	}
	for (int k = 0; k < KEYS; k++)
		CU_ASSERT_FALSE(used[k]);
	CU_ASSERT(count > 100);
	workload_end(&b);
}

// Every key of the mix and the hot one; the mix needs no final reads.
static void test_preload(void)
{
	setup(WORKLOAD_MIX, 3);
	static const char *const keys[] = {"k0", "k1", "k2", "hot"};
	for (uint64_t n = 0; n < 4; n++) {
		CU_ASSERT(workload_preload(&b, n, &slot));
		CU_ASSERT_STRING_EQUAL(slot.key, keys[n]);
		CU_ASSERT_EQUAL(slot.type, PNYX_PUT);
	}
	CU_ASSERT_FALSE(workload_preload(&b, 4, &slot));
	CU_ASSERT_FALSE(workload_final(&b, 0, &slot));
	workload_end(&b);
}

static const struct unit_test tests[] = {
    {"shares", test_shares},	      {"keys and values", test_keys_and_values},
    {"value sizes", test_value_sizes}, {"same seed", test_same_seed},
    {"appends", test_appends},	      {"preload", test_preload},
};

UNIT_MAIN("workload", tests)
