// The network: loss, duplication, reordering, delay, damage, clogged and cut links, each drawn per frame.
#include <stdlib.h>
#include <string.h>
#include "tests/sim/sim.h"

static bool has(const struct sim *s, enum fault fault)
{
	return s->phase == SIM_FAULTS && (s->swarm.faults & fault);
}

static bool chance(struct sim *s, uint32_t permille)
{
	return s->phase == SIM_FAULTS && permille > 0 && ep_random(&s->net_rng) % 1000 < permille;
}

// Bits flip or the end is missing: the receiver's CRC must notice.
static void damage(struct sim *s, struct packet *p)
{
	uint64_t r = ep_random(&s->net_rng);
	if (r % 4 == 0) {
		p->len = (uint32_t)(r >> 8) % p->len;
		return;
	}
	for (uint32_t flips = 1 + (uint32_t)(r >> 40) % 3; flips > 0; flips--) {
		uint64_t at = ep_random(&s->net_rng);
		p->data[at % p->len] ^= (uint8_t)(1u << ((at >> 32) & 7));
	}
}

void net_put(struct sim *s, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len, bool is_forged)
{
	if (chance(s, s->swarm.loss_permille))
		return;
	struct packet *p = malloc(sizeof *p + len);
	*p = (struct packet){.from = from, .to = to, .is_forged = is_forged, .addr = *addr, .len = len};
	memcpy(p->data, data, len);
	if (chance(s, s->swarm.damage_permille))
		damage(s, p);
	ep_time start = s->clog_until[from][to] > s->now ? s->clog_until[from][to] : s->now;
	ep_time at = start + s->swarm.link[from][to] + ep_random(&s->net_rng) % s->swarm.jitter;
	if (chance(s, s->swarm.late_permille))
		at += ep_random(&s->net_rng) % s->swarm.late_max;
	if (!has(s, FAULT_REORDER) && at <= s->link_last[from][to])
		at = s->link_last[from][to] + 1;
	s->link_last[from][to] = at;
	queue_push(&s->queue, at, EVENT_PACKET, to, p);
}

static bool is_cut(const struct sim *s, uint8_t from, uint8_t to)
{
	if (from < s->n && ((s->cut[from] & (1u << to)) || s->nodes[from].is_silent))
		return true;
	return to < s->n && s->nodes[to].is_deaf;
}

void net_send(struct sim *s, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len)
{
	s->hash = ep_hash64(ep_mix64(s->hash ^ s->now) ^ from ^ (uint64_t)to << 8, data, len);
	s->figures.frames++;
	if (is_cut(s, from, to))
		return;
	net_put(s, from, to, addr, data, len, false);
	if (chance(s, s->swarm.dup_permille))
		net_put(s, from, to, addr, data, len, false);
	if (to < s->n && chance(s, s->swarm.archive_permille))
		forge_archive(s, from, to, addr, data, len);
	if (from < s->n && to < s->n && chance(s, s->swarm.forge_permille))
		forge_one(s, from, to, addr, data, len);
}

uint8_t net_client_node(const struct sim *s, const struct ep_addr *addr)
{
	uint8_t which = addr->ip[3];
	struct ep_addr known = client_addr(which);
	return which < SIM_CLIENTS_MAX && memcmp(&known, addr, sizeof known) == 0 ? (uint8_t)(s->n + which) : 0xff;
}
