// pnyx top: rates of every replica, refreshed.
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "client/cli/members.h"

static uint64_t interval_ms = 1000, rounds; // rounds 0: until it is stopped
static volatile sig_atomic_t is_stopped;

static struct sample {
	struct cluster_counters counters;
	double at; // seconds
} samples[2]; // large

static const struct argp_option options[] = {
    {"interval", 'i', "MS", 0, "time between two looks, 100 to 60000 (1000)", 0},
    {"count", 'n', "N", 0, "ends after N looks; 0 (default): when it is interrupted", 0},
    {0},
};

static const char *set(int key, const char *arg)
{
	if (key == 'i')
		return read_number(arg, 100, 60000, &interval_ms) ? NULL
								  : "milliseconds from 100 to 60000";
	return read_number(arg, 0, 1000000000, &rounds) ? NULL : "a whole number";
}

static void on_signal(int signal)
{
	(void)signal;
	is_stopped = 1;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void look(struct cli *cli, struct sample *s)
{
	s->at = now();
	ask_counters(cli, cli->server, &s->counters);
}

static double rate(uint64_t after, uint64_t before, double seconds)
{
	return after > before && seconds > 0 ? (double)(after - before) / seconds : 0;
}

static uint64_t conflicts(const struct ep_counters *c)
{
	return c->blocked + c->scc_multi;
}

static void print_member(const struct cli *cli, int m, const struct sample *old,
			 const struct sample *new)
{
	const struct member_counters *a = &old->counters.members[m], *b = &new->counters.members[m];
	double s = new->at - old->at;
	printf("%-10s", member_name(cli, m));
	if (!b->is_there || !a->is_there) {
		puts(b->is_there ? "  answers again" : "  does not answer");
		return;
	}
	uint64_t fast = b->core.fast_commits - a->core.fast_commits;
	uint64_t slow = b->core.slow_commits - a->core.slow_commits;
	double room = b->core.arena_room > 0 ? (double)b->core.arena_room : 1;
	double hz = (double)(b->shell.tsc_hz | 1);
	printf(" %10.0f %10.0f %5.1f%% %10.0f %9.0f %9.0f %5.1f%% %9.1f %8" PRIu64 " %6.1f%% %8" PRIu64
	       "\n",
	       rate(b->core.executed, a->core.executed, s),
	       rate(b->core.fast_commits + b->core.slow_commits,
		    a->core.fast_commits + a->core.slow_commits, s),
	       fast + slow > 0 && fast + slow < UINT32_MAX
		   ? 100 * (double)fast / (double)(fast + slow)
		   : 100.0,
	       rate(conflicts(&b->core), conflicts(&a->core), s),
	       rate(b->core.recoveries, a->core.recoveries, s),
	       rate(refused(&b->core), refused(&a->core), s),
	       100 * rate(b->shell.cycles_busy, a->shell.cycles_busy, s) / hz,
	       1e6 * (double)b->shell.turn_longest / hz, b->core.live,
	       100 * (double)b->core.arena_used / room, behind_others(&new->counters, m));
}

static void print_all(struct cli *cli, const struct sample *old, const struct sample *new)
{
	const struct pnyx_cluster *cluster = pnyx_cluster(cli->client);
	char error[256], clock[16];
	time_t wall = time(NULL);
	struct tm tm;
	localtime_r(&wall, &tm);
	strftime(clock, sizeof clock, "%H:%M:%S", &tm);
	printf("pnyx top %s  cluster %" PRIx64 "  epoch %u  members %d, answering %d\n\n", clock,
	       cluster->id, cluster->epoch, new->counters.n, new->counters.answered);
	puts("member     executed/s  commits/s   fast  conflict/s recover/s refused/s   busy  "
	     "turn us     live    room   behind");
	for (int m = 0; m < new->counters.n; m++) {
		if (new->counters.members[m].is_asked)
			print_member(cli, m, old, new);
	}
	json_t *view = ask_control(cli, NULL, "status", error, sizeof error);
	if (view != NULL) {
		putchar('\n');
		print_control(view);
	}
	json_decref(view);
}

static void pause_until(double when)
{
	double left = when - now();
	if (left > 0 && !is_stopped)
		nanosleep(&(struct timespec){(time_t)left, (long)((left - (double)(time_t)left) * 1e9)},
			  NULL);
}

static int run(struct cli *cli)
{
	bool is_screen = isatty(STDOUT_FILENO);
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (is_screen)
		fputs("\033[?1049h\033[?25l", stdout); // a screen of its own, no cursor
	look(cli, &samples[0]);
	for (uint64_t k = 1; !is_stopped && (rounds == 0 || k <= rounds); k++) {
		pause_until(samples[(k - 1) % 2].at + (double)interval_ms / 1000);
		if (is_stopped)
			break;
		look(cli, &samples[k % 2]);
		if (is_screen)
			fputs("\033[H\033[2J", stdout);
		print_all(cli, &samples[(k - 1) % 2], &samples[k % 2]);
		fflush(stdout);
	}
	if (is_screen)
		fputs("\033[?25h\033[?1049l", stdout);
	return EXIT_DONE;
}

static const char *prepare(struct cli *cli)
{
	if (cli->timeout_ms == 0)
		cli->options.deadline_ms = 1000; // one that is silent must not hold up the others
	return cli->is_json ? "no --json: pnyx --json status is for programs" : NULL;
}

const struct command command_top = {
    .name = "top",
    .doc = "Shows what every replica does: rates between two looks, and what a control plane of this "
	   "machine knows. Until it is interrupted, or --count looks. conflict/s: executions that met "
	   "an undecided instance, and cycles; turn us: the longest loop turn since its start; live: "
	   "instances not yet executed by all; behind: instances that others have executed.",
    .options = options,
    .set = set,
    .run = run,
    .prepare = prepare,
};
