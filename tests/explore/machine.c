// One replica of the shipped core as a function: (state, action) -> (state, messages).
//
// A step of a replica depends on its own state alone, so its outcome is remembered: the core runs once for each pair, however
// many worlds the pair occurs in. States are told apart by their fingerprint and kept as differences from a fresh arena.
// Time stands still; what a timer would do is an action.
#include "consensus/decide.h"
#include "consensus/execute.h"
#include "consensus/stage.h"
#include <string.h>
#include "tests/explore/explore.h"
#include "tests/explore/table.h"
#include "tests/sim/host.h"
#include "tests/sim/verdict.h"

#define NOW 1000000
#define LOCALS_MAX (1u << 25)
#define IMAGES_MAX (24ULL << 30) // bytes, reserved
#define OUTS_MAX (1u << 28)      // words, reserved
#define STEP_OUTS_MAX 64
#define FLAT_MAX (64u << 10)
#define RECOVERIES_SEEN 8 // attempts of one replica that an image holds
#define EXECUTED_SEEN 16  // and entries of the executor's trace
#define NONE UINT32_MAX

struct range {
	uint64_t at;
	uint32_t len;
};

static const struct scope *scope;
static struct machine {
	struct host host;
	uint32_t holds; // local state in the arena, NONE: none
	_Alignas(64) uint8_t fresh[FLAT_MAX];
} machines[EP_MEMBERS_MAX];
static struct range ranges[64]; // of an arena that a step can change and that matter
static uint32_t ranges_count, flat_len;
static struct local *locals;
static uint8_t *images;
static uint64_t images_used;
static uint32_t *outs_pool, outs_used, locals_count;
static struct table by_print, outcomes, by_outs;

// ---- images -----------------------------------------------------------------------------------------------------
static void add_range(uint64_t at, uint64_t len)
{
	len = (len + 7) & ~7ULL;
	if (ranges_count == sizeof ranges / sizeof ranges[0] || flat_len + len > FLAT_MAX)
		verdict_fail("an image of a replica is larger than provided for");
	ranges[ranges_count++] = (struct range){ at, (uint32_t)len };
	flat_len += (uint32_t)len;
}

// Left out: the journal (empty between steps), the application and the sessions (nothing is executed into them), the tails of
// payload slots, of the executor's trace and of the attempts.
static void find_ranges(const struct ep_replica *r)
{
	ranges_count = flat_len = 0;
	add_range(0, r->at_journal);
	add_range(r->at_records, r->at_payloads - r->at_records);
	uint32_t payload = sizeof(struct ep_wire_payload) + scope_bytes(scope, 0)->len;
	for (uint32_t slot = 0; slot < (uint32_t)r->n << r->window_shift; slot++)
		add_range(r->at_payloads + (uint64_t)slot * r->payload_stride, payload);
	add_range(r->at_bitmap, r->at_sessions - r->at_bitmap);
	add_range(r->at_links, r->at_trace - r->at_links);
	add_range(r->at_trace, EXECUTED_SEEN * sizeof(struct ep_session_id));
	add_range(r->at_recoveries, RECOVERIES_SEEN * sizeof(struct ep_recovery));
}

static void flatten(const struct machine *m, uint8_t *flat)
{
	for (uint32_t k = 0; k < ranges_count; flat += ranges[k++].len)
		memcpy(flat, (const uint8_t *)m->host.arena + ranges[k].at, ranges[k].len);
}

static void unflatten(struct machine *m, const uint8_t *flat)
{
	for (uint32_t k = 0; k < ranges_count; flat += ranges[k++].len)
		memcpy((uint8_t *)m->host.arena + ranges[k].at, flat, ranges[k].len);
}

