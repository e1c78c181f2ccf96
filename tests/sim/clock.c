// Each replica's own clock: it runs at a rate of its own and may jump forward, and never goes back (consensus/epaxos.h).
#include "tests/sim/sim.h"

void clock_start(struct sim *s, uint8_t p, ep_time base)
{
	struct node *node = &s->nodes[p];
	node->clock_base = base;
	node->clock_since = s->now;
}

ep_time clock_now(const struct sim *s, uint8_t p)
{
	const struct node *node = &s->nodes[p];
	return node->clock_base + (ep_time)((unsigned __int128)(s->now - node->clock_since) * node->clock_ppm / 1000000);
}

ep_time clock_when(const struct sim *s, uint8_t p, ep_time local)
{
	const struct node *node = &s->nodes[p];
	if (local == EP_NEVER)
		return EP_NEVER;
	if (local <= node->clock_base)
		return s->now;
	return node->clock_since + (ep_time)((unsigned __int128)(local - node->clock_base) * 1000000 / node->clock_ppm) + 1;
}

void clock_jump(struct sim *s, uint8_t p, ep_time forward)
{
	clock_start(s, p, clock_now(s, p) + forward);
}

void clock_set_rate(struct sim *s, uint8_t p, uint32_t ppm)
{
	clock_start(s, p, clock_now(s, p));
	s->nodes[p].clock_ppm = ppm;
}
