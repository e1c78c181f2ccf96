// pnyx-epochs: worlds whose members change under load and faults. Each seed runs twice; both runs must be the same.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/epochs/world.h"
#include "tests/sim/probe.h"
#include "tests/sim/verdict.h"

static struct world world;

static void run(void *seed)
{
	world_run(&world, *(uint64_t *)seed);
}

static bool run_once(uint64_t seed, bool is_traced, uint64_t *hash)
{
	memset(&world, 0, sizeof world);
	world.is_traced = is_traced;
	bool is_fine = verdict_run(run, &seed);
	probe_arm(0, NULL);
	*hash = world.hash;
	world_free(&world);
	return is_fine;
}

static void add(struct figures *sum, const struct figures *f)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)f;
	for (size_t k = 0; k < sizeof *sum / 8 - 1; k++)
		to[k] += from[k];
	sum->stall_longest = f->stall_longest > sum->stall_longest ? f->stall_longest : sum->stall_longest;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);
	if (*text == 0 || *end != 0) {
		fprintf(stderr, "pnyx-epochs: `%s` is not a number\n", text);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	uint64_t seeds = 20, first = 1, checked = 0, too_long = 0, violations = 0;
	bool is_traced = false;
	for (int a = 1; a < argc; a++) {
		bool has_value = a + 1 < argc;
		if (strcmp(argv[a], "--trace") == 0) {
			is_traced = true;
		} else if (has_value && strcmp(argv[a], "--seeds") == 0) {
			seeds = number(argv[++a]);
		} else if (has_value && strcmp(argv[a], "--first") == 0) {
			first = number(argv[++a]);
		} else if (has_value && strcmp(argv[a], "--seed") == 0) {
			first = number(argv[++a]);
			seeds = 1;
		} else {
			fprintf(stderr, "Usage: pnyx-epochs [--seeds N] [--first S] [--seed S] [--trace]\n");
			return 2;
		}
	}
	struct figures sum = { 0 };
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		uint64_t one, two;
		bool is_fine = run_once(seed, is_traced, &one);
		if (is_fine && !run_once(seed, false, &two))
			is_fine = false;
		else if (is_fine && one != two)
			printf("seed %" PRIu64 ": two runs differ\n", seed);
		violations += !is_fine || one != two;
		if (!is_fine)
			printf("VIOLATION seed %" PRIu64 ": %s\n", seed, verdict_text());
		add(&sum, &world.figures);
		checked += world.report.checked;
		too_long += world.report.too_long;
	}
	printf("epochs: proposals=%" PRIu64 " kills=%" PRIu64 " between_stores=%" PRIu64 " hosts_lost=%" PRIu64 " transfers=%" PRIu64 " broken=%" PRIu64
	       " of_stragglers=%" PRIu64 " wrong_epoch=%" PRIu64 " forsaken=%" PRIu64 " busy=%" PRIu64 " unchecked_keys=%" PRIu64 " longest_stall=%.1fms\n",
	       sum.proposals, sum.kills, sum.cuts, sum.losses, sum.copies, sum.broken_copies, sum.skipped, sum.wrong_epoch, sum.forsaken, sum.busy, too_long,
	       (double)sum.stall_longest / 1e6);
	uint32_t pairs = 0;
	for (uint32_t from = 1; from <= EP_MEMBERS_MAX; from++)
		for (uint32_t to = 1; to <= EP_MEMBERS_MAX; to++)
			pairs += sum.sizes[from][to] > 0;
	printf("epochs: joined=%" PRIu64 " retired=%" PRIu64 " transfers_from_dead_processes=%" PRIu64 " pairs_of_sizes=%u/49\n", sum.joined, sum.retired,
	       sum.from_dead, pairs);
	printf("EPOCHS seeds=%" PRIu64 " changes=%" PRIu64 " commands=%" PRIu64 " checked=%" PRIu64 " frames=%" PRIu64 " violations=%" PRIu64 "\n", seeds,
	       sum.changes, sum.commands, checked, sum.frames, violations);
	return violations == 0 ? 0 : 1;
}
