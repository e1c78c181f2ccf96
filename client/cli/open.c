// The open loop of the bench: operations begin when they are meant to, whatever became of those before them, and latency counts from
// then. A cluster that stops for a while is therefore charged for all that should have begun meanwhile, not only for what was in flight
// (a closed loop would wait with it: "coordinated omission").
#include <stdlib.h>
#include <sys/prctl.h>
#include "client/cli/bench.h"
#include "consensus/base/rng.h"

#define BURST_MAX 64	   // operations begun in a row, before answers are looked at
#define WAIT_NS 1000000ULL // longest wait for an answer, so that the clock is looked at

// Any free one, so that no member and no session is preferred.
static uint64_t free_slot(struct bench *b)
{
	uint64_t *any = &b->free[ep_random(&b->random) % b->free_count], slot = *any;
	*any = b->free[--b->free_count];
	return slot;
}

// Begins what is due, and returns how many; what finds no free slot stays due, and is charged for its wait.
static uint32_t begin_due(struct bench *b, uint64_t now)
{
	uint32_t k = 0;
	for (; k < BURST_MAX && b->free_count > 0 && arrivals_next(&b->arrivals) <= now; k++) {
		uint64_t meant = arrivals_next(&b->arrivals), slot = free_slot(b);
		workload_next(b, &b->slots[slot]);
		if (!load_submit(b, slot, meant)) { // the library has not handed out all that ended
			b->free[b->free_count++] = slot;
			break;
		}
		histogram_add(&b->now->late, b->slots[slot].call_ns - meant);
		b->now->meant++;
		arrivals_take(&b->arrivals);
	}
	return k;
}

static int64_t wait_us(const struct bench *b, const struct probe *probe, uint64_t now)
{
	uint64_t due = arrivals_next(&b->arrivals), wait = due > now ? due - now : 0;
	if (b->free_count == 0 || wait > WAIT_NS)
		wait = WAIT_NS;
	return probe->is_out && wait > WAIT_NS / 20 ? (int64_t)(WAIT_NS / 20000) : (int64_t)(wait / 1000);
}

// What was meant to begin and never did, because no slot became free in time.
static void count_unsent(struct bench *b, uint64_t end)
{
	for (; arrivals_next(&b->arrivals) < end; arrivals_take(&b->arrivals)) {
		b->now->meant++;
		b->now->unsent++;
	}
}

void open_run(struct bench *b, uint64_t end, struct probe *probe)
{
	b->free = calloc(b->o.outstanding, sizeof b->free[0]);
	if (b->free == NULL)
		cli_fail(b->cli, EXIT_USAGE, "out of memory; right would be fewer operations in flight");
	for (b->free_count = 0; b->free_count < b->o.outstanding; b->free_count++)
		b->free[b->free_count] = b->free_count;
	prctl(PR_SET_TIMERSLACK, 1000UL); // wake within a microsecond of what was asked for, not fifty
	uint64_t now = bench_now_ns();
	arrivals_init(&b->arrivals, b->o.loop == LOOP_POISSON, (double)b->o.rate, now, ep_random(&b->random));
	while (now < end && !bench_is_stopped) {
		begin_due(b, now);
		load_take(b, wait_us(b, probe, bench_now_ns()));
		probe_turn(probe, b, b->now);
		now = bench_now_ns();
	}
	while (!bench_is_stopped && begin_due(b, end - 1) > 0) // this program itself had to wait
		continue;
	count_unsent(b, bench_is_stopped ? now : end);
}
