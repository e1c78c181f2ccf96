// What a seed draws, the network, and the clockwork.
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/epochs/world.h"
#include "tests/sim/verdict.h"

#define US 1000ULL
#define MS 1000000ULL
#define CONVERGE_MAX (20000 * MS)

static uint32_t pick(struct world *w, const uint32_t *from, uint32_t count)
{
	return from[below(w, count)];
}
#define PICK(w, ...) pick(w, (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void draw_config(struct world *w)
{
	struct ep_config *c = &w->draw.config;
	*c = (struct ep_config){ .n = EP_MEMBERS_MAX };
	ep_config_defaults(c);
	c->cluster = ep_random(&w->rng);
	c->hash_seed = ep_random(&w->rng);
	c->hello = EP_HELLO_ALWAYS;
	c->frame_max = PICK(w, EP_FRAME_MAX_DEFAULT, EP_FRAME_MAX_MIN, 4000);
	c->window = PICK(w, 128, 128, 256);
	c->own_max = 1 + below(w, c->window - 64);
	c->batch_max = PICK(w, 1, 2, 16);
	c->keys_max = PICK(w, 2, 4, 32);
	c->index_keys = PICK(w, 16, 64, 1024);
	c->sessions_max = 256;
	c->session_idle_ns = 0;
	c->exec_budget = PICK(w, 16, 32, 512);
	c->cost_max = PICK(w, 512, 1024);
	c->app_capacity = 2ULL * EP_MEMBERS_MAX * c->cost_max + 4096;
	c->open_min_ns = PICK(w, 500, 5000) * US;
	c->open_rtts = PICK(w, 10, 50);
	c->status_ns = PICK(w, 200, 1000, 3000) * US;
	c->first = below(w, 3) == 0 ? (1ULL << 32) - 1 - below(w, 100) : 0;
}

static void draw_members(struct world *w)
{
	struct epoch *first = &w->epochs[1];
	for (uint8_t node = 0; node < NODES; node++) {
		struct ep_member *me = &w->nodes[node].me;
		*me = (struct ep_member){ .incarnation = 1, .ip = { 10, 77, 0, (uint8_t)(node + 1) }, .port = EP_UDP_PORT };
		ep_store64(me->uuid, ep_random(&w->rng) | 1);
		snprintf(me->name, sizeof me->name, "node%u", node);
		w->nodes[node].turn_at = EP_NEVER;
	}
	*first = (struct epoch){ .is_known = true, .list = { .epoch = 1, .n = (uint8_t)PICK(w, 1, 2, 3, 3, 3, 4, 5, 5, 6, 7) } };
	for (uint8_t m = 0; m < first->list.n; m++)
		first->list.members[m] = w->nodes[m].me;
	w->newest = 1;
}

void world_draw(struct world *w, uint64_t seed)
{
	struct draw *d = &w->draw;
	*w = (struct world){ .seed = seed, .rng = ep_mix64(seed ^ 0x65706f636873), .is_traced = w->is_traced };
	draw_config(w);
	draw_members(w);
	d->loss = PICK(w, 0, 0, 5, 50, 200);
	d->dup = PICK(w, 0, 0, 20, 200);
	d->late = PICK(w, 0, 0, 10, 50);
	d->link = PICK(w, 2, 10, 50) * US;
	d->jitter = PICK(w, 1, 20, 200) * US;
	d->late_max = PICK(w, 1, 10, 100) * MS;
	d->turn = PICK(w, 200, 1000, 5000);
	d->copy_max = PICK(w, 100, 3000, 30000) * US;
	d->change_every = PICK(w, 2, 10, 10, 40) * MS;
	d->fault_every = PICK(w, 1, 5, 20) * MS;
	d->think_max = PICK(w, 0, 50, 500) * US;
	d->burst = PICK(w, 1, 4, 32);
	d->ops = 1000000;
	d->load = (struct load_config){ .keys = PICK(w, 1, 3, 6, 12), .read_percent = PICK(w, 0, 20, 50), .hot_percent = PICK(w, 0, 0, 50),
					.shift = below(w, 6) };
	d->has_kills = below(w, 4) != 0;
	d->has_cuts = below(w, 4) != 0;
	d->has_losses = below(w, 3) != 0;
	d->has_partitions = below(w, 2);
	d->has_pauses = below(w, 2);
	d->wild = PICK(w, 0, 0, 50, 100);
	d->heal_at = (60 + below(w, 120)) * MS;
	d->end_at = d->heal_at + CONVERGE_MAX;
}

