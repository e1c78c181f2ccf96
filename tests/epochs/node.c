// A node as its shell and its control plane make it: which arena gets a frame, when the next epoch's is made, when an old one goes.
//
// The rules, the same as the data plane's: a member's frame goes to the arena of its epoch, a client's to the newest. Whoever is frozen and
// in the next epoch copies its own state. Whoever is in an epoch that began two or more steps after its own, or has none, copies the
// state from a frozen arena elsewhere; whoever is one step behind asks for the commits that it lacks. An arena is kept until
// every member of the epoch after it has been heard in that epoch, or until a third one is needed.
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include "consensus/base/txn.h"
#include "tests/epochs/world.h"
#include "tests/sim/probe.h"
#include "tests/sim/verdict.h"

static jmp_buf grave;

static void die(void)
{
	longjmp(grave, 1);
}

bool node_is_up(const struct world *w, uint8_t node)
{
	return !w->nodes[node].is_down && !w->nodes[node].is_gone;
}

static void on_sent(void *owner, uint8_t self, const struct ep_frame *frame)
{
	struct place *p = owner;
	struct world *w = p->world;
	const struct ep_member *me = &p->host.config.members[self];
	struct ep_addr addr = { .port = me->port };
	memcpy(addr.ip, me->ip, 4);
	check_frame(w, p, frame);
	uint8_t to = frame->member == EP_CLIENT ? (uint8_t)(NODES + frame->to.ip[3]) : (uint8_t)(p->host.config.members[frame->member].ip[3] - 1);
	world_send(w, p->node, to, &addr, frame->data, frame->len);
}

// ---- arenas --------------------------------------------------------------------------------------------------------------------
static void place_free(struct place *p)
{
	if (!p)
		return;
	host_free(&p->host);
	free(p);
}

// Memory for one arena, zeroed.
static struct place *place_make(struct world *w, uint8_t node, const struct ep_config *config)
{
	struct place *p = calloc(1, sizeof *p);
	*p = (struct place){ .epoch = config->epoch, .node = node, .world = w };
	host_room(&p->host, config, HOST_FRAMES_MAX);
	p->host.sent = on_sent;
	p->host.owner = p;
	return p;
}

static struct ep_config config_of(const struct world *w, uint8_t node)
{
	struct ep_config c = w->draw.config;
	c.n = 1;
	c.self = 0;
	c.members[0] = w->nodes[node].me;
	c.seed = ep_mix64(w->seed ^ node);
	return c;
}

void node_start(struct world *w, uint8_t node)
{
	struct ep_config c = config_of(w, node);
	if (!ep_config_follow(&c, &w->epochs[1].list))
		return;
	struct place *p = w->nodes[node].now = place_make(w, node, &c);
	enum ep_attach verdict = ep_replica_init(p->host.arena, p->host.arena_bytes, &c, &p->host.replica);
	if (verdict != EP_ATTACH_OK)
		verdict_fail("init says %d", verdict);
}

// The newer arena takes its place; a third one is not kept.
static void place_push(struct node *n, struct place *p)
{
	place_free(n->old);
	n->old = n->now;
	n->now = p;
}

// What an arena hands over: its own process's word, or what another process reads in it and carries away.
static bool look(const struct place *from, bool is_foreign, struct ep_handover *handover, struct ep_state *there)
{
	struct ep_state_head head, whole;
	if (!is_foreign) {
		*there = ep_state(from->host.replica);
		return ep_handover(from->host.replica, handover);
	}
	if (!ep_frozen_look(from->host.arena, from->host.arena_bytes, handover, there))
		return false;
	ep_state_seal(&head, handover, 0);
	if (!ep_state_check(&head, sizeof head, &whole))
		verdict_fail("the head of a state file of epoch %u is refused", from->epoch);
	*handover = whole.handover;
	return true;
}

// Makes the next epoch's arena from a frozen one, this node's own or another's.
static void follow(struct world *w, uint8_t node, const struct place *from, bool is_foreign)
{
	struct ep_handover handover;
	struct ep_state there;
	struct ep_config c = config_of(w, node);
	if (!look(from, is_foreign, &handover, &there) || !ep_config_follow(&c, &handover.next))
		verdict_fail("node %d cannot follow epoch %u", node, from->epoch);
	struct place *p = place_make(w, node, &c);
	place_push(&w->nodes[node], p); // an arena that is not whole is found so after a kill
	struct ep_replica *r;
	enum ep_attach verdict = ep_epoch_begin(p->host.arena, p->host.arena_bytes, &c, &handover, &r);
	if (verdict != EP_ATTACH_OK)
		verdict_fail("begin of epoch %u says %d", c.epoch, verdict);
	struct ep_state here = ep_state(r);
	for (uint64_t at = 0; at < there.bytes; at += 65536) {
		memcpy(here.at + at, there.at + at, there.bytes - at < 65536 ? there.bytes - at : 65536);
		ep_cut_point();
	}
	verdict = ep_epoch_finish(r, &handover, is_foreign);
	if (verdict != EP_ATTACH_OK)
		verdict_fail("finish of epoch %u says %d", c.epoch, verdict);
	p->host.replica = r;
	world_trace(w, "node %d is ready for epoch %u, column %d of %d%s", node, c.epoch, c.self, c.n, is_foreign ? ", by transfer" : "");
}

