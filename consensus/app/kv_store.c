// The storage of the key-value store: finding, replacing and removing items under the undo journal.
//
// A stored item never changes but for its links. Setting a value fills a new chain in free blocks,
// which nobody reaches and which needs no journal, then swings one link to it. The old chain stays
// whole until the commit point, so that undoing that one link brings it back.
#include "consensus/app/kv_store.h"

// ---- cursors ----
struct kv_cursor kv_store_key(const struct kv_store *s, uint32_t index)
{
	const union kv_block *blocks = kv_block(s, 0);
	const struct kv_item *item = &blocks[index].item;
	return (struct kv_cursor){blocks, item->bytes, KV_ITEM_BYTES, kv_item_more(item)};
}

const uint8_t *kv_cursor_next(struct kv_cursor *c, uint32_t want, uint32_t *len)
{
	if (c->left == 0) {
		const struct kv_tail *tail = &c->blocks[c->more].tail;
		CHECK_OP(c->more, !=, 0u);
		c->at = tail->bytes;
		c->left = KV_TAIL_BYTES;
		c->more = tail->more;
	}
	const uint8_t *piece = c->at;
	*len = want < c->left ? want : c->left;
	c->at += *len;
	c->left -= *len;
	return piece;
}

void kv_cursor_copy(struct kv_cursor *c, uint8_t *out, uint32_t len)
{
	for (uint32_t n; len > 0; out += n, len -= n) {
		const uint8_t *piece = kv_cursor_next(c, len, &n);
		memcpy(out, piece, n);
	}
}

bool kv_cursor_equal(struct kv_cursor *c, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t n; len > 0; bytes += n, len -= n) {
		const uint8_t *piece = kv_cursor_next(c, len, &n);
		if (memcmp(piece, bytes, n) != 0)
			return false;
	}
	return true;
}

struct kv_cursor kv_store_value(const struct kv_store *s, uint32_t index)
{
	struct kv_cursor c = kv_store_key(s, index);
	for (uint32_t skip = kv_block(s, index)->item.key_len, n; skip > 0; skip -= n)
		kv_cursor_next(&c, skip, &n);
	return c;
}

uint32_t kv_store_check(const struct kv_store *s, uint32_t index)
{
	const struct kv_item *item = &kv_block(s, index)->item;
	uint64_t head = item->key_len | (uint64_t)item->tag << 8 | (uint64_t)item->value_len << 16;
	uint32_t check = (uint32_t)ep_check_word(EP_CHECK_START, head);
	if ((uint32_t)item->key_len + item->value_len <= KV_ITEM_BYTES)
		return (uint32_t)ep_check_bytes(check, item->bytes, (uint32_t)item->key_len + item->value_len);
	struct kv_cursor c = kv_store_key(s, index);
	for (uint32_t left = (uint32_t)item->key_len + item->value_len, n; left > 0; left -= n) {
		const uint8_t *piece = kv_cursor_next(&c, left, &n);
		check = ep_crc32c(check, piece, n);
	}
	return check;
}

uint64_t kv_store_item_hash(const struct kv_store *s, uint32_t index)
{
	const struct kv_item *item = &kv_block(s, index)->item;
	struct kv_cursor c = kv_store_key(s, index);
	uint64_t hash = ep_mix64(s->seed ^ ((uint64_t)item->key_len << 16 | item->value_len));
	for (uint32_t left = (uint32_t)item->key_len + item->value_len, n; left > 0; left -= n) {
		const uint8_t *piece = kv_cursor_next(&c, left, &n);
		hash = ep_hash64(hash, piece, n);
	}
	return hash;
}

// ---- finding ----
static inline bool key_is(const struct kv_store *s, uint32_t index, const uint8_t *key, uint32_t len)
{
	if (len <= KV_ITEM_BYTES)
		return ep_bytes_equal(kv_block(s, index)->item.bytes, key, len);
	struct kv_cursor c = kv_store_key(s, index);
	return kv_cursor_equal(&c, key, len);
}

struct kv_place kv_store_find(const struct kv_store *s, const uint8_t *key, uint32_t len)
{
	uint64_t hash = ep_hash64(s->seed, key, len);
	uint32_t bucket = kv_hash_bucket(s, hash);
	struct kv_place place = {.bucket = bucket, .tag = kv_hash_tag(hash)};
	place.word = kv_bucket_word(s, bucket);
	place.shift = (bucket & 1) * 32;
	place.index = (uint32_t)(*place.word >> place.shift);
	while (place.index != 0) {
		struct kv_item *item = &kv_block(s, place.index)->item;
		if (item->tag == place.tag && item->key_len == len && key_is(s, place.index, key, len))
			break;
		place.word = &item->links;
		place.shift = 32;
		place.index = kv_item_next(item);
	}
	return place;
}

// ---- new chains ----
static inline uint32_t block_take(struct kv_store *s)
{
	uint32_t index = s->free;
	if (index != 0) {
		s->free = kv_block(s, index)->tail.more;
		return index;
	}
	CHECK_OP(s->fresh, <, s->blocks); // room was decided when the command was admitted
	return s->fresh++;
}

