// What must hold wherever the process dies: promises, executions, and that the cluster goes on.
#include "tests/kill/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "consensus/execute.h"
#include "consensus/state.h"
#include "tests/kill/scribble.h"
#include "tests/sim/verdict.h"

#define ORDER_MAX 512
#define UNITS_MAX 100000 // of work until a replica has executed what it can

// What the undisturbed replica does from `before` on.
struct course {
	struct ep_session_id order[ORDER_MAX]; // the instances that it executes
	uint32_t order_count;
	struct state {
		struct ep_wire_digest digest;
		uint32_t executed; // of `order`
	} states[ORDER_MAX]; // before the first command, after each of them as far as the step goes
	uint32_t states_count;
	struct ep_wire_digest ends[2]; // when all has run that can: without the step's effect, with it
	uint32_t component;            // longest queue seen
};

struct checker {
	const struct world *world;
	struct world *scratch;
	struct ep_replica *before, *after, *seen, *point, *last;
	uint64_t bytes, durable; // of an arena; of its part that a restart reads
	struct step step;
	struct course course;
	struct lent lent;
	struct checker_figures figures;
	bool has_last;
};

static const char *wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *wrong(const char *format, ...)
{
	static char text[300];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return text;
}

static void *pages(uint64_t bytes)
{
	void *p = aligned_alloc(4096, (bytes + 4095) & ~4095ULL);
	if (!p)
		verdict_fail("no memory");
	return p;
}

struct checker *checker_open(const struct world *w)
{
	struct checker *c = pages(sizeof *c);
	*c = (struct checker){ .world = w, .bytes = w->arena_bytes, .scratch = pages(w->bytes) };
	c->before = pages(c->bytes);
	c->after = pages(c->bytes);
	c->seen = pages(c->bytes);
	c->point = pages(c->bytes);
	c->last = pages(c->bytes);
	lent_clear(&c->lent);
	return c;
}

void checker_close(struct checker *c)
{
	void *all[] = { c->scratch, c->before, c->after, c->seen, c->point, c->last, c };
	for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
		free(all[k]);
}

struct checker_figures checker_figures(const struct checker *c)
{
	return c->figures;
}

// ---- the undisturbed course ----
static void quiet(struct checker *c)
{
	for (uint32_t f = 0; f < c->lent.fx.used; f++)
		c->lent.frames[f].len = 0;
	ep_effects_reset(&c->lent.fx);
}

static bool are_equal(const struct ep_wire_digest *a, const struct ep_wire_digest *b)
{
	return a->application == b->application && a->sessions == b->sessions && a->executed_set == b->executed_set;
}

static uint32_t queue_length(const struct ep_replica *r)
{
	uint32_t length = 0;
	for (uint32_t at = order_next(r->order_head); at != 0; at = order_next(ep_rec(r, at - 1)->order))
		length++;
	return length;
}

static bool are_equally_far(const struct ep_replica *a, const struct ep_replica *b)
{
	return ep_executed_count(a) == ep_executed_count(b) && a->order_done == b->order_done;
}

static void note_state(struct course *course, const struct ep_replica *r)
{
	if (course->states_count == ORDER_MAX)
		return;
	struct state *state = &course->states[course->states_count++];
	ep_digest_now(r, &state->digest);
	state->executed = course->order_count;
}

// Executes all that can run. States are noted from the first to that of `until`; NULL: none are.
static void drain(struct checker *c, struct ep_replica *r, struct course *course, const struct ep_replica *until)
{
	bool is_busy = true, is_inside = until && !are_equally_far(r, until);
	uint64_t count = ep_executed_count(r), done = r->order_done;
	for (uint32_t k = 0; is_busy; k++) {
		if (k == UNITS_MAX)
			verdict_fail("execution does not end");
		is_busy = ep_exec_run(r, &c->lent.fx, 1);
		quiet(c);
		uint32_t length = queue_length(r);
		if (is_inside && length > course->component)
			course->component = length;
		bool has_run = ep_executed_count(r) != count || r->order_done != done;
		for (; course && count < ep_executed_count(r) && course->order_count < ORDER_MAX; count++)
			course->order[course->order_count++] = ep_executed_at(r, count);
		count = ep_executed_count(r);
		done = r->order_done;
		if (is_inside && has_run)
			note_state(course, r);
		is_inside = is_inside && !are_equally_far(r, until);
	}
}

static struct ep_replica *copy_of(const struct checker *c, const struct ep_replica *from)
{
	return memcpy(world_replica(c->scratch, c->step.at), from, c->bytes);
}

