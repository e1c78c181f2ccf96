// Worlds: which moves there are, and what comes of one.
//
// Messages stay deliverable for ever and need never be delivered: that is loss, delay, reordering and duplication at once, and a
// member that is never chosen again has crashed. Three reductions keep the search small; none leaves out an outcome (the test
// `reductions` compares with a search without them):
//
// - A message that can have no more effect at its receiver is forgotten. The rules of is_spent() say when that is for good, and the
//   core is asked every time whether it really does nothing with it now.
// - Everybody can get a Commit as soon as anybody has committed: that is what COMMIT_NOW sends (said.c).
// - A timer that says nothing new is not chosen: it may as well fire later, when it does.
#include "consensus/quorum.h"
#include <stdio.h>
#include <string.h>
#include "tests/explore/explore.h"
#include "tests/sim/verdict.h"

static bool can_restart(const struct scope *s, uint8_t p)
{
	return s->restarts[p] > 0;
}

static uint64_t executed_prefix(const struct scope *s, const struct local *l, uint32_t col)
{
	uint64_t prefix = 0;
	for (uint32_t k = 0; k < s->count; k++)
		prefix += s->commands[k].col == col && l->facts[k].is_executed && scope_number(s, k) == prefix + 1;
	return prefix;
}

// Frontiers only raise what their receiver knows. They can do more later only if what is executed here holds them back now.
static bool are_stable_spent(const struct scope *s, const struct local *l, const uint8_t *stable)
{
	for (uint32_t c = 0; c < s->n; c++)
		if (ep_load64(stable + 8 * c) > executed_prefix(s, l, c))
			return false;
	return true;
}

static bool is_status_spent(const struct scope *s, const struct local *l, const struct said *m)
{
	const uint8_t *body = m->frame + sizeof(struct ep_wire_header) + sizeof(struct ep_msg);
	for (uint32_t c = 0; c < s->n; c++) {
		uint64_t executed = ep_load64(body + 8 * c), known = ep_load64(body + 8 * (s->n + c));
		uint64_t top = executed_prefix(s, l, c) + s->window;
		if (executed > top || known > top)
			return false;
	}
	return are_stable_spent(s, l, body + 16 * s->n);
}

// A PreAccept tells its sender's frontier as well, also where the instance itself is past it.
static bool is_frontier_spent(const struct scope *s, const struct local *l, const struct said *m)
{
	uint32_t skip = (uint32_t)(sizeof(struct ep_wire_header) + sizeof(struct ep_msg) + sizeof(struct ep_wire_preaccept)) + 8u * s->n;
	return !s->has_status || m->type != EP_PREACCEPT || are_stable_spent(s, l, m->frame + skip);
}

// A ballot that is known is not learned again; later attempts are above it. A leader's timer may start again while its ballot is 0.
static bool is_nack_spent(const struct scope *s, const struct local *l, const struct said *m)
{
	const struct fact *f = &l->facts[m->command];
	bool is_own = s->commands[m->command].col == l->self, is_outbid = f->rec_state != 0 && f->rec_bal < m->bal;
	return !can_restart(s, l->self) && (f->is_committed || (!is_outbid && (!is_own || f->bal > 0)));
}

// Whether this message changes nothing at a receiver in this state, now and in all states that can follow.
static bool is_spent_by_rule(const struct scope *s, const struct local *l, const struct said *m)
{
	if (m->command == COMMANDS_MAX)
		return m->type == EP_STATUS && is_status_spent(s, l, m);
	const struct fact *f = &l->facts[m->command];
	uint8_t bit = (uint8_t)(1u << m->from);
	bool is_joined = !s->has_nacks && f->bal > m->bal; // a Nack would be the answer
	bool is_counting = f->rec_state != 0 && f->rec_bal == m->bal;
	if (!is_frontier_spent(s, l, m))
		return false;
	if (m->type == EP_NACK)
		return is_nack_spent(s, l, m);
	if (f->is_committed)
		return true;
	switch (m->type) {
	case EP_PREACCEPT:
		return !s->has_nacks && (f->bal > 0 || f->phase == EP_ACCEPTED);
	case EP_ACCEPT:
		return is_joined || (f->phase == EP_ACCEPTED && f->abal == m->bal && f->bal == m->bal);
	case EP_RECOVER:
		return is_joined || (f->bal == m->bal && m->bal > 0);
	case EP_VALIDATE:
		return is_joined || (f->phase == EP_ACCEPTED && f->abal == m->bal);
	case EP_PREACCEPT_OK: // volatile tallies are counted again after a restart
		return f->phase == EP_ACCEPTED || f->bal > 0 || (!can_restart(s, l->self) && f->tally_ok & bit);
	case EP_ACCEPT_OK:
		if (m->bal == 0)
			return f->bal > 0 || (!can_restart(s, l->self) && f->phase == EP_ACCEPTED && f->acc_ok & bit);
		return !is_counting || (f->rec_state == EP_REC_ACCEPT && f->rec_done & bit);
	case EP_RECOVER_OK: // an attempt has one ballot, and a ballot one attempt
		return !is_counting || f->rec_state == EP_REC_ACCEPT || f->rec_got & bit;
	case EP_VALIDATE_OK:
		return !is_counting || f->rec_state != EP_REC_VALIDATE || f->rec_done & bit;
	}
	return false;
}

