// The storage of the key-value store: items as chains of 64-byte blocks, hung into buckets.
//
// State is one pointer-free piece of memory: the head, the buckets, a mark for each block (scratch
// of attach), the items to be freed, the blocks. Authoritative are the fixed part of the head, the
// sum, the buckets and all blocks that hang on a bucket; the rest is derived and rebuilt by
// kv_store_attach().
#pragma once
#include "consensus/app/app.h"
#include "consensus/base/bytes.h"
#include "consensus/base/seal.h"

#define KV_BLOCK 64       // bytes: a cache line
#define KV_ITEM_BYTES 48  // of key and value in an item's first block
#define KV_TAIL_BYTES 60  // in each later one
#define KV_RESULT_MIN 64u // a smaller reply would make numbers fail

// Links are read and written as whole aligned words, because a word is what the undo journal keeps.
struct kv_item { // first block of an item
	uint64_t links;               // low half: next block of it; high half: next item; 0 = none
	uint32_t check;               // CRC32C of lengths, tag, key and value
	uint16_t value_len;
	uint8_t key_len;
	uint8_t tag;                  // eight bits of the key's hash that choose no bucket
	uint8_t bytes[KV_ITEM_BYTES]; // the key, then the value
};

struct kv_tail { // later blocks; a free block uses `more` as the free list's link
	uint32_t more; // next block of the chain, 0 = last
	uint8_t bytes[KV_TAIL_BYTES];
};

union kv_block {
	struct kv_item item;
	struct kv_tail tail;
};
_Static_assert(sizeof(union kv_block) == KV_BLOCK, "a block is a cache line");

struct kv_store {
	// fixed by kv_store_init()
	uint64_t magic;
	uint64_t seed;
	uint64_t capacity;   // blocks that contents may take
	uint32_t blocks;     // with room for one command's new chains; block 0 is never used
	uint32_t buckets;    // a power of two
	uint32_t value_max;  // bytes
	uint32_t result_max; // bytes
	uint64_t at_buckets, at_marks, at_unlinked, at_blocks; // bytes from here
	uint32_t unlinked_max; // items that one transaction may remove
	uint32_t zero;
	// authoritative
	uint64_t sum; // over the checks of all items: none is missing, none too many
	// derived
	uint64_t sum_next; // what `sum` becomes when the present command ends
	uint64_t used;     // blocks reachable from buckets
	uint64_t items;
	uint32_t free;     // first of the free list, 0 = empty
	uint32_t fresh;    // blocks from here on were never used
	uint32_t unlinked; // items that wait for the commit point
};
_Static_assert(sizeof(struct kv_store) == 128, "two cache lines, the buckets follow");

// Where an item hangs: the half of a word that names it.
struct kv_place {
	uint64_t *word;
	uint32_t shift; // 0 or 32
	uint32_t index; // of the item, 0 = the key is not there
	uint32_t bucket;
	uint8_t tag;
};

// Walks the bytes of an item block by block.
struct kv_cursor {
	const union kv_block *blocks;
	const uint8_t *at;
	uint32_t left; // bytes at `at` in this block
	uint32_t more;
};

// A piece of a new value.
struct kv_bytes {
	const uint8_t *data;
	uint32_t len;
};

size_t kv_store_size(const struct pnyx_app_config *config);
void kv_store_init(struct kv_store *s, const struct pnyx_app_config *config);
// Verifies everything that is reachable and rebuilds what is derived. False: damaged; nothing was
// changed but marks.
bool kv_store_attach(struct kv_store *s, const struct pnyx_app_config *config);

// Finds a key of 1..255 bytes.
struct kv_place kv_store_find(const struct kv_store *s, const uint8_t *key, uint32_t len);
// Sets the value of the key at `place` to the bytes of the item `prefix` (0 = none) followed by
// `suffix`. The place is used up. The caller has checked the length against value_max.
void kv_store_set(struct kv_store *s, struct ep_txn *txn, const struct kv_place *place,
		  struct kv_bytes key, uint32_t prefix, struct kv_bytes suffix);
// Unlinks the item at `place`, which must name one. The place is used up.
void kv_store_delete(struct kv_store *s, struct ep_txn *txn, const struct kv_place *place);
// Before a command ends: the sum follows what it changed.
void kv_store_settle(struct kv_store *s, struct ep_txn *txn);
// After the commit point: gives the chains that were unlinked back to the free list.
void kv_store_committed(struct kv_store *s);

// The check that the item `index` must carry.
uint32_t kv_store_check(const struct kv_store *s, uint32_t index);
// The part of an item in the store's sum: counts it, and adds its check.
static inline uint64_t kv_sum_term(const struct kv_item *item)
{
	return 1ULL << 32 | item->check;
}

// Hash of all stored bytes of the item `index`; says nothing about where they lie.
uint64_t kv_store_item_hash(const struct kv_store *s, uint32_t index);

// Points at the value of the item `index`.
struct kv_cursor kv_store_value(const struct kv_store *s, uint32_t index);
// Points at the key of the item `index`; its value follows.
struct kv_cursor kv_store_key(const struct kv_store *s, uint32_t index);
// The next contiguous piece of at most `want` bytes (want > 0); *len is at least 1. The chain must
// be that long.
const uint8_t *kv_cursor_next(struct kv_cursor *cursor, uint32_t want, uint32_t *len);
void kv_cursor_copy(struct kv_cursor *cursor, uint8_t *out, uint32_t len);
bool kv_cursor_equal(struct kv_cursor *cursor, const uint8_t *bytes, uint32_t len);

// Blocks of an item with a key and a value of these lengths.
static inline uint32_t kv_item_blocks(uint32_t key_len, uint32_t value_len)
{
	uint32_t bytes = key_len + value_len;
	return bytes <= KV_ITEM_BYTES
		   ? 1
		   : 1 + (bytes - KV_ITEM_BYTES + KV_TAIL_BYTES - 1) / KV_TAIL_BYTES;
}

static inline union kv_block *kv_block(const struct kv_store *s, uint32_t index)
{
	return (union kv_block *)((uintptr_t)s + s->at_blocks) + index;
}

// Items whose chains are freed when the transaction commits.
static inline uint32_t *kv_unlinked(const struct kv_store *s)
{
	return (uint32_t *)((uintptr_t)s + s->at_unlinked);
}

static inline uint64_t *kv_bucket_word(const struct kv_store *s, uint32_t bucket)
{
	return (uint64_t *)((uintptr_t)s + s->at_buckets) + (bucket >> 1);
}

static inline uint32_t kv_bucket_first(const struct kv_store *s, uint32_t bucket)
{
	return (uint32_t)(*kv_bucket_word(s, bucket) >> ((bucket & 1) * 32));
}

static inline uint32_t kv_item_more(const struct kv_item *item)
{
	return (uint32_t)item->links;
}

static inline uint32_t kv_item_next(const struct kv_item *item)
{
	return (uint32_t)(item->links >> 32);
}

static inline uint32_t kv_hash_bucket(const struct kv_store *s, uint64_t hash)
{
	return (uint32_t)hash & (s->buckets - 1);
}

static inline uint8_t kv_hash_tag(uint64_t hash)
{
	return (uint8_t)(hash >> 56);
}
