// Tests of the key-value store: every operation and every limit.
#include "tests/unit/kv_fixture.h"

// ---- operations ----
static void put_get_delete(void)
{
	begin();
	struct text k = TEXT("k"), binary = TEXT("a\0b"), other = TEXT("a\0c");
	CU_ASSERT(is_absent(k));
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, k, TEXT("one")), PNYX_KV_OK);
	CU_ASSERT_EQUAL(head()->existed, 0);
	CU_ASSERT(holds(k, TEXT("one")));
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, k, TEXT("")), PNYX_KV_OK);
	CU_ASSERT_EQUAL(head()->existed, 1);
	CU_ASSERT(holds(k, TEXT("")));
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, binary, TEXT("\0\0x")), PNYX_KV_OK);
	CU_ASSERT(holds(binary, TEXT("\0\0x")));
	CU_ASSERT(is_absent(other));
	CU_ASSERT(is_absent(TEXT("a")));
	CU_ASSERT_EQUAL(one(PNYX_KV_DELETE, k, NONE), PNYX_KV_OK);
	CU_ASSERT_EQUAL(head()->existed, 1);
	CU_ASSERT_EQUAL(one(PNYX_KV_DELETE, k, NONE), PNYX_KV_OK);
	CU_ASSERT_EQUAL(head()->existed, 0);
	CU_ASSERT(is_absent(k));
	CU_ASSERT(holds(binary, TEXT("\0\0x")));
	end();
}

static void cas(void)
{
	begin();
	struct text k = TEXT("k");
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("new"), TEXT("")), KEPT_MAX),
			PNYX_KV_CAS_FAILED);
	CU_ASSERT_EQUAL(head()->existed, 0);
	CU_ASSERT_EQUAL(run(command_cas(PNYX_KV_ABSENT, k, TEXT(""), NONE), KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT(holds(k, TEXT("")));
	CU_ASSERT_EQUAL(run(command_cas(PNYX_KV_ABSENT, k, TEXT("x"), NONE), KEPT_MAX),
			PNYX_KV_CAS_FAILED);
	CU_ASSERT_EQUAL(head()->existed, 1);
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("abc"), TEXT("")), KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("x"), TEXT("ab")), KEPT_MAX),
			PNYX_KV_CAS_FAILED);
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("x"), TEXT("abcd")), KEPT_MAX),
			PNYX_KV_CAS_FAILED);
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("x"), TEXT("abd")), KEPT_MAX),
			PNYX_KV_CAS_FAILED);
	CU_ASSERT(holds(k, TEXT("abc")));
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("x"), TEXT("abc")), KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT(holds(k, TEXT("x")));
	end();
}

