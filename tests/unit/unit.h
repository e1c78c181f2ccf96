// Runs a table of CUnit tests as a program: UNIT_MAIN("name", tests) at the end of a test file.
//
// `program` runs all of them, `program TEXT` those whose name contains TEXT.
#pragma once
#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit_test {
	const char *name;
	void (*run)(void);
};

// Returns the exit code: 0 only when there was something to run and all of it passed.
static inline int unit_run(const char *suite, const struct unit_test *tests, size_t count,
			   const char *only)
{
	unsigned added = 0;
	setvbuf(stdout, NULL, _IOLBF, 0); // what was running shows even if the process dies
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	CU_pSuite s = CU_add_suite(suite, NULL, NULL);
	for (size_t t = 0; s && t < count; t++)
		if (only == NULL || strstr(tests[t].name, only) != NULL)
			added += CU_add_test(s, tests[t].name, tests[t].run) != NULL;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	unsigned failed = CU_get_number_of_failures() + CU_get_number_of_tests_failed();
	bool ran = added > 0 && CU_get_number_of_tests_run() == added;
	CU_cleanup_registry();
	return ran && failed == 0 ? 0 : 1;
}

#define UNIT_MAIN(suite, tests)                                                                    \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return unit_run(suite, tests, sizeof(tests) / sizeof(tests)[0],                    \
				argc > 1 ? argv[1] : NULL);                                        \
	}