// Words that differ from the fresh arena: how many equal ones come first, which bytes are not 0 in the difference, these bytes.
static uint32_t encode(const uint8_t *flat, const uint8_t *fresh, uint8_t *out)
{
	uint32_t used = 0, gap = 0;
	for (uint32_t at = 0; at < flat_len; at += 8) {
		uint64_t diff = ep_load64(flat + at) ^ ep_load64(fresh + at);
		if (diff == 0) {
			gap++;
			continue;
		}
		for (; gap >= 255; gap -= 255)
			out[used++] = 255;
		out[used++] = (uint8_t)gap;
		uint32_t mask = used++;
		out[mask] = 0;
		gap = 0;
		for (uint32_t b = 0; b < 8; b++)
			if (diff >> (8 * b) & 0xff) {
				out[mask] |= (uint8_t)(1u << b);
				out[used++] = (uint8_t)(diff >> (8 * b));
			}
	}
	return used;
}

static void decode(const uint8_t *in, uint32_t len, uint8_t *flat)
{
	const uint8_t *end = in + len;
	while (in < end) {
		uint8_t gap = *in++;
		flat += 8 * gap;
		if (gap == 255)
			continue;
		uint8_t mask = *in++;
		for (uint32_t b = 0; b < 8; b++)
			if (mask & (1u << b))
				flat[b] ^= *in++;
		flat += 8;
	}
}

static void load(struct machine *m, uint32_t id)
{
	static _Alignas(64) uint8_t flat[FLAT_MAX];
	if (m->holds == id)
		return;
	memcpy(flat, m->fresh, flat_len);
	decode(locals[id].image, locals[id].image_len, flat);
	unflatten(m, flat);
	m->holds = id;
}

// What a step leaves behind that no later step reads.
static void forget(struct ep_replica *r)
{
	memset(&r->counters, 0, sizeof r->counters);
	memset(r->drops, 0, sizeof r->drops);
}

static uint64_t print_of(const struct ep_replica *r, const struct local *l)
{
	uint64_t values = 0; // of what was recycled

	uint32_t parts = EP_PRINT_KNOWN, own = 0;
	parts |= (scope->has_nacks ? 0 : EP_PRINT_NACKED) | (scope->has_status ? 0 : EP_PRINT_REPORTED);
	for (uint32_t k = 0; k < scope->count; k++)
		own += scope->commands[k].col == r->self;
	if (r->next_i > own) // all are submitted: the clock is never read again
		parts |= EP_PRINT_CLOCK;
	for (uint32_t k = 0; k < scope->count && scope->has_status; k++)
		values = ep_mix64(values + 1) ^ said_value_at(l->facts[k].value)->hash;
	return ep_mix64(ep_fingerprint_without(r, parts) ^ (r->self + 1ULL) ^ ep_mix64(values)) | 1;
}

// The local state in the arena, known or new.
static uint32_t intern(struct machine *m, struct local now)
{
	static _Alignas(64) uint8_t flat[FLAT_MAX], image[2 * FLAT_MAX];
	struct ep_replica *r = m->host.replica;
	facts_take(scope, r, &now);
	now.print = print_of(r, &now);
	uint64_t *known = table_find(&by_print, now.print);
	if (known) {
		check_order(scope, &locals[*known], &now);
		m->holds = NONE; // the same for all that follows, not byte for byte
		return (uint32_t)*known;
	}
	if (r->sessions_count != 0 || r->recoveries > RECOVERIES_SEEN || pnyx_app_used(ep_at(r, r->at_app)) != 0 ||
	    ep_executed_count(r) > EXECUTED_SEEN)
		verdict_fail("a replica does what its image has no room for");
	forget(r);
	flatten(m, flat);
	now.image_len = encode(flat, m->fresh, image);
	if (locals_count == LOCALS_MAX || images_used + now.image_len > IMAGES_MAX)
		verdict_fail("too many states of single replicas");
	now.image = images + images_used;
	memcpy(now.image, image, now.image_len);
	images_used += now.image_len;
	locals[locals_count] = now;
	table_put(&by_print, now.print, locals_count);
	m->holds = locals_count;
	return locals_count++;
}

