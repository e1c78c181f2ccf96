// A naive key-value store that the real one is compared with, and what its tests share.
#include "tests/unit/kv_model.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- commands ----
static void add_bytes(struct command *c, const void *data, uint32_t len)
{
	CHECK_OP(c->len + len, <=, (uint32_t)COMMAND_ROOM);
	if (len > 0)
		memcpy(c->bytes + c->len, data, len);
	c->len += len;
}

void command_begin(struct command *c, enum pnyx_kv_op op, uint8_t flags)
{
	struct pnyx_kv_command head = {.op = (uint8_t)op, .flags = flags};
	c->len = 0;
	add_bytes(c, &head, sizeof head);
}

void command_add(struct command *c, struct text key, struct text value, struct text expect)
{
	struct pnyx_kv_entry e = {
	    .key_len = (uint8_t)key.len,
	    .value_len = (uint16_t)value.len,
	    .expect_len = (uint16_t)expect.len,
	};
	add_bytes(c, &e, sizeof e);
	add_bytes(c, key.data, key.len);
	add_bytes(c, value.data, value.len);
	add_bytes(c, expect.data, expect.len);
	((struct pnyx_kv_command *)c->bytes)->count++;
}

const struct command *command_cas(uint8_t flags, struct text key, struct text value,
				  struct text expect)
{
	static struct command c;
	command_begin(&c, PNYX_KV_CAS, flags);
	command_add(&c, key, value, expect);
	return &c;
}

const struct command *command_one(enum pnyx_kv_op op, struct text key, struct text value)
{
	static struct command c;
	command_begin(&c, op, 0);
	command_add(&c, key, value, NONE);
	return &c;
}

const struct command *command_incr(struct text key, int64_t delta)
{
	return command_one(PNYX_KV_INCR, key, (struct text){&delta, sizeof delta});
}

// ---- model ----
void model_init(struct model *m, uint32_t result_max)
{
	memset(m, 0, sizeof *m);
	m->result_max = result_max;
	m->value_max = result_max - 20; // a result's head and one value's
	CHECK_OP(m->value_max, <=, sizeof m->items[0].value);
}

static struct model_item *model_find(struct model *m, const uint8_t *key, uint32_t len)
{
	for (uint32_t k = 0; k < m->count; k++)
		if (m->items[k].key_len == len && memcmp(m->items[k].key, key, len) == 0)
			return &m->items[k];
	CHECK_OP(m->count, <, (uint32_t)MODEL_KEYS);
	struct model_item *item = &m->items[m->count++];
	item->key_len = len;
	memcpy(item->key, key, len);
	return item;
}

static void model_set(struct model_item *item, const uint8_t *value, uint32_t len)
{
	item->is_there = true;
	item->value_len = len;
	memcpy(item->value, value, len);
}

// By way of the C library: a number is what prints as the same text again.
static bool is_number(const struct model_item *item, long long *number)
{
	char text[64], again[64];
	if (item->value_len == 0 || item->value_len >= sizeof text)
		return false;
	memcpy(text, item->value, item->value_len);
	text[item->value_len] = 0;
	errno = 0;
	*number = strtoll(text, NULL, 10);
	snprintf(again, sizeof again, "%lld", *number);
	return errno == 0 && strlen(again) == item->value_len && strcmp(text, again) == 0;
}

static uint8_t model_incr(struct model_item *item, int64_t delta, int64_t *number)
{
	long long old = 0;
	if (item->is_there && !is_number(item, &old))
		return PNYX_KV_NOT_A_NUMBER;
	__int128 sum = (__int128)old + delta;
	if (sum > INT64_MAX || sum < INT64_MIN)
		return PNYX_KV_OVERFLOW;
	char text[64];
	snprintf(text, sizeof text, "%lld", (long long)sum);
	model_set(item, (const uint8_t *)text, (uint32_t)strlen(text));
	*number = (int64_t)sum;
	return PNYX_KV_OK;
}

// One entry of a writing command.
static uint8_t model_write(struct model *m, const struct pnyx_kv_command *head,
			   struct model_item *item, const uint8_t *value,
			   const struct pnyx_kv_entry *e, int64_t *number)
{
	const uint8_t *expect = value + e->value_len;
	bool is_same = item->is_there && item->value_len == e->expect_len &&
		       memcmp(item->value, expect, e->expect_len) == 0;
	switch ((enum pnyx_kv_op)head->op) {
	case PNYX_KV_CAS:
		if (e->value_len > m->value_max)
			return PNYX_KV_TOO_LARGE;
		if (head->flags & PNYX_KV_ABSENT ? item->is_there : !is_same)
			return PNYX_KV_CAS_FAILED;
		model_set(item, value, e->value_len);
		return PNYX_KV_OK;
	case PNYX_KV_PUT:
	case PNYX_KV_MPUT:
		model_set(item, value, e->value_len);
		return PNYX_KV_OK;
	case PNYX_KV_DELETE:
		item->is_there = false;
		return PNYX_KV_OK;
	case PNYX_KV_INCR:
		return model_incr(item, (int64_t)ep_load64(value), number);
	case PNYX_KV_APPEND: {
		uint32_t old_len = item->is_there ? item->value_len : 0;
		if (old_len + e->value_len > m->value_max)
			return PNYX_KV_TOO_LARGE;
		memcpy(item->value + old_len, value, e->value_len);
		item->value_len = old_len + e->value_len;
		item->is_there = true;
		*number = item->value_len;
		return PNYX_KV_OK;
	}
	case PNYX_KV_GET:
	case PNYX_KV_MGET:
		break;
	}
	abort();
}

