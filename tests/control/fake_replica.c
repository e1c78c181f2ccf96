// A replica that has a mailbox and nothing else: fake_replica DIR CLUSTER COLUMN. Publishes every millisecond, obeys suspicions, hears
// every member but those for which DIR/deaf-COLUMN exists, ends well on SIGTERM.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

static void obey(struct mb_end *end, struct mb_snapshot *s)
{
	struct mb_message m;
	while (mb_pop(&end->commands, &m)) {
		if (m.member >= s->n)
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
	if (!mb_life_hold(&end))
		return 1;
	signal(SIGTERM, on_signal);
	while (!stop) {
		obey(&end, &s);
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
