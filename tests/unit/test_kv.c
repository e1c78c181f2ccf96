// Tests of the key-value store: every operation, every limit, untrusted bytes, and a model.
#include <stdlib.h>
#include "tests/unit/cut.h"
#include "tests/unit/kv_model.h"
#include "tests/unit/unit.h"

#define RESULT_MAX 1368u // of a frame of 1,472 bytes
#define VALUE_MAX (RESULT_MAX - 20)
#define KEPT_MAX 128u

static struct bed bed;
static uint8_t result[RESULT_MAX + 64];
static uint32_t result_len;

static const struct pnyx_kv_result *head(void)
{
	return (const void *)result;
}

// Runs a command; returns its code.
static enum pnyx_kv_code run(const struct command *c, uint32_t cap)
{
	struct pnyx_intent intent;
	CHECK_OP(pnyx_app_inspect(c->bytes, c->len, &intent), ==, PNYX_FINE);
	memset(result, 0xee, sizeof result);
	pnyx_app_prefetch(bed.store, c->bytes, c->len);
	uint64_t before = pnyx_app_used(bed.store);
	result_len = bed_apply(&bed, c, result, cap);
	uint64_t used = pnyx_app_used(bed.store);
	CU_ASSERT(result_len >= sizeof *head() && result_len <= cap);
	CU_ASSERT_EQUAL(result[cap < RESULT_MAX ? cap : RESULT_MAX], 0xee);
	CU_ASSERT_EQUAL(head()->op, ((const struct pnyx_kv_command *)c->bytes)->op);
	CU_ASSERT((used > before ? used - before : before - used) <= intent.cost);
	return (enum pnyx_kv_code)head()->code;
}

static enum pnyx_kv_code one(enum pnyx_kv_op op, struct text key, struct text value)
{
	return run(command_one(op, key, value), op == PNYX_KV_GET ? RESULT_MAX : KEPT_MAX);
}

// The value of a key is what the text says.
static bool holds(struct text key, struct text value)
{
	if (one(PNYX_KV_GET, key, NONE) != PNYX_KV_OK || head()->count != 1 || head()->existed != 1)
		return false;
	const struct pnyx_kv_value *v = (const void *)(head() + 1);
	return v->code == PNYX_KV_OK && v->len == value.len && result_len == 20 + value.len &&
	       memcmp(v + 1, value.data, value.len) == 0;
}

static bool is_absent(struct text key)
{
	return one(PNYX_KV_GET, key, NONE) == PNYX_KV_NOT_FOUND && head()->count == 1 && head()->existed == 0;
}

static void begin(void)
{
	bed = bed_make(1024, RESULT_MAX);
}

static void end(void)
{
	CU_ASSERT(pnyx_app_attach(bed.store, &bed.config));
	bed_free(&bed);
}

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
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("new"), TEXT("")), KEPT_MAX), PNYX_KV_CAS_FAILED);
	CU_ASSERT_EQUAL(head()->existed, 0);
	CU_ASSERT_EQUAL(run(command_cas(PNYX_KV_ABSENT, k, TEXT(""), NONE), KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT(holds(k, TEXT("")));
	CU_ASSERT_EQUAL(run(command_cas(PNYX_KV_ABSENT, k, TEXT("x"), NONE), KEPT_MAX), PNYX_KV_CAS_FAILED);
	CU_ASSERT_EQUAL(head()->existed, 1);
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("abc"), TEXT("")), KEPT_MAX), PNYX_KV_OK);
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("x"), TEXT("ab")), KEPT_MAX), PNYX_KV_CAS_FAILED);
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("x"), TEXT("abcd")), KEPT_MAX), PNYX_KV_CAS_FAILED);
	CU_ASSERT_EQUAL(run(command_cas(0, k, TEXT("x"), TEXT("abd")), KEPT_MAX), PNYX_KV_CAS_FAILED);
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
	static const struct text wrong[] = {
	    TEXT(""), TEXT("-"), TEXT("-0"), TEXT("+1"), TEXT("01"), TEXT("-01"), TEXT(" 1"), TEXT("1 "),
	    TEXT("1\0"), TEXT("x"), TEXT("1x"), TEXT("9223372036854775808"), TEXT("-9223372036854775809"),
	    TEXT("99999999999999999999"), TEXT("100000000000000000000"), TEXT("/"), TEXT(":")};
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
		CU_ASSERT_EQUAL(one(PNYX_KV_APPEND, key, (struct text){bytes + len, n}), PNYX_KV_OK);
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

