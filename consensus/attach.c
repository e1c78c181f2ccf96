// Going on after a kill: what is trusted, what is verified, what is rebuilt (protocol.md B.7, M2 and M3).
//
// A killed process leaves every word whole and at most one transaction open. Whatever else is found here was not written by this
// code: a file of another identity, of another time, or damaged. Each part carries checks that see any single damaged bit; what
// they cover is read once here, before anything of it is used. The functions are total: they never follow what they have not verified.
#include "consensus/arena.h"
#include "consensus/decide.h"
#include "consensus/epoch.h"
#include "consensus/execute.h"
#include "consensus/hello.h"
#include "consensus/session.h"

_Static_assert(offsetof(struct ep_replica, columns) <= 4096, "what tells whose arena this is lies in the first page");

// ---- trusted: whose arena is this? ---------------------------------------------------------------------------------------------
static bool are_members_equal(const struct ep_config *a, const struct ep_config *b)
{
	for (uint32_t m = 0; m < a->n; m++)
		if (memcmp(a->members[m].uuid, b->members[m].uuid, sizeof a->members[m].uuid) != 0 ||
		    a->members[m].incarnation != b->members[m].incarnation)
			return false;
	return a->n == b->n;
}

static enum ep_attach compare(const struct ep_config *is, const struct ep_config *c)
{
	if (is->cluster != c->cluster || is->epoch != c->epoch)
		return EP_ATTACH_CLUSTER;
	if (is->self != c->self || memcmp(is->members[is->self].uuid, c->members[c->self].uuid, sizeof c->members[0].uuid) != 0)
		return EP_ATTACH_MEMBER;
	if (!are_members_equal(is, c))
		return EP_ATTACH_MEMBERS;
	if (memcmp(is->boot_id, c->boot_id, sizeof c->boot_id) != 0)
		return EP_ATTACH_BOOT;
	return EP_ATTACH_OK;
}

static enum ep_attach trust(const struct ep_replica *r, const struct ep_config *c)
{
	struct ep_replica expected = { .layout = EP_LAYOUT, .config = *c };
	if (r->magic != EP_ARENA_MAGIC)
		return EP_ATTACH_MAGIC;
	if (r->layout != EP_LAYOUT)
		return EP_ATTACH_LAYOUT;
	if (ep_arena_identity(r) != r->identity || !ep_word_holds(r->starts, 32) || r->config.self >= EP_MEMBERS_MAX)
		return EP_ATTACH_HEADER;
	enum ep_attach verdict = compare(&r->config, c);
	if (verdict != EP_ATTACH_OK)
		return verdict;
	expected.bytes = ep_arena_lay_out(&expected, c);
	if (ep_arena_identity(&expected) != r->identity)
		return EP_ATTACH_SIZES;
	if (r->starts == ep_word_seal(UINT32_MAX, 32) || r->votes >> EP_VOTES_BITS != 0)
		return EP_ATTACH_WORN;
	if (r->poison == EP_POISON_ROLLED_BACK)
		return EP_ATTACH_ROLLED_BACK;
	return r->poison != EP_POISON_NONE ? EP_ATTACH_POISONED : EP_ATTACH_OK;
}

enum ep_attach ep_arena_look(const void *head, size_t len, const struct ep_config *config, uint64_t *bytes)
{
	const struct ep_replica *r = head;
	enum ep_attach verdict = len < offsetof(struct ep_replica, columns) ? EP_ATTACH_MAGIC : trust(r, config);
	bool is_known = verdict != EP_ATTACH_MAGIC && verdict != EP_ATTACH_LAYOUT && verdict != EP_ATTACH_HEADER;
	*bytes = is_known ? r->bytes : 0;
	return verdict;
}

bool ep_arena_membership(const void *head, size_t len, struct ep_membership *ret)
{
	const struct ep_replica *r = head;
	if (len < offsetof(struct ep_replica, columns) || r->magic != EP_ARENA_MAGIC || r->layout != EP_LAYOUT || ep_arena_identity(r) != r->identity ||
	    r->config.n > EP_MEMBERS_MAX)
		return false;
	const struct ep_config *c = &r->config;
	*ret = (struct ep_membership){ .epoch = c->epoch, .chain = c->chain, .n = c->n, .e = c->e, .mode = c->mode };
	memcpy(ret->members, c->members, sizeof ret->members);
	return true;
}

// ---- verified ------------------------------------------------------------------------------------------------------------------
// The prefix and its complement are two stores: after a kill the second may be behind, by what the bitmap says was executed.
static bool prefix_holds(const struct ep_replica *r, uint32_t col)
{
	uint64_t prefix = r->columns[col].exec_prefix, again = ~r->columns[col].exec_again;
	if (prefix < r->config.first || again > prefix || prefix - again > r->config.window)
		return false;
	for (uint64_t i = again + 1; i <= prefix; i++) {
		ep_slot slot = ep_slot_of(r, col, i);
		if ((*ep_executed_word(r, slot) >> (slot & 31) & 1) != (~(i >> r->window_shift) & 1))
			return false;
	}
	return true;
}

