// Cycles by stage: every call between the parts of a replica is stamped on its way in and out, by the linker's --wrap.
//
// The archives are the shipped ones; nothing in them knows of this. A stage owns the cycles between two stamps, without those of
// the stages that it calls. A stamp costs more than many a function that it surrounds: its cost is measured and taken off,
// and the sum is shown beside the turns of the same run and those of a program without stamps (scripts/lab.sh).
#include "consensus/client.h"
#include "consensus/decide.h"
#include "consensus/execute.h"
#include "consensus/session.h"
#include "tests/lab/lab.h"

#define STAGES(X) \
	X(agent, "turn, agent, buffers") \
	X(rx, "RX: port, heads, checksums") \
	X(decode, "decode: CRC, frame, messages") \
	X(request, "handler: request, SUBMIT") \
	X(preaccept, "handler: PreAccept") \
	X(preaccept_ok, "handler: PreAcceptOK") \
	X(accept, "handlers: Accept, AcceptOK") \
	X(commit, "handler: Commit, and COMMIT_NOW") \
	X(status, "handler: Status") \
	X(keys, "keys of a command") \
	X(index, "conflict index") \
	X(learn, "prefixes, missing commits") \
	X(execute, "execute: components, order") \
	X(session, "execute: session, journal") \
	X(app, "execute: application") \
	X(recycle, "recycling") \
	X(clock, "timers, deadlines") \
	X(encode, "encode messages") \
	X(seal, "seal: CRC") \
	X(tx, "TX: heads, checksums, port")

enum stage {
#define STAGE_NAME(name, text) STAGE_##name,
	STAGES(STAGE_NAME)
#undef STAGE_NAME
		STAGE_COUNT
};

static uint64_t self[STAGE_COUNT], stamps[STAGE_COUNT], calls[STAGE_COUNT], since;
static uint8_t stack[64];
static uint32_t depth;
static bool is_on;
static double stamp_cost; // cycles that one stamp adds to the stage that it ends

static inline void stamp(void)
{
	uint64_t now = rte_rdtsc();
	self[stack[depth]] += now - since;
	stamps[stack[depth]]++;
	since = now;
}

static inline bool enter(enum stage stage)
{
	if (!is_on || depth == 0)
		return false;
	stamp();
	stack[++depth] = (uint8_t)stage;
	calls[stage]++;
	return true;
}

static inline void leave(bool is_entered)
{
	if (!is_entered)
		return;
	stamp();
	depth--;
}

