// What must hold across epochs, seen from outside: one configuration and one state for each, nothing executed after its end, no vote after
// it, no vote in the next before SLOW members hold the state; the same decision everywhere for what is executed.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "tests/epochs/world.h"
#include "tests/sim/verdict.h"

// Executed instances: an open hash table that only grows.
struct agreed {
	struct agreed_entry {
		uint64_t i, decision; // decision: 0 = free
		uint32_t epoch, col;
	} *entries;
	uint64_t count, room; // room: a power of two
};

uint32_t check_slow(uint32_t n)
{
	return n - (n - 1) / 2;
}

uint8_t check_column(const struct ep_membership *list, const struct ep_member *who)
{
	for (uint8_t m = 0; m < list->n; m++)
		if (memcmp(list->members[m].uuid, who->uuid, sizeof who->uuid) == 0 && list->members[m].incarnation == who->incarnation)
			return m;
	return EP_NO_COLUMN;
}

static struct agreed_entry *find(struct agreed *a, uint32_t epoch, uint32_t col, uint64_t i)
{
	uint64_t at = ep_mix64(ep_mix64(i ^ (uint64_t)epoch << 40) ^ col);
	for (;; at++) {
		struct agreed_entry *e = &a->entries[at & (a->room - 1)];
		if (e->decision == 0 || (e->epoch == epoch && e->col == col && e->i == i))
			return e;
	}
}

static void grow(struct agreed *a)
{
	struct agreed old = *a;
	a->room = old.room ? 2 * old.room : 4096;
	a->entries = calloc(a->room, sizeof *a->entries);
	for (uint64_t e = 0; e < old.room; e++)
		if (old.entries[e].decision != 0)
			*find(a, old.entries[e].epoch, old.entries[e].col, old.entries[e].i) = old.entries[e];
	free(old.entries);
}

void check_free(struct world *w)
{
	if (w->agreed)
		free(w->agreed->entries);
	free(w->agreed);
	w->agreed = NULL;
}

// Agreement: what is executed has one value and one set of dependencies.
static void check_executed(struct world *w, const struct place *p, struct ep_session_id id)
{
	struct ep_peek peek = ep_peek(p->host.replica, id.col, id.i);
	if (!w->agreed)
		w->agreed = calloc(1, sizeof *w->agreed);
	if (2 * w->agreed->count >= w->agreed->room)
		grow(w->agreed);
	if (id.epoch != p->epoch || !peek.exists || peek.phase != EP_COMMITTED)
		verdict_fail("node %d executed (%u,%d,%" PRIu64 ") in epoch %u, which is not committed there", p->node, id.epoch, id.col, id.i, p->epoch);
	uint64_t decision = ep_hash64(peek.is_nop, peek.dep, sizeof peek.dep);
	if (!peek.is_nop)
		decision = ep_hash64(decision ^ peek.seq, peek.payload, peek.payload_len);
	struct agreed_entry *e = find(w->agreed, id.epoch, id.col, id.i);
	w->agreed->count += e->decision == 0;
	if (e->decision != 0 && e->decision != (decision | 1))
		verdict_fail("Agreement: (%u,%d,%" PRIu64 ") is another at node %d", id.epoch, id.col, id.i, p->node);
	*e = (struct agreed_entry){ .i = id.i, .decision = decision | 1, .epoch = id.epoch, .col = id.col };
}

static bool is_same_list(const struct ep_membership *a, const struct ep_membership *b)
{
	return a->epoch == b->epoch && a->chain == b->chain && a->n == b->n && a->e == b->e && a->mode == b->mode &&
	       memcmp(a->members, b->members, sizeof a->members) == 0;
}

static void count_change(struct figures *f, const struct ep_membership *from, const struct ep_membership *to)
{
	f->changes++;
	f->sizes[from->n][to->n]++;
	for (uint8_t m = 0; m < to->n; m++)
		f->joined += check_column(from, &to->members[m]) == EP_NO_COLUMN;
	for (uint8_t m = 0; m < from->n; m++)
		f->retired += check_column(to, &from->members[m]) == EP_NO_COLUMN;
}

// The end of an epoch as the arena has it, whether its process lives or died behind the commit point: the same list everywhere.
void check_closed(struct world *w, const struct place *p)
{
	struct epoch *ended = &w->epochs[p->epoch], *next = &w->epochs[p->epoch + 1];
	struct ep_handover handover;
	struct ep_state state;
	if (!ep_frozen_look(p->host.arena, p->host.arena_bytes, &handover, &state))
		return;
	const struct ep_membership list = handover.next;
	if (p->epoch + 1 >= EPOCHS_MAX)
		verdict_fail("more epochs than a world has room for");
	if (!next->is_known) {
		*next = (struct epoch){ .list = list, .is_known = true };
		w->newest = p->epoch + 1;
		count_change(&w->figures, &ended->list, &list);
		world_trace(w, "epoch %u ends at node %d; the next has %d members", p->epoch, p->node, list.n);
	}
	if (!is_same_list(&next->list, &list))
		verdict_fail("epoch %u has two configurations: node %d has another", p->epoch + 1, p->node);
}