static void incr(void)
{
	begin();
	struct text k = TEXT("n");
	CU_ASSERT_EQUAL(run(command_incr(k, -5), KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT_EQUAL(head()->number, -5);
	CU_ASSERT(holds(k, TEXT("-5")));
	CU_ASSERT_EQUAL(run(command_incr(k, 5), KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT(holds(k, TEXT("0")));
	CU_ASSERT_EQUAL(run(command_incr(k, INT64_MAX), KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT(holds(k, TEXT("9223372036854775807")));
	CU_ASSERT_EQUAL(run(command_incr(k, 1), KEPT_MAX), PNYX_KV_OVERFLOW);
	CU_ASSERT_EQUAL(head()->number, 0);
	CU_ASSERT(holds(k, TEXT("9223372036854775807")));
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, k, TEXT("-1")), PNYX_KV_OK);
	CU_ASSERT_EQUAL(run(command_incr(k, INT64_MIN + 1), KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT(holds(k, TEXT("-9223372036854775808")));
	CU_ASSERT_EQUAL(run(command_incr(k, -1), KEPT_MAX), PNYX_KV_OVERFLOW);
	CU_ASSERT_EQUAL(run(command_incr(k, 0), KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT_EQUAL(head()->number, INT64_MIN);
	end();
}

static void incr_of_something_else(void)
{
	static const struct text wrong[] = {TEXT(""),
					    TEXT("-"),
					    TEXT("-0"),
					    TEXT("+1"),
					    TEXT("01"),
					    TEXT("-01"),
					    TEXT(" 1"),
					    TEXT("1 "),
					    TEXT("1\0"),
					    TEXT("x"),
					    TEXT("1x"),
					    TEXT("9223372036854775808"),
					    TEXT("-9223372036854775809"),
					    TEXT("99999999999999999999"),
					    TEXT("100000000000000000000"),
					    TEXT("/"),
					    TEXT(":")};
	begin();
	for (uint32_t w = 0; w < sizeof wrong / sizeof wrong[0]; w++) {
		CU_ASSERT_EQUAL(one(PNYX_KV_PUT, TEXT("n"), wrong[w]), PNYX_KV_OK);
		CU_ASSERT_EQUAL(run(command_incr(TEXT("n"), 1), KEPT_MAX), PNYX_KV_NOT_A_NUMBER);
		CU_ASSERT_EQUAL(head()->existed, 1);
		CU_ASSERT(holds(TEXT("n"), wrong[w]));
	}
	end();
}

static void append(void)
{
	begin();
	static uint8_t bytes[VALUE_MAX + 1];
	uint64_t rng = 3;
	for (uint32_t k = 0; k < sizeof bytes; k++)
		bytes[k] = (uint8_t)ep_random(&rng);
	struct text key = TEXT("list");
	CU_ASSERT_EQUAL(one(PNYX_KV_APPEND, key, NONE), PNYX_KV_OK);
	CU_ASSERT_EQUAL(head()->existed, 0);
	CU_ASSERT(holds(key, TEXT("")));
	for (uint32_t len = 0, n = 1; len < VALUE_MAX; len += n, n = n % 61 + 1) {
		if (n > VALUE_MAX - len)
			n = VALUE_MAX - len;
		CU_ASSERT_EQUAL(one(PNYX_KV_APPEND, key, (struct text){bytes + len, n}),
				PNYX_KV_OK);
		CU_ASSERT_EQUAL(head()->number, len + n);
		CU_ASSERT(holds(key, (struct text){bytes, len + n}));
	}
	CU_ASSERT_EQUAL(one(PNYX_KV_APPEND, key, TEXT("x")), PNYX_KV_TOO_LARGE);
	CU_ASSERT_EQUAL(head()->existed, 1);
	CU_ASSERT_EQUAL(one(PNYX_KV_APPEND, key, NONE), PNYX_KV_OK);
	CU_ASSERT(holds(key, (struct text){bytes, VALUE_MAX}));
	end();
}

static void many_keys(void)
{
	static struct command c;
	begin();
	command_begin(&c, PNYX_KV_MPUT, 0);
	command_add(&c, TEXT("a"), TEXT("1"), NONE);
	command_add(&c, TEXT("b"), TEXT("2"), NONE);
	command_add(&c, TEXT("a"), TEXT("3"), NONE);
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, TEXT("b"), TEXT("old")), PNYX_KV_OK);
	CU_ASSERT_EQUAL(run(&c, KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT_EQUAL(head()->existed, 6);
	CU_ASSERT(holds(TEXT("a"), TEXT("3")));
	CU_ASSERT(holds(TEXT("b"), TEXT("2")));
	command_begin(&c, PNYX_KV_MGET, 0);
	command_add(&c, TEXT("b"), NONE, NONE);
	command_add(&c, TEXT("none"), NONE, NONE);
	command_add(&c, TEXT("a"), NONE, NONE);
	CU_ASSERT_EQUAL(run(&c, RESULT_MAX), PNYX_KV_OK);
	CU_ASSERT_EQUAL(head()->count, 3);
	CU_ASSERT_EQUAL(head()->existed, 5);
	static const uint8_t expected[] = {0, 0, 1, 0, '2', 1, 0, 0, 0, 0, 0, 1, 0, '3'};
	CU_ASSERT_EQUAL(result_len, 16 + sizeof expected);
	CU_ASSERT_EQUAL(memcmp(head() + 1, expected, sizeof expected), 0);
	end();
}

// ---- limits ----
static void values_at_the_limit(void)
{
	static uint8_t bytes[VALUE_MAX + 1];
	static struct command c;
	begin();
	CU_ASSERT_EQUAL(bed.store->value_max, VALUE_MAX);
	struct text longest = {bytes, VALUE_MAX}, longer = {bytes, VALUE_MAX + 1}, k = TEXT("k");
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, k, longest), PNYX_KV_OK);
	CU_ASSERT(holds(k, longest));
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, k, longer), PNYX_KV_TOO_LARGE);
	CU_ASSERT_EQUAL(run(command_cas(0, k, longer, longest), KEPT_MAX), PNYX_KV_TOO_LARGE);
	command_begin(&c, PNYX_KV_MPUT, 0);
	command_add(&c, TEXT("other"), TEXT("1"), NONE);
	command_add(&c, k, longer, NONE);
	CU_ASSERT_EQUAL(run(&c, KEPT_MAX), PNYX_KV_TOO_LARGE);
	CU_ASSERT(is_absent(TEXT("other")));
	CU_ASSERT(holds(k, longest));
	command_begin(&c, PNYX_KV_MPUT, 0);
	command_add(&c, TEXT("other"), (struct text){bytes, PNYX_KEY_MAX - 6}, NONE);
	command_add(&c, k, longest, NONE);
	CU_ASSERT_EQUAL(run(&c, KEPT_MAX), PNYX_KV_OK);
	command_begin(&c, PNYX_KV_MPUT, 0);
	command_add(&c, TEXT("other"), (struct text){bytes, PNYX_KEY_MAX - 5}, NONE);
	command_add(&c, k, longest, NONE);
	CU_ASSERT_EQUAL(run(&c, KEPT_MAX), PNYX_KV_TOO_LARGE);
	CU_ASSERT(holds(TEXT("other"), (struct text){bytes, PNYX_KEY_MAX - 6}));
	end();
}

// What does not fit the reply is TOO_LARGE, alike for every length that does not fit.
static void replies_at_the_limit(void)
{
	static struct command c;
	begin();
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, TEXT("k"), TEXT("0123456789")), PNYX_KV_OK);
	const struct command *get = command_one(PNYX_KV_GET, TEXT("k"), NONE);
	CU_ASSERT_EQUAL(run(get, 30), PNYX_KV_OK);
	for (uint32_t cap = 16; cap < 30; cap++) {
		CU_ASSERT_EQUAL(run(get, cap), PNYX_KV_TOO_LARGE);
		CU_ASSERT_EQUAL(result_len, 16);
		CU_ASSERT_EQUAL(head()->count, 0);
		CU_ASSERT_EQUAL(head()->existed, 0);
	}
	command_begin(&c, PNYX_KV_MGET, 0);
	for (int k = 0; k < PNYX_KEYS_MAX; k++)
		command_add(&c, TEXT("k"), NONE, NONE);
	CU_ASSERT_EQUAL(run(&c, 16 + 16 * 14), PNYX_KV_OK);
	CU_ASSERT_EQUAL(head()->existed, 0xffff);
	CU_ASSERT_EQUAL(run(&c, 16 + 16 * 14 - 1), PNYX_KV_TOO_LARGE);
	CU_ASSERT_EQUAL(head()->existed, 0);
	end();
}

static void keys_of_every_length(void)
{
	uint8_t key[PNYX_KEY_MAX];
	begin();
	for (uint32_t len = 1; len <= PNYX_KEY_MAX; len++) {
		memset(key, 'k', len);
		struct text k = {key, len}, v = {key, len / 2};
		CU_ASSERT_EQUAL(one(PNYX_KV_PUT, k, v), PNYX_KV_OK);
		CU_ASSERT_EQUAL(head()->existed, 0);
	}
	for (uint32_t len = 1; len <= PNYX_KEY_MAX; len++) {
		memset(key, 'k', len);
		CU_ASSERT(holds((struct text){key, len}, (struct text){key, len / 2}));
	}
	end();
}

// The room in use is what the contents need, whatever happened before; capacity can be used to the
// last block.
static void fill_to_capacity(void)
{
	static uint8_t big[VALUE_MAX];
	static struct command c;
	begin();
	for (uint64_t k = 0; k < bed.config.capacity; k++)
		CU_ASSERT_EQUAL(one(PNYX_KV_PUT, (struct text){&k, 8}, TEXT("0123456789abcdef")),
				PNYX_KV_OK);
	CU_ASSERT_EQUAL(pnyx_app_used(bed.store), bed.config.capacity);
	for (uint64_t round = 0; round < 3; round++)
		for (uint64_t k = 0; k < bed.config.capacity; k++)
			CU_ASSERT_EQUAL(
			    one(PNYX_KV_PUT, (struct text){&k, 8}, (struct text){&round, 8}),
			    PNYX_KV_OK);
	CU_ASSERT_EQUAL(pnyx_app_used(bed.store), bed.config.capacity);
	for (uint64_t k = 0; k < bed.config.capacity; k++) {
		CU_ASSERT_EQUAL(one(PNYX_KV_DELETE, (struct text){&k, 8}, NONE), PNYX_KV_OK);
		CU_ASSERT_EQUAL(head()->existed, 1);
	}
	CU_ASSERT_EQUAL(pnyx_app_used(bed.store), 0);

	// The worst commands when all is full: the largest item replaced by one of its size, and sixteen
	// items whose last byte needs a block of its own, as many as one command can hold.
	uint64_t k = 0;
	for (; pnyx_app_used(bed.store) + 64 < bed.config.capacity; k++)
		CU_ASSERT_EQUAL(one(PNYX_KV_PUT, (struct text){&k, 8}, (struct text){big, VALUE_MAX}),
				PNYX_KV_OK);
	uint64_t first = k;
	uint32_t blocks = 0;
	command_begin(&c, PNYX_KV_MPUT, 0);
	for (uint32_t sum = 0; k < first + PNYX_KEYS_MAX; k++) {
		uint32_t left = (uint32_t)(first + PNYX_KEYS_MAX - k); // each needs 49 bytes at least
		uint32_t len = sum + 109 + 49 * (left - 1) <= VALUE_MAX + PNYX_KEY_MAX ? 109 : 49;
		sum += len;
		blocks += kv_item_blocks(8, len - 8);
		command_add(&c, (struct text){&k, 8}, (struct text){big, len - 8}, NONE);
	}
	CU_ASSERT_EQUAL(blocks, 45);
	CU_ASSERT_EQUAL(run(&c, KEPT_MAX), PNYX_KV_OK);
	for (; pnyx_app_used(bed.store) < bed.config.capacity; k++)
		CU_ASSERT_EQUAL(one(PNYX_KV_PUT, (struct text){&k, 8}, NONE), PNYX_KV_OK);
	for (uint64_t n = 0; n < first; n++) {
		CU_ASSERT_EQUAL(one(PNYX_KV_PUT, (struct text){&n, 8}, (struct text){big, VALUE_MAX}),
				PNYX_KV_OK);
		CU_ASSERT_EQUAL(one(PNYX_KV_APPEND, (struct text){&n, 8}, NONE), PNYX_KV_OK);
		CU_ASSERT_EQUAL(run(&c, KEPT_MAX), PNYX_KV_OK);
		CU_ASSERT_EQUAL(head()->existed, 0xffff);
	}
	CU_ASSERT_EQUAL(pnyx_app_used(bed.store), bed.config.capacity);
	end();
}

static void put_beyond_all_room(void *unused)
{
	(void)unused;
	for (uint64_t k = 0; k < 2 * bed.store->blocks; k++)
		one(PNYX_KV_PUT, (struct text){&k, 8}, NONE);
}

static void no_free_block_is_a_failed_check(void)
{
	begin();
	CU_ASSERT(cut_check_fails(put_beyond_all_room, NULL));
	bed_free(&bed);
}

static const struct unit_test tests[] = {
    {"put, get, delete", put_get_delete},
    {"cas", cas},
    {"incr", incr},
    {"incr of something else", incr_of_something_else},
    {"append", append},
    {"mput, mget", many_keys},
    {"values at the limit", values_at_the_limit},
    {"replies at the limit", replies_at_the_limit},
    {"keys of every length", keys_of_every_length},
    {"fill to capacity", fill_to_capacity},
    {"no free block is a failed check", no_free_block_is_a_failed_check},
};

UNIT_MAIN("kv", tests)
