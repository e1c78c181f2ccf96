// The recorded history: a line for each operation that any checker can read.
#include <jansson.h>
#include <stdlib.h>
#include "client/cli/bench.h"
#include "tests/unit/unit.h"

static struct bench b;
static struct slot slot;
static char *text;
static size_t text_len;

uint64_t bench_now_ns(void)
{
	return 999;
}

static void setup(enum pnyx_op_type type, const char *key, const char *value)
{
	b = (struct bench){0};
	b.history = open_memstream(&text, &text_len);
	slot = (struct slot){.process = 3, .call_ns = 100, .type = type};
	snprintf(slot.key, sizeof slot.key, "%s", key);
	slot.value_len = strlen(value);
	memcpy(slot.value, value, slot.value_len);
}

static bool wrote(const char *wanted)
{
	fclose(b.history);
	bool is_same = strcmp(text, wanted) == 0;
	if (!is_same)
		printf("\nwanted %sgot %s", wanted, text);
	free(text);
	return is_same;
}

static struct pnyx_completion ended(enum pnyx_status status)
{
	return (struct pnyx_completion){.status = status, .received_ns = 250};
}

static void test_put(void)
{
	struct pnyx_completion c = ended(PNYX_OK);
	setup(PNYX_PUT, "k1", "blue");
	history_write(&b, &slot, &c);
	CU_ASSERT(wrote("{\"process\":3,\"op\":\"put\",\"key\":\"k1\",\"value\":\"blue\",\"old\":null,"
			"\"result\":null,\"status\":\"ok\",\"call\":100,\"ret\":250}\n"));
}

static void test_get(void)
{
	struct pnyx_completion c = ended(PNYX_OK);
	c.value = (struct pnyx_bytes){"blue", 4};
	setup(PNYX_GET, "k1", "");
	history_write(&b, &slot, &c);
	CU_ASSERT(wrote("{\"process\":3,\"op\":\"get\",\"key\":\"k1\",\"value\":null,\"old\":null,"
			"\"result\":\"blue\",\"status\":\"ok\",\"call\":100,\"ret\":250}\n"));
	c = ended(PNYX_NOT_FOUND); // executed, and this is its answer
	setup(PNYX_GET, "k1", "");
	history_write(&b, &slot, &c);
	CU_ASSERT(wrote("{\"process\":3,\"op\":\"get\",\"key\":\"k1\",\"value\":null,\"old\":null,"
			"\"result\":null,\"status\":\"ok\",\"call\":100,\"ret\":250}\n"));
}

static void test_append(void)
{
	struct pnyx_completion c = ended(PNYX_OK);
	c.number = 17;
	setup(PNYX_APPEND, "a", "5,");
	history_write(&b, &slot, &c);
	CU_ASSERT(wrote("{\"process\":3,\"op\":\"append\",\"key\":\"a\",\"value\":\"5,\",\"old\":null,"
			"\"result\":\"17\",\"status\":\"ok\",\"call\":100,\"ret\":250}\n"));
}

// Unknown is not failed, and an operation without any answer ends when the run does.
static void test_outcomes(void)
{
	static const struct {
		enum pnyx_status status;
		const char *word;
	} cases[] = {{PNYX_UNKNOWN, "unknown"}, {PNYX_TIMEOUT, "fail"}, {PNYX_NO_ROOM, "fail"}};
	char wanted[256];
	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct pnyx_completion c = ended(cases[k].status);
		c.received_ns = 0; // nobody answered
		setup(PNYX_PUT, "k", "v");
		history_write(&b, &slot, &c);
		snprintf(wanted, sizeof wanted,
			 "{\"process\":3,\"op\":\"put\",\"key\":\"k\",\"value\":\"v\",\"old\":null,"
			 "\"result\":null,\"status\":\"%s\",\"call\":100,\"ret\":999}\n",
			 cases[k].word);
		CU_ASSERT(wrote(wanted));
	}
	setup(PNYX_PUT, "k", "v");
	history_write_open(&b, &slot, 777);
	CU_ASSERT(wrote("{\"process\":3,\"op\":\"put\",\"key\":\"k\",\"value\":\"v\",\"old\":null,"
			"\"result\":null,\"status\":\"unknown\",\"call\":100,\"ret\":777}\n"));
}

// Whatever the bytes are, the line is JSON and says them.
static void test_bytes(void)
{
	struct pnyx_completion c = ended(PNYX_OK);
	char all[256];
	for (int k = 0; k < 256; k++)
		all[k] = (char)k;
	c.value = (struct pnyx_bytes){all, sizeof all};
	setup(PNYX_GET, "quote\"back\\slash", "");
	history_write(&b, &slot, &c);
	fclose(b.history);
	json_t *line = json_loadb(text, text_len - 1, JSON_ALLOW_NUL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(line, "key")), slot.key);
	CU_ASSERT_EQUAL(json_string_length(json_object_get(line, "result")), 128 + 2 * 128); // U+0080 and up: two bytes of UTF-8
	CU_ASSERT_EQUAL(memchr(text, '\n', text_len), text + text_len - 1);
	json_decref(line);
	free(text);
}

static void test_not_recorded(void)
{
	struct pnyx_completion c = ended(PNYX_OK);
	b = (struct bench){0};
	history_write(&b, &slot, &c); // no file: nothing happens
	history_write_open(&b, &slot, 1);
	CU_ASSERT_PTR_NULL(b.history);
}

static const struct unit_test tests[] = {
    {"put", test_put},		 {"get", test_get},	{"append", test_append},
    {"outcomes", test_outcomes}, {"bytes", test_bytes}, {"not recorded", test_not_recorded},
};

UNIT_MAIN("history", tests)
