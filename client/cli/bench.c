// pnyx bench: the options and the order of the phases.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/bench.h"

static struct bench bench = {
    .o = {.seconds = 3,
	  .warmup = 1,
	  .keys = 10000,
	  .value_size = 64,
	  .is_spread = true},
};

static const struct argp_option options[] = {
    {"outstanding", 'o', "N", 0, "operations in flight, 1 to 16384, default 64, with --arrivals 1024", 10},
    {"sessions", 'S', "N", 0, "updates in flight; default: sessions of client in FILE, else as many as outstanding", 10},
    {"seconds", 'd', "N", 0, "length of the load phase, default 3", 10},
    {"rate", 'a', "N", 0,
     "at most so many operations a second; default: the next one when one ends", 10},
    {"arrivals", 'A', "constant|poisson", 0,
     "open loop: begin --rate operations a second at equal or at random distances, whatever became of those before; latencies count "
     "from when they were meant to begin", 10},
    {"warmup", 'w', "N", 0, "seconds of the same load before anything is measured, default 1", 10},
    {"latency-phase", 'l', "N", 0,
     "seconds of one operation at a time before the load, default 0: none", 10},
    {"keys", 'k', "N", 0, "distinct keys, default 10000", 10},
    {"hot", 'H', "PERCENT", 0, "commands on one hot key, default 0", 10},
    {"skew", 'Z', "EXPONENT", 0, "popularity of keys by Zipf's law, 0 to 10, default 0: all alike", 10},
    {"reads", 'R', "PERCENT", 0, "commands that read, default 0", 10},
    {"value-size", 'z', "BYTES", 0, "of a value, default 64", 10},
    {"spread", 'p', "all|one", 0,
     "over all replicas, or to one (--via, else the preferred), default all", 10},
    {"workload", 'W', "mix|append", 0,
     "put and get, or appends of unique elements with a final read of every key, default mix", 10},
    {"echo", 'e', NULL, 0, "measure the raw round trip as well, in between", 10},
    {"echo-size", 'E', "BYTES", 0, "UDP payload of an echo, default: about the size of a request",
     10},
    {"preload", 'P', NULL, 0, "write every key once first, so that reads find something", 10},
    {"record", 'f', "FILE", 0, "write the history as JSON lines", 10},
    {"histogram", 'G', "FILE", 0, "write all latencies of the load phase, in microseconds, as HdrHistogram's percentile output", 10},
    {"seed", 'x', "N", 0, "of the choice of keys and operations, default: the time", 10},
    {0},
};

static const char *set_text(int key, const char *arg)
{
	struct bench_options *o = &bench.o;
	switch (key) {
	case 'p':
		o->is_spread = strcmp(arg, "all") == 0;
		return o->is_spread || strcmp(arg, "one") == 0 ? NULL : "all or one";
	case 'W':
		o->workload = strcmp(arg, "append") == 0 ? WORKLOAD_APPEND : WORKLOAD_MIX;
		return o->workload == WORKLOAD_APPEND || strcmp(arg, "mix") == 0 ? NULL
										 : "mix or append";
	case 'A':
		o->loop = strcmp(arg, "poisson") == 0 ? LOOP_POISSON : LOOP_CONSTANT;
		return o->loop == LOOP_POISSON || strcmp(arg, "constant") == 0 ? NULL : "constant or poisson";
	case 'G':
		o->histogram = arg;
		return arg[0] != 0 ? NULL : "a file's name";
	case 'e':
		o->is_echo = true;
		return NULL;
	case 'P':
		o->is_preloaded = true;
		return NULL;
	case 'f':
		o->record = arg;
		return arg[0] != 0 ? NULL : "a file's name";
	}
	return "a known option";
}

static const char *set(int key, const char *arg)
{
	struct bench_options *o = &bench.o;
	switch (key) {
	case 'o':
		return read_number(arg, 1, BENCH_OUTSTANDING_MAX, &o->outstanding) ? NULL
										   : "1 to 16384";
	case 'S':
		return read_number(arg, 1, BENCH_OUTSTANDING_MAX, &o->sessions) ? NULL
										: "1 to 16384";
	case 'd':
		return read_number(arg, 1, 86400, &o->seconds) ? NULL : "seconds from 1 to 86400";
	case 'w':
		return read_number(arg, 0, 86400, &o->warmup) ? NULL : "seconds from 0 to 86400";
	case 'l':
		return read_number(arg, 0, 86400, &o->latency_seconds) ? NULL
								       : "seconds from 0 to 86400";
	case 'a':
		return read_number(arg, 1, 100000000, &o->rate) ? NULL : "1 to 100000000";
	case 'k':
		return read_number(arg, 1, 100000000, &o->keys) ? NULL : "1 to 100000000";
	case 'H':
		return read_share(arg, &o->hot) ? NULL : "a percentage from 0 to 100";
	case 'Z':
		return read_decimal(arg, 10, &o->skew) ? NULL : "a number from 0 to 10";
	case 'R':
		return read_share(arg, &o->reads) ? NULL : "a percentage from 0 to 100";
	case 'z':
		return read_number(arg, 0, BENCH_VALUE_MAX, &o->value_size)
			   ? NULL
			   : "bytes from 0 to 8192";
	case 'E':
		return read_number(arg, 64, EP_FRAME_MAX_MAX, &o->echo_size)
			   ? NULL
			   : "bytes from 64 to 8972";
	case 'x':
		return read_number(arg, 0, UINT64_MAX, &o->seed) ? NULL : "a whole number";
	}
	return set_text(key, arg);
}

