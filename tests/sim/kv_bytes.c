// Building key-value commands and reading their results.
#include "tests/sim/kv_bytes.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "tests/sim/verdict.h"

uint32_t kv_bytes_begin(uint8_t *out, enum pnyx_kv_op op, uint8_t flags)
{
	struct pnyx_kv_command head = {.op = (uint8_t)op, .flags = flags};
	memcpy(out, &head, sizeof head);
	return sizeof head;
}

static uint32_t put(uint8_t *out, uint32_t len, struct kv_text text)
{
	if (len + text.len > KV_BYTES_MAX)
		verdict_fail("a command longer than the tests provide for");
	if (text.len > 0)
		memcpy(out + len, text.data, text.len);
	return len + text.len;
}

uint32_t kv_bytes_add(uint8_t *out, uint32_t len, struct kv_text key, struct kv_text value, struct kv_text expect)
{
	struct pnyx_kv_entry e = {
		.key_len = (uint8_t)key.len, .value_len = (uint16_t)value.len, .expect_len = (uint16_t)expect.len};
	out[2]++; // count
	len = put(out, len, (struct kv_text){&e, sizeof e});
	return put(out, put(out, put(out, len, key), value), expect);
}

const char *kv_bytes_result(const uint8_t *result, uint32_t len)
{
	static const char *const codes[] = {"ok", "not_found", "cas_failed", "not_a_number", "overflow", "too_large"};
	static char text[600];
	struct pnyx_kv_result head;
	if (len < sizeof head)
		return "";
	memcpy(&head, result, sizeof head);
	int at = snprintf(text, sizeof text, "%s", head.code < 6 ? codes[head.code] : "?");
	if (head.code == PNYX_KV_OK && (head.op == PNYX_KV_INCR || head.op == PNYX_KV_APPEND))
		at += snprintf(text + at, sizeof text - (size_t)at, " %" PRId64, head.number);
	uint32_t offset = sizeof head;
	for (uint32_t v = 0; v < head.count && at < 500; v++) {
		struct pnyx_kv_value value;
		memcpy(&value, result + offset, sizeof value);
		offset += (uint32_t)sizeof value;
		if (value.code != PNYX_KV_OK)
			at += snprintf(text + at, sizeof text - (size_t)at, " -");
		else
			at += snprintf(text + at, sizeof text - (size_t)at, " \"%.*s\"", value.len < 60 ? value.len : 60, result + offset);
		offset += value.len;
	}
	return text;
}
