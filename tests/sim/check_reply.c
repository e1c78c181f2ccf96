// INV10: a replica answers only what it has executed itself; with the status of the reference table, and a repeat with
// the first answer.
#include <inttypes.h>
#include <string.h>
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

// The answer's bytes are the same whoever gives it.
static void check_result(struct log_outcome *out, const struct message *m, uint8_t p)
{
	struct log_outcome *from = out->applied ? out->applied : out;
	uint64_t hash = ep_hash64(m->result_len, m->result, m->result_len) | 1;
	if (from->result_hash != 0 && from->result_hash != hash)
		verdict_fail("p%d answers %s with another result than before", p, log_name(out->instance));
	from->result_hash = hash;
}

// Answered without an instance: refused before it got one, or a repeat answered from the table.
static void check_bare(struct check *k, uint8_t p, const struct message *m, const struct ep_wire_command *c)
{
	if (m->reply->status == EP_BAD_COMMAND || m->reply->status == EP_TOO_BIG)
		return;
	if (c->kind != EP_CMD_UPDATE || m->reply->status != EP_OK)
		verdict_fail("p%d answers a request with status %d and names no instance", p, m->reply->status);
	struct log_instance *open = log_find(&k->log, c->session.col, c->session.i);
	struct log_outcome *x = open ? open->applied : NULL;
	// The table may have moved on elsewhere since: then only the replica that has not could answer.
	if (x && open->session.last == c->seq) {
		if (!(x->instance->executed & (1u << p)))
			verdict_fail("INV10: p%d answers a repeat of %s before it executed it", p, log_name(x->instance));
		check_result(x, m, p);
	} else if (!x || c->seq > open->session.last) {
		verdict_fail("INV10: p%d answers an update of seq %" PRIu64 " that nobody executed", p, c->seq);
	}
}

// The outcome of the command in x: of the one with this status, should there be several equal ones (two EXPIREs of a session).
static struct log_outcome *outcome_of(const struct log_instance *x, const struct ep_wire_command *c, uint8_t status)
{
	const struct ep_wire_command *own;
	struct log_outcome *out = x->outcomes, *found = NULL;
	for (uint32_t at = 0; (own = log_command(x, &at)) != NULL; out++)
		if (own->len == c->len && memcmp(own, c, c->len) == 0 && (!found || found->status != status))
			found = out;
	return found;
}

void check_reply(struct check *k, uint8_t p, const struct message *m, const uint8_t *request)
{
	static const struct ep_session_id none;
	const struct ep_wire_command *c = (const void *)request;
	const struct ep_session_id *id = &m->reply->instance;
	k->replies++;
	if (memcmp(id, &none, sizeof none) == 0) {
		check_bare(k, p, m, c);
		return;
	}
	struct log_instance *x = id->epoch == k->log.config.epoch ? log_find(&k->log, id->col, id->i) : NULL;
	if (!x || !(x->executed & (1u << p)))
		verdict_fail("INV10: p%d answers for instance (%d,%" PRIu64 ") before it executed it", p, id->col, id->i);
	struct log_outcome *out = x->is_nop ? NULL : outcome_of(x, c, m->reply->status);
	if (!out)
		verdict_fail("p%d answers a request with instance %s, which does not carry it", p, log_name(x));
	if (m->reply->status != out->status)
		verdict_fail("p%d answers %s with status %d, the reference table says %d", p, log_name(x), m->reply->status,
			     out->status);
	if (c->kind == EP_CMD_UPDATE && out->status == EP_OK)
		check_result(out, m, p);
}
