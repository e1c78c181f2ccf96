// The replicated key-value store: the operations of kv_format.h behind the application interface.
#include "consensus/app/kv_command.h"
#include "consensus/app/kv_store.h"

#define NUMBER_TEXT_MAX 20 // bytes of the longest int64_t in decimal: a sign and nineteen digits

// One command under way.
struct run {
	struct kv_store *s;
	struct ep_txn *txn;
	struct pnyx_kv_result result; // without the values
	uint8_t *out;                 // where the result goes; values follow its head
	uint32_t len, cap;            // bytes written, bytes allowed
};

// ---- state ----
size_t pnyx_app_size(const struct pnyx_app_config *config)
{
	return kv_store_size(config);
}

void pnyx_app_init(void *state, const struct pnyx_app_config *config)
{
	kv_store_init(state, config);
}

bool pnyx_app_attach(void *state, const struct pnyx_app_config *config)
{
	return kv_store_attach(state, config);
}

void pnyx_app_committed(void *state)
{
	kv_store_committed(state);
}

uint64_t pnyx_app_used(const void *state)
{
	return ((const struct kv_store *)state)->used;
}

bool pnyx_app_digest(const void *state, uint64_t *cursor, uint64_t *sum, uint32_t budget)
{
	const struct kv_store *s = state;
	for (; budget > 0 && *cursor < s->buckets; budget--, (*cursor)++) {
		uint32_t index = kv_bucket_first(s, (uint32_t)*cursor);
		for (; index != 0; index = kv_item_next(&kv_block(s, index)->item))
			*sum += kv_store_item_hash(s, index);
	}
	return *cursor == s->buckets;
}

// ---- before a command runs ----
// The most that one entry adds or frees. What it replaces is unknown before it runs: it may be the
// largest there is.
static uint32_t entry_cost(enum pnyx_kv_op op, const struct kv_entry *e, uint32_t result_max)
{
	switch (op) {
	case PNYX_KV_GET:
	case PNYX_KV_MGET:
		return 0;
	case PNYX_KV_INCR: // replaces nothing but a number
		return kv_item_blocks(e->key_len, NUMBER_TEXT_MAX);
	case PNYX_KV_PUT:
	case PNYX_KV_DELETE:
	case PNYX_KV_CAS:
	case PNYX_KV_APPEND:
	case PNYX_KV_MPUT:
		return kv_item_blocks(e->key_len, pnyx_kv_value_max(result_max));
	}
	return 0;
}

enum pnyx_verdict pnyx_app_inspect(const uint8_t *command, uint32_t len, uint32_t result_max,
				   struct pnyx_intent *intent)
{
	enum pnyx_verdict verdict = kv_command_check(command, len);
	if (verdict != PNYX_FINE)
		return verdict;
	const struct pnyx_kv_command *head = kv_command_head(command);
	const uint8_t *at = kv_command_first(command);
	bool writes = kv_op_writes(head->op);
	intent->keys_count = head->count;
	intent->is_read = !writes;
	intent->cost = 0;
	for (uint32_t k = 0; k < head->count; k++) {
		struct kv_entry e;
		at = kv_command_next(at, &e);
		intent->keys[k] = (struct pnyx_key){e.key, (uint8_t)e.key_len, writes};
		intent->cost += entry_cost(head->op, &e, result_max);
	}
	intent->growth = head->op == PNYX_KV_DELETE ? 0 : intent->cost;
	return PNYX_FINE;
}

void pnyx_app_prefetch(const void *state, uint64_t key, uint32_t step)
{
	const struct kv_store *s = state;
	uint32_t bucket = kv_hash_bucket(s, key);
	if (step == 0)
		__builtin_prefetch(kv_bucket_word(s, bucket), 1);
	else
		__builtin_prefetch(kv_block(s, kv_bucket_first(s, bucket)));
}

// ---- reading ----
// Appends the value of one key to the result. False: it does not fit.
static bool answer_value(struct run *run, uint32_t k, const struct kv_entry *e)
{
	struct kv_place place = kv_store_find(run->s, e->key, e->key_len);
	struct pnyx_kv_value value = {.code = PNYX_KV_NOT_FOUND};
	if (place.index != 0) {
		value.code = PNYX_KV_OK;
		value.len = kv_block(run->s, place.index)->item.value_len;
		run->result.existed |= (uint16_t)(1u << k);
	}
	if (run->cap - run->len < sizeof value + value.len)
		return false;
	memcpy(run->out + run->len, &value, sizeof value);
	if (value.len > 0) {
		struct kv_cursor c = kv_store_value(run->s, place.index);
		kv_cursor_copy(&c, run->out + run->len + sizeof value, value.len);
	}
	run->len += (uint32_t)sizeof value + value.len;
	run->result.count++;
	return true;
}

