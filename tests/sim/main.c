// pnyx-sim: runs seeds, each twice, and says on one line what reproduces a failure.
#define _GNU_SOURCE // program_invocation_short_name
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/sim/sim.h"
#include "tests/sim/verdict.h"

struct settings {
	struct sim_options sim;
	uint64_t first, seeds;
	bool is_once, is_quiet, shows_hashes;
};

struct totals {
	uint64_t seeds, rounds, failed, virtual_ns, executions, queued, too_long, checked, digests;
	uint64_t recoveries, fast, committed, nops, validations, scc;
	struct sim_figures figures;
};

static const struct argp_option options[] = {
	{"seeds", 'n', "N", 0, "run N seeds (1)", 0},
	{"first", 'f', "S", 0, "the first of them (1)", 0},
	{"seed", 's', "S", 0, "run this one seed and print what it draws", 0},
	{"faults", 'F', "LIST", 0,
	 "allow only these: loss,dup,reorder,delay,damage,pause,rogue,partition,restart,crash,suspect,clog,clock,forge,replay,flood,"
	 "ambush,core,cut; all; none", 0},
	{"rounds", 'r', "N", 0, "of faults, healing and checking in each world (1)", 0},
	{"tiny", 'T', 0, 0, "the smallest tables, and all times a thousand times longer: days of virtual time", 0},
	{"members", 'm', "N", 0, "always N replicas, 1 to 7 (drawn)", 0},
	{"mode", 'M', "D|E", 0, "always this mode, D for at most 3 replicas (drawn)", 0},
	{"trace", 't', 0, 0, "print the last events of every run, not only of failed ones", 0},
	{"once", '1', 0, 0, "run each seed once: twice as fast, no comparison of traces", 0},
	{"hashes", 'H', 0, 0, "print the hash of every seed's trace and state", 0},
	{"quiet", 'q', 0, 0, "no progress", 0},
	{0},
};

