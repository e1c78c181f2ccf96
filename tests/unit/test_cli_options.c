// Numbers and shares of the command line; options from the environment.
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "tests/unit/unit.h"

static struct cli cli;
static uint64_t depth;
static bool is_deep;

void cli_fail(const struct cli *c, int code, const char *format, ...)
{
	(void)c;
	(void)format;
	_exit(code);
}

static const char *set(int key, const char *arg)
{
	if (key == 'x') {
		is_deep = true;
		return NULL;
	}
	return read_number(arg, 1, 9, &depth) ? NULL : "1 to 9";
}

static const struct argp_option options[] = {{"dive-depth", 'd', "N", 0, "", 0}, {"deep", 'x', NULL, 0, "", 0}, {0}};
static const struct command command = {.name = "dive", .options = options, .set = set};

static void test_numbers(void)
{
	static const char *const bad[] = {"", " 5", "-1", "+5", "5x", "0x5", "4", "101", "99999999999999999999999"};
	uint64_t value = 77;
	CU_ASSERT(read_number("5", 5, 100, &value) && value == 5);
	CU_ASSERT(read_number("100", 5, 100, &value) && value == 100);
	for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
		CU_ASSERT_FALSE(read_number(bad[k], 5, 100, &value));
	CU_ASSERT_EQUAL(value, 100); // left alone
	CU_ASSERT(read_number("18446744073709551615", 0, UINT64_MAX, &value) && value == UINT64_MAX);
}

static void test_shares(void)
{
	static const char *const bad[] = {"", "-1", "100.1", "nan", "inf", "5 %", "a"};
	double value = 7;
	CU_ASSERT(read_share("0", &value) && value == 0);
	CU_ASSERT(read_share("12.5%", &value) && value == 12.5);
	CU_ASSERT(read_share("100", &value) && value == 100);
	for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
		CU_ASSERT_FALSE(read_share(bad[k], &value));
}

static void clear(void)
{
	static const char *const names[] = {"PNYX_SERVER", "PNYX_CONFIG", "PNYX_VIA",	 "PNYX_TIMEOUT", "PNYX_JSON",
					    "PNYX_RAW",	   "PNYX_VERBOSE", "PNYX_BIND",	 "PNYX_BUSY",	 "PNYX_DIVE_DIVE_DEPTH", "PNYX_DIVE_DEEP"};
	for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
		unsetenv(names[k]);
	cli = (struct cli){.command = &command};
	depth = 0;
	is_deep = false;
}

static void test_environment(void)
{
	clear();
	setenv("PNYX_SERVER", "10.0.0.1", 1);
	setenv("PNYX_CONFIG", "file", 1);
	setenv("PNYX_VIA", "b", 1);
	setenv("PNYX_TIMEOUT", "250", 1);
	setenv("PNYX_JSON", "1", 1);
	setenv("PNYX_RAW", "no", 1);
	setenv("PNYX_VERBOSE", "0", 1);
	setenv("PNYX_BUSY", "yes", 1);
	setenv("PNYX_BIND", "10.0.0.9", 1);
	setenv("PNYX_DIVE_DIVE_DEPTH", "4", 1);
	setenv("PNYX_DIVE_DEEP", "1", 1);
	read_environment(&cli);
	CU_ASSERT_STRING_EQUAL(cli.servers, "10.0.0.1");
	CU_ASSERT_STRING_EQUAL(cli.config_path, "file");
	CU_ASSERT_STRING_EQUAL(cli.via, "b");
	CU_ASSERT_STRING_EQUAL(cli.bind, "10.0.0.9");
	CU_ASSERT_EQUAL(cli.timeout_ms, 250);
	CU_ASSERT(cli.is_json && cli.is_busy && !cli.is_raw && !cli.is_verbose);
	CU_ASSERT_EQUAL(depth, 4);
	CU_ASSERT(is_deep);
	clear();
	read_environment(&cli);
	CU_ASSERT(cli.servers == NULL && cli.timeout_ms == 0 && depth == 0 && !is_deep);
}

// A wrong variable is not passed over: the program ends with the code for wrong usage.
static int code_with(const char *variable, const char *value)
{
	int status = 0;
	clear();
	setenv(variable, value, 1);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		read_environment(&cli);
		_exit(0);
	}
	waitpid(child, &status, 0);
	clear();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_wrong_environment(void)
{
	CU_ASSERT_EQUAL(code_with("PNYX_TIMEOUT", "soon"), EXIT_USAGE);
	CU_ASSERT_EQUAL(code_with("PNYX_TIMEOUT", "100"), 0);
	CU_ASSERT_EQUAL(code_with("PNYX_DIVE_DIVE_DEPTH", "10"), EXIT_USAGE);
	CU_ASSERT_EQUAL(code_with("PNYX_DIVE_DIVE_DEPTH", "9"), 0);
	CU_ASSERT_EQUAL(code_with("PNYX_SERVER", ""), EXIT_USAGE);
}

static const struct unit_test tests[] = {
    {"numbers", test_numbers},
    {"shares", test_shares},
    {"the environment", test_environment},
    {"a wrong environment", test_wrong_environment},
};

UNIT_MAIN("cli_options", tests)