static const char *prepare(struct cli *cli)
{
	struct bench_options *o = &bench.o;
	if (o->record != NULL && o->workload == WORKLOAD_MIX && o->value_size < 32)
		return "--value-size of 32 or more with --record (values are unique then), or "
		       "--workload append";
	if (o->workload == WORKLOAD_APPEND && o->is_preloaded)
		return "--workload append without --preload";
	if (o->loop != LOOP_CLOSED && o->rate == 0)
		return "--arrivals with --rate";
	if (o->skew != 0 && o->workload == WORKLOAD_APPEND)
		return "--skew with --workload mix";
	if (o->outstanding == 0)
		o->outstanding = o->loop == LOOP_CLOSED ? 64 : 1024;
	cli->options.ops_max = (uint32_t)o->outstanding;
	if (o->sessions == 0)
		o->sessions =
		    cli->config.client.sessions != 0 ? cli->config.client.sessions : o->outstanding;
	cli->options.sessions_max = (uint32_t)o->sessions;
	return NULL;
}

static void on_signal(int number)
{
	(void)number;
	bench_is_stopped = true;
}

// The first ends the load, a second one the program.
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void start(struct cli *cli)
{
	struct bench_options *o = &bench.o;
	uint32_t frame_max = pnyx_cluster(cli->client)->frame_max;
	bench.cli = cli;
	bench.n = pnyx_cluster(cli->client)->n;
	if (o->seed == 0)
		o->seed = bench_now_ns();
	if (o->echo_size == 0) // heads of frame, message, command and store, and a short key
		o->echo_size =
		    64 + 16 + 32 + 12 + 8 + (o->workload == WORKLOAD_APPEND ? 12 : o->value_size);
	if (o->echo_size > frame_max)
		o->echo_size = frame_max;
	bench.slots = calloc(o->outstanding, sizeof bench.slots[0]);
	if (bench.slots == NULL || !workload_init(&bench))
		cli_fail(cli, EXIT_USAGE,
			 "out of memory; right would be fewer keys or operations in flight");
	for (uint64_t i = 0; i < o->outstanding; i++)
		bench.slots[i].process = bench.processes++;
	struct phase *const phases[] = {&bench.load, &bench.latency, &bench.rest};
	for (int p = 0; p < 3; p++) {
		histogram_reset(&phases[p]->latency);
		histogram_reset(&phases[p]->echo);
		histogram_reset(&phases[p]->late);
	}
	if (o->record == NULL)
		return;
	bench.history = fopen(o->record, "we");
	if (bench.history == NULL)
		cli_fail(cli, EXIT_USAGE,
			 "cannot write '%s'; right would be a file in a writable folder",
			 o->record);
}

// False: it could not be written.
static bool write_histogram(void)
{
	FILE *f = fopen(bench.o.histogram, "we");
	if (f == NULL)
		return false;
	histogram_print(f, &bench.load.latency, 1000);
	bool is_whole = !ferror(f);
	return fclose(f) == 0 && is_whole;
}

static int finish(void)
{
	bool is_written =
	    bench.history == NULL || (fflush(bench.history) == 0 && !ferror(bench.history));
	if (bench.history != NULL && fclose(bench.history) != 0)
		is_written = false;
	int code = bench_report(&bench);
	workload_end(&bench);
	free(bench.slots);
	if (!is_written)
		cli_fail(bench.cli, EXIT_USAGE,
			 "the history in '%s' is not complete: writing failed", bench.o.record);
	if (bench.o.histogram != NULL && !write_histogram())
		cli_fail(bench.cli, EXIT_USAGE, "cannot write '%s'; right would be a file in a writable folder", bench.o.histogram);
	return code;
}

static int run(struct cli *cli)
{
	catch_signals();
	start(cli);
	if (bench.o.is_preloaded)
		load_preload(&bench);
	if (bench.o.warmup > 0)
		load_run(&bench, bench.o.warmup, &bench.rest);
	if (bench.o.latency_seconds > 0)
		latency_run(&bench, bench.o.latency_seconds);
	ask_counters(cli, -1, &bench.before);
	load_run(&bench, bench.o.seconds, &bench.load);
	ask_counters(cli, -1, &bench.after);
	bench_is_stopped = false; // the first signal ends the load; a history needs its final reads
	load_final_reads(&bench);
	return finish();
}

const struct command command_bench = {
    .name = "bench",
    .doc = "Keeps many operations in flight and measures: latencies, operations a second, the "
	   "share of the fast path, "
	   "processor cycles a command. Unknown outcomes (deadline passed) are counted and "
	   "reported; exit code 3 "
	   "when there are any, 5 when nothing was executed.",
    .options = options,
    .set = set,
    .prepare = prepare,
    .run = run,
};
