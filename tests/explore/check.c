// What must hold, in every world. The checkers read records and messages; they share nothing with the rules of the core.
#include <string.h>
#include "consensus/decide.h"
#include "tests/explore/explore.h"
#include "tests/sim/verdict.h"

#define NAME(s, k) (s)->commands[k].col, (unsigned long long)scope_number(s, k)

// INV4: what a replica has promised it keeps, also over a restart. Ballots do not fall, a committed instance does not change.
void check_step(const struct scope *s, const struct local *before, const struct local *after, action a)
{
	if (s->has_amnesia && act_kind(a) == ACT_RESTART)
		return; // what comes of it is looked for
	for (uint32_t k = 0; k < s->count; k++) {
		const struct fact *b = &before->facts[k], *f = &after->facts[k];
		if (b->is_committed && (!f->is_committed || (b->value != f->value && f->value != 0)))
			verdict_fail("INV4: p%u changes (%u,%llu), which it has committed", after->self, NAME(s, k));
		if (!f->is_committed && (f->bal < b->bal || f->abal < b->abal || f->abal > f->bal))
			verdict_fail("INV4: ballots of (%u,%llu) at p%u: %u, value of %u; before: %u, value of %u", NAME(s, k), after->self,
				     f->bal, f->abal, b->bal, b->abal);
		if (b->phase > f->phase && !f->is_committed)
			verdict_fail("INV4: p%u falls back to phase %u with (%u,%llu)", after->self, f->phase, NAME(s, k));
		if (b->is_executed && !f->is_executed)
			verdict_fail("INV4: p%u has executed (%u,%llu), and then has not", after->self, NAME(s, k));
	}
	// Nothing is missing: what can be executed is.
	bool is_all = true, is_executed = true;
	for (uint32_t k = 0; k < s->count; k++) {
		is_all &= after->facts[k].is_committed;
		is_executed &= after->facts[k].is_executed;
	}
	if (is_all && !is_executed)
		verdict_fail("p%u has committed everything and does not execute it", after->self);
}

static uint32_t place_in(const struct local *l, uint32_t command)
{
	uint32_t at = 0;
	while (at < l->order_count && l->order[at] != command)
		at++;
	return at;
}

// INV8: interfering commands run in one order, at two replicas, and at one that came to a state in two ways.
void check_order(const struct scope *s, const struct local *a, const struct local *b)
{
	for (uint32_t x = 0; x < s->count; x++)
		for (uint32_t y = 0; y < x; y++) {
			uint32_t ax = place_in(a, x), ay = place_in(a, y), bx = place_in(b, x), by = place_in(b, y);
			if (!scope_interfere(s, x, y) || ax == a->order_count || ay == a->order_count || bx == b->order_count ||
			    by == b->order_count || (ax < ay) == (bx < by))
				continue;
			verdict_fail("INV8: p%u and p%u execute (%u,%llu) and (%u,%llu) in different orders", a->self, b->self, NAME(s, x),
				     NAME(s, y));
		}
}

static bool has_run(const struct scope *s, const struct world *w, uint32_t command)
{
	for (uint32_t p = 0; p < s->n; p++)
		if (!machine_local(w->local[p])->facts[command].is_executed)
			return false;
	return true;
}

// INV3: of two interfering commands one depends on the other. Where one has run everywhere, its record may be gone (E.3).
static void check_visibility(const struct scope *s, const struct world *w, uint32_t x)
{
	const struct said_value *v = said_value_at(w->decided[x]);
	for (uint32_t y = 0; y < s->count && !v->is_nop; y++) {
		const struct said_value *u = said_value_at(w->decided[y]);
		if (y == x || w->decided[y] == 0 || u->is_nop || !scope_interfere(s, x, y))
			continue;
		bool has_y = v->dep[s->commands[y].col] >= scope_number(s, y), has_x = u->dep[s->commands[x].col] >= scope_number(s, x);
		if (!has_x && !has_y && !(s->has_status && (has_run(s, w, x) || has_run(s, w, y))))
			verdict_fail("Visibility: (%u,%llu) and (%u,%llu) interfere, and neither depends on the other", NAME(s, x), NAME(s, y));
	}
}

