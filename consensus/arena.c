// The arena's layout: where each table lies, a fresh identity, and going on after a kill (architecture.md section 5, protocol.md B.7).
#include "consensus/decide.h"
#include "consensus/execute.h"
#include "consensus/hello.h"
#include "consensus/quorum.h"
#include "consensus/session.h"
#include "consensus/stage.h"

static struct pnyx_app_config app_config(const struct ep_config *c)
{
	return (struct pnyx_app_config){ .capacity = c->app_capacity, .seed = c->hash_seed,
					 .result_max = ep_result_max(c->frame_max) };
}

static uint32_t round_up(uint64_t x, uint32_t to)
{
	return (uint32_t)((x + to - 1) / to * to);
}

static uint32_t power_above(uint32_t x)
{
	uint32_t p = 16;
	while (p < x)
		p *= 2;
	return p;
}

static uint64_t take(uint64_t *at, uint64_t bytes)
{
	uint64_t here = *at;
	*at = (here + bytes + 63) & ~63ULL;
	return here;
}

// Fills in every size and place; returns the bytes of the whole.
static uint64_t lay_out(struct ep_replica *r, const struct ep_config *c)
{
	struct pnyx_app_config app = app_config(c);
	uint64_t slots = (uint64_t)c->n * c->window, at = 0;
	r->record_stride = round_up(sizeof(struct ep_record) + 24u * c->n + sizeof(struct ep_exec), 64);
	r->payload_stride = round_up(ep_payload_max(c->frame_max), 64);
	r->entry_stride = (uint32_t)(sizeof(struct ep_entry) + c->n * sizeof(struct ep_track));
	r->entry_buckets = power_above(2 * c->index_keys);
	r->session_buckets = power_above(c->sessions_max);
	take(&at, sizeof *r);
	// authoritative
	r->at_journal = take(&at, sizeof(struct ep_journal));
	r->at_records = take(&at, slots * r->record_stride);
	r->at_payloads = take(&at, slots * r->payload_stride);
	r->at_bitmap = take(&at, (slots + 63) / 64 * 8);
	r->at_sessions = take(&at, (uint64_t)c->sessions_max * sizeof(struct ep_session));
	r->at_session_buckets = take(&at, 8ULL * r->session_buckets);
	r->at_app = take(&at, pnyx_app_size(&app));
	// derived
	r->at_links = take(&at, slots * c->keys_max * sizeof(struct ep_link));
	r->at_entries = take(&at, (uint64_t)c->index_keys * r->entry_stride);
	r->at_entry_buckets = take(&at, 4ULL * r->entry_buckets);
	r->at_waiters = take(&at, 4 * slots);
	r->at_unindexed = take(&at, 4 * slots);
	r->at_own = take(&at, (uint64_t)c->window * sizeof(struct ep_own));
	r->at_trace = take(&at, EP_TRACE_MAX * sizeof(struct ep_session_id));
	r->at_recoveries = take(&at, EP_RECOVERIES_MAX * sizeof(struct ep_recovery));
	r->at_waits = take(&at, (uint64_t)c->own_max * c->batch_max * sizeof(struct ep_wait));
	r->at_session_used = take(&at, 4ULL * c->sessions_max);
	return at;
}

size_t ep_replica_size(const struct ep_config *c)
{
	struct ep_replica r;
	return lay_out(&r, c);
}

static uint8_t mode_of(const struct ep_config *c)
{
	return c->mode != EP_MODE_AUTO ? c->mode : c->n <= 3 ? EP_MODE_D : EP_MODE_E;
}

static uint8_t e_of(const struct ep_config *c)
{
	return c->e != 0 ? c->e : (uint8_t)ep_quorum_e(c->n);
}

// All that the members must have alike. Frames of one that has it otherwise are dropped: with another window it would take for
// stable what is not, with another seed see other conflicts, with another table answer FULL alone.
static uint32_t hash_shared(const struct ep_config *c)
{
	const uint64_t numbers[] = { c->cluster, c->epoch, c->n, mode_of(c), e_of(c), c->hash_seed, c->frame_max, c->window,
				     c->sessions_max, c->cost_max, c->app_capacity, c->first };
	uint64_t h = ep_hash64(0, numbers, sizeof numbers);
	for (uint32_t m = 0; m < c->n; m++) {
		h = ep_hash64(h, c->members[m].uuid, sizeof c->members[m].uuid);
		h = ep_mix64(h ^ c->members[m].incarnation);
	}
	return (uint32_t)(h ^ h >> 32);
}

