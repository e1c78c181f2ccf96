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

static void say_command(uint32_t k)
{
	const struct scope_command *c = &scope.commands[k];
	printf(" (%u,%" PRIu64 ")%c", c->col, scope_number(&scope, k), c->key);
	if (scope.mode == EP_MODE_D)
		printf(" fq=p%u", c->fq);
	if (scope.dead & (1u << c->col)) {
		fputs(c->heard == 0 ? " under way" : " heard by", stdout);
		for (uint32_t p = 0; p < scope.n; p++)
			if (c->heard & (1u << p))
				printf(" p%u", p);
	}
	printf(" recoveries=%u", scope.recoveries[k]);
}

// With all its budgets: what is explored is that, and no more.
static void say_scope(void)
{
	printf("%s: n=%u mode %s, %s\n ", scope.name, scope.n, scope.mode == EP_MODE_D ? "D" : "E", scope.text);
	for (uint32_t k = 0; k < scope.count; k++)
		say_command(k);
	for (uint32_t p = 0; p < scope.n; p++) {
		if (scope.restarts[p] > 0)
			printf(" restarts(p%u)=%u", p, scope.restarts[p]);
		if (scope.dead & (1u << p))
			printf(" dead=p%u", p);
	}
	if (scope.has_status)
		printf(" recycling, window=%u", scope.window);
	printf("%s%s\n", scope.has_nacks ? " nacks" : "", scope.reduce == 0 ? " unreduced" : scope.reduce == 1 ? " reduced by messages" : "");
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
	printf("  moves=%" PRIu64 " outcomes=%" PRIu64 "/%08x depth=%" PRIu64 " states of one replica=%u asked again=%" PRIu64 " messages=%u",
	       tally.moves, tally.outcomes, (uint32_t)tally.outcomes_sum, tally.depth, machine_locals(), tally.asked_again, said_count());
	printf(" seconds=%.1f moves/s=%.0f MiB=%" PRIu64 "\n", took, (double)tally.moves / (took > 0 ? took : 1),
	       (machine_bytes() + search_bytes()) >> 20);
	if (!is_good)
		printf("VIOLATED states=%" PRIu64 " violations=1\n", limits.walks > 0 ? tally.moves : tally.states);
	else if (limits.walks > 0)
		printf("WALKED walks=%" PRIu64 " moves=%" PRIu64 " violations=0\n", tally.walks, tally.moves);
	else
		printf("%s states=%" PRIu64 " violations=0\n", tally.is_cut ? "TRUNCATED" : "EXHAUSTED", tally.states);
	return !is_good ? 1 : tally.is_cut ? 2 : 0;
}

// An option's number; false: it is none.
static bool read_number(const char *text, uint64_t *number)
{
	char *end;
	*number = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == 0;
}

// One digit for each of `count` places, below `top`; fewer digits leave the others as they are.
static bool read_digits(const char *text, uint32_t count, uint32_t top, uint8_t *places, size_t stride)
{
	for (uint32_t k = 0; text[k] != 0; k++, places += stride) {
		if (k == count || text[k] < '0' || text[k] - '0' >= (int)top)
			return false;
		*places = (uint8_t)(text[k] - '0');
	}
	return true;
}

static bool read_option(const char *word, const char *value)
{
	uint64_t level;
	if (strcmp(word, "--states") == 0)
		return read_number(value, &limits.states) && limits.states > 0;
	if (strcmp(word, "--seconds") == 0)
		return read_number(value, &limits.seconds);
	if (strcmp(word, "--walks") == 0)
		return read_number(value, &limits.walks);
	if (strcmp(word, "--seed") == 0)
		return read_number(value, &limits.seed);
	if (strcmp(word, "--fq") == 0)
		return read_digits(value, scope.count, scope.n, &scope.commands[0].fq, sizeof scope.commands[0]);
	if (strcmp(word, "--recoveries") == 0)
		return read_digits(value, scope.count, 10, scope.recoveries, 1);
	if (strcmp(word, "--restarts") == 0)
		return read_digits(value, scope.n, 10, scope.restarts, 1);
	bool is_level = strcmp(word, "--reduce") == 0 && read_number(value, &level) && level <= 2;
	if (is_level)
		scope.reduce = (uint8_t)level;
	return is_level;
}

static int list(void)
{
	for (uint32_t s = 0; s < scopes_count; s++)
		printf("%-14s %s\n", scopes[s].name, scopes[s].text);
	return 0;
}

int main(int argc, char **argv)
{
	const struct scope *found = NULL;
	bool is_search = false;
	for (int a = 1; a < argc; a++) {
		if (strcmp(argv[a], "--help") == 0)
			return fputs(usage, stdout) < 0;
		if (strcmp(argv[a], "--list") == 0)
			return list();
		if (strcmp(argv[a], "--scope") == 0 && a + 1 < argc && !(found = scope_find(argv[a + 1])))
			return bad("no such scope");
	}
	if (!found)
		return bad("which scope?");
	scope = *found;
	scope.reduce = 2;
	for (int a = 1; a < argc; a++) { // what varies the scope
		if (strcmp(argv[a], "--search") == 0)
			is_search = true;
		else if (a + 1 == argc || (strcmp(argv[a], "--scope") != 0 && !read_option(argv[a], argv[a + 1])))
			return bad("an option is unknown, or its value is missing or wrong");
		else
			a++;
	}
	if (limits.walks == 0 && !is_search)
		limits.walks = scope.walks;
	return explore();
}
