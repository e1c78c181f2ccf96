// A replica that has a mailbox and nothing else: fake_replica DIR CLUSTER COLUMN. Publishes every millisecond, obeys suspicions, hears
// every member but those for which DIR/deaf-COLUMN exists, ends well on SIGTERM. A proposal becomes the next epoch at once: DIR/../list, which
// all of a test read.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "mailbox/life.h"

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t own_start(void)
{
	unsigned long long start = 0;
	FILE *f = fopen("/proc/self/stat", "r"); // our own name holds no bracket
	if (!f || fscanf(f, "%*d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &start) != 1)
		exit(1);
	fclose(f);
	return start;
}

// Epoch 1: three members, as the test's file has them.
static void first(struct mb_list *l)
{
	*l = (struct mb_list){ .epoch = 1, .n = 3 };
	for (uint8_t m = 0; m < 3; m++)
		memcpy(l->members[m].uuid, (uint8_t[16]){ [6] = 0x40, [8] = 0x80, [15] = m + 1 }, 16);
}

static void decide(const struct mb_end *end, const struct mb_snapshot *s, uint64_t number, const char *dir)
{
	char path[300], fresh[320];
	uint64_t words[MB_PROPOSAL_WORDS];
	const struct ep_wire_reconfig *asked = (const void *)((const struct ep_wire_command *)(const void *)words + 1);
	struct mb_list next = { .epoch = s->now.epoch + 1 };
	if (s->standing != 1 || mb_proposal(end, number, words) == 0 || asked->epoch != s->now.epoch)
		return;
	next.n = asked->n;
	next.e = asked->e;
	memcpy(next.members, asked + 1, next.n * sizeof next.members[0]);
	snprintf(path, sizeof path, "%s/../list", dir);
	snprintf(fresh, sizeof fresh, "%s.%d", path, (int)getpid());
	FILE *f = fopen(fresh, "w");
	if (!f || fwrite(&next, sizeof next, 1, f) != 1 || fclose(f) != 0 || rename(fresh, path) != 0)
		exit(1);
}

static void follow(struct mb_snapshot *s, const char *dir)
{
	char path[300];
	struct mb_list next;
	snprintf(path, sizeof path, "%s/../list", dir);
	FILE *f = fopen(path, "r");
	bool is_there = f && fread(&next, sizeof next, 1, f) == 1;
	if (f)
		fclose(f);
	if (!is_there || next.epoch <= s->now.epoch || s->standing != 1)
		return;
	uint64_t m = 0;
	while (m < next.n && memcmp(next.members[m].uuid, s->now.members[s->self].uuid, 16) != 0)
		m++;
	if (m == next.n) { // not one of them
		s->standing = 3;
		s->next = next;
		return;
	}
	s->now = next;
	s->epoch = next.epoch;
	s->n = next.n;
	s->self = m;
	s->suspects = 0;
}

static void obey(struct mb_end *end, struct mb_snapshot *s, const char *dir)
{
	struct mb_message m;
	while (mb_pop(&end->commands, &m)) {
		if (m.type == MB_PROPOSE)
			decide(end, s, m.number, dir);
		if (m.type == MB_PROPOSE || m.member >= s->n)
			continue;
		s->suspects = m.type == MB_SUSPECT ? s->suspects | 1ull << m.member : s->suspects & ~(1ull << m.member);
		struct mb_message event = { .type = m.type == MB_SUSPECT ? MB_SUSPECTED : MB_TRUSTED, .member = m.member, .number = m.number,
					    .at_ns = now_ns() };
		mb_push(&end->events, &event);
	}
}

static void hear(struct mb_snapshot *s, const char *dir)
{
	char path[300];
	for (uint64_t m = 0; m < s->n; m++) {
		snprintf(path, sizeof path, "%s/deaf-%d", dir, (int)m);
		if (access(path, F_OK) != 0)
			s->columns[m].heard_ns = s->core_ns;
	}
}

int main(int argc, char **argv)
{
	struct mb_end end;
	char error[300];
	if (argc != 4 || !mb_open_replica(&end, argv[1], error, sizeof error))
		return 1;
	struct mb_snapshot s = { .pid = (uint64_t)getpid(), .pid_start = own_start(), .state = MB_SERVING, .standing = 1, .n = 3, .pace = 1,
				 .window = 16384, .start = 1, .epoch = 1, .cluster = strtoull(argv[2], NULL, 0), .self = strtoull(argv[3], NULL, 0) };
	first(&s.now);
	if (!mb_life_hold(&end))
		return 1;
	signal(SIGTERM, on_signal);
	while (!stop) {
		obey(&end, &s, argv[1]);
		follow(&s, argv[1]);
		s.count++;
		s.at_ns = s.core_ns = now_ns();
		s.core.executed += 1;
		hear(&s, argv[1]);
		mb_publish(&end, &s);
		usleep(1000);
	}
	s.state = MB_STOPPED;
	mb_publish(&end, &s);
	return 0;
}
