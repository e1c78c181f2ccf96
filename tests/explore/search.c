// The search: depth first over worlds, each visited once (by a fingerprint of 64 bits).
#include "tests/explore/explore.h"
#include <string.h>
#include <time.h>
#include "tests/explore/table.h"
#include "tests/sim/verdict.h"

static struct level {
	struct world world;
	struct move moves[MOVES_MAX];
	struct groups groups;
	uint32_t count, at, group;
	bool is_end; // no move has had a consequence
} *levels;
static struct table seen, outcomes;

// Where nothing more can come of anything: what was decided, and what each replica has committed. A reduction must not change their set.
static void note_outcome(const struct scope *s, const struct world *w, struct tally *t)
{
	uint64_t h = 1;
	for (uint32_t k = 0; k < s->count; k++) {
		h = ep_mix64(h ^ said_value_at(w->decided[k])->hash) + 1;
		for (uint32_t p = 0; p < s->n; p++)
			h = ep_mix64(h ^ machine_local(w->local[p])->facts[k].is_committed) + 1;
	}
	if (table_add(&outcomes, h | 1))
		t->outcomes_sum += ep_mix64(h);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void enter(const struct scope *s, struct level *l, struct tally *t)
{
	l->count = world_moves(s, &l->world, l->moves, &l->groups);
	l->at = l->group = 0;
	l->is_end = true;
	t->states++;
}

void search_run(const struct scope *s, const struct limits *limits, struct tally *t)
{
	double end = now() + (double)limits->seconds;
	if (!levels)
		levels = memory_take(SCHEDULE_MAX * sizeof *levels);
	table_start(&seen, 16, false);
	table_start(&outcomes, 8, false);
	schedule_count = 0;
	world_start(s, &levels[0].world);
	table_add(&seen, world_hash(s, &levels[0].world));
	enter(s, &levels[0], t);
	for (uint32_t depth = 1; depth > 0;) {
		struct level *l = &levels[depth - 1], *next = &levels[depth];
		while (l->group < l->groups.count && l->at == l->groups.end[l->group] && l->is_end)
			l->group++;
		if (l->at == l->count || (l->group < l->groups.count && l->at == l->groups.end[l->group])) {
			if (l->is_end) {
				schedule_count = depth - 1;
				check_end(s, &l->world);
				note_outcome(s, &l->world, t);
			}
			depth--;
			continue;
		}
		schedule[depth - 1] = l->moves[l->at++];
		schedule_count = depth;
		if (!world_apply(s, &l->world, &schedule[depth - 1], &next->world))
			continue;
		t->moves++;
		l->is_end = false;
		if (!table_add(&seen, world_hash(s, &next->world)))
			continue;
		if (depth == SCHEDULE_MAX - 1)
			verdict_fail("a schedule is longer than provided for");
		enter(s, next, t);
		depth++;
		t->depth = depth > t->depth ? depth : t->depth;
		if (t->states >= limits->states || ((t->states & 0xfff) == 0 && now() > end)) {
			t->is_cut = true;
			break;
		}
	}
	t->outcomes = outcomes.used;
	schedule_count = 0;
	t->asked_again = machine_ask_again();
}

uint64_t search_bytes(void)
{
	return table_bytes(&seen) + table_bytes(&outcomes);
}
