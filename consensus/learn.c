// Learning what others decided: prefixes of each column, Status, FetchCommit (protocol.md C.1, E.1, E.5).
#include "consensus/decide.h"
#include "consensus/execute.h"
#include "consensus/hello.h"

#define ADVANCE_BUDGET 128

bool ep_is_payload_known(const struct ep_replica *r, uint32_t col, uint64_t i)
{
	const struct ep_record *rec = ep_rec(r, ep_slot_of(r, col, i));
	return (rec_is_live(rec) && rec->i == i && (rec_has_payload(rec) || rec_is_committed(rec))) || ep_is_executed(r, col, i);
}

static bool is_committed(const struct ep_replica *r, uint32_t col, uint64_t i)
{
	const struct ep_record *rec = ep_rec(r, ep_slot_of(r, col, i));
	return (rec_is_live(rec) && rec->i == i && rec_is_committed(rec)) || ep_is_executed(r, col, i);
}

static void commits_reach(const struct ep_replica *r, struct ep_column *c, uint64_t i)
{
	c->cprefix = i;
	c->c_moved = r->now;
	c->attempts = c->pendings = 0;
	c->asked = c->outbid_at = 0;
	c->told_wait = 0;
}

void ep_learn_commits(struct ep_replica *r, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	uint64_t from = c->cprefix, top = from + ADVANCE_BUDGET < c->known ? from + ADVANCE_BUDGET : c->known, i = from;
	while (i < top && is_committed(r, col, i + 1))
		i++;
	if (i == from)
		return;
	commits_reach(r, c, i);
	c->is_cut |= i == from + ADVANCE_BUDGET;
}

void ep_learn_payloads(struct ep_replica *r, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	uint64_t from = c->kprefix;
	ep_exec_knows(r, col, c->known, ADVANCE_BUDGET);
	c->is_cut |= c->kprefix == from + ADVANCE_BUDGET;
}

static void advance(struct ep_replica *r, uint32_t col)
{
	r->columns[col].is_cut = false;
	ep_learn_commits(r, col);
	ep_learn_payloads(r, col);
}

// The leader first, then the others in turn; of a suspect no answer is expected.
static uint8_t whom_to_ask(const struct ep_replica *r, uint32_t col, uint32_t attempt)
{
	for (uint32_t k = 0; k < r->n; k++) {
		uint32_t to = (col + attempt + k) % r->n;
		if (to != r->self && !r->peers[to].is_suspect)
			return (uint8_t)to;
	}
	return (uint8_t)((r->self + 1 + attempt % (r->n - 1u)) % r->n); // all are suspects
}

#define BACK_OFF_MAX 4 // doublings of T_open
static ep_time open_time(const struct ep_replica *r)
{
	return ep_after_rtts(r, r->config.open_rtts, r->config.open_min_ns);
}

// T_open of a column, longer with every attempt and with this replica's rank behind the leader, jittered; a
// suspicion from outside shortens it (C.1). Safety never depends on it.
static ep_time open_wait(const struct ep_replica *r, uint32_t col)
{
	const struct ep_column *c = &r->columns[col];
	uint32_t rank = (r->self + r->n - col) % r->n, attempts = c->attempts < 20 ? c->attempts : 20;
	if (r->peers[col].is_suspect)
		EP_MARK(suspicion_shortens);
	ep_time most = open_time(r) << BACK_OFF_MAX;
	ep_time open = r->peers[col].is_suspect ? ep_after_rtts(r, 2, r->config.fast_min_ns) : open_time(r);
	open = open << attempts < most ? open << attempts : most; // a suspicion shortens the first wait, not what a duel needs to end
	ep_time jitter = ep_mix64(r->config.seed ^ c->cprefix ^ (uint64_t)col << 56 ^ c->attempts) % (open / 2 + 1);
	return open * (2 + rank) / 2 + jitter;
}

// A hole holds up every execution behind it: it is asked for after two round trips, not after T_open.
static ep_time hole_wait(const struct ep_replica *r)
{
	return ep_after_rtts(r, 2, r->config.fast_min_ns);
}

static void wait_anew(struct ep_replica *r, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	c->is_recovering = false;
	c->asked = 0;
	c->c_moved = r->now;
}

void ep_back_off(struct ep_replica *r, uint32_t col)
{
	r->columns[col].attempts += r->columns[col].is_recovering;
	wait_anew(r, col);
}

// Whoever recovers may be unable to hear the answers, and would hold everybody up for ever: patience has an end.
void ep_outbid(struct ep_replica *r, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	if (c->outbid_at == 0)
		c->outbid_at = r->now;
	if (r->now - c->outbid_at < open_time(r) << BACK_OFF_MAX) {
		wait_anew(r, col);
		return;
	}
	EP_MARK(outbid_no_more);
	c->is_recovering = false;
}