static enum pnyx_kv_code do_read(struct run *run, const uint8_t *at, uint32_t count)
{
	for (uint32_t k = 0; k < count; k++) {
		struct kv_entry e;
		at = kv_command_next(at, &e);
		if (!answer_value(run, k, &e)) { // say how it was: not at all
			run->len = sizeof run->result;
			run->result.count = 0;
			run->result.existed = 0;
			return PNYX_KV_TOO_LARGE;
		}
	}
	return PNYX_KV_OK;
}

static enum pnyx_kv_code do_get(struct run *run, const uint8_t *at)
{
	enum pnyx_kv_code code = do_read(run, at, 1);
	return code == PNYX_KV_OK && run->result.existed == 0 ? PNYX_KV_NOT_FOUND : code;
}

// ---- writing ----
static enum pnyx_kv_code do_put(struct run *run, const uint8_t *at, uint32_t count)
{
	const uint8_t *first = at;
	struct kv_entry e;
	uint32_t bytes = 0;
	for (uint32_t k = 0; k < count; k++) {
		at = kv_command_next(at, &e);
		bytes += e.key_len + e.value_len;
		if (e.value_len > run->s->value_max)
			return PNYX_KV_TOO_LARGE;
	}
	if (bytes > PNYX_KEY_MAX + run->s->value_max) // the room beyond capacity is for no more
		return PNYX_KV_TOO_LARGE;
	at = first;
	for (uint32_t k = 0; k < count; k++) {
		at = kv_command_next(at, &e);
		struct kv_place place = kv_store_find(run->s, e.key, e.key_len);
		run->result.existed |= (uint16_t)((place.index != 0) << k);
		kv_store_set(run->s, run->txn, &place, (struct kv_bytes){e.key, e.key_len}, 0,
			     (struct kv_bytes){e.value, e.value_len});
	}
	return PNYX_KV_OK;
}

static enum pnyx_kv_code do_delete(struct run *run, const struct kv_entry *e)
{
	struct kv_place place = kv_store_find(run->s, e->key, e->key_len);
	if (place.index != 0) {
		run->result.existed = 1;
		kv_store_delete(run->s, run->txn, &place);
	}
	return PNYX_KV_OK;
}

static bool is_expected(const struct run *run, uint32_t item, uint8_t flags,
			const struct kv_entry *e)
{
	if (flags & PNYX_KV_ABSENT)
		return item == 0;
	if (item == 0 || kv_block(run->s, item)->item.value_len != e->expect_len)
		return false;
	struct kv_cursor c = kv_store_value(run->s, item);
	return kv_cursor_equal(&c, e->expect, e->expect_len);
}

static enum pnyx_kv_code do_cas(struct run *run, uint8_t flags, const struct kv_entry *e)
{
	struct kv_place place = kv_store_find(run->s, e->key, e->key_len);
	run->result.existed = place.index != 0;
	if (e->value_len > run->s->value_max)
		return PNYX_KV_TOO_LARGE;
	if (!is_expected(run, place.index, flags, e))
		return PNYX_KV_CAS_FAILED;
	kv_store_set(run->s, run->txn, &place, (struct kv_bytes){e->key, e->key_len}, 0,
		     (struct kv_bytes){e->value, e->value_len});
	return PNYX_KV_OK;
}

static enum pnyx_kv_code do_append(struct run *run, const struct kv_entry *e)
{
	struct kv_place place = kv_store_find(run->s, e->key, e->key_len);
	uint32_t old_len = place.index != 0 ? kv_block(run->s, place.index)->item.value_len : 0;
	run->result.existed = place.index != 0;
	if (old_len + e->value_len > run->s->value_max)
		return PNYX_KV_TOO_LARGE;
	run->result.number = old_len + e->value_len;
	kv_store_set(run->s, run->txn, &place, (struct kv_bytes){e->key, e->key_len}, place.index,
		     (struct kv_bytes){e->value, e->value_len});
	return PNYX_KV_OK;
}