// What every start sets anew, whatever the arena held (M3).
static void reset_volatile(struct ep_replica *r)
{
	const struct ep_config *c = &r->config;
	r->n = c->n;
	r->self = c->self;
	r->f = (uint8_t)ep_quorum_f(c->n);
	r->e = e_of(c);
	r->slow = (uint8_t)ep_quorum_slow(c->n);
	r->fast = (uint8_t)(c->n - r->e);
	r->mode = mode_of(c);
	r->window_shift = (uint8_t)__builtin_ctz(c->window);
	r->keys_shift = (uint8_t)__builtin_ctz(c->keys_max);
	r->rng = c->seed;
	r->pace = 1;
	r->now = r->status_due = 0;
	r->own_unexecuted = r->own_cost = 0;
	r->root_head = r->root_tail = r->run_vertex = r->run_root = r->run_stack = EP_NIL;
	r->run = r->run_index = 0;
	r->executed_count = r->digest_at = r->executed_at_status = 0;
	r->order_tail = 0;
	for (uint32_t m = 0; m < EP_MEMBERS_MAX; m++) // what was seen of a peer stays true, and may be what convicts it (F.2)
		r->peers[m] = (struct ep_peer){ .votes = r->peers[m].votes, .start = r->peers[m].start };
	memset(&r->counters, 0, sizeof r->counters);
	memset(r->drops, 0, sizeof r->drops);
	memset(&r->shell, 0, sizeof r->shell);
	for (uint32_t q = 0; q < EP_QUEUES; q++)
		r->queues[q] = (struct ep_queue){ EP_NIL, EP_NIL };
	for (ep_slot s = 0; s < (uint32_t)c->n << r->window_shift; s++)
		*ep_waiters(r, s) = *ep_unindexed(r, s) = EP_NIL;
	for (uint32_t s = 0; s < c->window; s++)
		((struct ep_own *)ep_at(r, r->at_own))[s] = (struct ep_own){ .queue = EP_QUEUE_NONE, .waits = EP_NIL };
	ep_stage_clear(r);
	r->recoveries = 0;
	memset(ep_recovery(r, 0), 0, EP_RECOVERIES_MAX * sizeof(struct ep_recovery));
	ep_index_clear(r);
}

static enum ep_attach check(size_t size, const struct ep_config *c)
{
	if (ep_config_check(c))
		return EP_ATTACH_CONFIG;
	return size < ep_replica_size(c) ? EP_ATTACH_SMALL : EP_ATTACH_OK;
}

enum ep_attach ep_replica_init(void *arena, size_t size, const struct ep_config *config, struct ep_replica **ret)
{
	enum ep_attach verdict = check(size, config);
	if (verdict != EP_ATTACH_OK)
		return verdict;
	struct ep_replica *r = arena;
	r->bytes = lay_out(r, config);
	r->config = *config;
	r->layout = EP_LAYOUT;
	r->config_hash = hash_shared(config);
	r->start = 1;
	reset_volatile(r);
	r->clock = 0;
	r->next_i = config->first + 1;
	for (uint32_t col = 0; col < r->n; col++) {
		struct ep_column *c = &r->columns[col];
		c->exec_prefix = c->stable = c->agreed = c->ripe = c->ripening = c->known = c->cprefix = c->kprefix = config->first;
		c->unindexed = EP_NIL;
		for (uint64_t i = config->first + 1; i <= config->first + config->window; i++) {
			ep_slot slot = ep_slot_of(r, col, i);
			uint64_t bit = 1ULL << (slot & 63), *word = (uint64_t *)ep_at(r, r->at_bitmap) + (slot >> 6);
			*word = (i >> r->window_shift) & 1 ? *word | bit : *word & ~bit; // not executed
		}
	}
	for (uint32_t m = 0; m < r->n; m++)
		for (uint32_t col = 0; col < r->n; col++)
			r->peers[m].reported[col] = config->first;
	struct pnyx_app_config app = app_config(config);
	pnyx_app_init(ep_at(r, r->at_app), &app);
	ep_sessions_init(r);
	ep_hello_start(r, config->hello == EP_HELLO_ALWAYS);
	ep_publish64(&r->magic, EP_ARENA_MAGIC);
	*ret = r;
	return EP_ATTACH_OK;
}

static enum ep_attach trust(const struct ep_replica *r, const struct ep_config *c)
{
	struct ep_replica expected;
	uint64_t bytes = lay_out(&expected, c);
	if (r->magic != EP_ARENA_MAGIC)
		return EP_ATTACH_MAGIC;
	if (r->layout != EP_LAYOUT || r->bytes != bytes || r->config.n != c->n || r->config.window != c->window ||
	    r->at_trace != expected.at_trace || r->at_app != expected.at_app || r->config.keys_max != c->keys_max)
		return EP_ATTACH_LAYOUT;
	if (r->config.cluster != c->cluster || r->config.self != c->self || r->config_hash != hash_shared(c))
		return EP_ATTACH_CLUSTER;
	if (memcmp(r->config.boot_id, c->boot_id, sizeof c->boot_id) != 0)
		return EP_ATTACH_BOOT;
	switch ((enum ep_poison)r->poison) {
	case EP_POISON_NONE:
		return EP_ATTACH_OK;
	case EP_POISON_ROLLED_BACK:
		return EP_ATTACH_ROLLED_BACK;
	case EP_POISON_CHECK:
		break;
	}
	return EP_ATTACH_POISONED;
}

