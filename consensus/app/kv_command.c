// Reading a key-value command: a total check and a walk over the entries of a checked one.
#include "consensus/app/kv_command.h"

// What one operation's entries must look like. An operation that is missing here is not one.
static const struct shape {
	bool is_known, is_many, has_value, has_expect;
	uint8_t flags;        // allowed ones
	uint16_t value_exact; // 0: any length
} shapes[] = {
	[PNYX_KV_GET] = { .is_known = true },
	[PNYX_KV_PUT] = { .is_known = true, .has_value = true },
	[PNYX_KV_DELETE] = { .is_known = true },
	[PNYX_KV_CAS] = { .is_known = true, .has_value = true, .has_expect = true, .flags = PNYX_KV_ABSENT },
	[PNYX_KV_INCR] = { .is_known = true, .has_value = true, .value_exact = sizeof(int64_t) },
	[PNYX_KV_APPEND] = { .is_known = true, .has_value = true },
	[PNYX_KV_MGET] = { .is_known = true, .is_many = true },
	[PNYX_KV_MPUT] = { .is_known = true, .is_many = true, .has_value = true },
};

// One form per meaning: what an operation does not use is zero.
static enum pnyx_verdict check_entry(const struct shape *shape, uint8_t flags,
				     const struct pnyx_kv_entry *e)
{
	if (e->key_len == 0 || e->zero != 0 || e->zero2 != 0)
		return PNYX_MALFORMED;
	if (!shape->has_value && e->value_len != 0)
		return PNYX_MALFORMED;
	if (shape->value_exact != 0 && e->value_len != shape->value_exact)
		return PNYX_MALFORMED;
	if (e->expect_len != 0 && (!shape->has_expect || (flags & PNYX_KV_ABSENT)))
		return PNYX_MALFORMED;
	return e->value_len > PNYX_KV_VALUE_CEILING ? PNYX_TOO_BIG : PNYX_FINE;
}

enum pnyx_verdict kv_command_check(const uint8_t *command, uint32_t len)
{
	if (len < sizeof(struct pnyx_kv_command))
		return PNYX_MALFORMED;
	const struct pnyx_kv_command *head = kv_command_head(command);
	if (head->op >= sizeof shapes / sizeof shapes[0] || !shapes[head->op].is_known)
		return PNYX_MALFORMED;
	const struct shape *shape = &shapes[head->op];
	if (head->zero != 0 || (head->flags & ~shape->flags) || head->count == 0)
		return PNYX_MALFORMED;
	if (head->count > PNYX_KEYS_MAX)
		return shape->is_many ? PNYX_TOO_BIG : PNYX_MALFORMED;
	if (head->count > 1 && !shape->is_many)
		return PNYX_MALFORMED;

	uint32_t at = sizeof *head;
	for (uint32_t k = 0; k < head->count; k++) {
		const struct pnyx_kv_entry *e = (const void *)(command + at);
		if (len - at < sizeof *e)
			return PNYX_MALFORMED;
		enum pnyx_verdict verdict = check_entry(shape, head->flags, e);
		if (verdict != PNYX_FINE)
			return verdict;
		uint32_t bytes = (uint32_t)e->key_len + e->value_len + e->expect_len;
		at += (uint32_t)sizeof *e;
		if (len - at < bytes)
			return PNYX_MALFORMED;
		at += bytes;
	}
	return at == len ? PNYX_FINE : PNYX_MALFORMED;
}
