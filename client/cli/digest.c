// pnyx digest: whether all replicas hold the same state, hash by hash, at equal frontiers.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "client/cli/cli.h"

// One round: every member's answer.
struct digests {
	bool is_there[PNYX_MEMBERS_MAX];
	struct pnyx_digest of[PNYX_MEMBERS_MAX];
};

enum verdict { EQUAL, DIFFERENT, UNSETTLED };

static uint64_t within_ms = 10000;

static const struct argp_option options[] = {
    {"within", 'w', "MS", 0, "how long to wait for equal frontiers, default 10000", 10},
    {0},
};

static const char *set(int key, const char *arg)
{
	if (key != 'w' || !read_number(arg, 0, 3600000, &within_ms))
		return "milliseconds from 0 to 3600000";
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int ask_all(struct cli *cli, struct digests *d, int n)
{
	int answered = 0;
	memset(d, 0, sizeof *d);
	for (int m = 0; m < n; m++) {
		d->is_there[m] = pnyx_digest(cli->client, m, &d->of[m]) == PNYX_OK;
		answered += d->is_there[m];
	}
	return answered;
}

static bool is_same_place(const struct pnyx_digest *a, const struct pnyx_digest *b)
{
	return a->n == b->n && a->executed == b->executed &&
	       memcmp(a->exec_prefix, b->exec_prefix, a->n * sizeof a->exec_prefix[0]) == 0;
}

static bool is_same_state(const struct pnyx_digest *a, const struct pnyx_digest *b)
{
	return a->application == b->application && a->sessions == b->sessions &&
	       a->executed_set == b->executed_set;
}

// `last` is the round before. With equal executed sets every other difference is one of states and
// cannot heal. Different sets at equal frontiers may be on their way; they count only when nothing
// moved between two rounds.
static enum verdict judge(const struct digests *d, const struct digests *last, int n)
{
	bool is_equal = true, is_still = true;
	for (int m = 0; m < n; m++) {
		const struct pnyx_digest *a = &d->of[0], *b = &d->of[m];
		if (!d->is_there[m] || !is_same_place(a, b))
			return UNSETTLED;
		if (!is_same_state(a, b) && a->executed_set == b->executed_set)
			return DIFFERENT;
		is_equal = is_equal && is_same_state(a, b);
		is_still = is_still && last->is_there[m] && is_same_place(b, &last->of[m]) &&
			   is_same_state(b, &last->of[m]);
	}
	if (is_equal)
		return EQUAL;
	return is_still ? DIFFERENT : UNSETTLED;
}

static const char *verdict_text(enum verdict verdict)
{
	switch (verdict) {
	case EQUAL:
		return "equal";
	case DIFFERENT:
		return "DIFFERENT";
	case UNSETTLED:
		break;
	}
	return "UNSETTLED";
}

static void print_replica(const struct cli *cli, int m, const struct digests *d)
{
	const struct pnyx_digest *x = &d->of[m];
	printf("replica %-8s ", member_name(cli, m));
	if (!d->is_there[m]) {
		puts("does not answer");
		return;
	}
	printf("application %016" PRIx64 "  sessions %016" PRIx64 "  executed %016" PRIx64 "  at",
	       x->application, x->sessions, x->executed_set);
	for (int c = 0; c < x->n; c++)
		printf(" %" PRIu64, x->exec_prefix[c]);
	printf(" (%" PRIu64 ")\n", x->executed);
}

static json_t *json_replica(const struct cli *cli, int m, const struct digests *d)
{
	const struct pnyx_digest *x = &d->of[m];
	char hashes[3][20];
	json_t *prefix = json_array();
	for (int c = 0; c < x->n; c++)
		json_array_append_new(prefix, json_integer((json_int_t)x->exec_prefix[c]));
	snprintf(hashes[0], sizeof hashes[0], "%016" PRIx64, x->application);
	snprintf(hashes[1], sizeof hashes[1], "%016" PRIx64, x->sessions);
	snprintf(hashes[2], sizeof hashes[2], "%016" PRIx64, x->executed_set);
	return json_pack("{s:s, s:b, s:s, s:s, s:s, s:I, s:o}", "name", member_name(cli, m),
			 "answers", (int)d->is_there[m], "application", hashes[0], "sessions",
			 hashes[1], "executed_set", hashes[2], "executed", (json_int_t)x->executed,
			 "frontier", prefix);
}

static void print_all(const struct cli *cli, const struct digests *d, int n, enum verdict verdict,
		      int rounds)
{
	json_t *list = json_array();
	for (int m = 0; m < n; m++) {
		if (cli->is_json)
			json_array_append_new(list, json_replica(cli, m, d));
		else
			print_replica(cli, m, d);
	}
	if (cli->is_json)
		print_json(json_pack("{s:s, s:i, s:O}", "state", verdict_text(verdict), "rounds",
				     rounds, "replicas", list));
	else
		printf("state=%s\n", verdict_text(verdict));
	json_decref(list);
}

static int run(struct cli *cli)
{
	struct digests d, last = {0};
	struct timespec pause = {0, 20000000};
	int n = pnyx_cluster(cli->client)->n, rounds = 1;
	uint64_t end = now_ms() + within_ms;
	int answered = ask_all(cli, &d, n);
	enum verdict verdict = judge(&d, &last, n);
	while (verdict == UNSETTLED && now_ms() < end) {
		nanosleep(&pause, NULL);
		last = d;
		answered = ask_all(cli, &d, n);
		verdict = judge(&d, &last, n);
		rounds++;
	}
	print_all(cli, &d, n, verdict, rounds);
	switch (verdict) {
	case EQUAL:
		return EXIT_DONE;
	case DIFFERENT:
		return EXIT_NOT_FOUND;
	case UNSETTLED:
		break;
	}
	return answered > 0 ? EXIT_UNKNOWN : EXIT_NOBODY;
}

const struct command command_digest = {
    .name = "digest",
    .doc = "Asks every replica for hashes of its state until all are at equal frontiers. Exit code "
	   "0 only when all "
	   "hashes are equal; 1 DIFFERENT; 3 UNSETTLED.",
    .options = options,
    .set = set,
    .run = run,
};
