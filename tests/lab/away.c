// A member that is away for a while, with its state, and then catches up: the longest turns of its peers and of itself, by processor time, so
// that whoever else uses the machine is not counted.
#include <time.h>
#include "consensus/state.h"
#include "tests/lab/lab.h"

enum { BEFORE, AWAY, BACK, AFTER, PHASES };
static const char *const names[PHASES] = { "before", "away", "catching_up", "after" };
static uint32_t phase;
static uint64_t longest[PHASES][2], turns[PHASES], began, behind;
static double seconds[PHASES];

static uint64_t processor_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct ep_replica *replica(uint32_t k)
{
	return lab.nodes[k].loop.consensus.now.replica;
}

// How far the member is behind its neighbour, over all columns; *used: the fullest window there, of a hundred.
static uint64_t distance(uint64_t *used)
{
	struct ep_replica *peer = replica((lab.o.away + 1) % lab.o.n);
	uint64_t sum = 0, most = 0;
	for (uint8_t c = 0; c < lab.o.n; c++) {
		uint64_t there = ep_exec_prefix(peer, c), here = ep_exec_prefix(replica(lab.o.away), c);
		sum += there > here ? there - here : 0;
		most = ep_known(peer, c) - ep_stable(peer, c) > most ? ep_known(peer, c) - ep_stable(peer, c) : most;
	}
	*used = 100 * most / lab.o.window;
	return sum;
}

bool lab_is_away(uint32_t end)
{
	return phase == AWAY && end == lab.o.away;
}

// After each round of all ends.
void lab_away_watch(uint64_t done)
{
	uint64_t used, far = distance(&used), now = processor_ns();
	bool is_over = (phase == BEFORE && done > 200000) || (phase == AWAY && used >= 75) || (phase == BACK && far < 64);
	turns[phase]++;
	if (!is_over)
		return;
	if (phase == AWAY)
		behind = far;
	seconds[phase] = (double)(now - began) / 1e9;
	began = now;
	phase++;
}

uint32_t lab_away_turn(uint32_t end, uint32_t (*turn)(struct dp_loop *))
{
	uint64_t start = processor_ns();
	uint32_t work = turn(&lab.nodes[end].loop);
	uint64_t ns = processor_ns() - start, *most = &longest[phase][end == lab.o.away];
	*most = ns > *most ? ns : *most;
	return work;
}

void lab_away_report(void)
{
	char name[64], text[128];
	for (uint32_t p = 0; p < PHASES; p++)
		for (uint32_t m = 0; m < 2; m++) {
			snprintf(name, sizeof name, "turn_longest_%s_%s_us", m ? "member" : "peers", names[p]);
			snprintf(text, sizeof text, "longest turn of %s, %s", m ? "the member" : "its peers", names[p]);
			if (longest[p][m] > 0)
				lab_figure(name, (double)longest[p][m] / 1000, "us", text);
		}
	lab_figure("behind", (double)behind, "", "instances that the member was behind");
	lab_figure("catch_up_ms", seconds[BACK] * 1000, "ms", "processor time of all until it had caught up, under load");
}
