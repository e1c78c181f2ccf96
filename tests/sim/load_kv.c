// Clients of the key-value store: registers, counters and lists, each key checked on its own for linearizability.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/kv_bytes.h"
#include "tests/sim/linear.h"
#include "tests/sim/load.h"
#include "tests/sim/sequence.h"
#include "tests/sim/verdict.h"

const char *const load_name = "kv";

enum family { REGISTER, COUNTER, LIST, FAMILIES };

#define STEPS_MAX 3000000 // of one key's search

static enum family family_of(const struct load_config *c, uint32_t key)
{
	return (key + c->shift) % FAMILIES;
}

struct name {
	char text[24];
};

static struct name name_of(const struct load_config *c, uint32_t key)
{
	struct name name;
	snprintf(name.text, sizeof name.text, "%c%u.%u", "rcl"[family_of(c, key)], key & 0xffff, c->round);
	return name;
}

static struct kv_text text_of(const struct name *name)
{
	return (struct kv_text){name->text, (uint32_t)strlen(name->text)};
}

static uint32_t below(uint64_t *rng, uint32_t n)
{
	return (uint32_t)(ep_random(rng) % n);
}

void load_configure(struct ep_config *c, uint64_t *rng)
{
	static const uint32_t costs[] = {512, 1024, 2048}; // a multi-key command on large frames needs 300
	c->cost_max = costs[below(rng, 3)];
	c->app_capacity = 2ULL * c->n * c->cost_max + 2048 + below(rng, 2048);
}

static uint32_t choose_key(const struct load_config *c, uint64_t *rng)
{
	return below(rng, 100) < c->hot_percent ? 0 : below(rng, c->keys);
}

// Few values, so that CAS often succeeds, and unique ones, so that an order shows.
static struct kv_text choose_value(uint64_t *rng, uint64_t unique, char room[200])
{
	int len = below(rng, 2) ? snprintf(room, 200, "s%u", below(rng, 4)) : snprintf(room, 200, "u%" PRIx64, unique);
	if (below(rng, 16) == 0) { // several blocks
		memset(room + len, '.', (size_t)(190 - len));
		len = 190;
	}
	return (struct kv_text){room, (uint32_t)len};
}

#define NOTHING ((struct kv_text){0})

// An operation on several registers at once, from `key` on.
static uint32_t many(const struct load_config *c, uint64_t *rng, uint64_t unique, uint32_t key, bool is_read, uint8_t *out)
{
	uint32_t len = kv_bytes_begin(out, is_read ? PNYX_KV_MGET : PNYX_KV_MPUT, 0);
	char room[200];
	for (uint32_t k = key; k < c->keys && out[2] < 4; k += FAMILIES) {
		struct name name = name_of(c, k);
		len = kv_bytes_add(out, len, text_of(&name), is_read ? NOTHING : choose_value(rng, unique, room), NOTHING);
	}
	return len;
}

static uint32_t on_register(const struct load_config *c, uint64_t *rng, uint64_t unique, uint32_t key, uint8_t *out)
{
	struct name name = name_of(c, key);
	char room[200], other[200];
	struct kv_text value = choose_value(rng, unique, room);
	uint32_t what = below(rng, 10), len;
	if (what < 2)
		return many(c, rng, unique, key, false, out);
	if (what < 3) {
		len = kv_bytes_begin(out, PNYX_KV_DELETE, 0);
		return kv_bytes_add(out, len, text_of(&name), NOTHING, NOTHING);
	}
	if (what < 6) {
		bool is_absent = below(rng, 3) == 0;
		len = kv_bytes_begin(out, PNYX_KV_CAS, is_absent ? PNYX_KV_ABSENT : 0);
		struct kv_text expect = {other, (uint32_t)snprintf(other, sizeof other, "s%u", below(rng, 4))};
		return kv_bytes_add(out, len, text_of(&name), value, is_absent ? NOTHING : expect);
	}
	len = kv_bytes_begin(out, PNYX_KV_PUT, 0);
	return kv_bytes_add(out, len, text_of(&name), value, NOTHING);
}

static uint32_t get(const struct load_config *c, uint32_t key, uint8_t *out)
{
	struct name name = name_of(c, key);
	return kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_GET, 0), text_of(&name), NOTHING, NOTHING);
}