static void fetch_from(struct ep_replica *r, struct ep_effects *fx, uint8_t to, uint32_t col, uint64_t first)
{
	struct ep_column *c = &r->columns[col];
	uint64_t last = first + EP_FETCH_SPAN - 1;
	r->counters.fetches++;
	ep_send_range(r, fx, to, EP_FETCH, col, first, last < c->known ? last : c->known);
}

static void fetch(struct ep_replica *r, struct ep_effects *fx, uint32_t col, uint64_t first, uint32_t attempt)
{
	fetch_from(r, fx, whom_to_ask(r, col, attempt), col, first);
}

// Who has executed most of a column.
static uint8_t teller(const struct ep_replica *r, uint32_t col)
{
	uint8_t best = r->self;
	for (uint8_t m = 0; m < r->n; m++)
		if (m != r->self && (best == r->self || r->peers[m].reported[col] > r->peers[best].reported[col]))
			best = m;
	return best;
}

// When the next question is due about what a member has executed and is not committed here: a Commit was lost, or is on its way.
static ep_time told_due(const struct ep_replica *r, const struct ep_column *c)
{
	if (c->told <= c->cprefix)
		return EP_NEVER;
	return (c->told_at > c->c_moved ? c->told_at : c->c_moved) + hole_wait(r) + c->told_wait;
}

// Starts attempts for what is open beyond the committed prefix, as many as there is room for.
static void recover_range(struct ep_replica *r, struct ep_effects *fx, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	for (uint64_t i = c->cprefix + 1; i <= c->known && i <= c->cprefix + ADVANCE_BUDGET && ep_has_frames(fx); i++) {
		if (is_committed(r, col, i))
			continue;
		ep_slot slot = ep_slot_of(r, col, i);
		bool is_driven = col == r->self && ep_rec(r, slot)->i == i && ep_is_driven(r, slot);
		if (is_driven)
			EP_MARK(own_is_driven);
		if (!is_driven && !ep_recover(r, fx, col, i))
			break;
	}
}

// E.5: further behind than the leader can have open means that others are done with it: range after range, as fast as they come.
static void catch_up(struct ep_replica *r, struct ep_effects *fx, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	if (c->known - c->cprefix <= r->config.own_max)
		return;
	bool is_answered = c->cprefix > c->caught_from; // by as much as fits two frames, whatever was asked for
	if (!is_answered && r->now - c->caught_at < hole_wait(r))
		return;
	EP_MARK(catches_up);
	c->caught_from = c->cprefix;
	c->caught_at = r->now;
	fetch(r, fx, col, c->cprefix + 1, (uint32_t)r->counters.fetches); // the members in turn
}

// C.1: asks first, recovers when nobody tells. Every open instance ends this way, also one that nobody waits for.
static void drive_open(struct ep_replica *r, struct ep_effects *fx, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	catch_up(r, fx, col);
	if (c->is_recovering)
		recover_range(r, fx, col);
	if (c->asked == 0 && r->now >= c->c_moved && r->now - c->c_moved >= open_wait(r, col)) {
		EP_MARK(open_asked_for);
		c->asked = r->now;
		fetch(r, fx, col, c->cprefix + 1, c->attempts);
	} else if (c->asked != 0 && r->now - c->asked >= hole_wait(r)) {
		EP_MARK(open_recovered);
		c->asked = 0;
		c->c_moved = r->now;
		c->attempts++;
		c->is_recovering = true;
		recover_range(r, fx, col);
	}
}

void ep_learn_run(struct ep_replica *r, struct ep_effects *fx)
{
	for (uint32_t col = 0; col < r->n && r->n > 1; col++) {
		struct ep_column *c = &r->columns[col];
		advance(r, col);
		if (c->cprefix >= c->known) {
			c->is_recovering = false;
			continue;
		}
		if (c->kprefix < c->known && r->now >= c->k_moved && r->now - c->k_moved >= hole_wait(r) + c->hole_wait &&
		    ep_has_frames(fx)) {
			EP_MARK(hole_asked_for);
			c->k_moved = r->now;
			c->hole_wait = 2 * c->hole_wait + hole_wait(r);
			fetch(r, fx, col, c->kprefix + 1, c->attempts);
		}
		if (told_due(r, c) <= r->now && ep_has_frames(fx)) {
			EP_MARK(commit_asked_for);
			c->told_at = r->now;
			c->told_wait = 2 * c->told_wait + hole_wait(r);
			fetch_from(r, fx, teller(r, col), col, c->cprefix + 1);
		}
		if (ep_has_frames(fx))
			drive_open(r, fx, col);
	}
}

