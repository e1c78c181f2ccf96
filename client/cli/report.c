// The bench's figures, as a table for people or as JSON.
#include <inttypes.h>
#include <stdio.h>
#include "client/cli/bench.h"

static double us(const struct histogram *h, double share)
{
	return (double)histogram_quantile(h, share) / 1000;
}

static double seconds_of(const struct phase *p)
{
	return p->end_ns > p->start_ns ? (double)(p->end_ns - p->start_ns) / 1e9 : 0;
}

static double rate_of(const struct phase *p)
{
	double seconds = seconds_of(p);
	return seconds > 0 ? (double)p->executed / seconds : 0;
}

// p50 of the command over p50 of the echo; 0: not measured.
static double ratio_of(const struct phase *p)
{
	double echo = us(&p->echo, 0.5);
	return echo > 0 ? us(&p->latency, 0.5) / echo : 0;
}

struct shares {
	uint64_t commits;
	double fast_percent, cycles; // cycles: a command, summed over the cluster; 0: not measured
};

static struct shares shares_of(const struct cluster_work *w)
{
	struct shares s = {.commits = w->fast + w->slow, .fast_percent = 100};
	if (s.commits == 0)
		return s;
	s.fast_percent = 100 * (double)w->fast / (double)s.commits;
	if (w->commands > 0)
		s.cycles = (double)w->cycles_busy / (double)w->commands;
	return s;
}

// ---- for people
// ---------------------------------------------------------------------------------------------
static void print_row(const char *name, const struct histogram *h)
{
	printf("  %-20s %9" PRIu64 " %9.1f %9.1f %9.1f %9.1f %9.1f\n", name, h->count, us(h, 0.5),
	       us(h, 0.9), us(h, 0.99), us(h, 0.999), (double)h->max / 1000);
}

static void print_phase(const char *name, const char *echo_name, const struct phase *p)
{
	print_row(name, &p->latency);
	if (p->echo.count > 0 || p->echoes_lost > 0)
		print_row(echo_name, &p->echo);
}

static uint64_t unknown_in_all(const struct bench *b)
{
	return b->load.unknown + b->latency.unknown + b->rest.unknown;
}

static void print_trouble(const struct bench *b, const struct cluster_work *w)
{
	const struct phase *load = &b->load;
	printf("unknown %" PRIu64 "  not executed %" PRIu64 "  busy answers %" PRIu64
	       " (replicas: %" PRIu64 ")  datagrams repeated %" PRIu64 "  echoes lost %" PRIu64
	       "\n",
	       load->unknown, load->failed, load->busy, w->busy, load->retries, load->echoes_lost);
	if (unknown_in_all(b) > load->unknown || b->latency.failed + b->rest.failed > 0)
		printf("outside the load phase: unknown %" PRIu64 "  not executed %" PRIu64 "\n",
		       unknown_in_all(b) - load->unknown, b->latency.failed + b->rest.failed);
}

static const char *const loop_names[] = {"closed", "constant", "poisson"};

static void print_open(const struct bench *b)
{
	const struct phase *load = &b->load;
	printf("open loop, %s arrivals: %" PRIu64 " a second offered; %" PRIu64 " operations were to begin, %" PRIu64
	       " of them never did (no free operation: --outstanding)\nbegun late by: p50 %.1f us, p99 %.1f us (in the latencies)\n\n",
	       loop_names[b->o.loop], b->o.rate, load->meant, load->unsent, us(&load->late, 0.5), us(&load->late, 0.99));
}

static void print_report(const struct bench *b, const struct cluster_work *w,
			 const struct shares *s)
{
	const struct bench_options *o = &b->o;
	printf("%d replicas, %" PRIu64 " outstanding over %s, %" PRIu64
	       " keys, %g %% hot, %g %% reads, %" PRIu64 " byte values, %.1f s\n\n",
	       b->n, o->outstanding, o->is_spread ? "all" : "one", o->keys, o->hot, o->reads,
	       o->value_size, seconds_of(&b->load));
	if (o->loop != LOOP_CLOSED)
		print_open(b);
	puts("  microseconds             count       p50       p90       p99     p99.9       max");
	if (b->latency.latency.count > 0)
		print_phase("one at a time", "  echo", &b->latency);
	print_phase("under load", "  echo", &b->load);
	printf("\n%.0f operations a second; %" PRIu64
	       " commands in %" PRIu64
	       " commits counted by %d replicas, %.2f %% on the fast path",
	       rate_of(&b->load), w->commands, s->commits, w->members, s->fast_percent);
	if (s->cycles > 0)
		printf("; %.0f cycles a command in the whole cluster", s->cycles);
	puts("");
	if (ratio_of(&b->latency) > 0)
		printf("p50 / echo p50 = %.2f (one at a time)\n", ratio_of(&b->latency));
	if (ratio_of(&b->load) > 0)
		printf("p50 / echo p50 = %.2f (under load)\n", ratio_of(&b->load));
	print_trouble(b, w);
}

