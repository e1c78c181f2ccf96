// Reading the command line of pnyx-replica, and completing what EAL gets.
#include "dataplane/options.h"
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *argp_program_version = "pnyx-replica 0.1.0";

static const struct argp_option table[] = {
	{ "config", 'c', "FILE", 0, "Configuration of the cluster (or PNYX_CONFIG)", 0 },
	{ "name", 'n', "NAME", 0, "Which member this is (or PNYX_NAME)", 0 },
	{ "run-dir", 'r', "DIR", 0, "Where replica.pid and the mailbox for pnyx-control go (or PNYX_RUN_DIR)", 0 },
	{ "new-cluster", 'N', NULL, 0, "The cluster is new: begin empty when there is no arena of this member; at its first start only (or PNYX_NEW_CLUSTER=1)", 0 },
	{ "arena-fresh", 'f', NULL, 0, "Throw the member's state away and start empty: for a new cluster only (or PNYX_ARENA_FRESH=1)", 0 },
	{ 0 },
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct dp_options *o = state->input;
	switch (key) {
	case 'c':
		o->config_path = arg;
		return 0;
	case 'n':
		o->name = arg;
		return 0;
	case 'r':
		o->run_dir = arg;
		return 0;
	case 'f':
		o->is_fresh = true;
		return 0;
	case 'N':
		o->is_new = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "what is `%s`? EAL's arguments come after `--`", arg);
		return 0;
	case ARGP_KEY_END:
		if (!o->config_path || !o->name)
			argp_error(state, "-c FILE and -n NAME are needed");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

// Throwing state away, or beginning without any, wants a clear word; anything else is a mistake.
static bool read_clear(const char *name)
{
	const char *text = getenv(name);
	if (!text || text[0] == 0 || strcmp(text, "0") == 0)
		return false;
	if (strcmp(text, "1") == 0)
		return true;
	fprintf(stderr, "pnyx-replica: environment %s cannot be '%s'; right would be 1 or 0\n", name, text);
	exit(2);
}

// What follows `--` is EAL's; argv[0] stands in front of it. Returns how many arguments are ours.
static int split(struct dp_options *o, int argc, char **argv)
{
	int at = 1;
	while (at < argc && strcmp(argv[at], "--") != 0)
		at++;
	o->eal_argc = at < argc ? argc - at : 1;
	o->eal_argv = at < argc ? argv + at : argv;
	if (at < argc)
		argv[at] = argv[0];
	return at;
}

void dp_options_read(struct dp_options *o, int argc, char **argv)
{
	static const struct argp argp = { table, on_option, "-- EAL-ARGUMENTS",
					  "An Egalitarian Paxos replica on a DPDK port.\v"
					  "Example: pnyx-replica -c cluster.conf -n a -- --vdev=net_af_packet0,iface=eth0 --file-prefix pnyx-a\n\n"
					  "Exit codes: 0 asked to stop; 2 it cannot start, and says why; 3 its arena is older than what peers have seen of it.",
					  NULL, NULL, NULL };
	*o = (struct dp_options){ .config_path = getenv("PNYX_CONFIG"), .name = getenv("PNYX_NAME"), .run_dir = getenv("PNYX_RUN_DIR"),
				  .is_fresh = read_clear("PNYX_ARENA_FRESH"), .is_new = read_clear("PNYX_NEW_CLUSTER") };
	int own = split(o, argc, argv);
	argp_err_exit_status = 2;
	argp_parse(&argp, own, argv, 0, NULL, o);
}

// Short options may have their value in the same word: -l0,1.
static bool names_lcores(const char *argument)
{
	return strncmp(argument, "--lcores", 8) == 0 || (argument[0] == '-' && argument[1] != 0 && strchr("lcsS", argument[1]));
}

bool dp_options_add_lcores(struct dp_options *o, const uint32_t *lcores, uint32_t count, char *error, size_t size)
{
	static char list[64 * 5], option[] = "-l";
	if (count == 0)
		return true;
	for (int k = 1; k < o->eal_argc; k++)
		if (names_lcores(o->eal_argv[k])) {
			snprintf(error, size, "lcores are named in the configuration and by %s after `--`: keep one of the two", o->eal_argv[k]);
			return false;
		}
	list[0] = 0;
	for (uint32_t k = 0; k < count; k++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%u", k > 0 ? "," : "", lcores[k]);
	char **argv = calloc((size_t)o->eal_argc + 3, sizeof *argv); // EAL's for as long as the process lives
	if (!argv) {
		snprintf(error, size, "out of memory");
		return false;
	}
	argv[0] = o->eal_argv[0];
	argv[1] = option;
	argv[2] = list;
	memcpy(argv + 3, o->eal_argv + 1, ((size_t)o->eal_argc - 1) * sizeof *argv);
	o->eal_argv = argv;
	o->eal_argc += 2;
	return true;
}
