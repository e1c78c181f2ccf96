// The schedule that led to a violation: shortened by leaving out moves as long as some violation stays, then printed.
#include "tests/explore/explore.h"
#include <stdio.h>
#include <string.h>
#include "tests/sim/verdict.h"

struct move schedule[SCHEDULE_MAX];
uint32_t schedule_count;

struct replay {
	const struct scope *scope;
	const struct move *moves;
	uint32_t count, used; // used: up to the one that ended it
};

static bool is_possible(const struct scope *s, const struct world *w, const struct move *move)
{
	static struct move moves[MOVES_MAX];
	struct groups groups;
	uint32_t count = world_moves(s, w, moves, &groups), k = 0;
	while (k < count && (moves[k].p != move->p || moves[k].what != move->what))
		k++;
	return k < count;
}

static bool is_at_end(const struct scope *s, const struct world *w)
{
	static struct move moves[MOVES_MAX];
	static struct world next;
	struct groups groups;
	uint32_t count = world_moves(s, w, moves, &groups), k = 0;
	while (k < count && !world_apply(s, w, &moves[k], &next))
		k++;
	return k == count;
}

// Ends in a violation, or does not.
static void play(void *arg)
{
	static struct world a, b;
	struct replay *r = arg;
	struct world *w = &a, *next = &b;
	world_start(r->scope, w);
	for (r->used = 0; r->used < r->count;) {
		const struct move *move = &r->moves[r->used++];
		if (!is_possible(r->scope, w, move) || !world_apply(r->scope, w, move, next))
			continue;
		struct world *old = w;
		w = next;
		next = old;
	}
	if (is_at_end(r->scope, w))
		check_end(r->scope, w);
}

static bool still_fails(const struct scope *s, const struct move *moves, uint32_t *count)
{
	struct replay r = { s, moves, *count, 0 };
	if (verdict_run(play, &r))
		return false;
	*count = r.used;
	return true;
}

static void shorten(const struct scope *s)
{
	static struct move shorter[SCHEDULE_MAX];
	for (bool is_shorter = true; is_shorter;) {
		is_shorter = false;
		for (uint32_t without = schedule_count; without-- > 0;) {
			uint32_t count = schedule_count - 1;
			memcpy(shorter, schedule, without * sizeof shorter[0]);
			memcpy(&shorter[without], &schedule[without + 1], (count - without) * sizeof shorter[0]);
			if (!still_fails(s, shorter, &count))
				continue;
			memcpy(schedule, shorter, count * sizeof shorter[0]);
			schedule_count = count;
			is_shorter = true;
			without = without < count ? without : count;
		}
	}
}

void schedule_report(const struct scope *s)
{
	char first[VERDICT_TEXT_MAX];
	snprintf(first, sizeof first, "%s", verdict_text());
	uint32_t found = schedule_count;
	if (still_fails(s, schedule, &found))
		shorten(s);
	uint32_t count = schedule_count;
	bool is_repeated = still_fails(s, schedule, &count);
	printf("violation: %s\n", is_repeated ? verdict_text() : first);
	for (uint32_t k = 0; k < schedule_count; k++)
		printf("%4u  %s\n", k + 1, world_text(s, &schedule[k]));
}