uint32_t load_next(const struct load_config *c, uint64_t *rng, uint64_t unique, bool *is_read, uint8_t *out)
{
	uint32_t key = choose_key(c, rng);
	struct name name = name_of(c, key);
	*is_read = below(rng, 100) < c->read_percent;
	if (*is_read) {
		bool is_many = family_of(c, key) == REGISTER && below(rng, 4) == 0;
		return is_many ? many(c, rng, unique, key, true, out) : get(c, key, out);
	}
	int64_t delta = (int64_t)below(rng, 5) - 1;
	switch (family_of(c, key)) {
	case COUNTER:
		return kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_INCR, 0), text_of(&name),
				    (struct kv_text){&delta, sizeof delta}, NOTHING);
	case LIST:
		return kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_APPEND, 0), text_of(&name),
				    (struct kv_text){&unique, sizeof unique}, NOTHING);
	case REGISTER:
	case FAMILIES:
		break;
	}
	return on_register(c, rng, unique, key, out);
}

uint32_t load_rogue(uint64_t *rng, uint8_t *out)
{
	char key[4] = {'x', (char)('0' + below(rng, 3))};
	uint64_t value = ep_random(rng);
	static const enum pnyx_kv_op ops[] = {PNYX_KV_PUT, PNYX_KV_APPEND, PNYX_KV_INCR, PNYX_KV_MPUT};
	uint32_t len = kv_bytes_begin(out, ops[below(rng, 4)], 0);
	return kv_bytes_add(out, len, (struct kv_text){key, 2}, (struct kv_text){&value, sizeof value}, NOTHING);
}

uint32_t load_final(const struct load_config *c, uint32_t k, uint8_t *out)
{
	return k < c->keys ? get(c, k, out) : 0;
}

uint32_t load_clean(const struct load_config *c, uint32_t k, uint8_t *out)
{
	struct name name = name_of(c, k);
	if (k >= c->keys)
		return 0;
	return kv_bytes_add(out, kv_bytes_begin(out, PNYX_KV_DELETE, 0), text_of(&name), NOTHING, NOTHING);
}

// ---- what the answers must add up to ----------------------------------------------------------------------------
struct entry { // one key's part of one operation
	const struct history_op *op;
	struct pnyx_kv_command command;
	struct pnyx_kv_result result;
	struct kv_text value, expect; // of the command
	struct pnyx_kv_value got;     // of a read
	struct kv_text bytes;         // of a read
	uint32_t index;
};

// Finds the entry of `name` in an operation. False: it does not touch the key.
static bool find_entry(const struct history_op *op, struct kv_text name, struct entry *out)
{
	const uint8_t *at = op->command + sizeof out->command, *value = op->result ? op->result + sizeof out->result : NULL;
	*out = (struct entry){.op = op};
	memcpy(&out->command, op->command, sizeof out->command);
	if (op->is_answered) {
		if (op->result_len < sizeof out->result)
			verdict_fail("INV9: an answer without a result");
		memcpy(&out->result, op->result, sizeof out->result);
	}
	for (out->index = 0; out->index < out->command.count; out->index++) {
		struct pnyx_kv_entry e;
		memcpy(&e, at, sizeof e);
		at += sizeof e;
		if (value && out->index < out->result.count) {
			memcpy(&out->got, value, sizeof out->got);
			out->bytes = (struct kv_text){value + sizeof out->got, out->got.len};
			value += sizeof out->got + out->got.len;
		}
		if (e.key_len == name.len && memcmp(at, name.data, name.len) == 0) {
			out->value = (struct kv_text){at + e.key_len, e.value_len};
			out->expect = (struct kv_text){at + e.key_len + e.value_len, e.expect_len};
			return true;
		}
		at += e.key_len + e.value_len + e.expect_len;
	}
	return false;
}

static int64_t number_of(struct kv_text text) // of a register's value; never 0
{
	return (int64_t)(ep_hash64(1, text.data, text.len) >> 2) + 1;
}