// ---- actions ----------------------------------------------------------------------------------------------------
static void receive(struct machine *m, uint8_t from, uint8_t *frame, uint32_t len)
{
	struct ep_source source = { .member = from };
	struct ep_view view = { .data = frame, .len = len };
	ep_receive(m->host.replica, NOW, &source, &view, &m->host.effects);
}

// A Commit from whoever has it.
static void receive_commit(struct machine *m, const struct said_value *v)
{
	uint8_t from = (uint8_t)((m->host.config.self + 1u) % scope->n);
	struct ep_wire_header *h = (void *)v->frame;
	h->sender = from;
	ep_wire_seal(v->frame, v->len);
	receive(m, from, v->frame, v->len);
}

static void suspect(struct ep_replica *r, const struct scope_command *c, enum ep_command_type type, struct ep_effects *fx)
{
	for (uint8_t p = 0; p < r->n && r->mode == EP_MODE_D && r->n > 2; p++)
		if (p != r->self && p != c->fq)
			ep_control(r, NOW, &(struct ep_command){ .type = type, .member = p }, fx);
}

// The designated peer is the scope's choice: for the moment of SUBMIT the other one is suspected.
static void submit(struct ep_replica *r, struct ep_effects *fx, uint32_t k)
{
	struct ep_request nobody = { .client = NULL };
	suspect(r, &scope->commands[k], EP_SUSPECT, fx);
	if (ep_stage(r, fx, scope_bytes(scope, k), &nobody) == EP_ADMIT)
		ep_submit(r, fx);
	suspect(r, &scope->commands[k], EP_TRUST, fx);
}

// T_fast, and when nothing comes of it the resend that follows; after a restart a resend comes before it.
static void expire(struct ep_replica *r, struct ep_effects *fx, ep_slot slot)
{
	for (uint32_t times = 0; times < 3 && ep_own(r, slot)->queue != EP_QUEUE_NONE; times++) {
		bool is_open = rec_phase(ep_rec(r, slot)) == EP_PREACCEPTED;
		ep_timer_expire(r, fx, slot);
		if (!is_open || rec_phase(ep_rec(r, slot)) != EP_PREACCEPTED)
			return;
	}
}

// A new attempt; one that is under way here is given up for it.
static void recover(struct ep_replica *r, struct ep_effects *fx, uint32_t col, uint64_t i)
{
	ep_slot slot = ep_slot_of(r, col, i);
	const struct ep_record *rec = ep_rec(r, slot);
	if (rec_is_live(rec) && rec->i == i)
		ep_recovery_end(r, slot);
	ep_recover(r, fx, col, i);
}

static void status(struct ep_replica *r, struct ep_effects *fx)
{
	for (uint32_t p = 0; p < r->n; p++)
		if (p != r->self)
			ep_send_status(r, fx, p);
	ep_window_ripen(r);
}

// B.7: what a replica holds after a kill is what it held, but for tallies, attempts and timers.
static void restart(struct machine *m)
{
	uint32_t parts = EP_PRINT_VOLATILE | EP_PRINT_KNOWN | EP_PRINT_REPORTED | EP_PRINT_NACKED | EP_PRINT_CLOCK;
	uint64_t before = ep_fingerprint_without(m->host.replica, parts);
	host_kill(&m->host);
	enum ep_attach verdict;
	if (scope->has_amnesia) {
		memset(m->host.arena, 0, m->host.arena_bytes);
		verdict = ep_replica_init(m->host.arena, m->host.arena_bytes, &m->host.config, &m->host.replica);
	} else {
		verdict = host_attach(&m->host);
	}
	if (verdict != EP_ATTACH_OK)
		verdict_fail("p%u does not start again: %d", m->host.config.self, verdict);
	m->host.replica->now = NOW;
	if (!scope->has_amnesia && ep_fingerprint_without(m->host.replica, parts) != before)
		verdict_fail("p%u holds something else after a restart", m->host.config.self);
}