// ---- transfer ------------------------------------------------------------------------------------------------------------------
static bool is_frozen(const struct place *p)
{
	return p && p->host.replica && ep_standing(p->host.replica) == EP_STANDING_FROZEN;
}

struct ep_membership node_handover(const struct place *p)
{
	struct ep_handover handover;
	if (!ep_handover(p->host.replica, &handover))
		verdict_fail("epoch %u of node %d is not frozen", p->epoch, p->node);
	return handover.next;
}

// The frozen arena at `donor` from which this node may copy what it needs to be in a later epoch; NULL: none. The donor's process may be
// dead: it is the control plane that reads the arena.
static const struct place *source(const struct world *w, uint8_t node, uint8_t donor)
{
	const struct node *n = &w->nodes[node], *d = &w->nodes[donor];
	uint32_t own = n->now ? n->now->epoch : 0;
	bool is_reached = !d->is_gone && !(w->cut[node] & (1u << donor)) && !(w->cut[donor] & (1u << node));
	const struct place *best = NULL, *places[] = { d->old, d->now };
	for (uint32_t k = 0; k < 2 && is_reached && donor != node; k++) {
		struct ep_handover handover;
		struct ep_state state;
		if (!places[k] || places[k]->epoch <= own || !ep_frozen_look(places[k]->host.arena, places[k]->host.arena_bytes, &handover, &state))
			continue;
		if (check_column(&handover.next, &n->me) != EP_NO_COLUMN)
			best = places[k];
	}
	return best;
}

static void begin_copy(struct world *w, uint8_t node)
{
	struct node *n = &w->nodes[node];
	uint8_t donor = (uint8_t)below(w, NODES);
	const struct place *from = source(w, node, donor);
	if (!from)
		return;
	n->copy_epoch = from->epoch + 1;
	n->donor = donor;
	n->copied_at = w->now + 1 + below(w, w->draw.copy_max);
	node_plan(w, node, n->copied_at);
}

static void end_copy(struct world *w, uint8_t node)
{
	struct node *n = &w->nodes[node];
	const struct place *from = source(w, node, n->donor);
	uint32_t epoch = n->copy_epoch;
	n->copy_epoch = 0;
	if (!from || from->epoch + 1 != epoch) {
		w->figures.broken_copies++; // the donor died or has gone on: another one, from the beginning
		return;
	}
	w->figures.copies++;
	w->figures.from_dead += !node_is_up(w, n->donor);
	w->figures.skipped += n->now != NULL;
	follow(w, node, from, true);
}

// What a node does between two bursts of its replica.
static void tend(struct world *w, uint8_t node)
{
	struct node *n = &w->nodes[node];
	if (is_frozen(n->now)) {
		struct ep_membership next = node_handover(n->now);
		if (check_column(&next, &n->me) != EP_NO_COLUMN) {
			follow(w, node, n->now, false);
			n->copy_epoch = 0;
			return;
		}
	}
	if (n->now && n->old && ep_all_heard(n->now->host.replica)) {
		place_free(n->old);
		n->old = NULL;
	}
	if (n->copy_epoch == 0)
		begin_copy(w, node);
	else if (w->now >= n->copied_at)
		end_copy(w, node);
}

// ---- turns ----------------------------------------------------------------------------------------------------------------------
void node_plan(struct world *w, uint8_t node, ep_time at)
{
	struct node *n = &w->nodes[node];
	at = at < w->now ? w->now : at;
	at = at < n->paused_until ? n->paused_until : at;
	if (at >= n->turn_at || !node_is_up(w, node))
		return;
	n->turn_at = at;
	queue_push(&w->queue, at, EVENT_TURN, node, NULL);
}

void node_take(struct world *w, uint8_t node, struct packet *packet)
{
	struct node *n = &w->nodes[node];
	if (!node_is_up(w, node) || n->inbox_count == INBOX_MAX) {
		free(packet);
		return;
	}
	n->inbox[n->inbox_count++] = packet;
	node_plan(w, node, w->now + w->draw.turn);
}

static uint8_t column_of(const struct ep_config *c, const struct ep_addr *addr)
{
	for (uint8_t m = 0; m < c->n; m++)
		if (memcmp(c->members[m].ip, addr->ip, 4) == 0 && c->members[m].port == addr->port)
			return m;
	return EP_CLIENT;
}

static void deliver(struct world *w, uint8_t node, const struct packet *packet)
{
	struct node *n = &w->nodes[node];
	const struct ep_wire_header *h = (const void *)packet->data;
	struct place *to = n->now;
	if (h->kind == EP_FRAME_MEMBER && n->old && n->old->epoch == h->epoch)
		to = n->old;
	if (!to)
		return;
	struct ep_source from = { .addr = packet->addr, .member = column_of(&to->host.config, &packet->addr) };
	host_receive(&to->host, w->now, &from, packet->data, packet->len);
	check_place(w, to);
}

