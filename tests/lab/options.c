// The laboratory's command line.
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "tests/lab/lab.h"

static const struct argp_option table[] = {
	{ "replicas", 'n', "N", 0, "members, 1 to 7, default 3", 1 },
	{ "outstanding", 'o', "N", 0, "operations in flight, over all replicas, default 192", 1 },
	{ "commands", 'c', "N", 0, "measure that many commands, default: by time", 1 },
	{ "seconds", 'd', "N", 0, "measure that long, default 2", 1 },
	{ "warmup", 'w', "N", 0, "seconds of load before that, default 0.5", 1 },
	{ "hot", 'H', "PERCENT", 0, "commands on one key, default 0", 2 },
	{ "reads", 'R', "PERCENT", 0, "commands that read, default 0", 2 },
	{ "keys", 'k', "N", 0, "distinct keys, default 10000", 2 },
	{ "value-size", 'z', "BYTES", 0, "of a value, default 16", 2 },
	{ "per-frame", 'p', "N", 0, "requests in one frame at the most, default: as many as are ready and fit", 2 },
	{ "clients", 'C', "N", 0, "client programs, 1 to 8, default 1", 2 },
	{ "away", 'a', "COLUMN", 0, "real clock: a member that is away until the windows are three quarters full, and then catches up", 2 },
	{ "silent", 's', "COLUMN", 0, "a member that never says anything", 2 },
	{ "dies", 'K', "COLUMN", 0, "a member that dies for good when half of --commands are done", 2 },
	{ "apart", 'Q', NULL, 0, "the first of several clients keeps apart: keys of its own, all through replica 0", 2 },
	{ "window", 'W', "N", 0, "instances a column, default 16384", 2 },
	{ "batch", 'b', "N", 0, "commands that may share an instance, 1 to 64, default 16", 2 },
	{ "wire", 'D', "NS", 0, "delay of the wire one way, default 0", 3 },
	{ "loss", 'X', "PERCENT", 0, "frames between replicas that the wire loses, default 0", 3 },
	{ "clock", 'T', "real|virtual", 0, "real: all take turns on the processors at hand. virtual: each replica and each client has one of its "
	  "own; the cycles of every turn are measured and put together in virtual time", 3 },
	{ "virtual-seconds", 'V', "N", 0, "virtual clock: measure that long of its own time", 3 },
	{ "offload", 'O', NULL, 0, "as if the port made and verified IP and UDP checksums, which most NICs do and a ring does not", 3 },
	{ "lcores", 'l', "1|2", 0, "real clock: processors used, default 1", 3 },
	{ "echo", 'e', NULL, 0, "the raw round trip too, by the same program on the same path", 3 },
	{ "cap", 'A', "US", 0, "virtual clock: a turn that takes longer was interrupted by the machine and counts as this, default 100", 3 },
	{ "huge", 'U', NULL, 0, "reserved huge pages (default: transparent ones where the kernel gives them)", 3 },
	{ "long", 'L', NULL, 0, "sample the use of memory; fail unless it is flat and nobody was refused", 4 },
	{ "samples", 'S', "FILE", 0, "with --long: the samples, a line each", 4 },
	{ "seed", 'x', "N", 0, "of keys and operations, default 1", 4 },
	{ "json", 'j', "FILE", 0, "the figures as one JSON object", 4 },
	{ 0 },
};

static void number(struct argp_state *state, const char *text, double min, double max, double *ret)
{
	char *end;
	*ret = strtod(text, &end);
	if (end == text || *end != 0 || !(*ret >= min && *ret <= max))
		argp_error(state, "`%s` is not a number from %.0f to %.0f", text, min, max);
}

static void whole(struct argp_state *state, const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	double value;
	number(state, text, min, max, &value);
	*ret = (uint32_t)value;
}

static void large(struct argp_state *state, const char *text, double min, uint64_t *ret)
{
	double value;
	number(state, text, min, 1e15, &value);
	*ret = (uint64_t)value;
}