static bool is_spent(const struct scope *s, uint32_t local, uint32_t message)
{
	const struct said *m = said_at(message);
	return s->reduce > 0 && is_spent_by_rule(s, machine_local(local), m) &&
	       machine_step(local, act_make(ACT_MESSAGE, message)).next == local;
}

static bool is_live(const struct world *w, uint32_t message)
{
	uint32_t low = 0, high = w->count;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (w->live[mid] < message)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->count && w->live[low] == message;
}

static void add_live(struct world *w, uint32_t message)
{
	uint32_t at = w->count;
	if (w->count == LIVE_MAX)
		verdict_fail("more messages at once than provided for");
	for (; at > 0 && w->live[at - 1] > message; at--)
		w->live[at] = w->live[at - 1];
	w->live[at] = message;
	w->count++;
	w->sum += said_at(message)->hash;
}

// Of two Status from one member to another only the newer one is kept under way: that much less is reordered.
static void forget_older_status(struct world *w, uint32_t message)
{
	const struct said *m = said_at(message);
	uint32_t kept = 0;
	for (uint32_t k = 0; k < w->count; k++) {
		const struct said *old = said_at(w->live[k]);
		if (old->type == EP_STATUS && old->from == m->from && old->to == m->to)
			w->sum -= old->hash;
		else
			w->live[kept++] = w->live[k];
	}
	w->count = kept;
}

// The messages to p that its new state makes pointless.
static void forget_spent(const struct scope *s, struct world *w, uint8_t p)
{
	uint32_t kept = 0;
	for (uint32_t k = 0; k < w->count; k++) {
		uint32_t message = w->live[k];
		if (said_at(message)->to == p && is_spent(s, w->local[p], message))
			w->sum -= said_at(message)->hash;
		else
			w->live[kept++] = message;
	}
	w->count = kept;
}

static bool is_alive(const struct scope *s, uint32_t p)
{
	return !(s->dead & (1u << p));
}

static void copy_world(struct world *to, const struct world *from)
{
	memcpy(to, from, offsetof(struct world, live) + 4ULL * from->count);
}

// An instance that all living members have committed is not recovered any more.
static void drop_budgets(const struct scope *s, struct world *w)
{
	for (uint32_t k = 0; k < s->count && k < COMMANDS_MAX; k++) { // never more: the compiler has no way to know
		bool is_settled = w->recoveries[k] > 0;
		for (uint8_t p = 0; p < s->n && is_settled; p++)
			is_settled = !is_alive(s, p) || machine_local(w->local[p])->facts[k].is_committed;
		if (is_settled)
			w->recoveries[k] = 0;
	}
}

bool world_apply(const struct scope *s, const struct world *w, const struct move *move, struct world *next)
{
	uint8_t p = (uint8_t)move->p;
	enum act kind = act_kind(move->what);
	struct outcome o = machine_step(w->local[p], move->what);
	uint32_t count, fresh = 0;
	const uint32_t *outs = machine_outs(o.outs, &count);
	for (uint32_t k = 0; k < count; k++) {
		uint8_t to = said_at(outs[k])->to;
		fresh += is_alive(s, to) && !is_live(w, outs[k]) && !is_spent(s, w->local[to], outs[k]);
	}
	if (fresh == 0 && (o.next == w->local[p] || (kind == ACT_TIMER && s->reduce > 0)))
		return false;
	copy_world(next, w);
	next->local[p] = o.next;
	if (o.next != w->local[p])
		forget_spent(s, next, p);
	for (uint32_t k = 0; k < count && fresh > 0; k++) {
		uint8_t to = said_at(outs[k])->to;
		if (is_alive(s, to) && !is_live(next, outs[k]) && !is_spent(s, next->local[to], outs[k])) {
			check_proposal(s, next, outs[k]);
			if (said_at(outs[k])->type == EP_STATUS && s->reduce > 0)
				forget_older_status(next, outs[k]);
			add_live(next, outs[k]);
		}
	}
	if (kind == ACT_RECOVER)
		next->recoveries[act_what(move->what)]--;
	if (kind == ACT_RESTART)
		next->restarts[p]--;
	check_world(s, next, p);
	drop_budgets(s, next);
	return true;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return ep_mix64(ep_mix64(h + 0x9e3779b97f4a7c15ULL) ^ v);
}