static uint64_t number(struct argp_state *state, const char *text, uint64_t max)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);
	if (end == text || *end || value > max)
		argp_error(state, "'%s' is not a number up to %" PRIu64, text, max);
	return value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct settings *s = state->input;
	switch (key) {
	case 'n':
		s->seeds = number(state, arg, UINT32_MAX);
		return 0;
	case 'f':
		s->first = number(state, arg, UINT64_MAX);
		return 0;
	case 's':
		s->first = number(state, arg, UINT64_MAX);
		s->seeds = 1;
		return 0;
	case 'F':
		if (!fault_parse(arg, &s->sim.faults))
			argp_error(state, "unknown fault in '%s'", arg);
		return 0;
	case 'm':
		s->sim.n = (uint8_t)number(state, arg, EP_MEMBERS_MAX);
		return 0;
	case 'M':
		if (strcmp(arg, "D") != 0 && strcmp(arg, "E") != 0)
			argp_error(state, "mode is D or E");
		s->sim.mode = arg[0] == 'D' ? EP_MODE_D : EP_MODE_E;
		return 0;
	case 'r':
		s->sim.rounds = (uint32_t)number(state, arg, 1000000);
		return 0;
	case 'T':
		s->sim.is_tiny = true;
		return 0;
	case 'H':
		s->shows_hashes = true;
		return 0;
	case 't':
		s->sim.is_traced = true;
		return 0;
	case '1':
		s->is_once = true;
		return 0;
	case 'q':
		s->is_quiet = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

struct run {
	struct sim sim;
	struct sim_options options;
};

static void body(void *arg)
{
	struct run *run = arg;
	sim_start(&run->sim, &run->options);
	sim_run(&run->sim);
}

static void print_swarm(const struct swarm *s)
{
	const struct ep_config *c = &s->config;
	printf("seed %" PRIu64 ": n=%d mode=%s e=%d window=%u own_max=%u keys_max=%u index_keys=%u sessions_max=%u frame_max=%u "
	       "exec_budget=%u\n  first=%" PRIu64 " clock=%" PRIu64 " ballot=%" PRIu64 " frame_seq=%" PRIu64 " client_seq=%" PRIu64 " time=%" PRIu64 "\n"
	       "  faults=%s every %.1f ms for %.1f ms, loss=%u dup=%u late=%u damage=%u permille\n"
	       "  %s clients=%u rogues=%u ops=%u keys=%u read=%u%% hot=%u%% burst=%u frames=%u\n",
	       s->seed, c->n, c->mode == EP_MODE_E ? "E" : c->mode == EP_MODE_D ? "D" : "auto", c->e, c->window, c->own_max,
	       c->keys_max, c->index_keys, c->sessions_max, c->frame_max, s->slow_exec ? s->slow_exec : c->exec_budget, c->first, s->clock,
	       s->ballot, s->frame_seq, s->client_seq, s->time, fault_text(s->faults), (double)s->fault_every / 1e6, (double)s->heal_after / 1e6,
	       s->loss_permille, s->dup_permille, s->late_permille, s->damage_permille, load_name, s->clients, s->rogues, s->ops,
	       s->load.keys, s->load.read_percent, s->load.hot_percent, s->burst, s->frames);
}

static void add_figures(struct totals *t, struct sim *s)
{
	for (uint8_t p = 0; p < s->n; p++) {
		if (!s->nodes[p].host.replica || !sim_is_alive(s, p)) // the first: a run that ended before it began
			continue;
		const struct ep_counters *c = ep_counters(s->nodes[p].host.replica);
		t->recoveries += c->recoveries;
		t->validations += c->validations;
		t->scc += c->scc_multi;
		sim_count_full(s, p);
	}
	const uint64_t *from = (const uint64_t *)&s->figures;
	for (size_t k = 0; k < sizeof s->figures / sizeof *from; k++) // all of them are counts
		((uint64_t *)&t->figures)[k] += from[k];
	t->rounds += s->round + 1;
	t->virtual_ns += s->now;
	t->executions += s->check.executions;
	t->queued += s->check.queued;
	t->too_long += s->report.too_long;
	t->checked += s->report.checked;
	t->digests += s->check.digests_compared;
	t->committed += s->check.log.committed;
	t->fast += s->check.log.fast;
	t->nops += s->check.log.nops;
}

static void print_replicas(const struct sim *s)
{
	for (uint8_t p = 0; p < s->n; p++) {
		if (!sim_is_alive(s, p)) {
			printf("p%d is %s\n", p, s->nodes[p].is_lost ? "lost" : "down");
			continue;
		}
		const struct ep_replica *r = s->nodes[p].host.replica;
		printf("p%d executed/known/stable:", p);
		for (uint8_t c = 0; c < s->n; c++)
			printf(" %" PRIu64 "/%" PRIu64 "/%" PRIu64, ep_exec_prefix(r, c), ep_known(r, c), ep_stable(r, c));
#define PRINT_COUNTER(name, help) \
	if (ep_counters(r)->name) \
		printf(" " #name "=%" PRIu64, ep_counters(r)->name);
		EP_COUNTERS(PRINT_COUNTER)
		for (uint32_t d = 0; d < EP_DROP_REASONS; d++)
			if (ep_drops(r)[d])
				printf(" drop_%s=%" PRIu64, ep_drop_names[d], ep_drops(r)[d]);
		printf("\n");
	}
}

// Runs a seed; true when nothing was violated. *hash is of its trace.
static bool run_once(const struct settings *settings, uint64_t seed, bool is_traced, struct totals *t, uint64_t *hash)
{
	struct run *run = calloc(1, sizeof *run);
	run->options = settings->sim;
	run->options.seed = seed;
	run->options.is_traced = is_traced;
	bool is_fine = verdict_run(body, run);
	struct sim *s = &run->sim;
	*hash = s->hash;
	if (is_traced) {
		print_swarm(&s->swarm);
		trace_print(&s->trace);
		print_replicas(s);
	}
	add_figures(t, s);
	sim_free(&run->sim);
	free(run);
	return is_fine;
}

static void report_failure(const struct settings *settings, uint64_t seed, const char *what)
{
	const struct sim_options *o = &settings->sim;
	printf("VIOLATION seed %" PRIu64 ": %s\n  reproduce: %s --seed %" PRIu64, seed, what,
	       program_invocation_short_name, seed);
	if (o->faults != FAULTS_ALL)
		printf(" --faults %s", fault_text(o->faults));
	if (o->is_tiny)
		printf(" --tiny");
	if (o->rounds > 1)
		printf(" --rounds %u", o->rounds);
	if (o->n)
		printf(" --members %d", o->n);
	if (o->mode)
		printf(" --mode %s", o->mode == EP_MODE_D ? "D" : "E");
	printf("\n");
	fflush(stdout);
}

static bool run_seed(const struct settings *settings, uint64_t seed, struct totals *t)
{
	struct totals again = {0};
	uint64_t first = 0, second = 0;
	char what[VERDICT_TEXT_MAX];
	t->seeds++;
	bool is_fine = run_once(settings, seed, settings->sim.is_traced, t, &first);
	snprintf(what, sizeof what, "%s", verdict_text());
	if (!is_fine) {
		report_failure(settings, seed, what);
		if (!settings->sim.is_traced && !settings->is_quiet)
			run_once(settings, seed, true, &again, &second);
		return false;
	}
	if (settings->shows_hashes)
		printf("HASH %s %" PRIu64 " %016" PRIx64 "\n", load_name, seed, first);
	if (settings->is_once)
		return true;
	run_once(settings, seed, false, &again, &second);
	if (first == second)
		return true;
	report_failure(settings, seed, "the same seed gave two different traces");
	return false;
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); // of this processor, whoever else is at work on the machine
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_totals(const struct totals *t, double took, unsigned times)
{
	const struct sim_figures *f = &t->figures;
	printf("sim %s: committed=%" PRIu64 " fast=%" PRIu64 " nop=%" PRIu64 " recoveries=%" PRIu64 " validations=%" PRIu64
	       " components=%" PRIu64 " executions=%" PRIu64 " seen_queued=%" PRIu64 " answers_explained=%" PRIu64 " unknown=%" PRIu64
	       " unchecked_keys=%" PRIu64 " digests_compared=%" PRIu64 "\n",
	       load_name, t->committed, t->fast, t->nops, t->recoveries, t->validations, t->scc, t->executions, t->queued, t->checked,
	       f->unknown, t->too_long, t->digests);
	printf("sim %s: kills=%" PRIu64 " between_stores=%" PRIu64 " inside_components=%" PRIu64 " forged=%" PRIu64 " replayed=%" PRIu64
	       " ran full: window=%" PRIu64 " own=%" PRIu64 " room=%" PRIu64 " index=%" PRIu64 " sessions=%" PRIu64 " recoveries=%" PRIu64
	       " frames=%" PRIu64 " inbox=%" PRIu64 "\n",
	       load_name, f->kills, f->cuts, f->kills_inside, f->forged, f->replayed, f->full_window, f->full_own, f->full_room,
	       f->full_index, f->full_sessions, f->full_contexts, f->full_frames, f->full_inbox);
	printf("SIM %s seeds=%" PRIu64 " rounds=%" PRIu64 " virtual=%.4fh commands=%" PRIu64 " messages=%" PRIu64
	       " rate=%.1f seeds/s a core, %.0f commands/s violations=%" PRIu64 "\n",
	       load_name, t->seeds, t->rounds, (double)t->virtual_ns / 3.6e12, f->commands, f->messages, (double)t->seeds * times / took,
	       (double)f->commands * times / took, t->failed);
}

int main(int argc, char **argv)
{
	struct settings settings = {.sim = {.faults = FAULTS_ALL}, .first = 1, .seeds = 1};
	struct argp argp = {options, parse, NULL, "Deterministic simulation of a cluster with its clients, network and faults.", 0, 0, 0};
	struct totals t = {0};
	argp_parse(&argp, argc, argv, 0, NULL, &settings);
	double start = seconds();
	for (uint64_t k = 0; k < settings.seeds; k++)
		t.failed += !run_seed(&settings, settings.first + k, &t);
	print_totals(&t, seconds() - start, settings.is_once ? 1 : 2);
	return t.failed ? 1 : 0;
}
