// Both sides at once, one thread each, under the thread sanitizer: rings keep their order, snapshots are of one moment, and a
// thread that scribbles over everything that is not the reader's does no harm. Exit code 0: all of it held.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "consensus/base/rng.h"
#include "mailbox/mailbox.h"

#define MESSAGES 50000u
#define SNAPSHOTS 300u // different ones that are seen
#define TURNS 100000u

static struct mb_shared shared; // one mapping for both: the sanitizer goes by addresses
static struct mb_end replica, control;
static uint64_t is_over; // atomic

static void need(bool holds, const char *claim)
{
	if (holds)
		return;
	fprintf(stderr, "threads: %s\n", claim);
	_exit(1);
}

static void *push_all(void *none)
{
	for (uint64_t k = 0; k < MESSAGES; k++) {
		struct mb_message m = { k, k ^ 1, k ^ 2, k ^ 3, { k ^ 4, k ^ 5, k ^ 6, k ^ 7 } };
		while (!mb_push(&control.commands, &m))
			sched_yield();
	}
	return none;
}

static void pop_all(void)
{
	struct mb_message m;
	for (uint64_t k = 0; k < MESSAGES;) {
		if (!mb_pop(&replica.commands, &m)) {
			sched_yield();
			continue;
		}
		need(m.type == k && m.member == (k ^ 1) && m.zero[3] == (k ^ 7), "a message was lost, torn or out of order");
		k++;
	}
}

static bool is_wanted(void)
{
	return !__atomic_load_n(&is_over, __ATOMIC_RELAXED);
}

static void *publish_all(void *none)
{
	struct mb_snapshot s = { .pid = 1, .state = MB_SERVING, .n = 1, .pace = 1, .window = 128 };
	for (uint64_t k = 1; is_wanted(); k++) {
		s.count = s.at_ns = s.core.submits = s.drops[1] = k;
		mb_publish(&replica, &s);
		usleep(k % 2 * 20); // a reader needs a gap now and then
	}
	return none;
}

static void look_all(void)
{
	struct mb_snapshot s;
	uint64_t last = 0;
	for (uint32_t seen = 0; seen < SNAPSHOTS;) {
		if (!mb_look(&control, &s) || s.count == last) {
			sched_yield();
			continue;
		}
		need(s.count > last && s.at_ns == s.count && s.core.submits == s.count && s.drops[1] == s.count, "a snapshot was torn");
		last = s.count;
		seen++;
	}
}

// Everything that control may write, while the replica reads it.
static void *scribble(void *none)
{
	uint64_t rng = 7, *from = (uint64_t *)&control.shared->control;
	while (is_wanted()) {
		uint64_t value = ep_random(&rng) % 3 ? ep_random(&rng) % 200 : ep_random(&rng);
		__atomic_store_n(&from[ep_random(&rng) % (sizeof(struct mb_control_side) / 8)], value, __ATOMIC_RELAXED);
	}
	return none;
}

static void suffer(void)
{
	struct mb_message m = { .type = MB_LAPSED };
	while (replica.commands.garbage == 0) // until the other one runs
		mb_pop(&replica.commands, &m);
	for (uint32_t turn = 0; turn < TURNS; turn++) {
		mb_pop(&replica.commands, &m);
		mb_push(&replica.events, &m);
	}
}

static void together(void *(*other)(void *), void (*ours)(void))
{
	pthread_t thread;
	is_over = 0;
	need(pthread_create(&thread, NULL, other, NULL) == 0, "no thread");
	ours();
	__atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

int main(void)
{
	mb_use_replica(&replica, &shared);
	mb_use_control(&control, &shared);
	together(push_all, pop_all);
	together(publish_all, look_all);
	together(scribble, suffer);
	printf("threads: %u messages, %u snapshots, %u turns beside a scribbler\n", MESSAGES, SNAPSHOTS, TURNS);
	return 0;
}
