// How answers look: for people, as JSON, raw; which exit code each status has.
#include <stdarg.h>
#include <stdlib.h>
#include "client/cli/cli.h"
#include "tests/unit/unit.h"

static struct cli cli;
static char *said;
static size_t said_len;
static FILE *real;

// What connect.c gives the real program.
const char *member_name(const struct cli *c, int member)
{
	(void)c;
	return member == 1 ? "b" : "a";
}

const char *member_address(const struct cli *c, int member)
{
	(void)c;
	return member == 1 ? "10.0.0.2:7787" : "10.0.0.1:7787";
}

void cli_fail(const struct cli *c, int code, const char *format, ...)
{
	(void)c;
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	exit(code);
}

static void listen_to(void)
{
	real = stdout;
	stdout = open_memstream(&said, &said_len);
}

static bool heard(const char *wanted)
{
	fclose(stdout);
	stdout = real;
	bool is_same = strlen(wanted) == said_len && memcmp(wanted, said, said_len) == 0;
	if (!is_same)
		printf("\nwanted %s, got %.*s\n", wanted, (int)said_len, said);
	free(said);
	return is_same;
}

static struct pnyx_bytes bytes(const char *data, size_t len)
{
	return (struct pnyx_bytes){data, len};
}

static void test_exit_codes(void)
{
	static const int wanted[PNYX_STATUSES] = {
	    [PNYX_OK] = 0,	  [PNYX_NOT_FOUND] = 1, [PNYX_NO_MATCH] = 1,
	    [PNYX_NOT_NUMBER] = 4, [PNYX_OVERFLOW] = 4,	 [PNYX_TOO_LARGE] = 4,
	    [PNYX_REFUSED] = 4,	  [PNYX_NO_ROOM] = 4,	 [PNYX_TIMEOUT] = 5,
	    [PNYX_UNKNOWN] = 3,	  [PNYX_INVALID] = 2,	 [PNYX_AGAIN] = 2,
	};
	for (int s = 0; s < PNYX_STATUSES; s++)
		CU_ASSERT_EQUAL(exit_code((enum pnyx_status)s), wanted[s]);
}

static void test_escaped(void)
{
	listen_to();
	print_escaped(bytes("plain text, \xc3\xa4", 14));
	CU_ASSERT(heard("plain text, \xc3\xa4"));
	listen_to();
	print_escaped(bytes("a\0b\n\\\x7f", 6));
	CU_ASSERT(heard("a\\x00b\\x0a\\\\\\x7f"));
	listen_to();
	print_escaped(bytes("\xc3\x28", 2)); // no UTF-8
	CU_ASSERT(heard("\\xc3("));
	listen_to();
	print_escaped(bytes("", 0));
	CU_ASSERT(heard(""));
}

static void test_json_values(void)
{
	listen_to();
	print_json(json_pack("{s:o}", "v", json_of(bytes("say \"hi\"\n", 9))));
	CU_ASSERT(heard("{\"v\": \"say \\\"hi\\\"\\n\"}\n"));
	listen_to();
	print_json(json_of(bytes("\xff\x00\x1a", 3)));
	CU_ASSERT(heard("{\"hex\": \"ff001a\"}\n"));
	listen_to();
	print_json(json_pack("{s:o}", "v", json_of(bytes(NULL, 0))));
	CU_ASSERT(heard("{\"v\": \"\"}\n"));
}

static struct pnyx_completion answer(const char *value)
{
	return (struct pnyx_completion){.server = 1,
					.is_fast = true,
					.value = bytes_of(value),
					.intended_ns = 1000,
					.received_ns = 3500};
}

static void test_report(void)
{
	struct pnyx_completion c = answer("v");
	cli = (struct cli){0};
	listen_to();
	CU_ASSERT_EQUAL(report(&cli, PNYX_OK, &c, "ok", NULL), 0);
	CU_ASSERT(heard("ok\n"));
	listen_to();
	CU_ASSERT_EQUAL(report(&cli, PNYX_NO_MATCH, &c, "ok", NULL), 1); // why goes to stderr
	CU_ASSERT(heard(""));
	cli.is_json = true;
	listen_to();
	CU_ASSERT_EQUAL(report(&cli, PNYX_OK, &c, "ok", json_pack("{s:i}", "number", 7)), 0);
	CU_ASSERT(heard("{\"status\": \"ok\", \"number\": 7, \"server\": \"b\", \"fast\": true, \"us\": 2.5}\n"));
	listen_to();
	c.server = -1; // nobody answered
	CU_ASSERT_EQUAL(report(&cli, PNYX_NOT_FOUND, &c, NULL, NULL), 1);
	CU_ASSERT(heard("{\"status\": \"not found\"}\n"));
}

static void test_report_value(void)
{
	struct pnyx_completion c = answer("blue\n");
	cli = (struct cli){0};
	listen_to();
	CU_ASSERT_EQUAL(report_value(&cli, PNYX_OK, &c), 0);
	CU_ASSERT(heard("blue\\x0a\n"));
	cli.is_raw = true;
	listen_to();
	CU_ASSERT_EQUAL(report_value(&cli, PNYX_OK, &c), 0);
	CU_ASSERT(heard("blue\n"));
	listen_to();
	CU_ASSERT_EQUAL(report_value(&cli, PNYX_NOT_FOUND, &c), 1);
	CU_ASSERT(heard(""));
	cli.is_json = true;
	listen_to();
	CU_ASSERT_EQUAL(report_value(&cli, PNYX_OK, &c), 0);
	CU_ASSERT(heard("{\"status\": \"ok\", \"value\": \"blue\\n\", \"server\": \"b\", \"fast\": true, \"us\": 2.5}\n"));
}

static const struct unit_test tests[] = {
    {"exit codes", test_exit_codes}, {"escaped", test_escaped},
    {"values as JSON", test_json_values}, {"a report", test_report},
    {"a report with a value", test_report_value},
};

UNIT_MAIN("cli_output", tests)
