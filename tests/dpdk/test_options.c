// The command line of pnyx-replica as EAL sees it.
#include "dataplane/options.h"
#include <stdlib.h>
#include "tests/unit/unit.h"

static struct dp_options o;
static char error[256];

static void clear(void)
{
	unsetenv("PNYX_CONFIG");
	unsetenv("PNYX_NAME");
	unsetenv("PNYX_RUN_DIR");
	unsetenv("PNYX_ARENA_FRESH");
	unsetenv("PNYX_NEW_CLUSTER");
}

static void test_split(void)
{
	char *argv[] = { "replica", "-c", "file", "--name=a", "--", "--no-pci", "-m", "64", NULL };
	clear();
	dp_options_read(&o, 8, argv);
	CU_ASSERT_STRING_EQUAL(o.config_path, "file");
	CU_ASSERT_STRING_EQUAL(o.name, "a");
	CU_ASSERT(o.run_dir == NULL && !o.is_fresh && !o.is_new);
	CU_ASSERT_EQUAL_FATAL(o.eal_argc, 4);
	CU_ASSERT_STRING_EQUAL(o.eal_argv[0], "replica");
	CU_ASSERT_STRING_EQUAL(o.eal_argv[1], "--no-pci");
	CU_ASSERT_STRING_EQUAL(o.eal_argv[3], "64");
}

static void test_nothing_for_eal(void)
{
	char *argv[] = { "replica", "-c", "file", "-n", "a", "-f", "-r", "dir", NULL };
	clear();
	dp_options_read(&o, 8, argv);
	CU_ASSERT_STRING_EQUAL(o.run_dir, "dir");
	CU_ASSERT(o.is_fresh);
	CU_ASSERT_EQUAL(o.eal_argc, 1);
	CU_ASSERT_STRING_EQUAL(o.eal_argv[0], "replica");
}

// The environment gives what the arguments do not.
static void test_environment(void)
{
	char *argv[] = { "replica", "-n", "b", NULL };
	clear();
	setenv("PNYX_CONFIG", "from-there", 1);
	setenv("PNYX_NAME", "a", 1);
	setenv("PNYX_RUN_DIR", "run", 1);
	setenv("PNYX_ARENA_FRESH", "1", 1);
	dp_options_read(&o, 3, argv);
	CU_ASSERT_STRING_EQUAL(o.config_path, "from-there");
	CU_ASSERT_STRING_EQUAL(o.name, "b");
	CU_ASSERT_STRING_EQUAL(o.run_dir, "run");
	CU_ASSERT(o.is_fresh && !o.is_new);
	setenv("PNYX_ARENA_FRESH", "0", 1);
	setenv("PNYX_NEW_CLUSTER", "1", 1);
	char *again[] = { "replica", NULL };
	dp_options_read(&o, 1, again);
	CU_ASSERT(!o.is_fresh && o.is_new);
	char *said[] = { "replica", "--new-cluster", NULL };
	unsetenv("PNYX_NEW_CLUSTER");
	dp_options_read(&o, 2, said);
	CU_ASSERT(o.is_new);
	clear();
}

static void test_lcores(void)
{
	static const uint32_t lcores[] = { 2, 13 };
	char *argv[] = { "replica", "-c", "f", "-n", "a", "--", "--vdev=net_null0", NULL };
	clear();
	dp_options_read(&o, 7, argv);
	CU_ASSERT(dp_options_add_lcores(&o, lcores, 0, error, sizeof error));
	CU_ASSERT_EQUAL(o.eal_argc, 2); // none configured: EAL's arguments decide
	CU_ASSERT(dp_options_add_lcores(&o, lcores, 2, error, sizeof error));
	CU_ASSERT_EQUAL_FATAL(o.eal_argc, 4);
	CU_ASSERT_STRING_EQUAL(o.eal_argv[0], "replica");
	CU_ASSERT_STRING_EQUAL(o.eal_argv[1], "-l");
	CU_ASSERT_STRING_EQUAL(o.eal_argv[2], "2,13");
	CU_ASSERT_STRING_EQUAL(o.eal_argv[3], "--vdev=net_null0");
	CU_ASSERT_PTR_NULL(o.eal_argv[4]);
	free(o.eal_argv);
}

static void test_lcores_twice(void)
{
	static const uint32_t lcores[] = { 0 };
	static char *const named[] = { "-l", "-l0,1", "-c1", "--lcores", "--lcores=0@(0-1)" };
	clear();
	for (size_t k = 0; k < sizeof named / sizeof named[0]; k++) {
		char *argv[] = { "replica", "-c", "f", "-n", "a", "--", named[k], "0", NULL };
		dp_options_read(&o, 8, argv);
		CU_ASSERT_FALSE(dp_options_add_lcores(&o, lcores, 1, error, sizeof error));
		CU_ASSERT_PTR_NOT_NULL(strstr(error, named[k]));
		CU_ASSERT_EQUAL(o.eal_argc, 3);
	}
}

static const struct unit_test tests[] = {
	{ "ours and EAL's", test_split },
	{ "nothing for EAL", test_nothing_for_eal },
	{ "the environment", test_environment },
	{ "lcores of the configuration", test_lcores },
	{ "lcores named twice", test_lcores_twice },
};

UNIT_MAIN("options", tests)