static void act(struct machine *m, action a)
{
	struct ep_replica *r = m->host.replica;
	struct ep_effects *fx = &m->host.effects;
	uint32_t what = act_what(a), col = what < scope->count ? scope->commands[what].col : 0;
	uint64_t i = what < scope->count ? scope_number(scope, what) : 0;
	switch (act_kind(a)) {
	case ACT_MESSAGE:
		receive(m, said_at(what)->from, said_at(what)->frame, said_at(what)->len);
		break;
	case ACT_COMMIT:
		receive_commit(m, said_value_at(what));
		break;
	case ACT_SUBMIT:
		submit(r, fx, what);
		break;
	case ACT_TIMER:
		expire(r, fx, ep_slot_of(r, col, i));
		break;
	case ACT_RECOVER:
		recover(r, fx, col, i);
		break;
	case ACT_RESTART:
		restart(m);
		break;
	case ACT_CHECK:
		ep_recoveries_run(r, fx);
		break;
	case ACT_STATUS:
		status(r, fx);
		break;
	}
}

static void execute(struct machine *m)
{
	for (uint32_t turns = 0; ep_exec_run(m->host.replica, &m->host.effects, 1000); turns++)
		if (turns == 100)
			verdict_fail("execution at p%u does not come to rest", m->host.config.self);
}

static void recycle(struct ep_replica *r)
{
	uint64_t none[EP_MEMBERS_MAX] = { 0 };
	ep_window_report(r, r->self, none);
	ep_window_recycle(r, EP_RECYCLE_BUDGET);
}

// ---- outcomes -----------------------------------------------------------------------------------------------------
// Commits are values that all can get (said.c). Fetch answers a short Commit only where that is not so, Pending moves clocks only.
static bool is_kept(const struct ep_msg *msg)
{
	return msg->type != EP_COMMIT && msg->type != EP_PENDING && (msg->type != EP_NACK || scope->has_nacks);
}

// A Commit says what its sender's record holds.
static void check_commit(const struct ep_replica *r, const struct ep_msg *msg)
{
	struct ep_peek p = ep_peek(r, msg->col, msg->i);
	const uint8_t *deps = (const uint8_t *)(msg + 1) + sizeof(struct ep_wire_value);
	if (!p.exists || p.phase != EP_COMMITTED || p.is_nop != (bool)(msg->flags & EP_MSG_NOP) || memcmp(p.dep, deps, 8u * r->n) != 0)
		verdict_fail("Agreement: p%u tells a Commit of (%u,%llu) that is not its own", r->self, msg->col, (unsigned long long)msg->i);
}

// What a Status says of instances that were heard of moves timers only: left out, or there would be many that differ in that.
static void simplify_status(struct ep_msg *msg)
{
	uint8_t *body = (uint8_t *)(msg + 1);
	memcpy(body + 8u * scope->n, body, 8u * scope->n); // known: what is executed
}

static void empty(struct ep_effects *fx)
{
	for (uint32_t f = 0; f < fx->used; f++)
		fx->frames[f].len = 0;
	ep_effects_reset(fx);
}

static uint32_t collect(struct machine *m, uint32_t *ids)
{
	uint32_t count = 0;
	struct ep_effects *fx = &m->host.effects;
	for (uint32_t f = 0; f < fx->used; f++) {
		struct ep_frame *frame = &fx->frames[f];
		for (uint32_t at = sizeof(struct ep_wire_header); at < frame->len && frame->member != EP_CLIENT;) {
			const struct ep_msg *msg = ep_wire_msg(frame->data, at);
			at += msg->len;
			if (msg->type == EP_STATUS)
				simplify_status((struct ep_msg *)(uintptr_t)msg);
			if (msg->type == EP_COMMIT)
				check_commit(m->host.replica, msg);
			if (is_kept(msg) && count < STEP_OUTS_MAX)
				ids[count++] = said_message(m->host.config.self, frame->member, frame->data, msg);
		}
	}
	empty(fx);
	if (count == STEP_OUTS_MAX)
		verdict_fail("a step says more than provided for");
	return count;
}

