// INV9: the search for an order. Depth first over "which operation takes effect next", undone by a stack.
#include "tests/sim/linear.h"
#include <stdlib.h>
#include <string.h>
#include "consensus/base/rng.h"

struct event { // a call or a return, in a doubly linked list by time
	uint64_t at;
	uint32_t op;
	bool is_call;
	uint32_t prev, next, match; // indices; 0 is the head of the list
};

struct frame { // one operation that took effect, and the state before it
	uint32_t event;
	int64_t state;
};

struct seen { // a set of operations that took effect with the state they led to
	uint64_t a, b;
};

struct search {
	const struct linear_op *ops;
	struct event *events;
	uint32_t count;
	struct frame *stack;
	uint32_t depth;
	struct seen *seen;
	uint32_t seen_room, seen_count;
	uint64_t a, b; // of the set: a sum over its members
	int64_t state;
};

static bool step(const struct linear_op *op, int64_t state, int64_t *next)
{
	if (op->is_answered && op->has_existed && op->existed != (state != 0))
		return false;
	switch ((enum linear_kind)op->kind) {
	case LINEAR_READ:
		*next = state;
		return !op->is_answered || op->result == state;
	case LINEAR_WRITE:
		*next = op->value;
		return true;
	case LINEAR_CAS:
		*next = state == op->expect ? op->value : state;
		return !op->is_answered || (op->result != 0) == (state == op->expect);
	case LINEAR_ADD:
		*next = state + op->value;
		return !op->is_answered || op->result == *next;
	}
	return false;
}

static int by_call(const void *x, const void *y)
{
	const struct linear_op *a = x, *b = y;
	return a->call < b->call ? -1 : a->call > b->call;
}

// Returns before calls at the same time would order operations that overlap by a point: calls come first.
static int by_time(const void *x, const void *y)
{
	const struct event *a = x, *b = y;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->is_call != b->is_call)
		return a->is_call ? -1 : 1;
	return a->op < b->op ? -1 : a->op > b->op;
}

static void build(struct search *s, const struct linear_op *ops, uint32_t count)
{
	*s = (struct search){.ops = ops, .count = count, .seen_room = 1024};
	s->events = calloc(2u * count + 1, sizeof *s->events);
	s->stack = calloc(count + 1, sizeof *s->stack);
	s->seen = calloc(s->seen_room, sizeof *s->seen);
	uint32_t last = 2 * count;
	for (uint32_t o = 0; o < count; o++) {
		s->events[2 * o + 1] = (struct event){.at = ops[o].call, .op = o, .is_call = true};
		s->events[2 * o + 2] = (struct event){.at = ops[o].ret, .op = o};
	}
	qsort(s->events + 1, last, sizeof *s->events, by_time);
	uint32_t *call_of = calloc(count + 1, sizeof *call_of);
	for (uint32_t e = 1; e <= last; e++) {
		s->events[e].prev = e - 1;
		s->events[e].next = e < last ? e + 1 : 0;
		if (s->events[e].is_call)
			call_of[s->events[e].op] = e;
		else
			s->events[call_of[s->events[e].op]].match = e;
	}
	s->events[0].next = count > 0 ? 1 : 0;
	free(call_of);
}

static void unlink_event(struct search *s, uint32_t e)
{
	struct event *event = &s->events[e];
	s->events[event->prev].next = event->next;
	if (event->next != 0)
		s->events[event->next].prev = event->prev;
}

static void relink_event(struct search *s, uint32_t e)
{
	struct event *event = &s->events[e];
	s->events[event->prev].next = e;
	if (event->next != 0)
		s->events[event->next].prev = e;
}

static struct seen *seen_place(struct search *s, struct seen key)
{
	uint32_t at = (uint32_t)key.a & (s->seen_room - 1);
	while (s->seen[at].a != 0 && memcmp(&s->seen[at], &key, sizeof key) != 0)
		at = (at + 1) & (s->seen_room - 1);
	return &s->seen[at];
}

// False when this set was reached with this state before.
static bool is_new(struct search *s, int64_t state)
{
	struct seen key = {ep_mix64(s->a ^ ep_mix64((uint64_t)state)) | 1, ep_mix64(s->b + (uint64_t)state)};
	struct seen *place = seen_place(s, key);
	if (place->a != 0)
		return false;
	*place = key;
	if (++s->seen_count <= s->seen_room / 2)
		return true;
	struct seen *old = s->seen;
	uint32_t room = s->seen_room;
	s->seen_room *= 2;
	s->seen = calloc(s->seen_room, sizeof *s->seen);
	for (uint32_t k = 0; k < room; k++)
		if (old[k].a != 0)
			*seen_place(s, old[k]) = old[k];
	free(old);
	return true;
}

static void toggle(struct search *s, uint32_t op)
{
	s->a ^= ep_mix64(op + 1ULL);
	s->b ^= ep_mix64(op + 0x9e3779b97f4a7c15ULL);
}

// The call at event e takes effect now, if the answer allows it and it leads somewhere new.
static bool take(struct search *s, uint32_t e)
{
	int64_t next;
	uint32_t op = s->events[e].op;
	if (!step(&s->ops[op], s->state, &next))
		return false;
	toggle(s, op);
	if (!is_new(s, next)) {
		toggle(s, op);
		return false;
	}
	s->stack[s->depth++] = (struct frame){e, s->state};
	s->state = next;
	unlink_event(s, e);
	unlink_event(s, s->events[e].match);
	return true;
}

// Undoes the last one; returns where to go on.
static uint32_t give_back(struct search *s)
{
	struct frame *f = &s->stack[--s->depth];
	relink_event(s, s->events[f->event].match);
	relink_event(s, f->event);
	toggle(s, s->events[f->event].op);
	s->state = f->state;
	return s->events[f->event].next;
}

static enum linear_verdict run(struct search *s, uint64_t steps_max)
{
	uint32_t e = s->events[0].next;
	while (s->events[0].next != 0) {
		if (steps_max-- == 0)
			return LINEAR_TOO_LONG;
		if (e != 0 && s->events[e].is_call) {
			e = take(s, e) ? s->events[0].next : s->events[e].next;
			continue;
		}
		if (e != 0 && s->events[e].at == UINT64_MAX)
			return LINEAR_YES; // only unanswered ones are left: they may take effect after everything
		if (s->depth == 0)
			return LINEAR_NO;
		e = give_back(s);
	}
	return LINEAR_YES;
}

enum linear_verdict linear_check(struct linear_op *ops, uint32_t count, uint64_t steps_max)
{
	struct search s;
	qsort(ops, count, sizeof *ops, by_call);
	build(&s, ops, count);
	enum linear_verdict verdict = run(&s, steps_max);
	free(s.events);
	free(s.stack);
	free(s.seen);
	return verdict;
}