// One record after a kill: its volatile part is void, its payload goes back into the index.
static void revive(struct ep_replica *r, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint8_t col = ep_slot_col(r, slot);
	struct ep_column *c = &r->columns[col];
	struct ep_exec *exec = rec_exec(rec, r->n);
	memset(exec, 0, sizeof *exec);
	rec->links = 0;
	if (!rec_is_live(rec))
		return;
	bool is_executed = ep_is_executed(r, col, rec->i);
	exec->marks = is_executed ? EP_MARK_ORDERED : 0;
	if (rec->i > c->known)
		c->known = rec->i;
	for (uint32_t d = 0; d < r->n; d++) {
		uint64_t top = rec_dep(rec, r->n)[d] > rec_idep(rec)[d] ? rec_dep(rec, r->n)[d] : rec_idep(rec)[d];
		if (top > r->columns[d].known)
			r->columns[d].known = top;
	}
	if (rec_has_payload(rec) && rec->seq > r->clock)
		r->clock = rec->seq;
	if (rec->i <= c->stable)
		c->stable = rec->i - 1; // the lowest that is still here
}

static void reindex(struct ep_replica *r, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint8_t col = ep_slot_col(r, slot);
	struct ep_keys keys = { 0 };
	if (!rec_is_live(rec))
		return;
	if (rec_has_payload(rec)) {
		CHECK(ep_keys_collect(&r->config, col, rec->i, ep_payload(r, slot), &keys));
		ep_index_insert(r, slot, &keys);
	}
	bool is_executed = ep_is_executed(r, col, rec->i);
	if (rec_is_committed(rec) && !is_executed)
		ep_exec_root(r, slot);
	if (col != r->self)
		return;
	struct ep_own *own = ep_own(r, slot);
	own->cost = is_executed && rec->order & EP_ORDER_SETTLED ? (uint32_t)rec->order : keys.cost;
	r->own_cost += own->cost;
	own->is_open = !is_executed;
	r->own_unexecuted += own->is_open;
	if (rec_is_committed(rec) || rec->bal != 0)
		return;
	// M6: lost effects are lost messages. Tallies start again from what the own record says.
	own->tally_ok = own->tally_eq = own->acc_ok = (uint8_t)(1u << r->self);
	own->is_resent = 1;
	if (rec_phase(rec) == EP_PREACCEPTED)
		memcpy(rec_spare(rec, r->n), rec_idep(rec), 8u * r->n);
	ep_timer_set(r, slot, EP_QUEUE_RESEND, 0);
}

enum ep_attach ep_replica_attach(void *arena, size_t size, const struct ep_config *config, struct ep_replica **ret)
{
	enum ep_attach verdict = check(size, config);
	if (verdict != EP_ATTACH_OK)
		return verdict;
	struct ep_replica *r = arena;
	verdict = trust(r, config);
	if (verdict != EP_ATTACH_OK)
		return verdict;
	struct ep_txn txn = ep_txn(r);
	if (txn.journal->len > EP_JOURNAL_MAX)
		return EP_ATTACH_DAMAGED;
	ep_txn_rollback(&txn);
	lay_out(r, config);
	r->config = *config;
	r->start++;
	reset_volatile(r);
	struct pnyx_app_config app = app_config(config);
	if (!pnyx_app_attach(ep_at(r, r->at_app), &app) || !ep_sessions_attach(r))
		return EP_ATTACH_DAMAGED;
	ep_slot slots = (uint32_t)r->n << r->window_shift;
	for (uint32_t col = 0; col < r->n; col++) {
		struct ep_column *c = &r->columns[col];
		uint64_t prefix = c->exec_prefix;
		*c = (struct ep_column){ .exec_prefix = prefix, .stable = prefix, .known = prefix, .unindexed = EP_NIL };
		for (uint64_t i = prefix + 1; i <= prefix + config->window; i++)
			if (ep_is_executed(r, col, i))
				c->known = i;
	}
	for (ep_slot s = 0; s < slots; s++)
		revive(r, s);
	for (uint32_t m = 0; m < r->n; m++)
		for (uint32_t col = 0; col < r->n; col++)
			r->peers[m].reported[col] = r->columns[col].stable;
	for (uint32_t col = 0; col < r->n; col++) {
		struct ep_column *c = &r->columns[col];
		c->agreed = c->ripe = c->ripening = c->stable;
		c->cprefix = c->kprefix = c->exec_prefix;
		uint64_t top = c->exec_prefix + config->window;
		c->known = c->known < top ? c->known : top;
	}
	if (!ep_order_attach(r))
		return EP_ATTACH_DAMAGED;
	for (ep_slot s = 0; s < slots; s++)
		reindex(r, s);
	for (uint32_t col = 0; col < r->n; col++)
		ep_order_advance(r, col);
	uint64_t own = r->columns[r->self].exec_prefix;
	for (uint32_t s = 0; s < config->window; s++) {
		const struct ep_record *rec = ep_rec(r, ep_slot_of(r, r->self, 0) | s);
		if (rec_is_live(rec) && rec->i > own)
			own = rec->i;
	}
	r->next_i = own + 1;
	ep_hello_start(r, config->hello != EP_HELLO_NEVER);
	*ret = r;
	return EP_ATTACH_OK;
}

void ep_poison(struct ep_replica *r)
{
	r->poison = EP_POISON_CHECK;
}