// The room in use is what the contents need, whatever happened before; capacity can be used to the last block.
static void fill_to_capacity(void)
{
	static uint8_t big[VALUE_MAX];
	static struct command c;
	begin();
	for (uint64_t k = 0; k < bed.config.capacity; k++)
		CU_ASSERT_EQUAL(one(PNYX_KV_PUT, (struct text){&k, 8}, TEXT("0123456789abcdef")), PNYX_KV_OK);
	CU_ASSERT_EQUAL(pnyx_app_used(bed.store), bed.config.capacity);
	for (uint64_t round = 0; round < 3; round++)
		for (uint64_t k = 0; k < bed.config.capacity; k++)
			CU_ASSERT_EQUAL(one(PNYX_KV_PUT, (struct text){&k, 8}, (struct text){&round, 8}), PNYX_KV_OK);
	CU_ASSERT_EQUAL(pnyx_app_used(bed.store), bed.config.capacity);
	for (uint64_t k = 0; k < bed.config.capacity; k++) {
		CU_ASSERT_EQUAL(one(PNYX_KV_DELETE, (struct text){&k, 8}, NONE), PNYX_KV_OK);
		CU_ASSERT_EQUAL(head()->existed, 1);
	}
	CU_ASSERT_EQUAL(pnyx_app_used(bed.store), 0);

	// The worst command when all is full: sixteen of the largest items replaced by as large ones.
	uint32_t count = (uint32_t)bed.config.capacity / kv_item_blocks(8, VALUE_MAX);
	for (uint64_t k = 0; k < count; k++)
		CU_ASSERT_EQUAL(one(PNYX_KV_PUT, (struct text){&k, 8}, (struct text){big, VALUE_MAX}), PNYX_KV_OK);
	for (uint64_t k = count; pnyx_app_used(bed.store) < bed.config.capacity; k++)
		CU_ASSERT_EQUAL(one(PNYX_KV_PUT, (struct text){&k, 8}, NONE), PNYX_KV_OK);
	for (uint64_t k = 0; k + PNYX_KEYS_MAX <= count; k++) {
		command_begin(&c, PNYX_KV_MPUT, 0);
		for (uint64_t n = k; n < k + PNYX_KEYS_MAX; n++)
			command_add(&c, (struct text){&n, 8}, (struct text){big, VALUE_MAX}, NONE);
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

// ---- untrusted bytes ----
static enum pnyx_verdict inspect_copy(const uint8_t *bytes, uint32_t len, struct pnyx_intent *intent)
{
	uint8_t *exact = malloc(len + 1); // so that the sanitizer sees a read beyond the end
	memcpy(exact, bytes, len);
	struct pnyx_intent before;
	memset(&before, 0xa5, sizeof before);
	memcpy(intent, &before, sizeof before);
	uint8_t *moved = realloc(exact, len ? len : 1);
	enum pnyx_verdict verdict = pnyx_app_inspect(moved, len, intent);
	pnyx_app_prefetch(bed.store, moved, len);
	if (verdict != PNYX_FINE) {
		CU_ASSERT_EQUAL(memcmp(intent, &before, sizeof before), 0);
		free(moved);
		return verdict;
	}
	for (uint32_t k = 0; k < intent->keys_count; k++) {
		const struct pnyx_key *key = &intent->keys[k];
		CU_ASSERT(key->len > 0 && key->data >= moved && key->data + key->len <= moved + len);
		CU_ASSERT_EQUAL(key->is_write, !intent->is_read);
	}
	free(moved);
	return verdict;
}

static void inspect_every_field(void)
{
	static struct command c;
	struct pnyx_intent intent;
	begin();
	for (uint32_t op = 0; op < 256; op++) {
		command_begin(&c, (enum pnyx_kv_op)op, 0);
		command_add(&c, TEXT("k"), op == PNYX_KV_INCR ? TEXT("12345678") : NONE, NONE);
		bool is_known = op >= PNYX_KV_GET && op <= PNYX_KV_MPUT;
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), is_known ? PNYX_FINE : PNYX_MALFORMED);
		if (is_known) {
			CU_ASSERT_EQUAL(intent.is_read, op == PNYX_KV_GET || op == PNYX_KV_MGET);
			CU_ASSERT_EQUAL(intent.cost == 0, intent.is_read);
		}
		command_add(&c, TEXT("k"), NONE, NONE); // a second key
		bool is_many = op == PNYX_KV_MGET || op == PNYX_KV_MPUT;
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), is_many ? PNYX_FINE : PNYX_MALFORMED);
		command_begin(&c, (enum pnyx_kv_op)op, 0); // a value of one byte
		command_add(&c, TEXT("k"), TEXT("v"), NONE);
		bool has_value = op == PNYX_KV_PUT || op == PNYX_KV_CAS || op == PNYX_KV_APPEND || op == PNYX_KV_MPUT;
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), has_value ? PNYX_FINE : PNYX_MALFORMED);
		command_begin(&c, (enum pnyx_kv_op)op, 0); // something expected
		command_add(&c, TEXT("k"), NONE, TEXT("e"));
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), op == PNYX_KV_CAS ? PNYX_FINE : PNYX_MALFORMED);
		command_begin(&c, (enum pnyx_kv_op)op, PNYX_KV_ABSENT);
		command_add(&c, TEXT("k"), NONE, NONE);
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), op == PNYX_KV_CAS ? PNYX_FINE : PNYX_MALFORMED);
	}
	command_begin(&c, PNYX_KV_CAS, PNYX_KV_ABSENT);
	command_add(&c, TEXT("k"), NONE, TEXT("e"));
	CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), PNYX_MALFORMED);
	end();
}