static bool executed_holds(const struct ep_replica *r)
{
	for (ep_slot slot = 0; slot < (uint32_t)r->n << r->window_shift; slot += 32)
		if (!ep_word_is_pair(*ep_executed_word(r, slot)))
			return false;
	for (uint32_t col = 0; col < r->n; col++)
		if (!prefix_holds(r, col))
			return false;
	return true;
}

// The legal combinations of record.h.
static bool is_legal(const struct ep_record *rec)
{
	bool has_payload = rec_has_payload(rec), has_init = rec_has_init(rec), is_nop = rec_is_nop(rec);
	if (rec_abal(rec) > rec_bal(rec) || (has_init && !has_payload))
		return false;
	switch (rec_phase(rec)) {
	case EP_INITIAL:
		return !is_nop && rec_abal(rec) == 0;
	case EP_PREACCEPTED:
		return has_init && !is_nop && rec_abal(rec) == 0;
	case EP_ACCEPTED:
	case EP_COMMITTED:
		break;
	}
	return is_nop || has_payload;
}

static bool are_deps_inside(const struct ep_replica *r, const uint64_t *deps)
{
	for (uint32_t c = 0; c < r->n; c++)
		if (deps[c] > r->columns[c].exec_prefix + r->config.window)
			return false;
	return true;
}

static bool payload_holds(const struct ep_replica *r, ep_slot slot, const struct ep_record *rec)
{
	if (rec->payload_len > ep_payload_max(r->config.frame_max) || rec->fq >= r->n)
		return false;
	return *ep_payload_check_at(r, slot, rec->payload_len) == ep_payload_check(r, slot, rec->i, rec->payload_len) &&
	       ep_wire_check_payload(ep_payload(r, slot), rec->payload_len);
}

static bool record_holds(const struct ep_replica *r, ep_slot slot, struct ep_record *rec)
{
	uint8_t col = ep_slot_col(r, slot);
	uint64_t prefix = r->columns[col].exec_prefix, window = r->config.window;
	if (rec_sealed(rec, r->n, rec->st) != rec->st || !ep_word_holds(rec->joined, EP_BALLOT_BITS) || !is_legal(rec) ||
	    !ep_word_holds(rec->order, EP_ORDER_BITS))
		return false;
	// One slot, one instance: what is live has not been overtaken by a whole window.
	if (ep_slot_of(r, col, rec->i) != slot || rec->i + window <= prefix || rec->i > prefix + window || rec->epoch != r->config.epoch)
		return false;
	if (!are_deps_inside(r, rec_dep(rec, r->n)) || (rec_has_init(rec) && !are_deps_inside(r, rec_idep(rec))))
		return false;
	return !rec_has_payload(rec) || payload_holds(r, slot, rec);
}

// ---- rebuilt -------------------------------------------------------------------------------------------------------------------
// One verified record: its volatile part is void.
static void revive(struct ep_replica *r, ep_slot slot, struct ep_record *rec)
{
	uint8_t col = ep_slot_col(r, slot);
	struct ep_column *c = &r->columns[col];
	struct ep_exec *exec = rec_exec(rec, r->n);
	memset(exec, 0, sizeof *exec);
	rec->links = 0;
	exec->marks = ep_is_executed(r, col, rec->i) ? EP_MARK_ORDERED : 0;
	if (rec->i > c->known)
		c->known = rec->i;
	for (uint32_t d = 0; d < r->n; d++) {
		uint64_t idep = rec_has_init(rec) ? rec_idep(rec)[d] : 0, top = rec_dep(rec, r->n)[d];
		top = top > idep ? top : idep;
		if (top > r->columns[d].known)
			r->columns[d].known = top;
	}
	if (rec_has_payload(rec) && rec->seq > r->clock)
		r->clock = rec->seq;
	if (rec->i <= c->stable)
		c->stable = rec->i - 1; // the lowest that is still here
}

static bool revive_all(struct ep_replica *r)
{
	for (ep_slot slot = 0; slot < (uint32_t)r->n << r->window_shift; slot++) {
		struct ep_record *rec = ep_rec(r, slot);
		if (rec->st == 0)
			continue; // nothing of a free slot is read again before it is filled
		if (!rec_is_live(rec) || !record_holds(r, slot, rec))
			return false;
		revive(r, slot, rec);
	}
	return true;
}

// M6: lost effects are lost messages. Tallies start again from what the own record says.
static void drive_on(struct ep_replica *r, ep_slot slot, struct ep_record *rec)
{
	struct ep_own *own = ep_own(r, slot);
	if (rec_is_committed(rec) || rec_bal(rec) != 0)
		return;
	own->tally_ok = own->tally_eq = own->acc_ok = (uint8_t)(1u << r->self);
	own->is_resent = 1;
	if (rec_phase(rec) == EP_PREACCEPTED)
		memcpy(rec_spare(rec, r->n), rec_idep(rec), 8u * r->n);
	ep_timer_set(r, slot, EP_QUEUE_RESEND, 0);
}

