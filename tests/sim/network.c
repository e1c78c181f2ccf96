// The network: loss, duplication, reordering, delay, damage and cut links, each drawn per frame.
#include <stdlib.h>
#include <string.h>
#include "tests/sim/sim.h"

static bool chance(struct sim *s, uint32_t permille)
{
	return permille > 0 && ep_random(&s->net_rng) % 1000 < permille;
}

static bool has(const struct sim *s, enum fault fault)
{
	return !s->is_healed && (s->swarm.faults & fault);
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

static void send_one(struct sim *s, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len)
{
	if (chance(s, s->is_healed ? 0 : s->swarm.loss_permille))
		return;
	struct packet *p = malloc(sizeof *p + len);
	*p = (struct packet){.from = from, .to = to, .addr = *addr, .len = len};
	memcpy(p->data, data, len);
	if (chance(s, s->is_healed ? 0 : s->swarm.damage_permille))
		damage(s, p);
	ep_time at = s->now + s->swarm.link[from][to] + ep_random(&s->net_rng) % s->swarm.jitter;
	if (chance(s, s->is_healed ? 0 : s->swarm.late_permille))
		at += ep_random(&s->net_rng) % s->swarm.late_max;
	if (!has(s, FAULT_REORDER) && at <= s->link_last[from][to])
		at = s->link_last[from][to] + 1;
	s->link_last[from][to] = at;
	queue_push(&s->queue, at, EVENT_PACKET, to, p);
}

void net_send(struct sim *s, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len)
{
	s->hash = ep_hash64(ep_mix64(s->hash ^ s->now) ^ from ^ (uint64_t)to << 8, data, len);
	s->frames++;
	if (from < s->n && (s->cut[from] & (1u << to)))
		return;
	send_one(s, from, to, addr, data, len);
	if (chance(s, s->is_healed ? 0 : s->swarm.dup_permille))
		send_one(s, from, to, addr, data, len);
}

uint8_t net_client_node(const struct sim *s, const struct ep_addr *addr)
{
	for (uint32_t c = 0; c < s->clients_count; c++)
		if (memcmp(&s->clients[c].addr, addr, sizeof *addr) == 0)
			return (uint8_t)(s->n + c);
	return 0xff;
}