static void inspect_limits(void)
{
	static struct command c;
	static uint8_t big[PNYX_KV_VALUE_CEILING + 1];
	struct pnyx_intent intent;
	begin();
	command_begin(&c, PNYX_KV_MGET, 0);
	CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), PNYX_MALFORMED); // no key at all
	for (uint32_t k = 1; k <= PNYX_KEYS_MAX; k++) {
		command_add(&c, TEXT("k"), NONE, NONE);
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), PNYX_FINE);
		CU_ASSERT_EQUAL(intent.keys_count, k);
	}
	command_add(&c, TEXT("k"), NONE, NONE);
	CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), PNYX_TOO_BIG);
	command_begin(&c, PNYX_KV_GET, 0);
	command_add(&c, NONE, NONE, NONE);
	CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), PNYX_MALFORMED);
	command_begin(&c, PNYX_KV_PUT, 0);
	command_add(&c, TEXT("k"), (struct text){big, PNYX_KV_VALUE_CEILING}, NONE);
	CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), PNYX_FINE);
	command_begin(&c, PNYX_KV_PUT, 0);
	command_add(&c, TEXT("k"), (struct text){big, PNYX_KV_VALUE_CEILING + 1}, NONE);
	CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), PNYX_TOO_BIG);
	end();
}

// Each prefix of a command, each command with more behind it, and mutated ones: never a crash, never a half command.
static void inspect_fuzzed(void)
{
	static struct command c;
	static struct model m;
	struct pnyx_intent intent;
	uint32_t fine = 0, bad = 0;
	begin();
	model_init(&m, RESULT_MAX);
	uint64_t rng = 11;
	for (int round = 0; round < 300; round++) {
		random_command(&rng, &m, &c);
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent), PNYX_FINE);
		for (uint32_t len = 0; len < c.len; len += len < 64 ? 1 : 37)
			CU_ASSERT_NOT_EQUAL(inspect_copy(c.bytes, len, &intent), PNYX_FINE);
		c.bytes[c.len] = 0;
		CU_ASSERT_NOT_EQUAL(inspect_copy(c.bytes, c.len + 1, &intent), PNYX_FINE);
		for (int mutation = 0; mutation < 40; mutation++) {
			uint32_t at = below(&rng, c.len < 40 ? c.len : 40);
			uint8_t old = c.bytes[at];
			c.bytes[at] = (uint8_t)(below(&rng, 2) ? ep_random(&rng) : old ^ 1u << below(&rng, 8));
			if (inspect_copy(c.bytes, c.len, &intent) == PNYX_FINE && ++fine)
				run(&c, RESULT_MAX);
			else
				bad++;
			c.bytes[at] = old;
		}
		if (pnyx_app_used(bed.store) > bed.config.capacity / 2) { // nobody admits commands here
			end();
			begin();
		}
	}
	for (int round = 0; round < 100000; round++) {
		uint8_t bytes[40];
		uint32_t len = below(&rng, sizeof bytes);
		for (uint32_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)(ep_random(&rng) & (k < 12 ? 15 : 255)); // small ones get further
		inspect_copy(bytes, len, &intent);
	}
	CU_ASSERT(fine > 100 && bad > 100); // both ways were taken
	end();
}