// And the same state wherever RECONFIG is executed.
static void check_end(struct world *w, struct place *p)
{
	struct epoch *ended = &w->epochs[p->epoch];
	struct ep_membership list = node_handover(p);
	struct ep_wire_digest digest;
	check_closed(w, p);
	if (!w->epochs[p->epoch + 1].is_known || !is_same_list(&w->epochs[p->epoch + 1].list, &list))
		verdict_fail("node %d has ended epoch %u, and its arena does not say so to others", p->node, p->epoch);
	ep_digest_now(p->host.replica, &digest);
	if (ended->has_digest && (ended->application != digest.application || ended->sessions != digest.sessions))
		verdict_fail("epoch %u ends with two states: node %d has another", p->epoch, p->node);
	ended->application = digest.application;
	ended->sessions = digest.sessions;
	ended->has_digest = ended->is_closed = true;
}

void check_place(struct world *w, struct place *p)
{
	const struct ep_replica *r = p->host.replica;
	uint64_t count = ep_executed_count(r);
	for (; p->executed_seen < count; p->executed_seen++)
		check_executed(w, p, ep_executed_at(r, p->executed_seen));
	w->epochs[p->epoch].ready |= 1u << p->host.config.self;
	if (ep_standing(r) == EP_STANDING_DEAD)
		verdict_fail("node %d is told that its arena of epoch %u is of an earlier time", p->node, p->epoch);
	if (ep_standing(r) != EP_STANDING_FROZEN) {
		if (p->was_frozen)
			verdict_fail("epoch %u has ended at node %d, and goes on", p->epoch, p->node);
		return;
	}
	if (!p->is_ended) {
		check_end(w, p);
		p->is_ended = true;
		p->executed_frozen = count;
	} else if (count != p->executed_frozen) {
		verdict_fail("node %d executes after the end of epoch %u", p->node, p->epoch);
	}
}

static bool is_vote(uint8_t type)
{
	return (type >= EP_PREACCEPT && type <= EP_ACCEPT_OK) || (type >= EP_RECOVER && type <= EP_VALIDATE_OK);
}

// F.1: FROZEN votes for nothing; and nobody votes in an epoch before SLOW of its members hold the state that it begins with.
void check_frame(struct world *w, const struct place *p, const struct ep_frame *frame)
{
	const struct ep_wire_header *h = (const void *)frame->data;
	const struct epoch *e = &w->epochs[p->epoch];
	uint32_t at = sizeof *h;
	for (uint32_t k = 0; k < h->count && h->kind == EP_FRAME_MEMBER; k++) {
		const struct ep_msg *msg = ep_wire_msg(frame->data, at);
		at += msg->len;
		if (!is_vote(msg->type))
			continue;
		if (p->was_frozen)
			verdict_fail("node %d sends %s after the end of epoch %u", p->node, ep_wire_type_name(msg->type), p->epoch);
		uint32_t ready = (uint32_t)__builtin_popcount(e->ready);
		if (p->epoch > 1 && ready < check_slow(e->list.n))
			verdict_fail("node %d votes in epoch %u, and only %u of %d members hold its state", p->node, p->epoch, ready, e->list.n);
	}
}

// At rest: every living member of the newest epoch takes part in it, has executed all, and has the same state.
bool check_converged(struct world *w, const char **why)
{
	const struct epoch *e = &w->epochs[w->newest];
	struct ep_wire_digest first = { 0 }, digest;
	uint32_t well = 0;
	for (uint8_t node = 0; node < NODES; node++) {
		const struct node *n = &w->nodes[node];
		if (!node_is_up(w, node) || check_column(&e->list, &n->me) == EP_NO_COLUMN)
			continue;
		*why = "a member has no arena of the newest epoch";
		if (!n->now || n->now->epoch != w->newest)
			return false;
		*why = "a member does not take part";
		if (ep_standing(n->now->host.replica) != EP_STANDING_MEMBER)
			return false;
		ep_digest_now(n->now->host.replica, &digest);
		*why = "two members have not executed the same";
		if (well++ > 0 && (digest.executed_set != first.executed_set || digest.application != first.application || digest.sessions != first.sessions))
			return false;
		first = digest;
	}
	*why = "fewer than SLOW members live";
	return well >= check_slow(e->list.n);
}