static error_t set_where(int key, char *arg, struct argp_state *state)
{
	struct lab_options *o = state->input;
	switch (key) {
	case 'T':
		if (strcmp(arg, "real") != 0 && strcmp(arg, "virtual") != 0)
			argp_error(state, "--clock takes real or virtual, not `%s`", arg);
		o->clock = arg[0] == 'r' ? LAB_REAL : LAB_VIRTUAL;
		return 0;
	case 'X':
		number(state, arg, 0, 100, &o->loss);
		return 0;
	case 'D':
		whole(state, arg, 0, 100000000, &o->wire_ns);
		return 0;
	case 'l':
		whole(state, arg, 1, LAB_LCORES_MAX, &o->lcores);
		return 0;
	case 'e':
		o->is_echo = true;
		return 0;
	case 'O':
		o->is_offloaded = true;
		return 0;
	case 'V':
		number(state, arg, 0, 1e6, &o->virtual_seconds);
		return 0;
	case 'A':
		whole(state, arg, 1, 1000000, &o->cap_us);
		return 0;
	case 'U':
		o->is_huge = true;
		return 0;
	case 'L':
		o->is_long = true;
		return 0;
	case 'x':
		large(state, arg, 0, &o->seed);
		return 0;
	case 'S':
		o->samples = arg;
		return 0;
	case 'j':
		o->json = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t set(int key, char *arg, struct argp_state *state)
{
	struct lab_options *o = state->input;
	switch (key) {
	case 'n':
		whole(state, arg, 1, EP_MEMBERS_MAX, &o->n);
		return 0;
	case 'o':
		whole(state, arg, 1, 16384, &o->outstanding);
		return 0;
	case 'c':
		large(state, arg, 1, &o->commands);
		return 0;
	case 'd':
		number(state, arg, 0, 1e6, &o->seconds);
		return 0;
	case 'w':
		number(state, arg, 0, 1e6, &o->warmup);
		return 0;
	case 'H':
		number(state, arg, 0, 100, &o->hot);
		return 0;
	case 'R':
		number(state, arg, 0, 100, &o->reads);
		return 0;
	case 'k':
		large(state, arg, 1, &o->keys);
		return 0;
	case 'z':
		whole(state, arg, 0, 1000, &o->value);
		return 0;
	case 'p':
		whole(state, arg, 1, 255, &o->per_frame);
		return 0;
	case 'C':
		whole(state, arg, 1, LAB_CLIENTS_MAX, &o->clients);
		return 0;
	case 'a':
		whole(state, arg, 0, EP_MEMBERS_MAX - 1, &o->away);
		return 0;
	case 's':
		whole(state, arg, 0, EP_MEMBERS_MAX - 1, &o->silent);
		return 0;
	case 'K':
		whole(state, arg, 0, EP_MEMBERS_MAX - 1, &o->dies);
		return 0;
	case 'Q':
		o->is_apart = true;
		return 0;
	case 'W':
		whole(state, arg, 128, 1u << 24, &o->window);
		if ((o->window & (o->window - 1)) != 0)
			argp_error(state, "--window takes a power of two");
		return 0;
	case 'b':
		whole(state, arg, 1, EP_BATCH_MAX, &o->batch);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "what is `%s`?", arg);
		return 0;
	case ARGP_KEY_END:
		if (o->away != LAB_NOBODY && (o->away >= o->n || o->n < 3 || o->clock != LAB_REAL || o->lcores != 1))
			argp_error(state, "--away takes a column of 3 or more replicas, under the real clock on one lcore");
		if (o->clock == LAB_VIRTUAL && o->lcores != 1)
			argp_error(state, "--clock virtual works on one lcore");
		if (o->silent != LAB_NOBODY && (o->silent >= o->n || o->n < 3))
			argp_error(state, "--silent takes a column below the number of replicas, which must be 3 or more");
		if (o->dies != LAB_NOBODY && (o->dies >= o->n || o->n < 3 || o->silent != LAB_NOBODY || o->commands == 0 || o->clock == LAB_REAL))
			argp_error(state, "--dies takes a column below the number of replicas, 3 or more, and needs --commands and --clock virtual");
		if (o->is_apart && (o->clients < 2 || o->dies == 0))
			argp_error(state, "--apart needs a second client, and replica 0");
		return 0;
	}
	return set_where(key, arg, state);
}

void lab_parse(int argc, char **argv, struct lab_options *o)
{
	static const struct argp argp = { table, set, NULL,
					  "Real replicas, their clients and a wire in one process: cycles, latencies, memory.\v"
					  "Example: pnyx-lab --clock virtual --wire 1150 --outstanding 1 --echo\n\n"
					  "The last line says whether all replicas hold the same bytes. Exit status: 0 they do, 1 they do not (or, with "
					  "--long, memory grew or a request was refused), 2 wrong usage.",
					  NULL, NULL, NULL };
	*o = (struct lab_options){ .n = 3, .lcores = 1, .clients = 1, .outstanding = 192, .per_frame = 255, .window = 16384, .batch = 16, .value = 16,
				   .silent = LAB_NOBODY, .away = LAB_NOBODY, .dies = LAB_NOBODY, .cap_us = 100, .keys = 10000, .seed = 1, .seconds = 2, .warmup = 0.5 };
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, o);
	if (o->commands > 0 || o->virtual_seconds > 0)
		o->seconds = 0;
}