// Lists are kept once; 0 is the empty one.
static uint32_t keep_outs(const uint32_t *ids, uint32_t count)
{
	if (count == 0)
		return 0;
	uint64_t hash = ep_hash64(count, ids, 4 * count) | 1;
	uint64_t *known = table_find(&by_outs, hash);
	if (known)
		return (uint32_t)*known;
	if (outs_used + count + 1 > OUTS_MAX)
		verdict_fail("too many lists of messages");
	uint32_t at = outs_used;
	outs_pool[at] = count;
	memcpy(&outs_pool[at + 1], ids, 4 * count);
	outs_used += count + 1;
	table_put(&by_outs, hash, at);
	return at;
}

static uint64_t outcome_key(uint32_t id, action a)
{
	return (uint64_t)(id + 1) << 32 | a;
}

void machine_prefetch(uint32_t id, action a)
{
	table_prefetch(&outcomes, outcome_key(id, a));
}

struct outcome machine_step(uint32_t id, action a)
{
	uint64_t *known = table_find(&outcomes, outcome_key(id, a));
	if (known)
		return (struct outcome){ (uint32_t)*known, (uint32_t)(*known >> 32) };
	struct machine *m = &machines[locals[id].self];
	uint32_t ids[STEP_OUTS_MAX];
	struct local now = locals[id];
	empty(&m->host.effects); // a violation may have ended a step in the middle
	load(m, id);
	m->holds = NONE; // until the step has ended well
	uint64_t executed = act_kind(a) == ACT_RESTART ? 0 : ep_executed_count(m->host.replica);
	act(m, a);
	execute(m);
	facts_order(scope, m->host.replica, executed, &locals[id], &now);
	uint32_t count = collect(m, ids);
	if (scope->has_status) {
		facts_take(scope, m->host.replica, &now);
		recycle(m->host.replica);
	}
	struct outcome o = { .next = intern(m, now) };
	o.outs = keep_outs(ids, count);
	check_step(scope, &locals[id], &locals[o.next], a);
	table_put(&outcomes, outcome_key(id, a), (uint64_t)o.outs << 32 | o.next);
	return o;
}

const uint32_t *machine_outs(uint32_t outs, uint32_t *count)
{
	*count = outs_pool[outs];
	return &outs_pool[outs + 1];
}

const struct local *machine_local(uint32_t id)
{
	return &locals[id];
}

uint32_t machine_locals(void)
{
	return locals_count;
}

uint64_t machine_bytes(void)
{
	return locals_count * sizeof *locals + images_used + 4ULL * outs_used + table_bytes(&by_print) + table_bytes(&outcomes) +
	       table_bytes(&by_outs);
}

uint32_t machine_initial(uint8_t self)
{
	return self; // the first ones
}

static void no_frames(void *owner, uint8_t self, const struct ep_frame *frame)
{
	(void)owner, (void)self, (void)frame;
}

void machine_start(const struct scope *s)
{
	if (!locals) {
		locals = memory_take(LOCALS_MAX * sizeof *locals);
		images = memory_take(IMAGES_MAX);
		outs_pool = memory_take(4ULL * OUTS_MAX);
	}
	scope = s;
	images_used = locals_count = 0;
	outs_used = 1;
	table_start(&by_print, 12, true);
	table_start(&outcomes, 16, true);
	table_start(&by_outs, 12, true);
	said_start(s);
	for (uint8_t p = 0; p < s->n; p++) {
		struct machine *m = &machines[p];
		struct ep_config config = scope_config(s, p);
		m->host = (struct host){ .sent = no_frames };
		host_start(&m->host, &config, HOST_FRAMES_MAX);
		m->host.replica->now = NOW;
		if (p == 0)
			find_ranges(m->host.replica);
		flatten(m, m->fresh);
		intern(m, (struct local){ .order_count = 0 });
	}
}

void machine_end(void)
{
	for (uint8_t p = 0; p < scope->n; p++)
		host_free(&machines[p].host);
	table_end(&by_print);
	table_end(&outcomes);
	table_end(&by_outs);
}
