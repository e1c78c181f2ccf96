// Reading a key-value command: a total check and a walk over the entries of a checked one.
#pragma once
#include "consensus/app/app.h"
#include "consensus/app/kv_format.h"

// One entry with its bytes; all pointers point into the command.
struct kv_entry {
	const uint8_t *key, *value, *expect;
	uint32_t key_len, value_len, expect_len;
};

// Total function over untrusted bytes: whether they are exactly one command.
enum pnyx_verdict kv_command_check(const uint8_t *command, uint32_t len);
// The entry at `at` of a checked command; returns where the next one starts.
static inline const uint8_t *kv_command_next(const uint8_t *at, struct kv_entry *entry)
{
	const struct pnyx_kv_entry *e = (const void *)at;
	entry->key = at + sizeof *e;
	entry->value = entry->key + e->key_len;
	entry->expect = entry->value + e->value_len;
	entry->key_len = e->key_len;
	entry->value_len = e->value_len;
	entry->expect_len = e->expect_len;
	return entry->expect + e->expect_len;
}
// The operation changes what it finds.
static inline bool kv_op_writes(enum pnyx_kv_op op)
{
	return op != PNYX_KV_GET && op != PNYX_KV_MGET;
}

static inline const struct pnyx_kv_command *kv_command_head(const uint8_t *command)
{
	return (const struct pnyx_kv_command *)(const void *)command;
}

static inline const uint8_t *kv_command_first(const uint8_t *command)
{
	return command + sizeof(struct pnyx_kv_command);
}