// INV6: all that hold the initial dependencies of an instance hold the same.
static void check_initial(const struct scope *s, const struct local *l, const struct local *other)
{
	for (uint32_t k = 0; k < s->count; k++)
		if (l->facts[k].has_initial && other->facts[k].has_initial && l->facts[k].initial != other->facts[k].initial)
			verdict_fail("INV6: p%u and p%u hold different initial dependencies of (%u,%llu)", l->self, other->self, NAME(s, k));
}

// E.1: what one has forgotten all have executed.
static void check_recycled(const struct scope *s, const struct local *l, const struct local *other)
{
	for (uint32_t k = 0; k < s->count; k++)
		if (l->facts[k].is_recycled && !other->facts[k].is_executed)
			verdict_fail("E.1: p%u has recycled (%u,%llu), and p%u has not executed it", l->self, NAME(s, k), other->self);
}

void check_world(const struct scope *s, struct world *w, uint8_t p)
{
	const struct local *l = machine_local(w->local[p]);
	for (uint32_t k = 0; k < s->count; k++) {
		uint32_t value = l->facts[k].value;
		if (value == 0 || value == w->decided[k])
			continue;
		if (w->decided[k] != 0) { // INV1
			verdict_fail("Agreement: (%u,%llu) is committed with two values; p%u: %s", NAME(s, k), p, said_value_text(value));
		}
		w->decided[k] = value;
		check_visibility(s, w, k);
	}
	for (uint32_t q = 0; q < s->n; q++) {
		if (q == p)
			continue;
		check_initial(s, l, machine_local(w->local[q]));
		check_recycled(s, l, machine_local(w->local[q]));
		check_order(s, l, machine_local(w->local[q]));
	}
}

// INV5: a ballot proposes one value. Of what is under way.
void check_proposal(const struct scope *s, const struct world *w, uint32_t message)
{
	const struct said *m = said_at(message);
	const struct ep_msg *a = ep_wire_msg(m->frame, sizeof(struct ep_wire_header));
	uint32_t head = (uint32_t)sizeof(struct ep_msg) + sizeof(struct ep_wire_value);
	if (m->type != EP_ACCEPT)
		return;
	for (uint32_t k = 0; k < w->count; k++) {
		const struct said *other = said_at(w->live[k]);
		if (other->type != EP_ACCEPT || other->command != m->command || other->bal != m->bal)
			continue;
		const struct ep_msg *b = ep_wire_msg(other->frame, sizeof(struct ep_wire_header)); // with payload or without: deps come first
		if ((a->flags & EP_MSG_NOP) != (b->flags & EP_MSG_NOP) ||
		    memcmp((const uint8_t *)a + head, (const uint8_t *)b + head, 8u * s->n) != 0)
			verdict_fail("INV5: ballot %llu proposes two values for (%u,%llu)", (unsigned long long)m->bal, NAME(s, m->command));
	}
}

// Liveness, as far as a search of finite schedules can tell: where every message has been delivered and every timer has fired,
// everything is decided, and everybody alive knows it. But for what nobody may recover whose leader is dead, and, after a restart, for
// what an attempt was started: it may be forgotten, and no budget left.
void check_end(const struct scope *s, const struct world *w)
{
	bool has_restarted = false;
	for (uint32_t p = 0; p < s->n; p++)
		has_restarted |= w->restarts[p] < s->restarts[p];
	for (uint32_t k = 0; k < s->count; k++) {
		bool may_stay_open = s->recoveries[k] > 0 ? has_restarted : s->dead & (1u << s->commands[k].col);
		for (uint32_t p = 0; p < s->n && !may_stay_open; p++)
			if (!(s->dead & (1u << p)) && !machine_local(w->local[p])->facts[k].is_committed)
				verdict_fail("nothing is left to happen, and p%u has not committed (%u,%llu)", p, NAME(s, k));
	}
}
