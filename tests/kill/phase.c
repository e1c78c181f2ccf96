// Naming a step by what it did.
#include "tests/kill/phase.h"
#include "consensus/app/kv_format.h"
#include "consensus/stage.h"

const char *const phase_texts[PHASE_COUNT] = {
#define PHASE_TEXT(name, text) [PHASE_##name] = text,
	PHASES(PHASE_TEXT)
#undef PHASE_TEXT
};

struct delta {
	const struct ep_counters *before, *after;
};
#define GREW(d, name) ((d).after->name > (d).before->name)

static enum phase of_update(const uint8_t *bytes)
{
	switch ((enum pnyx_kv_op)bytes[0]) {
	case PNYX_KV_PUT:
		return PHASE_EXEC_PUT;
	case PNYX_KV_DELETE:
		return PHASE_EXEC_DELETE;
	case PNYX_KV_CAS:
		return PHASE_EXEC_CAS;
	case PNYX_KV_INCR:
		return PHASE_EXEC_INCR;
	case PNYX_KV_APPEND:
		return PHASE_EXEC_APPEND;
	case PNYX_KV_MPUT:
		return PHASE_EXEC_MPUT;
	case PNYX_KV_GET:
		return PHASE_EXEC_GET;
	case PNYX_KV_MGET:
		return PHASE_EXEC_MGET;
	}
	return PHASE_IDLE;
}

static bool has_executed(const struct ep_replica *before, const struct ep_replica *after)
{
	return ep_executed_count(after) > ep_executed_count(before) || after->order_done != before->order_done;
}

// The first command that ran.
static enum phase of_execution(const struct ep_replica *before, const struct ep_replica *after, struct delta d)
{
	bool is_whole = ep_executed_count(after) > ep_executed_count(before);
	struct ep_session_id id = is_whole ? ep_executed_at(after, ep_executed_count(before)) : ep_executing(after);
	struct ep_peek p = ep_peek(before, id.col, id.i);
	if (p.is_nop || !p.payload)
		return PHASE_EXEC_NOP;
	if (!is_whole || before->order_done != 0 || ((const struct ep_wire_payload *)(const void *)p.payload)->count > 1)
		return PHASE_EXEC_BATCH;
	uint32_t offset = sizeof(struct ep_wire_payload);
	const struct ep_wire_command *c = ep_command_next(p.payload, &offset);
	if (c->kind == EP_CMD_OPEN)
		return PHASE_EXEC_OPEN;
	if (c->kind == EP_CMD_EXPIRE)
		return PHASE_EXEC_EXPIRE;
	bool is_repeat = c->kind == EP_CMD_UPDATE && !GREW(d, executed);
	return is_repeat ? PHASE_EXEC_REPEAT : of_update(ep_command_bytes(c));
}

static enum phase of_tick(const struct ep_replica *before, const struct ep_replica *after, struct delta d, uint32_t component)
{
	if (component >= 3)
		return PHASE_COMPONENT;
	if (GREW(d, resubmitted))
		return PHASE_RESUBMIT;
	if (has_executed(before, after))
		return of_execution(before, after, d);
	if (GREW(d, recovered_value))
		return PHASE_PROPOSE_VALUE;
	if (GREW(d, recovered_nop))
		return PHASE_PROPOSE_NOP;
	if (GREW(d, recoveries))
		return PHASE_RECOVER;
	if (GREW(d, submits))
		return PHASE_SUBMIT;
	if (after->votes > before->votes)
		return PHASE_SLOW_PATH;
	if (GREW(d, recycled))
		return PHASE_RECYCLE;
	return GREW(d, resent) || GREW(d, fetches) ? PHASE_RESEND : PHASE_IDLE;
}

static enum phase of_message(enum ep_msg_type type, bool has_voted, struct delta d)
{
	switch (type) {
	case EP_PREACCEPT:
		return has_voted ? PHASE_PREACCEPT : PHASE_PREACCEPT_REPEAT;
	case EP_PREACCEPT_OK:
		return GREW(d, fast_commits) ? PHASE_FAST_COMMIT : has_voted ? PHASE_SLOW_PATH : PHASE_PREACCEPT_OK;
	case EP_ACCEPT:
		return PHASE_ACCEPT;
	case EP_ACCEPT_OK:
		return GREW(d, slow_commits) ? PHASE_SLOW_COMMIT : GREW(d, commits) ? PHASE_RECOVERED : PHASE_ACCEPT_OK;
	case EP_COMMIT:
		return GREW(d, commits) ? PHASE_COMMIT : PHASE_COMMIT_REPEAT;
	case EP_NACK:
		return PHASE_NACK;
	case EP_RECOVER:
		return has_voted ? PHASE_JOIN : PHASE_JOIN_REPEAT;
	case EP_RECOVER_OK:
	case EP_VALIDATE_OK:
		if (GREW(d, commits))
			return PHASE_RECOVERED;
		if (GREW(d, validations))
			return PHASE_VALIDATE_START;
		if (has_voted)
			return GREW(d, recovered_nop) ? PHASE_PROPOSE_NOP : PHASE_PROPOSE_VALUE;
		return type == EP_RECOVER_OK ? PHASE_RECOVER_OK : PHASE_VALIDATE_OK;
	case EP_VALIDATE:
		return PHASE_VALIDATE;
	case EP_FETCH:
		return PHASE_FETCH;
	case EP_PENDING:
	case EP_VOID: // likewise moves clocks and prefixes only
		return PHASE_PENDING;
	default:
		return PHASE_STATUS;
	}
}

enum phase phase_of(const struct step *s, const struct ep_replica *before, const struct ep_replica *after, uint32_t component)
{
	struct delta d = { ep_counters(before), ep_counters(after) };
	switch (s->kind) {
	case STEP_RECEIVE:
		if (s->in.from == EP_CLIENT)
			return GREW(d, submits) ? PHASE_SUBMIT : ep_is_staged(after) ? PHASE_STAGE : PHASE_REQUEST;
		return of_message(ep_wire_msg(s->in.data, sizeof(struct ep_wire_header))->type, after->votes > before->votes, d);
	case STEP_TICK:
		return of_tick(before, after, d, component);
	case STEP_ATTACH:
		return ep_journal_len(ep_txn((struct ep_replica *)(uintptr_t)before).journal) > 0 ? PHASE_ATTACH_UNDO : PHASE_ATTACH;
	}
	return PHASE_IDLE;
}
