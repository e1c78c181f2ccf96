// The arena's layout: where each table lies, and a fresh identity (architecture.md section 5).
#include "consensus/arena.h"
#include "consensus/hello.h"
#include "consensus/index.h"
#include "consensus/quorum.h"
#include "consensus/session.h"
#include "consensus/stage.h"

struct pnyx_app_config ep_arena_app(const struct ep_config *c)
{
	return (struct pnyx_app_config){ .capacity = c->app_capacity, .seed = ep_key_seed(c),
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

uint64_t ep_arena_lay_out(struct ep_replica *r, const struct ep_config *c)
{
	struct pnyx_app_config app = ep_arena_app(c);
	uint64_t slots = (uint64_t)c->n * c->window, at = 0;
	r->record_stride = round_up(sizeof(struct ep_record) + 24u * c->n + sizeof(struct ep_exec), 64);
	r->payload_stride = round_up(ep_payload_max(c->frame_max) + 7 + sizeof(uint64_t), 64); // and its check
	r->entry_stride = (uint32_t)(sizeof(struct ep_entry) + c->n * sizeof(struct ep_track));
	r->entry_buckets = power_above(2 * c->index_keys);
	r->session_buckets = power_above(c->sessions_max);
	take(&at, sizeof *r);
	// authoritative
	r->at_journal = take(&at, sizeof(struct ep_journal));
	r->at_records = take(&at, slots * r->record_stride);
	r->at_payloads = take(&at, slots * r->payload_stride);
	r->at_bitmap = take(&at, (slots + 31) / 32 * 8);
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
	return ep_arena_lay_out(&r, c);
}

static uint8_t mode_of(const struct ep_config *c)
{
	return c->mode != EP_MODE_AUTO ? c->mode : c->n <= 3 ? EP_MODE_D : EP_MODE_E;
}

static uint8_t e_of(const struct ep_config *c)
{
	return c->e != 0 ? c->e : (uint8_t)ep_quorum_e(c->n);
}

// Frames of a member that has any of it otherwise are dropped: with another window it would take for stable what is not, with another
// seed see other conflicts, with another table answer FULL alone.
uint32_t ep_arena_hash_shared(const struct ep_config *c)
{
	const uint64_t numbers[] = { c->cluster, c->epoch, c->n, mode_of(c), e_of(c), c->hash_seed, c->frame_max, c->window,
				     c->sessions_max, c->cost_max, c->app_capacity, c->first };
	uint64_t h = ep_hash64(c->chain, numbers, sizeof numbers);
	for (uint32_t m = 0; m < c->n; m++) {
		h = ep_hash64(h, c->members[m].uuid, sizeof c->members[m].uuid);
		h = ep_mix64(h ^ c->members[m].incarnation);
	}
	return (uint32_t)(h ^ h >> 32);
}

// Everything that an identity keeps for ever, as the arena's own copy of the configuration has it.
uint64_t ep_arena_identity(const struct ep_replica *r)
{
	const struct ep_config *c = &r->config;
	uint64_t words[] = { r->layout, r->bytes, c->cluster, c->epoch, c->n, c->self, e_of(c), mode_of(c), c->hash_seed, c->frame_max, c->window,
			     c->keys_max, c->index_keys, c->sessions_max, c->cost_max, c->app_capacity, c->first };
	uint64_t h = ep_hash64(EP_ARENA_MAGIC, words, sizeof words);
	h = ep_hash64(h, c->boot_id, sizeof c->boot_id);
	for (uint32_t m = 0; m < EP_MEMBERS_MAX; m++) {
		h = ep_hash64(h, c->members[m].uuid, sizeof c->members[m].uuid);
		h = ep_mix64(h ^ c->members[m].incarnation);
	}
	// The first epoch's addresses are the configuration file's; later ones are known from here alone.
	if (c->epoch > 1)
		h = ep_hash64(h ^ c->chain, c->members, sizeof c->members);
	return h;
}

// What was seen of a peer stays true, and may be what convicts it (F.2); a check that fails makes it unseen.
static void reset_peer(struct ep_peer *peer)
{
	if (!ep_word_holds(peer->votes, EP_VOTES_BITS))
		peer->votes = 0;
	if (!ep_word_holds(peer->start, 32))
		peer->start = 0;
	memset(&peer->reported, 0, sizeof *peer - offsetof(struct ep_peer, reported));
}

void ep_arena_reset(struct ep_replica *r)
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
	for (uint32_t m = 0; m < EP_MEMBERS_MAX; m++)
		reset_peer(&r->peers[m]);
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

enum ep_attach ep_arena_make(void *arena, size_t size, const struct ep_config *config, struct ep_replica **ret)
{
	if (ep_config_check(config))
		return EP_ATTACH_CONFIG;
	if (size < ep_replica_size(config))
		return EP_ATTACH_SMALL;
	struct ep_replica *r = arena;
	r->bytes = ep_arena_lay_out(r, config);
	r->config = *config;
	r->layout = EP_LAYOUT;
	r->identity = ep_arena_identity(r);
	r->config_hash = ep_arena_hash_shared(config);
	r->start = 1;
	r->starts = ep_word_seal(r->start, 32);
	ep_arena_reset(r);
	r->clock = 0;
	r->next_i = config->first + 1;
	for (uint32_t col = 0; col < r->n; col++) {
		struct ep_column *c = &r->columns[col];
		c->exec_prefix = c->stable = c->agreed = c->ripe = c->ripening = c->known = c->cprefix = c->kprefix = config->first;
		c->exec_again = ~c->exec_prefix;
		c->unindexed = EP_NIL;
		for (uint64_t i = config->first + 1; i <= config->first + config->window; i++) {
			ep_slot slot = ep_slot_of(r, col, i);
			uint32_t bit = 1u << (slot & 31), bits = (uint32_t)*ep_executed_word(r, slot);
			*ep_executed_word(r, slot) = ep_word_pair((i >> r->window_shift) & 1 ? bits | bit : bits & ~bit); // not executed
		}
	}
	for (uint32_t m = 0; m < r->n; m++)
		for (uint32_t col = 0; col < r->n; col++)
			r->peers[m].reported[col] = config->first;
	*ret = r;
	return EP_ATTACH_OK;
}

void ep_arena_publish(struct ep_replica *r, bool is_asked)
{
	ep_hello_start(r, is_asked);
	ep_publish64(&r->magic, EP_ARENA_MAGIC);
}

enum ep_attach ep_replica_init(void *arena, size_t size, const struct ep_config *config, struct ep_replica **ret)
{
	struct ep_replica *r;
	enum ep_attach verdict = ep_arena_make(arena, size, config, &r);
	if (verdict != EP_ATTACH_OK)
		return verdict;
	struct pnyx_app_config app = ep_arena_app(config);
	pnyx_app_init(ep_at(r, r->at_app), &app);
	ep_sessions_init(r);
	ep_arena_publish(r, config->hello == EP_HELLO_ALWAYS);
	*ret = r;
	return EP_ATTACH_OK;
}

void ep_poison(struct ep_replica *r)
{
	r->poison = EP_POISON_CHECK;
}