// Its payload goes back into the index, and whoever is committed into the queue of roots. False: the application refuses it.
static bool reindex(struct ep_replica *r, ep_slot slot, struct ep_record *rec)
{
	uint8_t col = ep_slot_col(r, slot);
	struct ep_keys keys = { 0 };
	if (rec_has_payload(rec)) {
		if (!ep_keys_collect(&r->config, col, rec->i, ep_payload(r, slot), &keys))
			return false;
		ep_index_insert(r, slot, &keys);
	}
	bool is_executed = ep_is_executed(r, col, rec->i);
	if (rec_is_committed(rec) && !is_executed)
		ep_exec_root(r, slot);
	if (col != r->self)
		return true;
	struct ep_own *own = ep_own(r, slot);
	own->cost = is_executed && rec->order & EP_ORDER_SETTLED ? (uint32_t)rec->order : keys.cost;
	r->own_cost += own->cost;
	own->is_open = !is_executed;
	r->own_unexecuted += own->is_open;
	drive_on(r, slot, rec);
	if (rec->i >= r->next_i)
		r->next_i = rec->i + 1;
	return true;
}

// In the order of their numbers: the lists of the index are sorted, and an insertion at their end is cheap.
static bool reindex_all(struct ep_replica *r)
{
	r->next_i = r->columns[r->self].exec_prefix + 1;
	for (uint32_t col = 0; col < r->n; col++) {
		const struct ep_column *c = &r->columns[col];
		for (uint64_t i = c->stable + 1; i <= c->known; i++) {
			ep_slot slot = ep_slot_of(r, col, i);
			struct ep_record *rec = ep_rec(r, slot);
			if (rec_is_live(rec) && rec->i == i && !reindex(r, slot, rec))
				return false;
		}
	}
	return true;
}

// Frontiers start from the executed prefix; the records raise them.
static void start_column(struct ep_replica *r, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	uint64_t prefix = c->exec_prefix;
	// All but the prefix. Assigned as a whole, it would be cleared for a moment, and a kill there would leave it so.
	memset(&c->stable, 0, sizeof *c - offsetof(struct ep_column, stable));
	ep_publish64(&c->exec_again, ~prefix);
	c->stable = c->known = c->cprefix = c->kprefix = prefix;
	c->unindexed = EP_NIL;
	for (uint64_t i = prefix + 1; i <= prefix + r->config.window; i++)
		if (ep_is_executed(r, col, i))
			c->known = i;
}

static void agree_on_columns(struct ep_replica *r)
{
	for (uint32_t col = 0; col < r->n; col++) {
		struct ep_column *c = &r->columns[col];
		c->agreed = c->ripe = c->ripening = c->stable;
		for (uint32_t m = 0; m < r->n; m++)
			r->peers[m].reported[col] = c->stable;
	}
}

static enum ep_attach rebuild(struct ep_replica *r)
{
	struct pnyx_app_config app = ep_arena_app(&r->config);
	if (!pnyx_app_attach(ep_at(r, r->at_app), &app))
		return EP_ATTACH_APPLICATION;
	if (!ep_sessions_attach(r))
		return EP_ATTACH_SESSIONS;
	for (uint32_t col = 0; col < r->n; col++)
		start_column(r, col);
	if (!revive_all(r))
		return EP_ATTACH_RECORDS;
	agree_on_columns(r);
	if (!ep_epoch_attach(r))
		return EP_ATTACH_RECORDS;
	if (!ep_order_attach(r))
		return EP_ATTACH_ORDER;
	if (!reindex_all(r))
		return EP_ATTACH_RECORDS;
	for (uint32_t col = 0; col < r->n; col++)
		ep_order_advance(r, col);
	return EP_ATTACH_OK;
}

enum ep_attach ep_replica_attach(void *arena, size_t size, const struct ep_config *config, struct ep_replica **ret)
{
	struct ep_replica *r = arena;
	if (ep_config_check(config))
		return EP_ATTACH_CONFIG;
	if (size < ep_replica_size(config))
		return EP_ATTACH_SMALL;
	enum ep_attach verdict = trust(r, config);
	if (verdict != EP_ATTACH_OK)
		return verdict;
	ep_arena_lay_out(r, config);
	r->config = *config;
	r->config_hash = ep_arena_hash_shared(config);
	struct ep_txn txn = ep_txn(r);
	if (!ep_txn_holds(&txn, r->at_links))
		return EP_ATTACH_JOURNAL;
	ep_txn_rollback(&txn);
	ep_arena_reset(r);
	if (!executed_holds(r))
		return EP_ATTACH_EXECUTED;
	verdict = rebuild(r);
	if (verdict != EP_ATTACH_OK)
		return verdict;
	r->start = (uint32_t)r->starts + 1;
	ep_publish64(&r->starts, ep_word_seal(r->start, 32));
	ep_hello_start(r, config->hello != EP_HELLO_NEVER);
	if (r->closed != 0)
		ep_epoch_freeze(r);
	*ret = r;
	return EP_ATTACH_OK;
}