ep_time ep_learn_next(const struct ep_replica *r)
{
	ep_time next = EP_NEVER;
	for (uint32_t col = 0; col < r->n && r->n > 1; col++) {
		const struct ep_column *c = &r->columns[col];
		if (c->cprefix >= c->known)
			continue;
		if (c->is_cut)
			return r->now;
		ep_time hole = c->k_moved + hole_wait(r) + c->hole_wait;
		ep_time open = c->asked != 0 ? c->asked + hole_wait(r) : c->c_moved + open_wait(r, col);
		if (c->kprefix < c->known && hole < next)
			next = hole;
		next = open < next ? open : next;
		ep_time told = told_due(r, c);
		next = told < next ? told : next;
		if (c->known - c->cprefix > r->config.own_max && c->caught_at + hole_wait(r) < next)
			next = c->caught_at + hole_wait(r);
	}
	return next;
}

// One instance of a range that somebody misses. False: nothing can be said about it.
static bool answer(struct ep_replica *r, struct ep_effects *fx, uint8_t to, uint32_t col, uint64_t i)
{
	ep_slot slot;
	if (ep_window_place(r, col, i, &slot) != EP_PLACE_FOUND)
		return false;
	struct ep_record *rec = ep_rec(r, slot);
	if (rec_is_committed(rec)) {
		ep_send_value(r, fx, to, EP_COMMIT, slot, false);
		r->counters.fetched++;
	} else if (!ep_is_member(r)) {
		return true; // what this replica only promised is not told before peers have confirmed it
	} else if (col == r->self && rec_bal(rec) == 0 && rec_phase(rec) == EP_PREACCEPTED) {
		EP_MARK(leader_asked_preaccepts);
		ep_send_preaccept(r, fx, to, slot);
	} else if (col == r->self && rec_bal(rec) == 0 && rec_phase(rec) == EP_ACCEPTED) {
		EP_MARK(leader_asked_accepts);
		ep_send_value(r, fx, to, EP_ACCEPT, slot, false);
	}
	return true;
}

void on_fetch(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	uint64_t last = ep_load64(ep_body(in));
	uint32_t taken = fx->used; // a range is cut to what fits the frames of one step
	if (last - in->i >= EP_FETCH_SPAN)
		last = in->i + EP_FETCH_SPAN - 1;
	for (uint64_t i = in->i; i <= last && fx->used < taken + 2; i++)
		if (!answer(r, fx, in->from, in->col, i))
			break;
	if (in->rec && in->col == r->self && ep_is_driven(r, in->slot) && ep_is_member(r))
		ep_send_range(r, fx, in->from, EP_PENDING, in->col, in->i, in->i);
}

void on_pending(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	(void)fx;
	struct ep_column *c = &r->columns[in->col];
	if (in->from != in->col || c->pendings >= EP_WAIT_PENDING_MAX) {
		EP_MARK(pending_no_more);
		return;
	}
	EP_MARK(pending_waits);
	c->pendings++;
	c->c_moved = r->now;
	c->asked = 0;
	ep_leader_heard(r, in->col);
}

// F.1: nobody executes these numbers. Nothing is decided about them and nothing is kept of them: the prefixes pass over them, so that
// they hold up neither the search nor the questions any more. After a restart they are asked for again.
void on_void(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	(void)fx;
	struct ep_column *c = &r->columns[in->col];
	uint64_t last = ep_load64(ep_body(in));
	if (last - in->i >= EP_FETCH_SPAN)
		last = in->i + EP_FETCH_SPAN - 1;
	last = last < c->known ? last : c->known;
	if (in->i <= c->cprefix + 1 && last > c->cprefix)
		commits_reach(r, c, last);
	uint64_t known = in->i <= c->kprefix + 1 && last > c->cprefix ? last : c->cprefix;
	ep_exec_passes(r, in->col, known);
}

void on_status(struct ep_replica *r, const struct ep_msg *msg, uint8_t from)
{
	uint64_t prefix[EP_MEMBERS_MAX], known[EP_MEMBERS_MAX], stable[EP_MEMBERS_MAX];
	const uint8_t *at = (const uint8_t *)(msg + 1);
	uint32_t vec = 8u * r->n;
	memcpy(prefix, at, vec);
	memcpy(known, at + vec, vec);
	memcpy(stable, at + 2 * vec, vec);
	ep_window_report(r, from, prefix);
	ep_window_join_stable(r, stable);
	for (uint32_t c = 0; c < r->n; c++) {
		uint64_t top = r->columns[c].exec_prefix + r->config.window;
		uint64_t told = known[c] > prefix[c] ? known[c] : prefix[c];
		ep_window_note(r, c, told < top ? told : top);
		if (prefix[c] > r->columns[c].told)
			r->columns[c].told = prefix[c];
	}
}
