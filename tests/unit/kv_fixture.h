// What the key-value tests start from: one store, and commands whose effects are checked as they
// run.
//
// Each test program includes it once.
#pragma once
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

static inline const struct pnyx_kv_result *head(void)
{
	return (const void *)result;
}

// Runs a command; returns its code.
static inline enum pnyx_kv_code run(const struct command *c, uint32_t cap)
{
	struct pnyx_intent intent;
	CHECK_OP(pnyx_app_inspect(c->bytes, c->len, 1384, &intent), ==, PNYX_FINE);
	memset(result, 0xee, sizeof result);
	for (uint32_t k = 0; k < 2 * intent.keys_count; k++) // changes nothing, whatever the hash
		pnyx_app_prefetch(bed.store, ep_hash64(k, intent.keys[k / 2].data, intent.keys[k / 2].len), k % 2);
	uint64_t before = pnyx_app_used(bed.store);
	result_len = bed_apply(&bed, c, result, cap);
	uint64_t used = pnyx_app_used(bed.store);
	CU_ASSERT(result_len >= sizeof *head() && result_len <= cap);
	CU_ASSERT_EQUAL(result[cap < RESULT_MAX ? cap : RESULT_MAX], 0xee);
	CU_ASSERT_EQUAL(head()->op, ((const struct pnyx_kv_command *)c->bytes)->op);
	CU_ASSERT((used > before ? used - before : before - used) <= intent.cost);
	CU_ASSERT(used <= before + intent.growth);
	return (enum pnyx_kv_code)head()->code;
}

static inline enum pnyx_kv_code one(enum pnyx_kv_op op, struct text key, struct text value)
{
	return run(command_one(op, key, value), op == PNYX_KV_GET ? RESULT_MAX : KEPT_MAX);
}

// The value of a key is what the text says.
static inline bool holds(struct text key, struct text value)
{
	if (one(PNYX_KV_GET, key, NONE) != PNYX_KV_OK || head()->count != 1 || head()->existed != 1)
		return false;
	const struct pnyx_kv_value *v = (const void *)(head() + 1);
	return v->code == PNYX_KV_OK && v->len == value.len && result_len == 20 + value.len &&
	       memcmp(v + 1, value.data, value.len) == 0;
}

static inline bool is_absent(struct text key)
{
	return one(PNYX_KV_GET, key, NONE) == PNYX_KV_NOT_FOUND && head()->count == 1 &&
	       head()->existed == 0;
}

static inline void begin(void)
{
	bed = bed_make(1024, RESULT_MAX);
}

static inline void end(void)
{
	CU_ASSERT(pnyx_app_attach(bed.store, &bed.config));
	bed_free(&bed);
}
