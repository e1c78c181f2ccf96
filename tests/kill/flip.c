// pnyx-flip: damages an arena in one place after the other; attach refuses it, or nothing of the damage is seen.
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "consensus/base/rng.h"
#include "consensus/state.h"
#include "tests/kill/scribble.h"
#include "tests/kill/world.h"
#include "tests/sim/verdict.h"

#define DRAWS_MAX 1500
#define VERDICTS (EP_ATTACH_APPLICATION + 1)

static struct options {
	uint32_t seeds, first, stride, garbage;
} options = { .seeds = 6, .first = 1, .stride = 97, .garbage = 2000 };

static struct run {
	struct world *world, *sound, *damaged; // as it was; and as it goes on without the damage and with it
	struct ep_replica *attached, *seen;    // what attach makes of the arena: without the damage, with it
	uint8_t victim;
	struct lent lent;
	uint64_t tries, refused[VERDICTS], untouched, harmless;
	const char *kind;
	uint64_t place;
} run;

static void *pages(uint64_t bytes)
{
	void *p = aligned_alloc(4096, (bytes + 4095) & ~4095ULL);
	if (!p)
		verdict_fail("no memory");
	return memset(p, 0, (bytes + 4095) & ~4095ULL);
}

static struct ep_replica *arena_in(const struct world *w)
{
	return world_replica(w, run.victim);
}

static enum ep_attach attach(struct world *w)
{
	struct ep_replica *r = arena_in(w);
	return ep_replica_attach(r, w->arena_bytes, &w->config[run.victim], &r);
}

// ---- an arena worth damaging ----
// A cluster in the middle of its work; one replica of it has died, at every other time inside a transaction.
static void make_arena(uint32_t seed)
{
	struct world *w = run.world;
	struct step s;
	uint64_t rng = seed;
	memset(w, 0, world_bytes(3, EP_MODE_D));
	world_start(w, 3, seed % 2 ? EP_MODE_D : EP_MODE_E, seed);
	run.victim = (uint8_t)(seed % 3);
	for (uint32_t k = 200 + (uint32_t)(ep_random(&rng) % DRAWS_MAX); k > 0; k--)
		if (world_draw(w, &s)) {
			step_run(w, &s, &run.lent);
			world_collect(w, &s, &run.lent);
		}
	struct ep_replica *r = arena_in(w);
	if (seed % 2) {
		struct ep_txn txn = ep_txn(r);
		uint64_t *bits = ep_at(r, r->at_bitmap);
		ep_txn_set64(&txn, bits, ~*bits);
		ep_txn_set64(&txn, &r->sessions_count, r->sessions_count + 5);
		ep_txn_set64(&txn, bits, 0);
	}
	memcpy(run.sound, w, w->bytes);
	if (attach(run.sound) != EP_ATTACH_OK)
		verdict_fail("an arena without damage is refused");
	memcpy(run.attached, arena_in(run.sound), w->arena_bytes);
	scribble(run.attached);
	const char *wrong = world_converge(run.sound, &run.lent);
	if (wrong)
		verdict_fail("without damage: %s", wrong);
}

// ---- what became of the damage ----
// The two words that no check covers: the count of votes, which peers compare with what they saw (Hello), and the Lamport clock, of
// which only fairness depends.
static bool is_unchecked(uint64_t place)
{
	const struct ep_replica *r = run.world ? arena_in(run.world) : NULL;
	uint64_t word = place / 8 * 8, base = (uintptr_t)r;
	return word == (uintptr_t)&r->votes - base || word == (uintptr_t)&r->clock - base;
}

// Everything that the cluster says and holds until it rests is what it would be without the damage.
static const char *goes_on_alike(void)
{
	const char *wrong = world_converge(run.damaged, &run.lent);
	if (ep_standing(arena_in(run.damaged)) == EP_STANDING_DEAD)
		return NULL; // its peers remember more: it votes no more
	if (wrong || is_unchecked(run.place))
		return wrong;
	return run.damaged->said == run.sound->said ? NULL : "the cluster says something else than without the damage";
}

static void judge(void)
{
	enum ep_attach verdict = attach(run.damaged);
	run.tries++;
	if (verdict != EP_ATTACH_OK) {
		run.refused[verdict]++;
		return;
	}
	// The whole world goes on only when the arena is another: that takes long.
	memcpy(run.seen, arena_in(run.damaged), run.world->arena_bytes);
	scribble(run.seen);
	if (memcmp(run.seen, run.attached, run.world->arena_bytes) == 0) {
		run.untouched++;
		return;
	}
	for (uint8_t p = 0; p < run.world->n; p++)
		if (p != run.victim)
			memcpy(world_replica(run.damaged, p), world_replica(run.world, p), run.world->arena_bytes);
	const char *wrong = goes_on_alike();
	if (wrong)
		verdict_fail("%s at byte %llu is served: %s", run.kind, (unsigned long long)run.place, wrong);
	run.harmless++;
}

