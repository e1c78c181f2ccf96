// pnyx-explore: enumerates what can happen in a small world of real cores.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/explore/explore.h"
#include "tests/sim/verdict.h"

static const char usage[] =
	"Usage: pnyx-explore --scope NAME [--states N] [--seconds N] [--fq DIGITS] [--recoveries DIGITS] [--restarts DIGITS]\n"
	"                    [--walks N] [--seed S] [--reduce 0|1|2] | --list\n"
	"\n"
	"Explores one scope of tests/explore/scope.c: every delivery, loss, copy and reordering of messages, timers, recoveries and restarts\n"
	"within its budgets, with Agreement, Visibility and equal orders of execution checked in every state.\n"
	"  --states N     stops after so many states (default 400 million, about 6 GB); --seconds N after so long\n"
	"  --fq DIGITS    the designated peer of each command, instead of the scope's; --recoveries DIGITS attempts for each command;\n"
	"  --restarts DIGITS  kills of each member\n"
	"  --walks N      random walks instead of a search, from --seed S; scopes called ...-walk do that anyway, unless --search\n"
	"  --reduce N     0: no reductions, 1: those of messages only, 2: all (default)\n"
	"Last line: EXHAUSTED states=N violations=0, or TRUNCATED, or WALKED walks=N ..., or VIOLATED; a schedule comes before that.\n"
	"Exit status: 0 exhausted or walked, 1 a violation, 2 truncated, 3 wrong usage.\n";

static struct scope scope;
static struct limits limits = { .states = 400000000, .seconds = 1000000, .seed = 1 };
static struct tally tally;

static int bad(const char *what)
{
	fprintf(stderr, "pnyx-explore: %s (--help shows what there is)\n", what);
	return 3;
}

static void body(void *arg)
{
	(void)arg;
	machine_start(&scope);
	if (limits.walks > 0)
		walk_run(&scope, &limits, &tally);
	else
		search_run(&scope, &limits, &tally);
}

static void say_scope(void)
{
	printf("%s: n=%u mode %s, %s\n ", scope.name, scope.n, scope.mode == EP_MODE_D ? "D" : "E", scope.text);
	for (uint32_t k = 0; k < scope.count; k++) {
		printf(" (%u,%" PRIu64 ")%c", scope.commands[k].col, scope_number(&scope, k), scope.commands[k].key);
		if (scope.mode == EP_MODE_D)
			printf(" fq=p%u", scope.commands[k].fq);
		printf(" recoveries=%u", scope.recoveries[k]);
	}
	for (uint32_t p = 0; p < scope.n; p++)
		if (scope.restarts[p] > 0)
			printf(" restarts(p%u)=%u", p, scope.restarts[p]);
	for (uint32_t p = 0; p < scope.n; p++)
		if (scope.dead & (1u << p))
			printf(" dead=p%u", p);
	printf("%s%s%s\n", scope.has_nacks ? " nacks" : "", scope.has_status ? " recycling" : "", scope.reduce == 0 ? " unreduced" : scope.reduce == 1 ? " reduced by messages" : "");
	fflush(stdout);
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int explore(void)
{
	double began = seconds();
	say_scope();
	bool is_good = verdict_run(body, NULL);
	if (!is_good)
		schedule_report(&scope);
	double took = seconds() - began;
	printf("  moves=%" PRIu64 " outcomes=%" PRIu64 "/%08x depth=%" PRIu64 " states of one replica=%u messages=%u seconds=%.1f moves/s=%.0f MiB=%" PRIu64
	       "\n",
	       tally.moves, tally.outcomes, (uint32_t)tally.outcomes_sum, tally.depth, machine_locals(), said_count(), took, (double)tally.moves / (took > 0 ? took : 1),
	       (machine_bytes() + search_bytes()) >> 20);
	if (!is_good)
		printf("VIOLATED states=%" PRIu64 " violations=1\n", limits.walks > 0 ? tally.moves : tally.states);
	else if (limits.walks > 0)
		printf("WALKED walks=%" PRIu64 " moves=%" PRIu64 " violations=0\n", tally.walks, tally.moves);
	else
		printf("%s states=%" PRIu64 " violations=0\n", tally.is_cut ? "TRUNCATED" : "EXHAUSTED", tally.states);
	return !is_good ? 1 : tally.is_cut ? 2 : 0;
}

int main(int argc, char **argv)
{
	const struct scope *found = NULL;
	const char *fq = NULL, *recoveries = NULL, *restarts = NULL;
	uint8_t reduce = 2;
	bool is_search = false;
	for (int a = 1; a < argc; a++) {
		const char *word = argv[a], *value = a + 1 < argc ? argv[a + 1] : NULL;
		if (strcmp(word, "--help") == 0) {
			fputs(usage, stdout);
			return 0;
		}
		if (strcmp(word, "--list") == 0) {
			for (uint32_t s = 0; s < scopes_count; s++)
				printf("%-14s %s\n", scopes[s].name, scopes[s].text);
			return 0;
		}
		if (strcmp(word, "--search") == 0) {
			is_search = true;
			continue;
		}
		if (!value)
			return bad("an option is unknown or misses its value");
		if (strcmp(word, "--scope") == 0 && !(found = scope_find(value)))
			return bad("no such scope");
		else if (strcmp(word, "--states") == 0)
			limits.states = strtoull(value, NULL, 10);
		else if (strcmp(word, "--seconds") == 0)
			limits.seconds = strtoull(value, NULL, 10);
		else if (strcmp(word, "--walks") == 0)
			limits.walks = strtoull(value, NULL, 10);
		else if (strcmp(word, "--seed") == 0)
			limits.seed = strtoull(value, NULL, 10);
		else if (strcmp(word, "--reduce") == 0)
			reduce = (uint8_t)(value[0] - '0');
		else if (strcmp(word, "--fq") == 0)
			fq = value;
		else if (strcmp(word, "--recoveries") == 0)
			recoveries = value;
		else if (strcmp(word, "--restarts") == 0)
			restarts = value;
		else if (strcmp(word, "--scope") != 0)
			return bad("an option is unknown");
		a++;
	}
	if (!found)
		return bad("which scope?");
	scope = *found;
	scope.reduce = reduce;
	if (limits.walks == 0 && !is_search)
		limits.walks = scope.walks;
	for (uint32_t k = 0; fq && fq[k] != 0 && k < scope.count; k++)
		scope.commands[k].fq = (uint8_t)(fq[k] - '0');
	for (uint32_t k = 0; recoveries && recoveries[k] != 0 && k < scope.count; k++)
		scope.recoveries[k] = (uint8_t)(recoveries[k] - '0');
	for (uint32_t p = 0; restarts && restarts[p] != 0 && p < scope.n; p++)
		scope.restarts[p] = (uint8_t)(restarts[p] - '0');
	return explore();
}
