// Building key-value commands and reading their results, for tests that play the client.
#pragma once
#include "consensus/app/kv_format.h"

#define KV_BYTES_MAX 1200 // of a command that tests build

struct kv_text {
	const void *data;
	uint32_t len;
};

// Starts a command in `out`; returns its length so far.
uint32_t kv_bytes_begin(uint8_t *out, enum pnyx_kv_op op, uint8_t flags);
// Adds an entry; returns the new length.
uint32_t kv_bytes_add(uint8_t *out, uint32_t len, struct kv_text key, struct kv_text value, struct kv_text expect);
// A result for people: "ok", "ok 5", "not_found", "\"text\"" (static storage).
const char *kv_bytes_result(const uint8_t *result, uint32_t len);
