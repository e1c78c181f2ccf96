// Tests of the key-value store as a whole: against a model, its digest, and attaching to it.
#include "tests/unit/kv_fixture.h"

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
	for (int round = 0; round < 100000; round++) {
		random_command(&rng, &m, &c);
		uint32_t cap = caps[below(&rng, 4)];
		uint32_t len = model_apply(&m, &c, expected, cap);
		codes[run(&c, cap)]++;
		CU_ASSERT_EQUAL(result_len, len);
		CU_ASSERT_EQUAL(memcmp(result, expected, len), 0);
		CU_ASSERT_EQUAL(pnyx_app_used(bed.store), model_used(&m));
		if (round % 200 == 0) {
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

// Equal contents that came about in another order: same digest, same room; any change of them:
// another digest.
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
				bed_apply(&other,
					  command_one(PNYX_KV_PUT,
						      (struct text){item->key, item->key_len},
						      (struct text){item->value, item->value_len}),
					  result, RESULT_MAX);
		}
		CU_ASSERT(bed_equals(&other, &m));
		CU_ASSERT_EQUAL(pnyx_app_used(other.store), pnyx_app_used(first.store));
		uint64_t digest = bed_digest(&first, 1000000);
		CU_ASSERT_EQUAL(bed_digest(&other, 3), digest);
		bed_apply(&other,
			  command_one(PNYX_KV_APPEND,
				      (struct text){m.items[0].key, m.items[0].key_len}, TEXT("x")),
			  result, RESULT_MAX);
		CU_ASSERT_NOT_EQUAL(bed_digest(&other, 1000000), digest);
		bed_free(&other);
	}
	end();
}

// The same bytes, cut elsewhere into key and value, are other contents.
static void digest_sees_lengths(void)
{
	begin();
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, TEXT("ab"), TEXT("c")), PNYX_KV_OK);
	uint64_t digest = bed_digest(&bed, 1000000);
	CU_ASSERT_EQUAL(one(PNYX_KV_DELETE, TEXT("ab"), NONE), PNYX_KV_OK);
	CU_ASSERT_EQUAL(bed_digest(&bed, 1000000), 0);
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, TEXT("a"), TEXT("bc")), PNYX_KV_OK);
	CU_ASSERT_NOT_EQUAL(bed_digest(&bed, 1000000), digest);
	end();
}

// A changed byte anywhere in what is stored shows in the digest or is refused by attach.
static void digest_sees_every_stored_byte(void)
{
	static uint8_t value[150];
	begin();
	CU_ASSERT_EQUAL(one(PNYX_KV_PUT, TEXT("key"), (struct text){value, sizeof value}),
			PNYX_KV_OK);
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
// A flipped bit in a link is refused, or what remains is a store as well and its digest tells that
// it is another one.
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
			at = (uint8_t *)kv_bucket_word(bed.store, 0) +
			     below(&rng, bed.store->buckets * 4);
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

// One name twice in a bucket, a name in a bucket that is not its own, and a wrong tag.
static void attach_refuses_wrong_names(void)
{
	begin();
	uint64_t first = 0, second = 1;
	uint32_t bucket = kv_store_find(bed.store, (uint8_t *)&first, 8).bucket;
	while (kv_store_find(bed.store, (uint8_t *)&second, 8).bucket != bucket)
		second++;
	one(PNYX_KV_PUT, (struct text){&first, 8}, NONE);
	one(PNYX_KV_PUT, (struct text){&second, 8}, NONE);
	struct kv_item *a = &kv_block(bed.store, 1)->item, *b = &kv_block(bed.store, 2)->item,
		       old = *b;
	CU_ASSERT_EQUAL(kv_item_next(a), 2);
	CU_ASSERT(pnyx_app_attach(bed.store, &bed.config));
	memcpy(b->bytes, a->bytes, 8);
	b->tag = a->tag;
	CU_ASSERT_FALSE(pnyx_app_attach(bed.store, &bed.config));
	*b = old;
	b->tag ^= 1;
	CU_ASSERT_FALSE(pnyx_app_attach(bed.store, &bed.config));
	*b = old;
	do
		second++;
	while (kv_store_find(bed.store, (uint8_t *)&second, 8).bucket == bucket);
	memcpy(b->bytes, &second, 8);
	b->tag = kv_store_find(bed.store, (uint8_t *)&second, 8).tag;
	CU_ASSERT_FALSE(pnyx_app_attach(bed.store, &bed.config));
	*b = old;
	end();
}

static const struct unit_test tests[] = {
    {"a random run equals the model", random_run_equals_model},
    {"order does not matter", order_does_not_matter},
    {"digest sees lengths", digest_sees_lengths},
    {"digest sees every stored byte", digest_sees_every_stored_byte},
    {"attach refuses damage", attach_refuses_damage},
    {"attach refuses wrong names", attach_refuses_wrong_names},
};

UNIT_MAIN("kv_store", tests)
