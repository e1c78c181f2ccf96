// Tests of reading untrusted bytes as key-value commands.
#include "tests/unit/kv_fixture.h"

static enum pnyx_verdict inspect_copy(const uint8_t *bytes, uint32_t len,
				      struct pnyx_intent *intent)
{
	uint8_t *exact = malloc(len + 1); // so that the sanitizer sees a read beyond the end
	memcpy(exact, bytes, len);
	struct pnyx_intent before;
	memset(&before, 0xa5, sizeof before);
	memcpy(intent, &before, sizeof before);
	uint8_t *moved = realloc(exact, len ? len : 1);
	enum pnyx_verdict verdict = pnyx_app_inspect(moved, len, 1384, intent);
	if (verdict != PNYX_FINE) {
		CU_ASSERT_EQUAL(memcmp(intent, &before, sizeof before), 0);
		free(moved);
		return verdict;
	}
	for (uint32_t k = 0; k < intent->keys_count; k++) {
		const struct pnyx_key *key = &intent->keys[k];
		CU_ASSERT(key->len > 0 && key->data >= moved &&
			  key->data + key->len <= moved + len);
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
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent),
				is_known ? PNYX_FINE : PNYX_MALFORMED);
		if (is_known) {
			CU_ASSERT_EQUAL(intent.is_read, op == PNYX_KV_GET || op == PNYX_KV_MGET);
			CU_ASSERT_EQUAL(intent.cost == 0, intent.is_read);
		}
		command_add(&c, TEXT("k"), NONE, NONE); // a second key
		bool is_many = op == PNYX_KV_MGET || op == PNYX_KV_MPUT;
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent),
				is_many ? PNYX_FINE : PNYX_MALFORMED);
		command_begin(&c, (enum pnyx_kv_op)op, 0); // a value of one byte
		command_add(&c, TEXT("k"), TEXT("v"), NONE);
		bool has_value = op == PNYX_KV_PUT || op == PNYX_KV_CAS || op == PNYX_KV_APPEND ||
				 op == PNYX_KV_MPUT;
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent),
				has_value ? PNYX_FINE : PNYX_MALFORMED);
		command_begin(&c, (enum pnyx_kv_op)op, 0); // something expected
		command_add(&c, TEXT("k"), NONE, TEXT("e"));
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent),
				op == PNYX_KV_CAS ? PNYX_FINE : PNYX_MALFORMED);
		command_begin(&c, (enum pnyx_kv_op)op, PNYX_KV_ABSENT);
		command_add(&c, TEXT("k"), NONE, NONE);
		CU_ASSERT_EQUAL(inspect_copy(c.bytes, c.len, &intent),
				op == PNYX_KV_CAS ? PNYX_FINE : PNYX_MALFORMED);
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

// Each prefix of a command, each command with more behind it, and mutated ones: never a crash,
// never a half command.
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
			c.bytes[at] = (uint8_t)(below(&rng, 2) ? ep_random(&rng)
							       : old ^ 1u << below(&rng, 8));
			if (inspect_copy(c.bytes, c.len, &intent) == PNYX_FINE && ++fine)
				run(&c, RESULT_MAX);
			else
				bad++;
			c.bytes[at] = old;
			if (pnyx_app_used(bed.store) > bed.config.capacity / 2) { // nobody admits here
				end();
				begin();
			}
		}
	}
	for (int round = 0; round < 100000; round++) {
		uint8_t bytes[40];
		uint32_t len = below(&rng, sizeof bytes);
		for (uint32_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)(ep_random(&rng) &
					     (k < 12 ? 15 : 255)); // small ones get further
		inspect_copy(bytes, len, &intent);
	}
	CU_ASSERT(fine > 100 && bad > 100); // both ways were taken
	end();
}

static const struct unit_test tests[] = {
    {"inspect: every field", inspect_every_field},
    {"inspect: limits", inspect_limits},
    {"inspect: fuzzed", inspect_fuzzed},
};

UNIT_MAIN("kv_command", tests)
