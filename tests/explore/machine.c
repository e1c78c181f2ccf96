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
#include "tests/explore/image.h"
#include "tests/explore/table.h"
#include "tests/sim/host.h"
#include "tests/sim/verdict.h"

#define NOW 1000000
#define LOCALS_MAX (1u << 25)
#define IMAGES_MAX (24ULL << 30) // bytes, reserved
#define OUTS_MAX (1u << 28)      // words, reserved
#define STEP_OUTS_MAX 64
#define VARIANTS_MAX 16          // other arenas of one state that are kept

static const struct scope *scope;
static struct machine {
	struct host host;
	_Alignas(64) uint8_t fresh[IMAGE_FLAT_MAX];
} machines[EP_MEMBERS_MAX];
static struct local *locals;
static struct variant {
	uint8_t *image;
	uint32_t len, next; // index + 1 of the next one of the same state
} *variants;
static uint32_t variants_count;
static bool keeps_variants;
static uint8_t *images;
static uint64_t images_used;
static uint32_t *outs_pool, outs_used, locals_count;
static struct table by_print, outcomes, by_outs;

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

static uint8_t *keep_image(struct machine *m, uint32_t *len)
{
	static uint8_t image[IMAGE_MAX];
	forget(m->host.replica);
	*len = image_take(m->host.arena, m->fresh, image);
	if (images_used + *len > IMAGES_MAX)
		verdict_fail("too many states of single replicas");
	uint8_t *at = images + images_used;
	memcpy(at, image, *len);
	images_used += *len;
	return at;
}