// ---- against the model ----
static void random_run_equals_model(void)
{
	static struct model m;
	static struct command c;
	static uint8_t expected[RESULT_MAX];
	static const uint32_t caps[] = {16, KEPT_MAX, RESULT_MAX, RESULT_MAX + 32};
	uint32_t codes[6] = {0};
	begin();
	model_init(&m, RESULT_MAX);
	uint64_t rng = 21;
	for (int round = 0; round < 30000; round++) {
		random_command(&rng, &m, &c);
		uint32_t cap = caps[below(&rng, 4)];
		uint32_t len = model_apply(&m, &c, expected, cap);
		codes[run(&c, cap)]++;
		CU_ASSERT_EQUAL(result_len, len);
		CU_ASSERT_EQUAL(memcmp(result, expected, len), 0);
		CU_ASSERT_EQUAL(pnyx_app_used(bed.store), model_used(&m));
		if (round % 100 == 0) {
			CU_ASSERT(bed_equals(&bed, &m));
			uint64_t digest = bed_digest(&bed, 1000000);
			CU_ASSERT(pnyx_app_attach(bed.store, &bed.config));
			CU_ASSERT(bed_equals(&bed, &m));
			CU_ASSERT_EQUAL(bed_digest(&bed, 7), digest);
		}
	}
	for (int code = 0; code < 6; code++)
		CU_ASSERT(codes[code] > 50); // every result was seen
	end();
}

// Equal contents that came about in another order: same digest, same room; any change of them: another digest.
static void order_does_not_matter(void)
{
	static struct model m;
	static struct command c;
	begin();
	model_init(&m, RESULT_MAX);
	uint64_t rng = 31;
	for (int round = 0; round < 3000; round++) {
		random_command(&rng, &m, &c);
		uint32_t len = model_apply(&m, &c, result, RESULT_MAX);
		CU_ASSERT_EQUAL(bed_apply(&bed, &c, result, RESULT_MAX), len);
		if (round % 300 != 299)
			continue;
		struct bed other = bed_make(1024, RESULT_MAX), first = bed;
		uint32_t start = below(&rng, m.count);
		for (uint32_t k = 0; k < m.count; k++) {
			const struct model_item *item = &m.items[(start + 7 * k) % m.count];
			if (m.count % 7 == 0)
				item = &m.items[k];
			if (item->is_there)
				bed_apply(&other, command_one(PNYX_KV_PUT, (struct text){item->key, item->key_len}, (struct text){item->value, item->value_len}), result, RESULT_MAX);
		}
		CU_ASSERT(bed_equals(&other, &m));
		CU_ASSERT_EQUAL(pnyx_app_used(other.store), pnyx_app_used(first.store));
		uint64_t digest = bed_digest(&first, 1000000);
		CU_ASSERT_EQUAL(bed_digest(&other, 3), digest);
		bed_apply(&other, command_one(PNYX_KV_APPEND, (struct text){m.items[0].key, m.items[0].key_len}, TEXT("x")), result, RESULT_MAX);
		CU_ASSERT_NOT_EQUAL(bed_digest(&other, 1000000), digest);
		bed_free(&other);
	}
	end();
}