static inline void block_give(struct kv_store *s, uint32_t index)
{
	kv_block(s, index)->tail.more = s->free;
	s->free = index;
}

// Fills a chain; `last` is the block being filled.
struct chain {
	struct kv_store *s;
	uint32_t first, last;
	uint8_t *at;
	uint32_t left;
};

static inline struct chain chain_begin(struct kv_store *s, uint32_t key_len, uint32_t value_len,
				uint8_t tag)
{
	uint32_t first = block_take(s);
	struct kv_item *item = &kv_block(s, first)->item;
	item->links = 0;
	item->value_len = (uint16_t)value_len;
	item->key_len = (uint8_t)key_len;
	item->tag = tag;
	return (struct chain){s, first, first, item->bytes, KV_ITEM_BYTES};
}

static void chain_grow(struct chain *c)
{
	uint32_t index = block_take(c->s);
	struct kv_tail *tail = &kv_block(c->s, index)->tail;
	tail->more = 0;
	if (c->last == c->first)
		kv_block(c->s, c->last)->item.links = index;
	else
		kv_block(c->s, c->last)->tail.more = index;
	c->last = index;
	c->at = tail->bytes;
	c->left = KV_TAIL_BYTES;
	ep_cut_point();
}

static void chain_add(struct chain *c, const uint8_t *bytes, uint32_t len)
{
	while (len > 0) {
		if (c->left == 0)
			chain_grow(c);
		uint32_t n = len < c->left ? len : c->left;
		memcpy(c->at, bytes, n);
		c->at += n;
		c->left -= n;
		bytes += n;
		len -= n;
	}
}

static void chain_add_value(struct chain *c, uint32_t item)
{
	struct kv_cursor from = kv_store_value(c->s, item);
	for (uint32_t left = kv_block(c->s, item)->item.value_len, n; left > 0; left -= n) {
		const uint8_t *piece = kv_cursor_next(&from, left, &n);
		chain_add(c, piece, n);
	}
}

// ---- changing ----
static inline void link_set(struct ep_txn *txn, const struct kv_place *place, uint32_t index)
{
	uint64_t keep = *place->word & ~(0xffffffffULL << place->shift);
	ep_txn_set64(txn, place->word, keep | (uint64_t)index << place->shift);
}

// The item is out of its bucket, or will be if the transaction commits; its words stay until then.
static inline void item_unlinked(struct kv_store *s, uint32_t index)
{
	const struct kv_item *item = &kv_block(s, index)->item;
	s->used -= kv_item_blocks(item->key_len, item->value_len);
	s->items--;
	s->sum_next -= kv_sum_term(item);
	CHECK_OP(s->unlinked, <, s->unlinked_max);
	kv_unlinked(s)[s->unlinked++] = index;
}

void kv_store_set(struct kv_store *s, struct ep_txn *txn, const struct kv_place *place,
		  struct kv_bytes key, uint32_t prefix, struct kv_bytes suffix)
{
	uint32_t value_len = suffix.len + (prefix != 0 ? kv_block(s, prefix)->item.value_len : 0);
	CHECK_OP(value_len, <=, s->value_max);
	struct chain c = chain_begin(s, key.len, value_len, place->tag);
	if (key.len + value_len <= KV_ITEM_BYTES && prefix == 0) { // one block, as most have
		memcpy(c.at, key.data, key.len);
		memcpy(c.at + key.len, suffix.data, suffix.len);
	} else {
		chain_add(&c, key.data, key.len);
		if (prefix != 0)
			chain_add_value(&c, prefix);
		chain_add(&c, suffix.data, suffix.len);
	}
	kv_block(s, c.first)->item.check = kv_store_check(c.s, c.first);

	// It takes the place of the old item, or of nothing at the end of the bucket's list.
	if (place->index != 0) {
		uint64_t next = kv_item_next(&kv_block(s, place->index)->item);
		kv_block(s, c.first)->item.links |= next << 32;
	}
	ep_cut_point();
	link_set(txn, place, c.first);
	s->used += kv_item_blocks(key.len, value_len);
	s->items++;
	s->sum_next += kv_sum_term(&kv_block(s, c.first)->item);
	if (place->index != 0)
		item_unlinked(s, place->index);
}

void kv_store_delete(struct kv_store *s, struct ep_txn *txn, const struct kv_place *place)
{
	link_set(txn, place, kv_item_next(&kv_block(s, place->index)->item));
	item_unlinked(s, place->index);
}

void kv_store_settle(struct kv_store *s, struct ep_txn *txn)
{
	if (s->sum != s->sum_next)
		ep_txn_set64(txn, &s->sum, s->sum_next);
}

void kv_store_committed(struct kv_store *s)
{
	while (s->unlinked != 0) {
		uint32_t block = kv_unlinked(s)[--s->unlinked], more = kv_item_more(&kv_block(s, block)->item);
		block_give(s, block);
		while (more != 0) {
			block = more;
			more = kv_block(s, block)->tail.more;
			block_give(s, block);
		}
	}
}