// ---- numbers ----
// The canonical text of an int64_t and nothing else: no blanks, no plus sign, no leading zeros, no
// "-0".
static bool number_parse(const uint8_t *text, uint32_t len, int64_t *number)
{
	bool is_negative = len > 0 && text[0] == '-';
	uint32_t at = is_negative ? 1 : 0;
	if (at == len || len > NUMBER_TEXT_MAX || (text[at] == '0' && len > 1))
		return false;
	int64_t sum = 0; // kept negative: there is one more number below zero
	for (; at < len; at++) {
		if (text[at] < '0' || text[at] > '9')
			return false;
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_sub_overflow(sum, text[at] - '0', &sum))
			return false;
	}
	if (!is_negative && sum == INT64_MIN)
		return false;
	*number = is_negative ? sum : -sum;
	return true;
}

// Writes the text at the end of a buffer; returns where it starts.
static const uint8_t *number_format(int64_t number, uint8_t buffer[NUMBER_TEXT_MAX], uint32_t *len)
{
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	uint8_t *at = buffer + NUMBER_TEXT_MAX;
	do {
		*--at = (uint8_t)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (number < 0)
		*--at = '-';
	*len = (uint32_t)(buffer + NUMBER_TEXT_MAX - at);
	return at;
}

static enum pnyx_kv_code do_incr(struct run *run, const struct kv_entry *e)
{
	struct kv_place place = kv_store_find(run->s, e->key, e->key_len);
	uint8_t text[NUMBER_TEXT_MAX];
	int64_t number = 0, sum;
	run->result.existed = place.index != 0;
	if (place.index != 0) {
		uint32_t len = kv_block(run->s, place.index)->item.value_len;
		if (len > NUMBER_TEXT_MAX)
			return PNYX_KV_NOT_A_NUMBER;
		struct kv_cursor c = kv_store_value(run->s, place.index);
		kv_cursor_copy(&c, text, len);
		if (!number_parse(text, len, &number))
			return PNYX_KV_NOT_A_NUMBER;
	}
	if (__builtin_add_overflow(number, (int64_t)ep_load64(e->value), &sum))
		return PNYX_KV_OVERFLOW;
	uint32_t len;
	const uint8_t *start = number_format(sum, text, &len);
	run->result.number = sum;
	kv_store_set(run->s, run->txn, &place, (struct kv_bytes){e->key, e->key_len}, 0,
		     (struct kv_bytes){start, len});
	return PNYX_KV_OK;
}

// ---- dispatch ----
static enum pnyx_kv_code dispatch(struct run *run, const uint8_t *command)
{
	const struct pnyx_kv_command *head = kv_command_head(command);
	const uint8_t *at = kv_command_first(command);
	struct kv_entry e; // the only one, where there is one
	kv_command_next(at, &e);
	switch ((enum pnyx_kv_op)head->op) {
	case PNYX_KV_GET:
		return do_get(run, at);
	case PNYX_KV_MGET:
		return do_read(run, at, head->count);
	case PNYX_KV_PUT:
	case PNYX_KV_MPUT:
		return do_put(run, at, head->count);
	case PNYX_KV_DELETE:
		return do_delete(run, &e);
	case PNYX_KV_CAS:
		return do_cas(run, head->flags, &e);
	case PNYX_KV_INCR:
		return do_incr(run, &e);
	case PNYX_KV_APPEND:
		return do_append(run, &e);
	}
	ep_check_failed(__FILE__, __LINE__, "an inspected command has a known operation", head->op,
			0);
}

uint32_t pnyx_app_apply(void *state, struct ep_txn *txn, const uint8_t *command, uint32_t len,
			uint8_t *result, uint32_t cap)
{
	DCHECK(kv_command_check(command, len) == PNYX_FINE); // as pnyx_app_inspect() has found
	(void)len;
	CHECK_OP(cap, >=, sizeof(struct pnyx_kv_result));
	struct run run = {.s = state, .txn = txn, .out = result, .len = sizeof run.result};
	run.cap = cap < run.s->result_max ? cap : run.s->result_max;
	run.result.op = kv_command_head(command)->op;
	run.result.code = (uint8_t)dispatch(&run, command);
	kv_store_settle(run.s, txn);
	memcpy(result, &run.result, sizeof run.result);
	return run.len;
}
