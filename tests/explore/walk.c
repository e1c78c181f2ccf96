// Random walks, for scopes that no search exhausts.
#include "tests/explore/explore.h"
#include <time.h>
#include "consensus/base/rng.h"
#include "tests/explore/table.h"

#define STEPS_MAX 400
#define LOCALS_KEPT 2000000 // then everything that was remembered is forgotten

// One move that changes something, at random; kinds of moves have equal chances, or there would be deliveries only.
static bool walk_step(const struct scope *s, struct world *w, uint64_t *rng, struct tally *t)
{
	static struct move moves[MOVES_MAX];
	static struct world next;
	struct groups groups;
	uint32_t count = world_moves(s, w, moves, &groups);
	while (count > 0) {
		enum act kind = (enum act)(ep_random(rng) % (ACT_STATUS + 4));
		kind = kind > ACT_STATUS ? ACT_MESSAGE : kind;
		uint32_t first = (uint32_t)(ep_random(rng) % count), k = first;
		while (act_kind(moves[k].what) != kind && (k = (k + 1) % count) != first)
			;
		schedule[schedule_count] = moves[k];
		schedule_count++;
		if (world_apply(s, w, &moves[k], &next)) {
			t->moves++;
			*w = next;
			return true;
		}
		schedule_count--;
		moves[k] = moves[--count];
	}
	return false;
}

void walk_run(const struct scope *s, const struct limits *limits, struct tally *t)
{
	static struct world w;
	time_t end = time(NULL) + (time_t)limits->seconds;
	uint64_t rng = limits->seed;
	for (t->walks = 0; t->walks < limits->walks && time(NULL) < end; t->walks++) {
		if (machine_locals() > LOCALS_KEPT) {
			schedule_count = 0;
			t->asked_again += machine_ask_again();
			machine_end();
			machine_start(s);
		}
		schedule_count = 0;
		world_start(s, &w);
		uint32_t steps = 0;
		while (steps < STEPS_MAX && walk_step(s, &w, &rng, t))
			steps++;
		t->depth = steps > t->depth ? steps : t->depth;
		if (steps < STEPS_MAX)
			check_end(s, &w);
	}
	schedule_count = 0;
	t->asked_again += machine_ask_again();
}