static bool is_image(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

// Another way to a known state. The first ones that left other bytes behind are kept for machine_ask_again().
static void meet_again(struct machine *m, struct local *known, const struct local *now)
{
	uint32_t len, others = 0;
	uint64_t used = images_used;
	check_order(scope, known, now);
	if (!keeps_variants)
		return;
	uint8_t *image = keep_image(m, &len);
	bool is_met = is_image(image, len, known->image, known->image_len);
	for (uint32_t v = known->variants; v != 0 && !is_met; v = variants[v - 1].next, others++)
		is_met = is_image(image, len, variants[v - 1].image, variants[v - 1].len);
	if (is_met || others == VARIANTS_MAX) {
		images_used = used;
		return;
	}
	variants[variants_count] = (struct variant){ image, len, known->variants };
	known->variants = ++variants_count;
}

// The local state in the arena, known or new.
static uint32_t intern(struct machine *m, struct local now)
{
	struct ep_replica *r = m->host.replica;
	facts_take(scope, r, &now);
	now.print = print_of(r, &now);
	now.variants = 0;
	uint64_t *known = table_find(&by_print, now.print);
	if (known) {
		meet_again(m, &locals[*known], &now);
		return (uint32_t)*known;
	}
	if (r->sessions_count != 0 || r->recoveries > IMAGE_RECOVERIES || pnyx_app_used(ep_at(r, r->at_app)) != 0 ||
	    ep_executed_count(r) > IMAGE_EXECUTED)
		verdict_fail("a replica does what its image has no room for");
	if (locals_count == LOCALS_MAX)
		verdict_fail("too many states of single replicas");
	now.image = keep_image(m, &now.image_len);
	locals[locals_count] = now;
	table_put(&by_print, now.print, locals_count);
	return locals_count++;
}

// ---- actions ----------------------------------------------------------------------------------------------------
static void receive(struct machine *m, uint8_t from, uint8_t *frame, uint32_t len)
{
	struct ep_source source = { .member = from };
	struct ep_view view = { .data = frame, .len = len };
	ep_receive(m->host.replica, NOW, &source, &view, &m->host.effects);
}

static void receive_from(struct machine *m, uint8_t from, struct said_frame frame)
{
	((struct ep_wire_header *)(void *)frame.data)->sender = from;
	ep_wire_seal(frame.data, frame.len);
	receive(m, from, frame.data, frame.len);
}

// A Commit from whoever has it: in short, as everybody is told, and whole if that is asked for.
static void receive_commit(struct machine *m, const struct said_value *v)
{
	const struct ep_replica *r = m->host.replica;
	uint8_t from = (uint8_t)((m->host.config.self + 1u) % scope->n), col = scope->commands[v->command].col;
	receive_from(m, from, v->in_short);
	if (ep_peek(r, col, scope_number(scope, v->command)).phase != EP_COMMITTED)
		receive_from(m, from, v->whole);
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
	if (ep_stage(r, fx, scope_bytes(scope, k), &nobody) == EP_ADMIT) {
		ep_submit(r, fx);
		const struct ep_record *rec = ep_rec(r, ep_slot_of(r, r->self, scope_number(scope, k)));
		if (r->mode == EP_MODE_D && r->n == 3 && rec->fq != scope->commands[k].fq)
			verdict_fail("p%u chose another designated peer than the scope", r->self);
	}
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
// Commits are values that all can get (said.c), and so are answers to the Fetch of one; Pending moves clocks only.
static bool is_kept(const struct ep_msg *msg, action a)
{
	bool is_for_commit = msg->type == EP_FETCH && act_kind(a) == ACT_COMMIT;
	return !is_for_commit && msg->type != EP_COMMIT && msg->type != EP_PENDING && (msg->type != EP_NACK || scope->has_nacks);
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

static uint32_t collect(struct machine *m, action a, uint32_t *ids)
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
			if (is_kept(msg, a) && count < STEP_OUTS_MAX)
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

// Lets the core do it, from these bytes.
static struct outcome run(uint32_t id, const uint8_t *image, uint32_t len, action a)
{
	struct machine *m = &machines[locals[id].self];
	struct ep_replica *r = m->host.replica = m->host.arena; // a violation may have ended a step in the middle, a start as well
	struct local now = locals[id];
	uint32_t ids[STEP_OUTS_MAX];
	empty(&m->host.effects);
	image_put(m->host.arena, m->fresh, image, len);
	uint64_t executed = act_kind(a) == ACT_RESTART ? 0 : ep_executed_count(r);
	act(m, a);
	execute(m);
	facts_order(scope, r, executed, &locals[id], &now);
	uint32_t count = collect(m, a, ids);
	if (scope->has_status) {
		facts_take(scope, r, &now);
		recycle(r);
	}
	uint32_t outs = keep_outs(ids, count);
	return (struct outcome){ intern(m, now), outs };
}

struct outcome machine_step(uint32_t id, action a)
{
	uint64_t *known = table_find(&outcomes, outcome_key(id, a));
	if (known)
		return (struct outcome){ (uint32_t)*known, (uint32_t)(*known >> 32) };
	struct outcome o = run(id, locals[id].image, locals[id].image_len, a);
	check_step(scope, &locals[id], &locals[o.next], a);
	table_put(&outcomes, outcome_key(id, a), (uint64_t)o.outs << 32 | o.next);
	return o;
}

uint64_t machine_ask_again(void)
{
	uint64_t asked = 0;
	keeps_variants = false;
	for (uint64_t at = 0; at < outcomes.size; at++) {
		uint64_t key = outcomes.keys[at], value = outcomes.values[at];
		if (key == 0)
			continue;
		uint32_t id = (uint32_t)(key >> 32) - 1;
		for (uint32_t v = locals[id].variants; v != 0; v = variants[v - 1].next, asked++) {
			struct outcome o = run(id, variants[v - 1].image, variants[v - 1].len, (action)key);
			if (o.next != (uint32_t)value || o.outs != (uint32_t)(value >> 32))
				verdict_fail("p%u acts differently in two states with one fingerprint when %s", locals[id].self,
					     world_text(scope, &(struct move){ locals[id].self, (action)key }));
		}
	}
	keeps_variants = true;
	return asked;
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
	return locals_count * sizeof *locals + variants_count * sizeof *variants + images_used + 4ULL * outs_used + table_bytes(&by_print) +
	       table_bytes(&outcomes) + table_bytes(&by_outs);
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
		variants = memory_take(VARIANTS_MAX * LOCALS_MAX * sizeof *variants);
	}
	scope = s;
	keeps_variants = true;
	images_used = locals_count = variants_count = 0;
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
			image_start(m->host.replica, sizeof(struct ep_wire_payload) + scope_bytes(s, 0)->len);
		image_flatten(m->host.arena, m->fresh);
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