enum phase checker_prepare(struct checker *c, const struct step *s)
{
	const struct ep_replica *now = world_replica(c->world, s->at);
	struct course *course = &c->course;
	c->step = *s;
	c->has_last = false;
	c->durable = now->at_links;
	memcpy(c->before, now, c->bytes);
	memcpy(c->seen, now, c->bytes);
	memcpy(c->scratch, c->world, sizeof *c->world);
	struct ep_replica *r = copy_of(c, c->before);
	step_run(c->scratch, s, &c->lent);
	quiet(c);
	memcpy(c->after, r, c->bytes);
	course->order_count = course->component = course->states_count = 0;
	// Executions lie inside a tick, and behind any other step.
	r = copy_of(c, s->kind == STEP_TICK ? c->before : c->after);
	if (s->kind == STEP_TICK)
		r->now = s->now;
	note_state(course, r);
	drain(c, r, course, c->after);
	r = copy_of(c, s->kind == STEP_ATTACH ? c->after : c->before);
	drain(c, r, NULL, NULL);
	ep_digest_now(r, &course->ends[0]);
	r = copy_of(c, c->after);
	drain(c, r, NULL, NULL);
	ep_digest_now(r, &course->ends[1]);
	return phase_of(s, c->before, c->after, course->component);
}

bool checker_has_changed(struct checker *c)
{
	const struct ep_replica *now = world_replica(c->world, c->step.at);
	if (memcmp(c->seen, now, c->durable) == 0)
		return false;
	memcpy(c->seen, now, c->durable);
	return true;
}

void checker_keep(struct checker *c, void *arena)
{
	memcpy(arena, c->seen, c->durable);
}

// ---- promises ----
// A record's promise as one comparable thing.
struct promise {
	uint64_t i, bal, abal, seq, payload;
	uint64_t dep[EP_MEMBERS_MAX], idep[EP_MEMBERS_MAX];
	uint32_t payload_len;
	uint8_t phase, fq;
	bool is_nop, has_init, has_payload;
};

static bool promise_of(const struct ep_replica *r, ep_slot slot, struct promise *out)
{
	struct ep_record *rec = ep_rec(r, slot);
	memset(out, 0, sizeof *out);
	if (!rec_is_live(rec))
		return false;
	out->i = rec->i;
	out->bal = rec_bal(rec);
	out->abal = rec_abal(rec);
	out->phase = (uint8_t)rec_phase(rec);
	out->is_nop = rec_is_nop(rec);
	out->has_init = rec_has_init(rec);
	out->has_payload = rec_has_payload(rec);
	memcpy(out->dep, rec_dep(rec, r->n), 8u * r->n);
	if (out->has_init)
		memcpy(out->idep, rec_idep(rec), 8u * r->n);
	if (out->has_payload) {
		out->seq = rec->seq;
		out->fq = rec->fq;
		out->payload_len = rec->payload_len;
		out->payload = ep_hash64(0, ep_payload(r, slot), rec->payload_len);
	}
	return true;
}