static void run(struct world *w, uint8_t node)
{
	struct node *n = &w->nodes[node];
	uint32_t count = n->inbox_count < w->draw.burst ? n->inbox_count : w->draw.burst;
	for (uint32_t k = 0; k < count; k++)
		deliver(w, node, n->inbox[k]);
	for (uint32_t k = 0; k < count; k++)
		free(n->inbox[k]);
	memmove(n->inbox, n->inbox + count, (n->inbox_count - count) * sizeof n->inbox[0]);
	n->inbox_count -= count;
	struct place *places[] = { n->old, n->now };
	for (uint32_t k = 0; k < 2; k++)
		for (uint32_t t = 0; t < 8 && places[k] && ep_deadline(places[k]->host.replica) <= w->now; t++) {
			host_tick(&places[k]->host, w->now, 1);
			check_place(w, places[k]);
		}
	for (uint32_t k = 0; k < 2; k++)
		if (places[k]) {
			host_flush(&places[k]->host);
			places[k]->was_frozen = is_frozen(places[k]);
		}
	tend(w, node);
}

void node_turn(struct world *w, uint8_t node)
{
	struct node *n = &w->nodes[node];
	n->turn_at = EP_NEVER;
	if (!node_is_up(w, node))
		return;
	if (w->now < n->paused_until) {
		node_plan(w, node, n->paused_until);
		return;
	}
	if (n->cut_in > 0) {
		uint64_t began = probe_boundaries();
		if (setjmp(grave) != 0) {
			probe_arm(0, NULL);
			w->figures.cuts++;
			node_kill(w, node);
			return;
		}
		probe_arm(n->cut_in, die);
		run(w, node);
		probe_arm(0, NULL);
		n->cut_in -= (uint32_t)(probe_boundaries() - began);
	} else {
		run(w, node);
	}
	ep_time next = w->now + 1000000; // the control plane looks around
	struct place *places[] = { n->old, n->now };
	for (uint32_t k = 0; k < 2; k++)
		if (places[k] && ep_deadline(places[k]->host.replica) < next)
			next = ep_deadline(places[k]->host.replica);
	if (n->inbox_count > 0)
		next = w->now;
	if (n->copy_epoch != 0 && n->copied_at < next)
		next = n->copied_at;
	node_plan(w, node, next < w->now + w->draw.turn ? w->now + w->draw.turn : next);
}

// ---- lives ----------------------------------------------------------------------------------------------------------------------
static void forget_frames(struct node *n)
{
	for (uint32_t k = 0; k < n->inbox_count; k++)
		free(n->inbox[k]);
	n->inbox_count = 0;
	n->turn_at = EP_NEVER;
	n->cut_in = 0;
	n->copy_epoch = 0;
}

void node_kill(struct world *w, uint8_t node)
{
	struct node *n = &w->nodes[node];
	forget_frames(n);
	struct place *places[] = { n->old, n->now };
	for (uint32_t k = 0; k < 2; k++)
		if (places[k]) {
			host_kill(&places[k]->host);
			check_closed(w, places[k]);
		}
	n->is_down = true;
	w->figures.kills++;
	world_trace(w, "node %d is killed", node);
	queue_push(&w->queue, w->now + 1 + below(w, 20000000), EVENT_RECOVER, node, NULL);
}

// Goes on from an arena; one that never became whole is as if it had not been begun.
static struct place *revive(struct place *p)
{
	if (!p)
		return NULL;
	enum ep_attach verdict = host_attach(&p->host);
	if (verdict == EP_ATTACH_MAGIC) {
		place_free(p);
		return NULL;
	}
	if (verdict != EP_ATTACH_OK)
		verdict_fail("attach of epoch %u at node %d says %d", p->epoch, p->node, verdict);
	p->executed_seen = p->executed_frozen = 0; // a new process counts anew
	p->is_ended = false;
	p->was_frozen = is_frozen(p);
	check_place(p->world, p);
	return p;
}

void node_restart(struct world *w, uint8_t node)
{
	struct node *n = &w->nodes[node];
	if (!n->is_down || n->is_gone)
		return;
	n->is_down = false;
	struct place *now = revive(n->now), *old = revive(n->old);
	n->now = now ? now : old;
	n->old = now ? old : NULL;
	node_plan(w, node, w->now);
}

void node_lose(struct world *w, uint8_t node)
{
	struct node *n = &w->nodes[node];
	forget_frames(n);
	place_free(n->old);
	place_free(n->now);
	n->old = n->now = NULL;
	n->is_gone = true;
	n->is_down = false;
	w->figures.losses++;
	world_trace(w, "node %d is lost", node);
}

void node_free(struct world *w, uint8_t node)
{
	forget_frames(&w->nodes[node]);
	place_free(w->nodes[node].old);
	place_free(w->nodes[node].now);
}
