// A small cluster in one piece of memory: drawing what happens, running it, collecting what was said.
#include "tests/kill/world.h"
#include <string.h>
#include "consensus/base/rng.h"
#include "tests/kill/client.h"
#include "tests/sim/verdict.h"

#define HOP 1000 // ns from one event to the next

struct ep_config world_config(uint8_t n, uint8_t self, uint8_t mode)
{
	struct ep_config c = { .cluster = 7, .n = n, .self = self, .mode = mode, .hash_seed = 5, .seed = self + 1u };
	ep_config_defaults(&c);
	c.frame_max = WORLD_FRAME_MAX;
	c.window = 16; // wraps around all the time
	c.own_max = 8;
	c.keys_max = 4;
	c.batch_max = 3;
	c.index_keys = 16;
	c.sessions_max = 16;
	c.cost_max = 64;
	c.app_capacity = 2u * n * c.cost_max + 96;
	c.exec_budget = 16;
	c.status_ns = 5000000;
	c.open_min_ns = 2000000;
	c.open_rtts = 4; // time jumps here: a large multiple of the measured round trip would be seconds
	c.resend_rtts = 2;
	for (uint8_t m = 0; m < n; m++)
		c.members[m].uuid[0] = (uint8_t)(m + 1);
	return c;
}

static uint64_t pages(uint64_t bytes)
{
	return (bytes + 4095) & ~4095ULL;
}

uint64_t world_bytes(uint8_t n, uint8_t mode)
{
	struct ep_config c = world_config(n, 0, mode);
	return pages(sizeof(struct world)) + n * pages(ep_replica_size(&c));
}

struct ep_replica *world_replica(const struct world *w, uint8_t column)
{
	return (void *)((uintptr_t)w + w->at_arenas + column * w->arena_bytes);
}

void world_start(struct world *w, uint8_t n, uint8_t mode, uint64_t seed)
{
	struct ep_config any = world_config(n, 0, mode);
	*w = (struct world){ .n = n, .mode = mode, .now = 1000000, .rng = seed, .arena_bytes = pages(ep_replica_size(&any)),
			     .at_arenas = pages(sizeof *w), .bytes = world_bytes(n, mode) };
	for (uint8_t p = 0; p < n; p++) {
		struct ep_replica *r;
		w->config[p] = world_config(n, p, mode);
		if (ep_replica_init(world_replica(w, p), w->arena_bytes, &w->config[p], &r) != EP_ATTACH_OK)
			verdict_fail("a world's arena cannot be made");
	}
	for (uint8_t c = 0; c < WORLD_CLIENTS; c++)
		client_start(&w->clients[c], w, c);
}

static uint32_t below(struct world *w, uint32_t n)
{
	return (uint32_t)(ep_random(&w->rng) % n);
}

// ---- what happens next ----
void world_take(struct world *w, uint32_t at, struct flight *out)
{
	*out = w->flights[at];
	memmove(&w->flights[at], &w->flights[at + 1], (--w->flights_count - at) * sizeof w->flights[0]);
}

static bool deliver(struct world *w, struct step *s)
{
	uint32_t fate = below(w, 100);
	world_take(w, below(w, w->flights_count), &s->in);
	if (fate < 6) { // lost
		w->lost++;
		return false;
	}
	if (fate < 10 && w->flights_count < WORLD_FLIGHTS_MAX) // and again later
		w->flights[w->flights_count++] = s->in;
	if (s->in.to == EP_CLIENT) {
		client_receive(w, &w->clients[s->in.client], s->in.data);
		return false;
	}
	s->kind = STEP_RECEIVE;
	s->at = s->in.to;
	return true;
}

bool world_draw(struct world *w, struct step *s)
{
	w->now += HOP;
	s->now = w->now;
	uint32_t what = below(w, 100);
	if (what < 20) {
		client_turn(w, (uint8_t)below(w, WORLD_CLIENTS));
		return false;
	}
	if (what < 70)
		return w->flights_count > 0 && deliver(w, s);
	if (what == 99) // quiet for a while: timers of all kinds run
		w->now = s->now += below(w, 8) * 1000000u;
	s->kind = STEP_TICK;
	s->at = (uint8_t)below(w, w->n);
	return true;
}

// ---- one call ----
void lent_clear(struct lent *l)
{
	l->fx = (struct ep_effects){ .frames = l->frames, .count = WORLD_LENT };
	for (uint32_t f = 0; f < WORLD_LENT; f++)
		l->frames[f] = (struct ep_frame){ .data = l->data[f] };
}

static struct ep_addr client_address(uint8_t client)
{
	return (struct ep_addr){ .ip = { 10, 0, 0, client }, .port = 1000 };
}

void step_run(const struct world *w, const struct step *s, struct lent *l)
{
	struct ep_replica *r = world_replica(w, s->at);
	switch (s->kind) {
	case STEP_RECEIVE: {
		struct ep_source source = { .member = s->in.from, .addr = client_address(s->in.client) };
		struct ep_view view = { .data = s->in.data, .len = s->in.len };
		if (!ep_receive(r, s->now, &source, &view, &l->fx))
			verdict_fail("one message needs more frames than are lent");
		break;
	}
	case STEP_TICK:
		ep_tick(r, s->now, &l->fx);
		break;
	case STEP_ATTACH:
		l->verdict = ep_replica_attach(r, w->arena_bytes, &w->config[s->at], &r);
		break;
	}
}

// ---- what it said ----
static void send(struct world *w, uint8_t from, const struct ep_frame *frame, const struct ep_msg *msg)
{
	if (w->flights_count == WORLD_FLIGHTS_MAX) { // the network is full: what waits longest is lost
		struct flight lost;
		world_take(w, 0, &lost);
		w->lost++;
	}
	struct flight *f = &w->flights[w->flights_count++];
	struct ep_wire_header head;
	memcpy(&head, frame->data, sizeof head);
	head.count = 1;
	*f = (struct flight){ .from = from, .to = frame->member, .client = frame->to.ip[3] };
	f->len = (uint16_t)(sizeof head + msg->len);
	memcpy(f->data, &head, sizeof head);
	memcpy(f->data + sizeof head, msg, msg->len);
	ep_wire_seal(f->data, f->len);
	w->said = ep_hash64(w->said, f->data, f->len);
}

void world_collect(struct world *w, const struct step *s, struct lent *l)
{
	for (uint32_t f = 0; f < l->fx.used; f++) {
		struct ep_frame *frame = &l->frames[f];
		ep_seal(world_replica(w, s->at), frame);
		for (uint32_t at = sizeof(struct ep_wire_header); at < frame->len;) {
			const struct ep_msg *msg = ep_wire_msg(frame->data, at);
			send(w, s->at, frame, msg);
			at += msg->len;
		}
		frame->len = 0;
	}
	ep_effects_reset(&l->fx);
}
