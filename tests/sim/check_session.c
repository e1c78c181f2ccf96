// A reference table of sessions (protocol.md D.5), run at the first execution of each instance anywhere: which status
// its command must get, and that a (session, seq) has an effect once.
#include <inttypes.h>
#include <string.h>
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

static struct log_instance *session_of(struct check *k, const struct ep_session_id *id)
{
	static const uint8_t zero[sizeof id->zero];
	if (id->epoch != k->log.config.epoch || memcmp(id->zero, zero, sizeof zero) != 0)
		return NULL;
	struct log_instance *open = log_find(&k->log, id->col, id->i);
	return open && open->session.is_open ? open : NULL;
}

static enum ep_status update(struct check *k, struct log_outcome *out, const struct ep_wire_command *c)
{
	struct log_instance *open = session_of(k, &c->session);
	uint64_t digest = ep_hash64(0x64, c + 1, c->len - (uint32_t)sizeof *c);
	if (!open)
		return EP_NO_SESSION;
	struct log_session *s = &open->session;
	if (c->seq < s->last)
		return EP_STALE;
	if (c->seq == s->last) {
		out->applied = open->applied;
		return digest == s->digest ? EP_OK : EP_MISMATCH;
	}
	s->last = c->seq;
	s->digest = digest;
	open->applied = out; // whose reply the session keeps
	k->applied++;
	return EP_OK;
}

static enum ep_status expire(struct check *k, const struct ep_wire_command *c)
{
	struct log_instance *open = session_of(k, &c->session);
	if (!open)
		return EP_NO_SESSION;
	if (open->session.last != c->seq)
		return EP_STALE;
	open->session.is_open = false;
	k->sessions_open--;
	return EP_OK;
}

static enum ep_status open_session(struct check *k, struct log_instance *x)
{
	if (k->sessions_open == k->log.config.sessions_max)
		return EP_FULL;
	k->sessions_open++;
	x->session = (struct log_session){.is_open = true};
	return EP_OK;
}

void check_session_apply(struct check *k, struct log_instance *x)
{
	const struct ep_wire_command *c;
	struct log_outcome *out = x->outcomes;
	for (uint32_t at = 0; (c = log_command(x, &at)) != NULL; out++) {
		switch ((enum ep_command_kind)c->kind) {
		case EP_CMD_UPDATE:
			out->status = (uint8_t)update(k, out, c);
			break;
		case EP_CMD_EXPIRE:
			out->status = (uint8_t)expire(k, c);
			break;
		case EP_CMD_OPEN:
			out->status = (uint8_t)open_session(k, x);
			break;
		case EP_CMD_READ:
		case EP_CMD_RECONFIG:
			out->status = EP_OK;
			break;
		}
	}
	x->has_status = true;
}
