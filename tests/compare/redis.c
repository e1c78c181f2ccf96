// Redis: requests and replies of RESP2.
#include <stdio.h>
#include <string.h>
#include "tests/compare/load.h"

static void greet(struct connection *c)
{
	(void)c; // nothing to say first
}

static void ask(struct connection *c, const struct op *op)
{
	char key[KEY_MAX], text[KEY_MAX + 64];
	size_t len = load_key(op, key);
	int n = op->is_get ? snprintf(text, sizeof text, "*2\r\n$3\r\nGET\r\n$%zu\r\n%s\r\n", len, key)
			   : snprintf(text, sizeof text, "*3\r\n$3\r\nSET\r\n$%zu\r\n%s\r\n$%zu\r\n", len,
				      key, load_value_len);
	load_out(c, text, (size_t)n);
	if (op->is_get)
		return;
	load_out(c, load_value, load_value_len);
	load_out(c, "\r\n", 2);
}

// Length of the reply at the front, 0 when it is not there as a whole.
static size_t reply_length(const uint8_t *bytes, size_t len)
{
	const uint8_t *end = memchr(bytes, '\n', len);
	if (end == NULL)
		return 0;
	size_t line = (size_t)(end - bytes) + 1;
	if (bytes[0] != '$' || bytes[1] == '-')
		return line;
	size_t value = 0;
	for (const uint8_t *p = bytes + 1; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (size_t)(*p - '0');
	return line + value + 2 <= len ? line + value + 2 : 0;
}

static size_t take(struct connection *c, const uint8_t *bytes, size_t len)
{
	size_t used = 0;
	while (used < len) {
		size_t reply = reply_length(bytes + used, len - used);
		if (reply == 0)
			break;
		struct op *op = &c->ops[c->answered++ % OPS_MAX];
		bool is_good = op->is_get ? bytes[used] == '$' && bytes[used + 1] != '-' &&
						reply > load_value_len
					  : memcmp(bytes + used, "+OK", 3) == 0;
		used += reply;
		load_done(c, op, is_good);
	}
	return used;
}

const struct protocol redis_protocol = {"redis", 6379, greet, ask, take};