// Declared after the originals: a changed signature does not compile.
#define WRAP(stage, type, name, params, args) \
	__typeof__(name) __real_##name, __wrap_##name; \
	type __wrap_##name params \
	{ \
		bool is_entered = enter(STAGE_##stage); \
		type value = __real_##name args; \
		leave(is_entered); \
		return value; \
	}
#define WRAP_VOID(stage, name, params, args) \
	__typeof__(name) __real_##name, __wrap_##name; \
	void __wrap_##name params \
	{ \
		bool is_entered = enter(STAGE_##stage); \
		__real_##name args; \
		leave(is_entered); \
	}
#define CORE struct ep_replica *r, struct ep_effects *fx
#define HANDLER(stage, name) WRAP_VOID(stage, name, (CORE, const struct ep_about *in), (r, fx, in))

WRAP(rx, uint32_t, dp_io_receive, (struct dp_io * io, struct rte_mbuf **data), (io, data))
WRAP_VOID(tx, dp_io_send, (struct dp_io * io, struct rte_mbuf **frames, uint32_t count), (io, frames, count))
WRAP(decode, enum ep_drop, ep_wire_check, (const uint8_t *data, uint32_t len), (data, len))
WRAP(decode, enum ep_drop, ep_wire_check_msg, (const struct ep_msg *m, uint32_t n, uint32_t *payload), (m, n, payload))
WRAP(decode, bool, ep_receive, (struct ep_replica * r, ep_time now, const struct ep_source *from, struct ep_view *in, struct ep_effects *fx),
     (r, now, from, in, fx))
WRAP_VOID(request, on_client_message,
	  (CORE, const struct ep_addr *from, const struct ep_wire_header *h, const struct ep_msg *msg, const struct ep_keys *keys),
	  (r, fx, from, h, msg, keys))
WRAP_VOID(request, ep_submit, (CORE), (r, fx))
HANDLER(preaccept, on_preaccept)
HANDLER(preaccept_ok, on_preaccept_ok)
HANDLER(accept, on_accept)
HANDLER(accept, on_accept_ok)
HANDLER(commit, on_commit)
WRAP_VOID(status, on_status, (struct ep_replica * r, const struct ep_msg *msg, uint8_t from), (r, msg, from))
WRAP_VOID(commit, ep_commit_now, (CORE, ep_slot slot, uint64_t bal, bool is_nop, const uint64_t *deps), (r, fx, slot, bal, is_nop, deps))
WRAP(keys, bool, ep_keys_collect, (const struct ep_config *c, uint32_t col, uint64_t i, const uint8_t *payload, struct ep_keys *keys),
     (c, col, i, payload, keys))
WRAP_VOID(index, ep_index_conflicts, (struct ep_replica * r, struct ep_keys *keys, uint32_t col, uint64_t i, uint64_t *deps),
	  (r, keys, col, i, deps))
WRAP_VOID(index, ep_index_insert, (struct ep_replica * r, ep_slot slot, const struct ep_keys *keys), (r, slot, keys))
WRAP_VOID(index, ep_index_unlist, (struct ep_replica * r, ep_slot slot), (r, slot))
WRAP_VOID(index, ep_index_remove, (struct ep_replica * r, ep_slot slot), (r, slot))
WRAP_VOID(learn, ep_learn_commits, (struct ep_replica * r, uint32_t col), (r, col))
WRAP_VOID(learn, ep_learn_payloads, (struct ep_replica * r, uint32_t col), (r, col))
WRAP_VOID(learn, ep_learn_run, (CORE), (r, fx))
WRAP(execute, bool, ep_exec_run, (CORE, uint32_t budget), (r, fx, budget))
WRAP(execute, bool, ep_order_drain_one, (CORE), (r, fx))
WRAP(session, struct ep_outcome, ep_session_execute,
     (struct ep_replica * r, struct ep_txn *txn, ep_slot slot, const struct ep_wire_command *c, uint8_t *scratch), (r, txn, slot, c, scratch))
WRAP(app, uint32_t, pnyx_app_apply, (void *state, struct ep_txn *txn, const uint8_t *c, uint32_t len, uint8_t *result, uint32_t cap),
     (state, txn, c, len, result, cap))
WRAP(recycle, bool, ep_window_recycle, (struct ep_replica * r, uint32_t budget), (r, budget))
WRAP_VOID(clock, ep_tick, (struct ep_replica * r, ep_time now, struct ep_effects *fx), (r, now, fx))
WRAP(clock, ep_time, ep_deadline, (const struct ep_replica *r), (r))
WRAP_VOID(encode, ep_send_preaccept, (CORE, uint32_t to, ep_slot slot), (r, fx, to, slot))
WRAP_VOID(encode, ep_send_preaccept_ok, (CORE, uint32_t to, ep_slot slot), (r, fx, to, slot))
WRAP_VOID(encode, ep_send_value, (CORE, uint32_t to, enum ep_msg_type type, ep_slot slot, bool is_short), (r, fx, to, type, slot, is_short))
WRAP_VOID(encode, ep_send_status, (CORE, uint32_t to), (r, fx, to))
WRAP_VOID(encode, ep_send_reply,
	  (CORE, const struct ep_addr *to, uint64_t cookie, uint8_t flags, enum ep_status status, const struct ep_session_id *instance,
	   const void *result, uint32_t len),
	  (r, fx, to, cookie, flags, status, instance, result, len))
WRAP_VOID(seal, ep_wire_seal, (uint8_t * frame, uint32_t len), (frame, len))

__typeof__(dp_turn_fused) __real_dp_turn_fused, __wrap_dp_turn_fused;
uint32_t __wrap_dp_turn_fused(struct dp_loop *l)
{
	uint64_t before[STAGE_COUNT], stamps_before[STAGE_COUNT];
	memcpy(before, self, sizeof self);
	memcpy(stamps_before, stamps, sizeof stamps);
	depth = 1;
	stack[1] = STAGE_agent;
	since = rte_rdtsc();
	uint32_t work = __real_dp_turn_fused(l);
	stamp();
	depth = 0;
	if (work == 0) { // as the replicas count: turns with work only
		memcpy(self, before, sizeof self);
		memcpy(stamps, stamps_before, sizeof stamps);
	}
	return work;
}

// What a stamp costs where it stands: the average over many of them around nothing.
static void calibrate(void)
{
	uint64_t best = UINT64_MAX;
	for (uint32_t k = 0; k < 200; k++) {
		depth = 1;
		stack[1] = STAGE_agent;
		is_on = true;
		uint64_t began = since = rte_rdtsc();
		for (uint32_t c = 0; c < 100; c++)
			leave(enter(STAGE_agent));
		uint64_t took = rte_rdtsc() - began;
		best = took < best ? took : best;
	}
	stamp_cost = (double)best / 200;
	depth = 0;
	is_on = false;
}

void lab_stages_reset(void)
{
	calibrate();
	memset(self, 0, sizeof self);
	memset(stamps, 0, sizeof stamps);
	memset(calls, 0, sizeof calls);
	is_on = true;
}

void lab_stages_switch(bool on)
{
	is_on = on;
}

void lab_stages_report(uint64_t commands)
{
	static const char *const names[] = {
#define STAGE_NAME(name, text) #name,
		STAGES(STAGE_NAME)
#undef STAGE_NAME
	};
	static const char *const texts[] = {
#define STAGE_TEXT(name, text) text,
		STAGES(STAGE_TEXT)
#undef STAGE_TEXT
	};
	double sum = 0, all = 0, count = (double)commands;
	for (uint32_t s = 0; s < STAGE_COUNT; s++) {
		double cycles = (double)self[s] - (double)stamps[s] * stamp_cost;
		char name[64], text[128];
		snprintf(name, sizeof name, "stage_%s", names[s]);
		snprintf(text, sizeof text, "  %s", texts[s]);
		lab_figure(name, cycles / count, "", text);
		sum += cycles;
		all += (double)stamps[s];
	}
	lab_figure("stage_sum", sum / count, "", "  sum of the stages: cycles a command");
	lab_figure("stage_stamps", all * stamp_cost / count, "", "  taken off for the stamps themselves");
	lab_figure("stage_stamp", stamp_cost, "", "  of one stamp");
}