void world_trace(const struct world *w, const char *format, ...)
{
	va_list args;
	if (!w->is_traced)
		return;
	printf("%12.6f ms  ", (double)w->now / 1e6);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

// ---- network -----------------------------------------------------------------------------------------------------------------------
static bool chance(struct world *w, uint32_t permille)
{
	return !w->is_healed && permille > 0 && below(w, 1000) < permille;
}

static void put(struct world *w, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len)
{
	if (chance(w, w->draw.loss))
		return;
	struct packet *p = malloc(sizeof *p + len);
	*p = (struct packet){ .from = from, .to = to, .addr = *addr, .len = len };
	memcpy(p->data, data, len);
	ep_time at = w->now + w->draw.link + below(w, w->draw.jitter);
	if (chance(w, w->draw.late))
		at += below(w, w->draw.late_max);
	queue_push(&w->queue, at, EVENT_PACKET, to, p);
}

void world_send(struct world *w, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len)
{
	w->hash = ep_hash64(ep_mix64(w->hash ^ w->now) ^ from ^ (uint64_t)to << 8, data, len);
	w->figures.frames++;
	if (from < NODES && to < NODES && w->cut[from] >> to & 1)
		return;
	put(w, from, to, addr, data, len);
	if (chance(w, w->draw.dup))
		put(w, from, to, addr, data, len);
}

// ---- clockwork ----------------------------------------------------------------------------------------------------------------------
static bool are_clients_done(const struct world *w)
{
	for (uint32_t c = 0; c < CLIENTS; c++)
		if (w->clients[c].state != ASK_DONE)
			return false;
	return true;
}

// For the reader of a failed seed: where everybody stands.
static void describe(const struct world *w)
{
	for (uint8_t node = 0; node < NODES && w->is_traced; node++) {
		const struct node *n = &w->nodes[node];
		const struct place *places[] = { n->old, n->now };
		printf("node %u%s%s incarnation %" PRIu64 "\n", node, n->is_gone ? " gone" : "", n->is_down ? " down" : "", n->me.incarnation);
		for (uint32_t k = 0; k < 2; k++)
			if (places[k] && places[k]->host.replica) {
				struct ep_look look;
				ep_look(places[k]->host.replica, &look);
				printf("    epoch %u column %d of %d standing %d:", look.epoch, look.self, look.n, look.standing);
				for (uint32_t c = 0; c < look.n; c++)
					printf(" n%u %" PRIu64 "/%" PRIu64 "/%" PRIu64, places[k]->host.config.members[c].ip[3] - 1u, look.columns[c].executed,
					       look.columns[c].committed, look.columns[c].known);
				putchar('\n');
			}
	}
}

// False: all has come to an end.
static bool sweep(struct world *w)
{
	const char *why = "clients wait";
	if (w->now >= w->draw.heal_at && !w->is_healed)
		change_heal(w);
	if (w->is_healed && are_clients_done(w) && check_converged(w, &why))
		return false;
	if (w->now > w->draw.end_at)
		describe(w);
	if (w->now > w->draw.end_at)
		verdict_fail("no end is reached: %s (epoch %u)", why, w->newest);
	queue_push(&w->queue, w->now + MS, EVENT_SWEEP, 0, NULL);
	return true;
}

static bool happen(struct world *w, struct event *e)
{
	switch (e->type) {
	case EVENT_TURN:
		if (w->nodes[e->who].turn_at == e->at)
			node_turn(w, (uint8_t)e->who);
		return true;
	case EVENT_CLIENT:
		client_wake(w, e->who);
		return true;
	case EVENT_PACKET:
		if (e->who < NODES) {
			node_take(w, (uint8_t)e->who, e->packet);
		} else {
			client_take(w, e->who - NODES, e->packet);
			free(e->packet);
		}
		e->packet = NULL;
		return true;
	case EVENT_FAULT:
		if (!w->is_healed)
			change_strike(w);
		return true;
	case EVENT_RECOVER:
		node_restart(w, (uint8_t)e->who);
		return true;
	case EVENT_SWEEP:
		if (e->who == 0)
			return sweep(w);
		change_propose(w);
		return true;
	case EVENT_KILL:
		break;
	}
	return true;
}

void world_run(struct world *w, uint64_t seed)
{
	struct event e;
	world_draw(w, seed);
	for (uint8_t node = 0; node < NODES; node++) {
		node_start(w, node);
		node_plan(w, node, 1 + below(w, 1000));
	}
	for (uint32_t c = 0; c < CLIENTS; c++)
		client_start(w, c);
	queue_push(&w->queue, 1, EVENT_SWEEP, 0, NULL);
	queue_push(&w->queue, 1 + below(w, 2 * w->draw.change_every), EVENT_SWEEP, 1, NULL);
	queue_push(&w->queue, 1 + below(w, 2 * w->draw.fault_every), EVENT_FAULT, 0, NULL);
	while (queue_pop(&w->queue, &e)) {
		w->now = e.at;
		if (!happen(w, &e))
			break;
	}
	load_check(&w->draw.load, &w->history, &w->report);
}

void world_free(struct world *w)
{
	for (uint8_t node = 0; node < NODES; node++)
		node_free(w, node);
	history_free(&w->history);
	check_free(w);
	queue_free(&w->queue);
}