// A changed byte anywhere in what is stored shows in the digest or is refused by attach.
static void digest_sees_every_stored_byte(void)
{
	static uint8_t value[150];
	begin();
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, TEXT("key"), (struct text){value, sizeof value}), PNYX_KV_OK);
	uint64_t digest = bed_digest(&bed, 1000000);
	uint32_t blocks = kv_item_blocks(3, sizeof value), seen = 0;
	for (uint32_t b = 1; b <= blocks; b++) {
		uint8_t *bytes = (uint8_t *)kv_block(bed.store, b);
		uint32_t end_at = b < blocks ? 64 : 4 + (3 + 150 - 48 - 60);
		for (uint32_t at = b == 1 ? 16 : 4; at < end_at; at++) {
			bytes[at] ^= 1;
			seen += bed_digest(&bed, 1000000) != digest;
			bytes[at] ^= 1;
		}
	}
	CU_ASSERT_EQUAL(seen, 3 + sizeof value);
	end();
}

// ---- attach ----
// A flipped bit in a link is refused, or what remains is a store as well and its digest tells that it is another one.
static void attach_refuses_damage(void)
{
	uint32_t refused = 0, seen = 0;
	uint64_t rng = 41;
	begin();
	for (uint64_t k = 0; k < 300; k++)
		one(PNYX_KV_PUT, (struct text){&k, 8}, (struct text){result, (uint32_t)(k % 200)});
	uint64_t used = pnyx_app_used(bed.store), digest = bed_digest(&bed, 1000000);
	uint8_t *snapshot = malloc(bed.size);
	memcpy(snapshot, bed.arena, bed.size);
	for (int round = 0; round < 2000; round++) {
		uint8_t *at = (uint8_t *)kv_block(bed.store, 1 + below(&rng, (uint32_t)used));
		at += below(&rng, 4);
		if (round % 2)
			at = (uint8_t *)kv_bucket_word(bed.store, 0) + below(&rng, bed.store->buckets * 4);
		*at ^= (uint8_t)(1u << below(&rng, 8));
		if (!pnyx_app_attach(bed.store, &bed.config))
			refused++;
		else
			seen += bed_digest(&bed, 1000000) != digest;
		memcpy(bed.arena, snapshot, bed.size);
	}
	free(snapshot);
	CU_ASSERT_EQUAL(refused + seen, 2000);
	CU_ASSERT(refused > 1900);
	CU_ASSERT(pnyx_app_attach(bed.store, &bed.config));
	CU_ASSERT_EQUAL(bed_digest(&bed, 1000000), digest);
	struct pnyx_app_config other = bed.config;
	other.seed++;
	CU_ASSERT_FALSE(pnyx_app_attach(bed.store, &other));
	other = bed.config;
	other.capacity++;
	CU_ASSERT_FALSE(pnyx_app_attach(bed.store, &other));
	other = bed.config;
	other.result_max++;
	CU_ASSERT_FALSE(pnyx_app_attach(bed.store, &other));
	end();
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
    {"inspect: every field", inspect_every_field},
    {"inspect: limits", inspect_limits},
    {"inspect: fuzzed", inspect_fuzzed},
    {"a random run equals the model", random_run_equals_model},
    {"order does not matter", order_does_not_matter},
    {"digest sees every stored byte", digest_sees_every_stored_byte},
    {"attach refuses damage", attach_refuses_damage},
};

UNIT_MAIN("kv", tests)
