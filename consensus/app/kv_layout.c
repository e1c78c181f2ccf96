// The store as a whole: its sizes, an empty one, and taking over what a killed process left.
#include "consensus/app/kv_format.h"
#include "consensus/app/kv_store.h"

#define MAGIC 0x31766b5f78796e70ULL // "pnyx_kv1"
#define CAPACITY_MAX (1ULL << 30)   // block numbers are 32 bits wide
#define BUCKETS_MIN 16u             // one line
#define PAYLOAD_MORE 512u           // a payload is never longer than a result by more

static uint64_t lines(uint64_t bytes)
{
	return (bytes + KV_BLOCK - 1) & ~(uint64_t)(KV_BLOCK - 1);
}

// The fixed part of the head; a function of the configuration only.
static struct kv_store layout(const struct pnyx_app_config *config)
{
	CHECK_OP(config->result_max, >=, KV_RESULT_MIN);
	CHECK_OP(config->capacity, <=, CAPACITY_MAX);
	struct kv_store s = {.magic = MAGIC, .seed = config->seed, .capacity = config->capacity};
	s.result_max = config->result_max;
	s.value_max = pnyx_kv_value_max(config->result_max);
	// A command fills its new chains while the old ones still wait for the commit point. They hold
	// no more bytes than the largest item (kv.c sees to that), and less than two blocks besides
	// for each key.
	s.blocks = 1 + (uint32_t)config->capacity + 2 * PNYX_KEYS_MAX +
		   kv_item_blocks(PNYX_KEY_MAX, s.value_max);
	// An item takes a block at least, so there is never more than one item to a bucket on
	// average.
	s.buckets = BUCKETS_MIN;
	while (s.buckets < config->capacity)
		s.buckets *= 2;
	// Each item that a payload's commands replace or delete was named by an entry with a key.
	s.unlinked_max = (config->result_max + PAYLOAD_MORE) / (sizeof(struct pnyx_kv_entry) + 1);
	s.at_buckets = sizeof s;
	s.at_marks = s.at_buckets + lines((uint64_t)s.buckets * sizeof(uint32_t));
	s.at_unlinked = s.at_marks + lines((uint64_t)s.blocks / 8 + 1);
	s.at_blocks = s.at_unlinked + lines((uint64_t)s.unlinked_max * sizeof(uint32_t));
	s.fresh = 1;
	return s;
}

size_t kv_store_size(const struct pnyx_app_config *config)
{
	struct kv_store s = layout(config);
	return s.at_blocks + (uint64_t)s.blocks * KV_BLOCK;
}

void kv_store_init(struct kv_store *s, const struct pnyx_app_config *config)
{
	CHECK_OP((uintptr_t)s % KV_BLOCK, ==, 0u);
	*s = layout(config);
}

// ---- attach ----
// What the walk over a store has counted.
struct census {
	uint64_t used, items, sum;
	uint32_t highest; // block in use, 0 = none
};

static uint8_t *marks(struct kv_store *s)
{
	return (uint8_t *)s + s->at_marks;
}

static bool is_marked(struct kv_store *s, uint32_t index)
{
	return marks(s)[index / 8] >> (index % 8) & 1;
}

// False when there is no such block or it belongs to something already, which also ends every
// circle.
static bool claim(struct kv_store *s, uint32_t index, struct census *census)
{
	if (index == 0 || index >= s->blocks || is_marked(s, index))
		return false;
	marks(s)[index / 8] |= (uint8_t)(1u << (index % 8));
	census->used++;
	if (index > census->highest)
		census->highest = index;
	return true;
}

// A search finds it: its bucket and tag are its key's, and it is the first of its name. What stands before it in the bucket is
// verified; nothing else is followed.
static bool is_found(const struct kv_store *s, uint32_t bucket, uint32_t index)
{
	const struct kv_item *item = &kv_block(s, index)->item;
	uint8_t key[PNYX_KEY_MAX];
	struct kv_cursor c = kv_store_key(s, index);
	kv_cursor_copy(&c, key, item->key_len);
	uint64_t hash = ep_hash64(s->seed, key, item->key_len);
	if (kv_hash_bucket(s, hash) != bucket || kv_hash_tag(hash) != item->tag)
		return false;
	for (uint32_t i = kv_bucket_first(s, bucket); i != index; i = kv_item_next(&kv_block(s, i)->item)) {
		c = kv_store_key(s, i);
		if (kv_block(s, i)->item.key_len == item->key_len && kv_cursor_equal(&c, key, item->key_len))
			return false;
	}
	return true;
}

static bool claim_item(struct kv_store *s, uint32_t bucket, uint32_t index, struct census *census)
{
	if (!claim(s, index, census))
		return false;
	const struct kv_item *item = &kv_block(s, index)->item;
	if (item->key_len == 0 || item->value_len > s->value_max)
		return false;
	uint32_t more = kv_item_more(item);
	for (uint32_t n = kv_item_blocks(item->key_len, item->value_len); n > 1; n--) {
		if (!claim(s, more, census))
			return false;
		more = kv_block(s, more)->tail.more;
	}
	if (more != 0)
		return false;
	census->items++;
	census->sum += kv_sum_term(item);
	return kv_store_check(s, index) == item->check && is_found(s, bucket, index);
}

// All blocks below the highest in use that nothing refers to are free, the lowest first.
static void rebuild(struct kv_store *s, const struct census *census)
{
	s->used = census->used;
	s->items = census->items;
	s->unlinked = 0;
	s->sum_next = s->sum;
	s->fresh = census->highest + 1;
	s->free = 0;
	for (uint32_t index = census->highest; index > 0; index--)
		if (!is_marked(s, index)) {
			kv_block(s, index)->tail.more = s->free;
			s->free = index;
		}
}

bool kv_store_attach(struct kv_store *s, const struct pnyx_app_config *config)
{
	struct kv_store fixed = layout(config);
	if (memcmp(s, &fixed, offsetof(struct kv_store, sum)) != 0)
		return false;
	struct census census = {0};
	memset(marks(s), 0, s->at_unlinked - s->at_marks);
	for (uint32_t b = 0; b < s->buckets; b++)
		for (uint32_t i = kv_bucket_first(s, b); i != 0;
		     i = kv_item_next(&kv_block(s, i)->item))
			if (!claim_item(s, b, i, &census))
				return false;
	if (census.sum != s->sum)
		return false;
	rebuild(s, &census);
	return true;
}