static uint8_t *damaged_copy(const char *kind, uint64_t place)
{
	run.kind = kind;
	run.place = place;
	memcpy(run.damaged, run.world, (size_t)run.world->at_arenas);
	return memcpy(arena_in(run.damaged), arena_in(run.world), run.world->arena_bytes);
}

static void damage_all(void *unused)
{
	(void)unused;
	uint64_t bytes = arena_in(run.world)->at_links, rng = 1;
	for (uint64_t bit = ep_random(&rng) % options.stride; bit < 8 * bytes; bit += options.stride) {
		damaged_copy("a flipped bit", bit / 8)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		judge();
	}
	for (uint64_t cut = 0; cut < run.world->arena_bytes; cut += 4096) {
		memset(damaged_copy("zeros from here on", cut) + cut, 0, run.world->arena_bytes - cut);
		judge();
	}
	for (uint32_t k = 0; k < options.garbage; k++) {
		uint64_t at = ep_random(&rng) % (bytes / 8) * 8, garbage = ep_random(&rng);
		memcpy(damaged_copy("a word of garbage", at) + at, &garbage, sizeof garbage);
		judge();
	}
}

static void damage_seed(void *seed)
{
	make_arena(*(uint32_t *)seed);
	damage_all(NULL);
}

static uint64_t sum_refused(void)
{
	uint64_t sum = 0;
	for (uint32_t v = 0; v < VERDICTS; v++)
		sum += run.refused[v];
	return sum;
}

static void report(uint32_t served)
{
	static const char *const parts[VERDICTS] = {
		[EP_ATTACH_MAGIC] = "magic",	     [EP_ATTACH_LAYOUT] = "layout",	[EP_ATTACH_HEADER] = "header",
		[EP_ATTACH_POISONED] = "poisoned",   [EP_ATTACH_JOURNAL] = "journal",	[EP_ATTACH_EXECUTED] = "executed",
		[EP_ATTACH_RECORDS] = "records",     [EP_ATTACH_ORDER] = "order",	[EP_ATTACH_SESSIONS] = "sessions",
		[EP_ATTACH_APPLICATION] = "application",
	};
	for (uint32_t v = 0; v < VERDICTS; v++)
		if (run.refused[v] > 0)
			printf("refused: %-12s %8llu\n", parts[v] ? parts[v] : "?", (unsigned long long)run.refused[v]);
	printf("FLIP tries=%llu refused=%llu unread=%llu harmless=%llu served=%u\n", (unsigned long long)run.tries,
	       (unsigned long long)sum_refused(), (unsigned long long)run.untouched, (unsigned long long)run.harmless, served);
}

static const struct argp_option manual[] = {
	{ "seeds", 'n', "N", 0, "How many arenas (6)", 0 },
	{ "first", 'f', "SEED", 0, "The first of them (1)", 0 },
	{ "stride", 's', "BITS", 0, "From one flipped bit to the next; 1: all of them (97)", 0 },
	{ "garbage", 'g', "N", 0, "Words of garbage in each arena (2000)", 0 },
	{ 0 },
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	uint32_t value = arg ? (uint32_t)strtoul(arg, NULL, 10) : 0;
	switch (key) {
	case 'n':
		options.seeds = value;
		return 0;
	case 'f':
		options.first = value;
		return 0;
	case 's':
		options.stride = value > 0 ? value : 1;
		return 0;
	case 'g':
		options.garbage = value;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "what is `%s`?", arg);
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { manual, on_option, NULL, "Damages an arena in every place, and looks at what attach makes of it.", NULL, NULL, NULL };
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	uint64_t bytes = world_bytes(3, EP_MODE_D);
	uint32_t served = 0;
	run.world = pages(bytes);
	run.sound = pages(bytes);
	run.damaged = pages(bytes);
	run.attached = pages(bytes);
	run.seen = pages(bytes);
	lent_clear(&run.lent);
	for (uint32_t s = options.first; s < options.first + options.seeds && served == 0; s++)
		if (!verdict_run(damage_seed, &s)) {
			served++;
			printf("SERVED seed %u: %s\n  again: pnyx-flip --first %u --seeds 1 --stride %u --garbage %u\n", s, verdict_text(), s,
			       options.stride, options.garbage);
		}
	report(served);
	return served != 0;
}
