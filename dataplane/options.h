// The command line of pnyx-replica: its own options before `--`, EAL's arguments after it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp_options {
	const char *config_path, *name; // never NULL
	const char *run_dir;            // NULL: none
	bool is_fresh, is_new; // --arena-fresh, --new-cluster
	int eal_argc;
	char **eal_argv; // as rte_eal_init wants it
};

// From the environment (PNYX_CONFIG, PNYX_NAME, PNYX_RUN_DIR, PNYX_ARENA_FRESH, PNYX_NEW_CLUSTER), then from the arguments. What is wrong is
// said and ends the program with code 2.
void dp_options_read(struct dp_options *, int argc, char **argv);
// Makes the configuration's lcores EAL's. False: `error` says what contradicts.
bool dp_options_add_lcores(struct dp_options *, const uint32_t *lcores, uint32_t count, char *error, size_t size);