uint64_t world_hash(const struct scope *s, const struct world *w)
{
	uint64_t h = w->sum, budgets = 0;
	for (uint32_t p = 0; p < s->n; p++) {
		h = mix(h, machine_local(w->local[p])->print);
		budgets = budgets << 4 | w->restarts[p];
	}
	for (uint32_t k = 0; k < s->count; k++) {
		h = mix(h, w->decided[k]);
		budgets = budgets << 4 | w->recoveries[k];
	}
	return mix(h, budgets) | 1;
}

// ---- moves ------------------------------------------------------------------------------------------------------
static uint32_t add_move(struct move *out, uint32_t count, uint32_t p, enum act act, uint32_t what)
{
	if (count == MOVES_MAX)
		verdict_fail("more moves than provided for");
	out[count] = (struct move){ p, act_make(act, what) };
	return count + 1;
}

static bool is_submitted(const struct scope *s, const struct world *w, uint32_t k)
{
	return machine_local(w->local[s->commands[k].col])->submitted >= scope_number(s, k);
}

// What p may do about command k by itself.
static uint32_t moves_about(const struct scope *s, const struct world *w, uint32_t p, uint32_t k, struct move *out, uint32_t count)
{
	const struct local *l = machine_local(w->local[p]);
	const struct fact *f = &l->facts[k];
	bool is_own = s->commands[k].col == p;
	bool may_recover = s->recoverers == 0 || s->recoverers & (1u << p);
	if (is_own && l->submitted + 1u == scope_number(s, k))
		count = add_move(out, count, p, ACT_SUBMIT, k);
	if (f->is_committed)
		return count;
	if (w->decided[k] != 0)
		count = add_move(out, count, p, ACT_COMMIT, w->decided[k]);
	if (is_own && f->queue != EP_QUEUE_NONE)
		count = add_move(out, count, p, ACT_TIMER, k);
	// A leader does not recover what it drives itself (learn.c).
	if (w->recoveries[k] > 0 && may_recover && is_submitted(s, w, k) && !(is_own && f->bal == 0 && f->queue != EP_QUEUE_NONE))
		count = add_move(out, count, p, ACT_RECOVER, k);
	return count;
}

// All moves about command k; COMMANDS_MAX: those about none.
static uint32_t group_of(const struct scope *s, const struct world *w, uint32_t k, struct move *out, uint32_t count)
{
	for (uint32_t m = 0; m < w->count; m++) {
		const struct said *message = said_at(w->live[m]);
		if (message->command == k)
			count = add_move(out, count, message->to, ACT_MESSAGE, w->live[m]);
	}
	for (uint32_t p = 0; p < s->n && k < COMMANDS_MAX; p++)
		if (is_alive(s, p))
			count = moves_about(s, w, p, k, out, count);
	return count;
}

static uint32_t other_moves(const struct scope *s, const struct world *w, struct move *out, uint32_t count)
{
	for (uint32_t p = 0; p < s->n; p++) {
		if (!is_alive(s, p))
			continue;
		bool is_waiting = false;
		for (uint32_t k = 0; k < s->count; k++)
			is_waiting |= machine_local(w->local[p])->facts[k].rec_state == EP_REC_DEPS;
		if (is_waiting)
			count = add_move(out, count, p, ACT_CHECK, 0);
		if (w->restarts[p] > 0)
			count = add_move(out, count, p, ACT_RESTART, 0);
		if (s->has_status)
			count = add_move(out, count, p, ACT_STATUS, 0);
	}
	return group_of(s, w, COMMANDS_MAX, out, count);
}

// Whether pre-accepting x at p (its dependencies are what is known there then) and learning the payload of y there are both still
// ahead, in either order. Acceptors leave out the leader's own column; SUBMIT also reads the clock.
static bool may_meet(const struct scope *s, const struct world *w, uint32_t p, uint32_t x, uint32_t y)
{
	const struct fact *f = &machine_local(w->local[p])->facts[x], *g = &machine_local(w->local[p])->facts[y];
	bool is_own = s->commands[x].col == p;
	if (f->has_record || g->has_payload || g->is_committed)
		return false;
	return is_own || (scope_interfere(s, x, y) && s->commands[x].col != s->commands[y].col);
}

// Whether x has nothing more to do with any other command, anywhere.
//
// A restart touches all instances of its member at once. With quiet restarts it waits until x has come to its end: what x loses by it
// (tallies, an attempt) is what it would lack had the answers not arrived, and they need not arrive. That a record itself is the same
// after a restart is looked at in every restart (machine.c); scopes without quiet restarts have them everywhere.
static bool is_apart(const struct scope *s, const struct world *w, uint32_t x)
{
	for (uint32_t p = 0; p < s->n; p++) {
		if (w->restarts[p] > 0 && !s->has_quiet_restarts)
			return false;
		for (uint32_t y = 0; y < s->count; y++)
			if (y != x && is_alive(s, p) && (may_meet(s, w, p, x, y) || may_meet(s, w, p, y, x)))
				return false;
	}
	return true;
}

