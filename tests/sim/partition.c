// Ways to cut a network: halves, one way only, a bridge, a chain, one member alone, any links.
#include "tests/sim/sim.h"

static uint32_t below(struct sim *s, uint64_t n)
{
	return (uint32_t)(ep_random(&s->fault_rng) % n);
}

// Only links inside `one` and inside `other` are left; members in both see everybody.
static void cut_between(struct sim *s, uint32_t one, uint32_t other)
{
	for (uint8_t p = 0; p < s->n; p++) {
		uint32_t reach = (one >> p & 1 ? one : 0) | (other >> p & 1 ? other : 0) | 1u << p;
		s->cut[p] = ~reach & ((1u << s->n) - 1);
	}
}

static void halves(struct sim *s)
{
	uint32_t all = (1u << s->n) - 1, one = below(s, all + 1);
	cut_between(s, one, all & ~one);
	SIM_TRACE(s, 0, "--- links are cut between %02x and the others", one);
}

// What one half sends does not arrive; it still hears.
static void one_way(struct sim *s)
{
	uint32_t all = (1u << s->n) - 1, one = below(s, all + 1);
	for (uint8_t p = 0; p < s->n; p++)
		s->cut[p] = one >> p & 1 ? all & ~one : 0;
	SIM_TRACE(s, 0, "--- what %02x sends does not reach the others", one);
}

// Two halves that do not see each other, and one member that sees both.
static void bridge(struct sim *s)
{
	uint32_t all = (1u << s->n) - 1, one = below(s, all + 1), middle = 1u << below(s, s->n);
	cut_between(s, one | middle, (all & ~one) | middle);
	SIM_TRACE(s, 0, "--- only %02x sees both %02x and the others", middle, one & ~middle);
}

// Everybody sees the two neighbours in some order, and nobody else.
static void chain(struct sim *s)
{
	uint8_t order[EP_MEMBERS_MAX] = { 0 };
	for (uint8_t p = 0; p < s->n; p++) {
		uint32_t at = below(s, p + 1u);
		order[p] = order[at];
		order[at] = p;
		s->cut[p] = ((1u << s->n) - 1) & ~(1u << p);
	}
	for (uint8_t k = 0; k + 1 < s->n; k++) {
		s->cut[order[k]] &= ~(1u << order[k + 1]);
		s->cut[order[k + 1]] &= ~(1u << order[k]);
	}
	SIM_TRACE(s, 0, "--- the members see their neighbours only, p%d to p%d", order[0], order[s->n - 1]);
}

// One member alone: it cannot send, or not hear, or neither.
static void alone(struct sim *s)
{
	uint32_t p = below(s, s->n), what = 1 + below(s, 3), all = (1u << s->n) - 1;
	for (uint8_t m = 0; m < s->n; m++)
		s->cut[m] = what & 1 && m != p ? 1u << p : 0;
	if (what & 2)
		s->cut[p] = all & ~(1u << p);
	SIM_TRACE(s, 0, "--- p%u cannot %s", p, what == 1 ? "hear" : what == 2 ? "send" : "hear or send");
}

static void any_links(struct sim *s)
{
	for (uint8_t p = 0; p < s->n; p++)
		s->cut[p] = below(s, 1u << s->n) & ~(1u << p);
	SIM_TRACE(s, 0, "--- links are cut at random");
}

void partition_strike(struct sim *s)
{
	static void (*const kinds[])(struct sim *) = {halves, one_way, bridge, chain, alone, any_links};
	kinds[below(s, sizeof kinds / sizeof kinds[0])](s);
}