// ---- for programs
// -------------------------------------------------------------------------------------------
static json_t *json_phase(const struct phase *p)
{
	const struct histogram *h = &p->latency;
	json_t *object = json_pack(
	    "{s:f, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I}", "seconds",
	    seconds_of(p), "ops", (json_int_t)p->executed, "ops_per_s", rate_of(p), "p50_us",
	    us(h, 0.5), "p90_us", us(h, 0.9), "p99_us", us(h, 0.99), "p999_us", us(h, 0.999),
	    "max_us", (double)h->max / 1000, "unknown", (json_int_t)p->unknown, "failed",
	    (json_int_t)p->failed, "busy", (json_int_t)p->busy, "retries", (json_int_t)p->retries,
	    "slow_replies", (json_int_t)p->not_fast);
	if (p->meant > 0) {
		json_object_set_new(object, "meant", json_integer((json_int_t)p->meant));
		json_object_set_new(object, "unsent", json_integer((json_int_t)p->unsent));
		json_object_set_new(object, "late_p50_us", json_real(us(&p->late, 0.5)));
		json_object_set_new(object, "late_p99_us", json_real(us(&p->late, 0.99)));
	}
	if (p->echo.count == 0)
		return object;
	json_object_set_new(object, "echo_p50_us", json_real(us(&p->echo, 0.5)));
	json_object_set_new(object, "echo_p99_us", json_real(us(&p->echo, 0.99)));
	json_object_set_new(object, "echoes", json_integer((json_int_t)p->echo.count));
	json_object_set_new(object, "echoes_lost", json_integer((json_int_t)p->echoes_lost));
	json_object_set_new(object, "ratio", json_real(ratio_of(p)));
	return object;
}

static json_t *json_parameters(const struct bench *b)
{
	const struct bench_options *o = &b->o;
	return json_pack("{s:i, s:s, s:I, s:f, s:I, s:I, s:f, s:f, s:I, s:s, s:s, s:I, s:I}", "replicas", b->n,
			 "loop", loop_names[o->loop], "rate", (json_int_t)o->rate, "skew", o->skew,
			 "outstanding", (json_int_t)o->outstanding, "keys", (json_int_t)o->keys,
			 "hot", o->hot, "reads", o->reads, "value_size", (json_int_t)o->value_size,
			 "spread", o->is_spread ? "all" : "one", "workload",
			 o->workload == WORKLOAD_MIX ? "mix" : "append", "echo_size",
			 (json_int_t)o->echo_size, "seed", (json_int_t)o->seed);
}

static void print_json_report(const struct bench *b, const struct cluster_work *w,
			      const struct shares *s)
{
	json_t *object =
	    json_pack("{s:s, s:o}", "status", b->load.executed > 0 ? "ok" : "nothing executed",
		      "parameters", json_parameters(b));
	if (b->latency.latency.count > 0)
		json_object_set_new(object, "latency", json_phase(&b->latency));
	json_object_set_new(object, "load", json_phase(&b->load));
	json_object_set_new(object, "unknown_in_all", json_integer((json_int_t)unknown_in_all(b)));
	json_object_set_new(
	    object, "replicas",
	    json_pack("{s:i, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I}", "counted", w->members,
		      "commands", (json_int_t)w->commands, "commits", (json_int_t)s->commits, "fast", (json_int_t)w->fast, "slow",
		      (json_int_t)w->slow, "fast_percent", s->fast_percent, "cycles_per_command",
		      s->cycles, "busy", (json_int_t)w->busy, "tsc_hz", (json_int_t)w->tsc_hz));
	print_json(object);
}

int bench_report(const struct bench *b)
{
	struct cluster_work w = work_between(&b->before, &b->after);
	struct shares s = shares_of(&w);
	if (b->cli->is_json)
		print_json_report(b, &w, &s);
	else
		print_report(b, &w, &s);
	if (b->load.executed == 0)
		return EXIT_NOBODY;
	return unknown_in_all(b) > 0 ? EXIT_UNKNOWN : EXIT_DONE;
}
