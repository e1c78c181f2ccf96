// INV8: every replica executes the writes of a key in one order, and each read between the same two of them; what an
// instance depends on runs before it, or belongs to its own component.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

static bool is_edge(const struct log_instance *from, const struct log_instance *to)
{
	return to->i <= from->dep[to->col] && log_keys_meet(from, to);
}

// Whether `from` reaches `to` over effective edges, among what p has not executed and the members of the component that it
// is executing.
static bool reaches(struct check *k, uint8_t p, struct log_instance *from, const struct log_instance *to)
{
	struct log *log = &k->log;
	const struct check_open *open = &k->open[p];
	static struct log_instance *stack[8192]; // each instance is pushed once at the most
	uint32_t depth = 0, visit = ++log->visit;
	stack[depth++] = from;
	from->visit = visit;
	while (depth > 0) {
		struct log_instance *v = stack[--depth];
		if (v == to)
			return true;
		for (uint8_t c = 0; c < log->config.n; c++)
			for (uint64_t i = open->base[c] + 1; i <= v->dep[c] && i <= log_last(log, c); i++) {
				struct log_instance *w = log_find(log, c, i);
				if (!w || w->visit == visit || !w->is_committed || w->is_nop || !is_edge(v, w))
					continue;
				if (w != to && (w->executed & (1u << p)) && w->turn[p] < open->since)
					continue;
				w->visit = visit;
				if (depth == sizeof stack / sizeof stack[0])
					return true; // too large to tell
				stack[depth++] = w;
			}
	}
	return false;
}

// x runs before y, on which it depends: a component of several begins, or goes on.
static void check_component(struct check *k, uint8_t p, struct log_instance *x, struct log_instance *y)
{
	struct check_open *open = &k->open[p];
	if (!reaches(k, p, y, x))
		verdict_fail("INV8: p%d executes %s before %s, which it depends on", p, log_name(x), log_name(y));
	for (uint32_t w = 0; w < open->waiting_count; w++)
		if (open->waiting[w] == y)
			return;
	if (open->waiting_count == CHECK_WAITING_MAX)
		verdict_fail("p%d executes a component of more than %d", p, CHECK_WAITING_MAX);
	open->waiting[open->waiting_count++] = y;
}

// Everything that x depends on is decided, and what is not executed before it is in its component.
static void check_closure(struct check *k, uint8_t p, struct log_instance *x)
{
	struct log *log = &k->log;
	for (uint8_t c = 0; c < log->config.n; c++)
		for (uint64_t i = log->executed_by[p][c] + 1; i <= x->dep[c]; i++) {
			struct log_instance *y = log_find(log, c, i);
			if (y && (y == x || (y->executed & (1u << p))))
				continue;
			if (!y || (!y->has_payload && !y->is_committed))
				verdict_fail("INV8: p%d executes %s, which depends on (%d,%" PRIu64 ") that nobody knows", p,
					     log_name(x), c, i);
			if (!y->has_payload || !log_keys_meet(x, y) || (y->is_committed && y->is_nop))
				continue;
			if (!y->is_committed)
				verdict_fail("INV8: p%d executes %s before %s, which it depends on, is decided", p, log_name(x),
					     log_name(y));
			check_component(k, p, x, y);
		}
}

// A component ends when all that its members waited for have run.
static void close_component(struct check *k, uint8_t p, const struct log_instance *x)
{
	struct check_open *open = &k->open[p];
	for (uint32_t w = 0; w < open->waiting_count; w++)
		if (open->waiting[w] == x)
			open->waiting[w--] = open->waiting[--open->waiting_count];
	if (open->waiting_count > 0)
		return;
	open->since = k->log.turns[p];
	for (uint8_t c = 0; c < k->log.config.n; c++)
		open->base[c] = k->log.executed_by[p][c];
}

void check_executed(struct check *k, uint8_t p, struct log_instance *x)
{
	struct log *log = &k->log;
	if (!x->is_committed)
		verdict_fail("INV8: p%d executed %s, which nobody committed", p, log_name(x));
	if (x->executed & (1u << p))
		verdict_fail("INV8: p%d executed %s twice", p, log_name(x));
	check_queue_taken(k, p, x);
	x->turn[p] = log->turns[p]++;
	if (!x->is_nop) {
		check_closure(k, p, x);
		check_place(k, p, x, false);
		if (x->executed == 0)
			check_session_apply(k, x);
	}
	x->executed |= (uint8_t)(1u << p);
	k->executions++;
	const struct log_instance *next;
	while ((next = log_find(log, x->col, log->executed_by[p][x->col] + 1)) && (next->executed & (1u << p)))
		log->executed_by[p][x->col]++;
	close_component(k, p, x);
}

bool check_is_inside_component(const struct check *k, uint8_t p)
{
	const struct check_open *open = &k->open[p];
	uint64_t done = k->log.turns[p] - open->since;
	return open->waiting_count > 0 && done > 0 && done + open->waiting_count >= 3;
}
