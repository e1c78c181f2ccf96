// INV10: a replica answers only what it has executed itself; with the status of the reference table, and a repeat with
// the first answer.
#include <inttypes.h>
#include <string.h>
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

// The answer's bytes are the same whoever gives it.
static void check_result(struct log_instance *x, const struct message *m, uint8_t p)
{
	struct log_instance *from = x->applied && x->applied != x && x->status == EP_OK ? x->applied : x;
	uint64_t hash = ep_hash64(m->result_len, m->result, m->result_len) | 1;
	if (from->result_hash != 0 && from->result_hash != hash)
		verdict_fail("p%d answers %s with another result than before", p, log_name(x));
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
	struct log_instance *x = open ? open->applied : NULL;
	// The table may have moved on elsewhere since: then only the replica that has not could answer.
	if (x && open->session.last == c->seq) {
		if (!(x->executed & (1u << p)))
			verdict_fail("INV10: p%d answers a repeat of %s before it executed it", p, log_name(x));
		check_result(x, m, p);
	} else if (!x || c->seq > open->session.last) {
		verdict_fail("INV10: p%d answers an update of seq %" PRIu64 " that nobody executed", p, c->seq);
	}
}

static bool carries(const struct log_instance *x, const struct ep_wire_command *c)
{
	const struct ep_wire_command *own;
	for (uint32_t at = 0; (own = log_command(x, &at)) != NULL;)
		if (own->len == c->len && memcmp(own, c, c->len) == 0)
			return true;
	return false;
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
	if (x->is_nop || !carries(x, c))
		verdict_fail("p%d answers a request with instance %s, which does not carry it", p, log_name(x));
	if (m->reply->status != x->status)
		verdict_fail("p%d answers %s with status %d, the reference table says %d", p, log_name(x), m->reply->status,
			     x->status);
	if (c->kind == EP_CMD_UPDATE && x->status == EP_OK)
		check_result(x, m, p);
}