static bool can_separate(const struct scope *s)
{
	bool has_validation = s->mode == EP_MODE_E && ep_quorum_e(s->n) > 1; // looks at other instances
	return s->reduce == 2 && !s->has_nacks && !s->has_status && !has_validation;
}

uint32_t world_moves(const struct scope *s, const struct world *w, struct move *out, struct groups *groups)
{
	uint32_t count = 0, apart = 0;
	groups->count = 0;
	for (uint32_t k = s->count; k-- > 0;) {
		if (!can_separate(s) || !is_apart(s, w, k))
			continue;
		apart |= 1u << k;
		count = group_of(s, w, k, out, count);
		groups->end[groups->count++] = count;
	}
	for (uint32_t k = 0; k < s->count; k++)
		if (!(apart & (1u << k)))
			count = group_of(s, w, k, out, count);
	count = other_moves(s, w, out, count);
	for (uint32_t k = 0; k < count; k++)
		machine_prefetch(w->local[out[k].p], out[k].what);
	return count;
}

// ---- the beginning ----------------------------------------------------------------------------------------------
static void must_apply(const struct scope *s, struct world *w, struct move move)
{
	struct world next;
	if (world_apply(s, w, &move, &next))
		copy_world(w, &next);
}

// Commands whose leaders are dead: submitted, and their PreAccepts are under way; or heard by those that the scope names, and the others
// are lost.
static void play_beginning(const struct scope *s, struct world *w)
{
	for (uint32_t k = 0; k < s->count; k++) {
		uint8_t leader = s->commands[k].col;
		if (is_alive(s, leader))
			continue;
		must_apply(s, w, (struct move){ leader, act_make(ACT_SUBMIT, k) });
		if (s->commands[k].heard == 0)
			continue;
		uint32_t count;
		const uint32_t *outs = machine_outs(machine_step(machine_initial(leader), act_make(ACT_SUBMIT, k)).outs, &count);
		for (uint32_t m = 0; m < count; m++)
			if (s->commands[k].heard & (1u << said_at(outs[m])->to))
				must_apply(s, w, (struct move){ said_at(outs[m])->to, act_make(ACT_MESSAGE, outs[m]) });
		w->count = 0; // of commands with PreAccepts under way: after these in the scope
		w->sum = 0;
	}
}

void world_start(const struct scope *s, struct world *w)
{
	memset(w, 0, offsetof(struct world, live));
	for (uint8_t p = 0; p < s->n; p++) {
		w->local[p] = machine_initial(p);
		w->restarts[p] = s->restarts[p];
	}
	memcpy(w->recoveries, s->recoveries, sizeof w->recoveries);
	play_beginning(s, w);
}

const char *world_text(const struct scope *s, const struct move *m)
{
	static char text[500];
	uint32_t what = act_what(m->what), col = what < s->count ? s->commands[what].col : 0;
	unsigned long long i = what < s->count ? scope_number(s, what) : 0;
	switch (act_kind(m->what)) {
	case ACT_MESSAGE:
		snprintf(text, sizeof text, "p%u gets %s", m->p, said_text(what));
		break;
	case ACT_COMMIT:
		snprintf(text, sizeof text, "p%u gets %s", m->p, said_value_text(what));
		break;
	case ACT_SUBMIT:
		snprintf(text, sizeof text, "p%u submits (%u,%llu), %s of key %c%s%.1s", m->p, col, i,
			 s->commands[what].key < 'a' ? "a write" : "a read", s->commands[what].key,
			 s->mode == EP_MODE_D ? ", designated peer p" : "", s->mode == EP_MODE_D ? &"0123456"[s->commands[what].fq] : "");
		break;
	case ACT_TIMER:
		snprintf(text, sizeof text, "p%u: the timer of (%u,%llu) fires", m->p, col, i);
		break;
	case ACT_RECOVER:
		snprintf(text, sizeof text, "p%u starts a recovery of (%u,%llu)", m->p, col, i);
		break;
	case ACT_RESTART:
		snprintf(text, sizeof text, "p%u is killed and starts again on its arena", m->p);
		break;
	case ACT_CHECK:
		snprintf(text, sizeof text, "p%u looks whether conflicts were decided", m->p);
		break;
	case ACT_STATUS:
		snprintf(text, sizeof text, "p%u tells its frontiers", m->p);
		break;
	}
	return text;
}
