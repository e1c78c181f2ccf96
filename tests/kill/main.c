// pnyx-kill: single-steps a replica through everything that it does, and kills it at each instruction.
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "consensus/base/rng.h"
#include "consensus/state.h"
#include "tests/kill/check.h"
#include "tests/kill/tracer.h"
#include "tests/sim/verdict.h"

#define DRAWS 3000 // a world's length: its clients are done by then
#define POINTS 20000 // of a phase for each step that it may have: attach is long
#define SKIPPED 77

// The shapes that worlds take in turn.
static const struct shape {
	uint8_t n, mode;
} shapes[] = { { 3, EP_MODE_D }, { 3, EP_MODE_E }, { 5, EP_MODE_E }, { 3, EP_MODE_D }, { 2, EP_MODE_D }, { 5, EP_MODE_E } };
#define SHAPES (sizeof shapes / sizeof shapes[0])

static struct options {
	uint32_t seeds, first, steps, needed;
	const char *only;
	bool is_quiet;
} options = { .seeds = 60, .first = 1, .steps = 2 };

struct tally {
	uint32_t steps;
	uint64_t points, attaches, states;
};

static struct run {
	struct world *world; // shared with the traced process
	struct mailbox *box;
	struct tracer tracer;
	struct checker *checker;
	uint64_t rng;
	uint32_t seed, draw, victim;
	bool is_killed; // the next step is an attach
	enum phase phase;
	uint64_t point, where;
	struct tally tally[PHASE_COUNT];
} run;

static void *shared(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		verdict_fail("no shared memory");
	return p;
}

// The process dies at one of the points that were looked at: what its arena was there.
static void die(uint8_t *arena_there)
{
	memcpy(world_replica(run.world, (uint8_t)run.victim), arena_there, run.world->arena_bytes);
	run.is_killed = true;
}

// Every instruction of the step in the mailbox. Now and then the replica really dies at one of them.
static void trace(void)
{
	struct tally *t = &run.tally[run.phase];
	struct checker_figures before = checker_figures(run.checker);
	struct world *w = run.world;
	uint8_t *there = NULL;
	uint32_t changes = 0;
	run.point = 0;
	t->steps++;
	tracer_begin(&run.tracer);
	for (bool is_under_way = true; is_under_way; run.point++) {
		is_under_way = tracer_next(&run.tracer);
		t->points++;
		if (!checker_has_changed(run.checker))
			continue;
		const char *what = checker_point(run.checker);
		if (what) {
			run.where = tracer_where(&run.tracer);
			verdict_fail("%s", what);
		}
		if (run.box->step.kind != STEP_ATTACH && ep_random(&run.rng) % ++changes == 0) { // each of them equally likely
			there = there ? there : malloc(w->arena_bytes);
			memcpy(there, world_replica(w, (uint8_t)run.victim), w->arena_bytes);
		}
	}
	struct checker_figures after = checker_figures(run.checker);
	t->attaches += after.attaches - before.attaches;
	t->states += after.states - before.states;
	if (there && ep_random(&run.rng) % 2 == 0)
		die(there);
	free(there);
}

// One step of the victim: stepped through when its phase has not had its share.
static void step_victim(void)
{
	struct step *s = &run.box->step;
	run.phase = checker_prepare(run.checker, s);
	const struct tally *t = &run.tally[run.phase];
	bool is_wanted = !options.only || strstr(phase_texts[run.phase], options.only);
	if (is_wanted && t->steps < options.steps && t->points < (uint64_t)options.steps * POINTS)
		trace();
	else
		step_run(run.world, s, &run.box->lent);
	if (run.is_killed)
		lent_clear(&run.box->lent);
	else
		world_collect(run.world, s, &run.box->lent);
}

static void play(void *unused)
{
	(void)unused;
	struct step s;
	for (run.draw = 0; run.draw < DRAWS; run.draw++) {
		if (run.is_killed) {
			run.is_killed = false;
			run.box->step = (struct step){ .kind = STEP_ATTACH, .at = (uint8_t)run.victim, .now = run.world->now };
			step_victim();
			continue;
		}
		if (!world_draw(run.world, &s))
			continue;
		if (s.at == run.victim) {
			run.box->step = s;
			step_victim();
		} else {
			step_run(run.world, &s, &run.box->lent);
			world_collect(run.world, &s, &run.box->lent);
		}
		if (ep_random(&run.rng) % 400 == 0)
			run.is_killed = true; // between two steps
	}
	const char *what = world_converge(run.world, &run.box->lent);
	if (what)
		verdict_fail("in the end: %s", what);
}