static bool puts_too_much(const struct model *m, const struct pnyx_kv_command *head,
			  const uint8_t *at)
{
	uint32_t sum = 0;
	for (int k = 0; k < head->count; k++) {
		const struct pnyx_kv_entry *e = (const void *)at;
		if (e->value_len > m->value_max)
			return true;
		sum += e->key_len + e->value_len;
		at += sizeof *e + e->key_len + e->value_len + e->expect_len;
	}
	return sum > 255 + m->value_max;
}

uint32_t model_apply(struct model *m, const struct command *c, uint8_t *result, uint32_t cap)
{
	const struct pnyx_kv_command *head = (const void *)c->bytes;
	const uint8_t *at = c->bytes + sizeof *head;
	struct pnyx_kv_result r = {.op = head->op};
	uint32_t len = sizeof r, room = cap < m->result_max ? cap : m->result_max;
	bool is_put = head->op == PNYX_KV_PUT || head->op == PNYX_KV_MPUT;
	bool is_read = head->op == PNYX_KV_GET || head->op == PNYX_KV_MGET;
	if (is_put && puts_too_much(m, head, at)) {
		r.code = PNYX_KV_TOO_LARGE;
		memcpy(result, &r, sizeof r);
		return len;
	}
	for (int k = 0; k < head->count; k++) {
		const struct pnyx_kv_entry *e = (const void *)at;
		const uint8_t *key = at + sizeof *e, *value = key + e->key_len;
		struct model_item *item = model_find(m, key, e->key_len);
		at = value + e->value_len + e->expect_len;
		r.existed |= (uint16_t)(item->is_there << k);
		if (!is_read) {
			int64_t number = 0;
			r.code = model_write(m, head, item, value, e, &number);
			r.number = number;
			continue;
		}
		struct pnyx_kv_value v = {.code = item->is_there ? PNYX_KV_OK : PNYX_KV_NOT_FOUND};
		v.len = (uint16_t)(item->is_there ? item->value_len : 0);
		if (len + sizeof v + v.len > room) {
			r = (struct pnyx_kv_result){.op = head->op, .code = PNYX_KV_TOO_LARGE};
			len = sizeof r;
			break;
		}
		memcpy(result + len, &v, sizeof v);
		memcpy(result + len + sizeof v, item->value, v.len);
		len += (uint32_t)sizeof v + v.len;
		r.count++;
		if (head->op == PNYX_KV_GET)
			r.code = v.code;
	}
	memcpy(result, &r, sizeof r);
	return len;
}

uint64_t model_used(const struct model *m)
{
	uint64_t used = 0;
	for (uint32_t k = 0; k < m->count; k++) {
		if (!m->items[k].is_there)
			continue;
		used++;
		for (uint32_t room = 48; room < m->items[k].key_len + m->items[k].value_len;
		     room += 60)
			used++;
	}
	return used;
}

// ---- the real one ----
struct bed bed_make(uint64_t capacity, uint32_t result_max)
{
	struct bed bed = {
	    .config = {.capacity = capacity, .seed = 0x5eed, .result_max = result_max}};
	size_t journal = (sizeof(struct ep_journal) + 63) & ~(size_t)63;
	CHECK_OP(pnyx_app_size(&bed.config) % 64, ==, 0u);
	bed.size = journal + pnyx_app_size(&bed.config);
	bed.arena = aligned_alloc(64, bed.size);
	memset(bed.arena, 0, bed.size);
	bed.txn =
	    (struct ep_txn){.arena = bed.arena, .journal = (struct ep_journal *)(void *)bed.arena};
	bed.store = (struct kv_store *)(void *)(bed.arena + journal);
	pnyx_app_init(bed.store, &bed.config);
	return bed;
}

void bed_free(struct bed *bed)
{
	free(bed->arena);
}

uint32_t bed_apply(struct bed *bed, const struct command *c, uint8_t *result, uint32_t cap)
{
	uint32_t len = pnyx_app_apply(bed->store, &bed->txn, c->bytes, c->len, result, cap);
	ep_txn_commit(&bed->txn);
	pnyx_app_committed(bed->store);
	return len;
}

uint64_t bed_digest(const struct bed *bed, uint32_t budget)
{
	uint64_t cursor = 0, sum = 0;
	while (!pnyx_app_digest(bed->store, &cursor, &sum, budget))
		;
	return sum;
}

static uint64_t free_blocks(const struct kv_store *s)
{
	uint64_t count = s->blocks - s->fresh;
	for (uint32_t b = s->free; b != 0; b = kv_block(s, b)->tail.more)
		count++;
	return count;
}