// False: the operation says nothing about the key.
static bool as_register(const struct entry *e, struct linear_op *out)
{
	bool is_read = e->command.op == PNYX_KV_GET || e->command.op == PNYX_KV_MGET;
	*out = (struct linear_op){.is_answered = e->op->is_answered, .call = e->op->call, .ret = e->op->ret};
	if (e->op->is_answered && e->result.code == PNYX_KV_TOO_LARGE)
		return false;
	out->has_existed = e->op->is_answered;
	out->existed = e->result.existed >> e->index & 1;
	if (is_read) {
		out->kind = LINEAR_READ;
		out->result = e->got.code == PNYX_KV_OK ? number_of(e->bytes) : 0;
		return e->op->is_answered;
	}
	out->kind = LINEAR_WRITE;
	if (e->command.op == PNYX_KV_DELETE)
		return true;
	out->value = number_of(e->value);
	if (e->command.op != PNYX_KV_CAS)
		return true;
	out->kind = LINEAR_CAS;
	out->expect = e->command.flags & PNYX_KV_ABSENT ? 0 : number_of(e->expect);
	out->result = e->result.code == PNYX_KV_OK;
	return true;
}

static bool as_counter(const struct entry *e, struct linear_op *out)
{
	char text[32] = "";
	*out = (struct linear_op){.is_answered = e->op->is_answered, .call = e->op->call, .ret = e->op->ret};
	if (e->command.op == PNYX_KV_INCR) {
		out->kind = LINEAR_ADD;
		out->value = (int64_t)ep_load64(e->value.data);
		out->result = e->result.number;
		return true;
	}
	out->kind = LINEAR_READ;
	if (e->got.code == PNYX_KV_OK && e->bytes.len > 0)
		memcpy(text, e->bytes.data, e->bytes.len < sizeof text ? e->bytes.len : sizeof text - 1);
	out->result = strtoll(text, NULL, 10);
	return e->op->is_answered;
}

static void check_search(const struct history *h, const struct name *name, enum family family, struct load_report *report)
{
	struct linear_op *ops = malloc((h->count + 1) * sizeof *ops);
	uint32_t count = 0;
	for (uint32_t o = 0; o < h->count; o++) {
		struct entry e;
		if (find_entry(&h->ops[o], text_of(name), &e))
			count += family == REGISTER ? as_register(&e, &ops[count]) : as_counter(&e, &ops[count]);
	}
	enum linear_verdict verdict = linear_check(ops, count, STEPS_MAX);
	free(ops);
	if (verdict == LINEAR_NO)
		verdict_fail("INV9: the %u operations on key %s are not linearizable", count, name->text);
	report->checked += verdict == LINEAR_YES ? count : 0;
	report->too_long += verdict == LINEAR_TOO_LONG;
}

static void check_list(const struct history *h, const struct name *name, struct load_report *report)
{
	struct sequence_op *ops = malloc((h->count + 1) * sizeof *ops);
	const struct sequence_op *last = NULL;
	uint32_t count = 0;
	for (uint32_t o = 0; o < h->count; o++) {
		struct entry e;
		struct sequence_op *s = &ops[count];
		if (!find_entry(&h->ops[o], text_of(name), &e) || e.result.code == PNYX_KV_TOO_LARGE)
			continue;
		*s = (struct sequence_op){.is_append = e.command.op == PNYX_KV_APPEND, .is_answered = e.op->is_answered,
					  .call = e.op->call, .ret = e.op->ret};
		if (s->is_append) {
			s->element = ep_load64(e.value.data);
			s->length = (uint64_t)e.result.number / 8;
		} else if (s->is_answered) {
			uint64_t *seen = malloc(e.bytes.len + 8u);
			memcpy(seen, e.bytes.data, e.got.code == PNYX_KV_OK ? e.bytes.len : 0);
			s->seen = seen;
			s->length = e.bytes.len / 8;
			last = !last || s->call > last->call ? s : last;
		} else {
			continue;
		}
		count++;
	}
	const char *wrong = !h->has_final ? NULL : sequence_check(ops, count, last ? last->seen : NULL, last ? last->length : 0);
	static char text[300];
	snprintf(text, sizeof text, "%s", wrong ? wrong : "");
	for (uint32_t o = 0; o < count; o++)
		free((void *)(uintptr_t)ops[o].seen);
	free(ops);
	if (wrong)
		verdict_fail("INV9: list %s: %s", name->text, text);
	report->checked += h->has_final ? count : 0;
	report->too_long += !h->has_final;
}

void load_check(const struct load_config *c, const struct history *h, struct load_report *report)
{
	for (uint32_t k = 0; k < c->keys; k++) {
		struct name name = name_of(c, k);
		if (family_of(c, k) == LIST)
			check_list(h, &name, report);
		else
			check_search(h, &name, family_of(c, k), report);
	}
}