static bool are_same(const struct promise *a, const struct promise *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

// Two steps of a handler lie between `was` and `will`: a ballot is joined before the value that comes with it is taken, and a payload
// that a reply brings is known before what follows from the reply.
static bool is_between(const struct promise *is, const struct promise *was, const struct promise *will)
{
	struct promise joined = *was, learned = *was;
	if (was->i != will->i)
		return false;
	joined.bal = will->bal;
	learned.has_payload = will->has_payload;
	learned.seq = will->seq;
	learned.fq = will->fq;
	learned.payload = will->payload;
	learned.payload_len = will->payload_len;
	return are_same(is, &joined) || are_same(is, &learned);
}

// Each record is as before the step or as after it, or between them.
static const char *check_records(const struct checker *c)
{
	struct promise was, is, will;
	for (ep_slot s = 0; s < (uint32_t)c->before->n << c->before->window_shift; s++) {
		bool had = promise_of(c->before, s, &was), has = promise_of(c->point, s, &is), will_have = promise_of(c->after, s, &will);
		uint32_t col = ep_slot_col(c->before, s);
		if (has && ((had && are_same(&is, &was)) || (will_have && are_same(&is, &will)) ||
			    (had && will_have && is_between(&is, &was, &will))))
			continue;
		if (!has && !had)
			continue;
		if (!has && (!will_have || will.i != was.i) && was.i <= c->after->columns[col].stable)
			continue; // recycled
		return wrong("instance (%u,%llu): neither as before the step nor as after it (there %d%d%d, phase %d %d %d, bal %llu %llu %llu, nop %d%d%d)",
			     col, (unsigned long long)(has ? is.i : was.i), had, has, will_have, was.phase, is.phase, will.phase,
			     (unsigned long long)was.bal, (unsigned long long)is.bal, (unsigned long long)will.bal, was.is_nop, is.is_nop, will.is_nop);
	}
	return NULL;
}

static const char *check_header(const struct checker *c)
{
	const struct ep_replica *b = c->before, *p = c->point, *a = c->after;
	if (p->votes < b->votes || p->votes > a->votes)
		return wrong("%llu votes are counted, not %llu to %llu", (unsigned long long)p->votes, (unsigned long long)b->votes,
			     (unsigned long long)a->votes);
	if (p->next_i < b->next_i && c->step.kind != STEP_ATTACH)
		return wrong("the next own number is %llu, it was %llu already", (unsigned long long)p->next_i, (unsigned long long)b->next_i);
	if (p->clock < b->clock || p->clock > a->clock)
		return "the clock went back";
	for (uint32_t col = 0; col < b->n; col++)
		if (p->columns[col].exec_prefix < b->columns[col].exec_prefix)
			return wrong("column %u: the executed prefix went back", col);
	return NULL;
}

// ---- executions ----
// Where in its course the process died: the state says it exactly. NULL: it is none of the course.
static const struct state *find_state(const struct course *course, const struct ep_replica *point)
{
	struct ep_wire_digest is;
	ep_digest_now(point, &is);
	for (uint32_t k = 0; k < course->states_count; k++)
		if (are_equal(&is, &course->states[k].digest))
			return &course->states[k];
	return NULL;
}

static const char *check_executions(struct checker *c)
{
	const struct course *course = &c->course;
	struct ep_wire_digest end;
	const struct state *state = find_state(course, c->point);
	if (!state)
		return "application, sessions and executed set are not those between two commands";
	uint32_t k = state->executed;
	for (uint32_t at = order_next(c->point->order_head); at != 0; at = order_next(ep_rec(c->point, at - 1)->order), k++) {
		ep_slot slot = at - 1;
		const struct ep_session_id *next = &course->order[k];
		if (k >= course->order_count || next->col != ep_slot_col(c->point, slot) || next->i != ep_rec(c->point, slot)->i)
			return "the order queue's rest is not what the undisturbed replica executes next";
	}
	struct ep_replica *r = copy_of(c, c->point);
	drain(c, r, NULL, NULL);
	ep_digest_now(r, &end);
	if (!are_equal(&end, &course->ends[0]) && !are_equal(&end, &course->ends[1]))
		return "what runs after the restart ends in another state than without it";
	return NULL;
}

// ---- going on ----
static const char *check_cluster(struct checker *c)
{
	memcpy(c->scratch, c->world, c->world->bytes);
	copy_of(c, c->point);
	// What the process had in its hands is lost, or comes again.
	if (c->step.kind == STEP_RECEIVE && c->figures.states % 2 == 0 && c->scratch->flights_count < WORLD_FLIGHTS_MAX)
		c->scratch->flights[c->scratch->flights_count++] = c->step.in;
	return world_converge(c->scratch, &c->lent);
}

static struct ep_replica *restarted(const struct checker *c, const struct ep_replica *from, struct ep_replica *to)
{
	memcpy(to, from, c->bytes);
	struct ep_txn txn = ep_txn(to);
	ep_txn_rollback(&txn); // so that both know what is reachable
	scribble(to);
	if (ep_replica_attach(to, c->bytes, &c->world->config[c->step.at], &to) != EP_ATTACH_OK)
		return NULL;
	to->starts = to->start = 0; // one attach more
	return to;
}

// An interrupted attach, done again, ends in the same arena.
static const char *check_attach(const struct checker *c)
{
	const struct ep_replica *once = restarted(c, c->before, world_replica(c->scratch, c->step.at));
	const struct ep_replica *again = restarted(c, c->seen, c->last);
	if (!once || !again)
		return "an arena that was attached once is refused";
	const uint8_t *a = (const uint8_t *)once, *b = (const uint8_t *)again;
	for (uint64_t at = 0; at < c->bytes; at++)
		if (a[at] != b[at])
			return wrong("an attach that was interrupted and done again ends in another arena, from byte %llu on", (unsigned long long)at);
	return NULL;
}

const char *checker_point(struct checker *c)
{
	const struct ep_config *config = &c->world->config[c->step.at];
	struct ep_replica *r;
	const char *what;
	c->figures.attaches++;
	memcpy(c->point, c->seen, c->bytes);
	scribble(c->point);
	enum ep_attach verdict = ep_replica_attach(c->point, c->bytes, config, &r);
	if (verdict != EP_ATTACH_OK)
		return wrong("the arena is refused: %d", verdict);
	if (c->has_last && memcmp(c->point, c->last, c->bytes) == 0)
		return NULL;
	c->figures.states++;
	what = check_header(c);
	what = what ? what : check_records(c);
	what = what ? what : check_executions(c);
	what = what ? what : check_cluster(c);
	if (!what && c->step.kind == STEP_ATTACH)
		what = check_attach(c);
	memcpy(c->last, c->point, c->bytes);
	c->has_last = true;
	return what;
}