bool bed_equals(struct bed *bed, const struct model *m)
{
	static uint8_t result[4096];
	uint64_t items = 0;
	for (uint32_t k = 0; k < m->count; k++) {
		const struct model_item *item = &m->items[k];
		struct text key = {item->key, item->key_len};
		const struct command *get = command_one(PNYX_KV_GET, key, NONE);
		uint32_t len = bed_apply(bed, get, result, sizeof result);
		const struct pnyx_kv_value *v =
		    (const void *)(result + sizeof(struct pnyx_kv_result));
		if ((v->code == PNYX_KV_OK) != item->is_there)
			return false;
		if (!item->is_there)
			continue;
		items++;
		if (len != 20 + item->value_len || memcmp(v + 1, item->value, item->value_len) != 0)
			return false;
	}
	return bed->store->items == items && pnyx_app_used(bed->store) == model_used(m) &&
	       free_blocks(bed->store) + pnyx_app_used(bed->store) + 1 == bed->store->blocks;
}

// ---- chance ----
uint32_t below(uint64_t *rng, uint32_t n)
{
	return (uint32_t)(ep_random(rng) % n);
}

static struct text random_key(uint64_t *rng, uint8_t key[PNYX_KEY_MAX])
{
	static const uint32_t lens[] = {1, 2, 8, 16, 47, 48, 49, 107, 108, 109, 254, 255};
	uint64_t which = below(rng, MODEL_KEYS / 2); // decides all of the key's bytes
	struct text text = {key, lens[which % (sizeof lens / sizeof lens[0])]};
	for (uint32_t k = 0; k < text.len; k++)
		key[k] = (uint8_t)ep_mix64(which + k / 2);
	key[0] = (uint8_t)which; // short ones differ as well
	return text;
}

static struct text random_value(uint64_t *rng, const struct model *m, uint8_t *value)
{
	static const char *const numbers[] = {"0",
					      "1",
					      "-1",
					      "42",
					      "-0",
					      "007",
					      "+1",
					      " 1",
					      "1 ",
					      "-",
					      "",
					      "1e3",
					      "--1",
					      "9223372036854775807",
					      "-9223372036854775808",
					      "9223372036854775808",
					      "-9223372036854775809",
					      "9223372036854775800",
					      "-9223372036854775800",
					      "99999999999999999999",
					      "000000000000000000001"};
	const uint32_t lens[] = {0,
				 1,
				 16,
				 31,
				 32,
				 33,
				 47,
				 48,
				 49,
				 92,
				 93,
				 100,
				 108,
				 109,
				 m->value_max - 1,
				 m->value_max,
				 m->value_max + 1};
	if (below(rng, 3) == 0) {
		const char *n = numbers[below(rng, sizeof numbers / sizeof numbers[0])];
		return (struct text){n, (uint32_t)strlen(n)};
	}
	uint32_t len = lens[below(rng, sizeof lens / sizeof lens[0])];
	for (uint32_t k = 0; k < len; k++)
		value[k] = (uint8_t)ep_random(rng);
	return (struct text){value, len};
}

static void random_cas(uint64_t *rng, const struct model *m, struct command *c, struct text key,
		       struct text value)
{
	struct text expect = NONE;
	if (below(rng, 3) == 0) {
		command_begin(c, PNYX_KV_CAS, PNYX_KV_ABSENT);
		command_add(c, key, value, expect);
		return;
	}
	for (uint32_t k = 0; k < m->count && below(rng, 4) > 0; k++) // mostly the right one
		if (m->items[k].key_len == key.len &&
		    memcmp(m->items[k].key, key.data, key.len) == 0)
			expect = (struct text){m->items[k].value, m->items[k].value_len};
	command_begin(c, PNYX_KV_CAS, 0);
	command_add(c, key, value, expect);
}

void random_command(uint64_t *rng, const struct model *m, struct command *c)
{
	static const int64_t deltas[] = {0, 1, -1, 7, INT64_MAX, INT64_MIN};
	enum pnyx_kv_op op = (enum pnyx_kv_op)(1 + below(rng, 8));
	uint8_t key_bytes[PNYX_KEY_MAX], value_bytes[4096];
	struct text key = random_key(rng, key_bytes), value = random_value(rng, m, value_bytes);
	int64_t delta = deltas[below(rng, 6)];
	command_begin(c, op, 0);
	switch (op) {
	case PNYX_KV_GET:
	case PNYX_KV_DELETE:
		command_add(c, key, NONE, NONE);
		break;
	case PNYX_KV_PUT:
	case PNYX_KV_APPEND:
		command_add(c, key, value, NONE);
		break;
	case PNYX_KV_CAS:
		random_cas(rng, m, c, key, value);
		break;
	case PNYX_KV_INCR:
		command_add(c, key, (struct text){&delta, sizeof delta}, NONE);
		break;
	case PNYX_KV_MGET:
	case PNYX_KV_MPUT:
		for (uint32_t n = 1 + below(rng, below(rng, 2) ? 16 : 3); n > 0; n--) {
			command_add(c, key, op == PNYX_KV_MPUT ? value : NONE, NONE);
			key = random_key(rng, key_bytes);
			value = random_value(rng, m, value_bytes);
		}
		break;
	}
}