// False: a violation, printed.
static bool play_seed(uint32_t seed, uint64_t bytes)
{
	const struct shape *shape = &shapes[seed % SHAPES];
	run.seed = seed;
	run.rng = seed;
	run.victim = seed / SHAPES % shape->n;
	run.is_killed = false;
	memset(run.world, 0, bytes);
	world_start(run.world, shape->n, shape->mode, seed);
	lent_clear(&run.box->lent);
	run.checker = checker_open(run.world);
	bool is_fine = verdict_run(play, NULL);
	if (!is_fine)
		printf("VIOLATION seed %u (n=%u %s, replica %u), draw %u, %s, instruction %" PRIu64 " (addr2line %#" PRIx64 "):\n  %s\n"
		       "  again: pnyx-kill --first %u --seeds 1 --steps %u\n",
		       seed, shape->n, shape->mode == EP_MODE_D ? "D" : "E", run.victim, run.draw, phase_texts[run.phase], run.point, run.where,
		       verdict_text(), seed, options.steps);
	checker_close(run.checker);
	return is_fine;
}

static uint32_t report(uint32_t violations)
{
	struct tally sum = { 0 };
	uint32_t phases = 0;
	for (uint32_t p = 0; p < PHASE_COUNT; p++) {
		const struct tally *t = &run.tally[p];
		if (!options.is_quiet)
			printf("%-44s %5u steps %9" PRIu64 " points %7" PRIu64 " attaches %7" PRIu64 " states\n", phase_texts[p], t->steps,
			       t->points, t->attaches, t->states);
		phases += t->steps > 0;
		sum.points += t->points;
		sum.attaches += t->attaches;
		sum.states += t->states;
	}
	printf("KILL points=%" PRIu64 " attaches=%" PRIu64 " states=%" PRIu64 " phases=%u violations=%u\n", sum.points, sum.attaches, sum.states,
	       phases, violations);
	return phases;
}

static const struct argp_option manual[] = {
	{ "seeds", 'n', "N", 0, "How many worlds (60)", 0 },
	{ "first", 'f', "SEED", 0, "The first of them (1)", 0 },
	{ "steps", 's', "N", 0, "Steps to go through for each phase (2)", 0 },
	{ "only", 'o', "WORD", 0, "Only phases whose name has this word", 0 },
	{ "need", 'p', "N", 0, "Fail when fewer phases were met", 0 },
	{ "quiet", 'q', NULL, 0, "Only the last line", 0 },
	{ 0 },
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'n':
		options.seeds = (uint32_t)strtoul(arg, NULL, 10);
		return 0;
	case 'f':
		options.first = (uint32_t)strtoul(arg, NULL, 10);
		return 0;
	case 's':
		options.steps = (uint32_t)strtoul(arg, NULL, 10);
		return 0;
	case 'o':
		options.only = arg;
		return 0;
	case 'p':
		options.needed = (uint32_t)strtoul(arg, NULL, 10);
		return 0;
	case 'q':
		options.is_quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "what is `%s`?", arg);
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { manual, on_option, NULL, "Kills a replica at every instruction, and looks at what is left.", NULL, NULL, NULL };
	uint64_t bytes = 0;
	uint32_t violations = 0;
	const char *why;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	for (size_t s = 0; s < SHAPES; s++) {
		uint64_t needs = world_bytes(shapes[s].n, shapes[s].mode);
		bytes = needs > bytes ? needs : bytes;
	}
	run.world = shared(bytes);
	run.box = shared(sizeof *run.box);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!tracer_open(&run.tracer, run.box, run.world, &why)) {
		printf("this machine does not let a process trace its own child: %s\n", why);
		return SKIPPED;
	}
	for (uint32_t s = 0; s < options.seeds && violations == 0; s++)
		violations += !play_seed(options.first + s, bytes);
	tracer_close(&run.tracer);
	uint32_t phases = report(violations);
	if (phases < options.needed)
		printf("only %u phases were met, not %u\n", phases, options.needed);
	return violations != 0 || phases < options.needed;
}
