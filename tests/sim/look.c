// Looking at replicas from outside after each of their turns: what they say, hold, order and execute goes to the checkers.
#include <inttypes.h>
#include <string.h>
#include "consensus/state.h"
#include "tests/sim/sim.h"
#include "tests/sim/verdict.h"

void sim_look_at(struct sim *s, uint8_t p, uint8_t col, uint64_t i)
{
	struct log *log = &s->check.log;
	uint64_t before = log->committed;
	check_copy(&s->check, s->nodes[p].host.replica, p, col, i);
	if (log->committed == before)
		return;
	uint64_t stable[EP_MEMBERS_MAX] = {0};
	for (uint8_t c = 0; c < s->n; c++)
		for (uint8_t m = 0; m < s->n; m++)
			if (sim_is_alive(s, m) && ep_stable(s->nodes[m].host.replica, c) > stable[c])
				stable[c] = ep_stable(s->nodes[m].host.replica, c);
	check_visible(&s->check, log_at(log, col, i), stable);
}

void sim_look_at_frame(struct sim *s, uint8_t p, const uint8_t *data, uint32_t len)
{
	struct message m;
	if (ep_wire_check(data, len) != EP_DROP_NONE || ((const struct ep_wire_header *)(const void *)data)->kind != EP_FRAME_MEMBER)
		return;
	for (uint32_t at = 0; decode_next(data, len, s->n, &at, &m);)
		if (m.type < EP_FETCH)
			sim_look_at(s, p, m.col, m.i);
}

// The ORDER QUEUE as it lies in the arena.
static void look_at_queue(struct sim *s, uint8_t p)
{
	const struct ep_replica *r = s->nodes[p].host.replica;
	uint32_t at = 0;
	uint64_t first = r->order_head;
	if (r->order_done > 0) // its first commands have run: it counts as taken
		first = ep_rec(r, (ep_slot)first - 1)->order;
	for (uint64_t slot = first; slot != 0; slot = ep_rec(r, (ep_slot)slot - 1)->order) {
		uint8_t col = ep_slot_col(r, (ep_slot)slot - 1);
		uint64_t i = ep_rec(r, (ep_slot)slot - 1)->i;
		sim_look_at(s, p, col, i);
		check_queued(&s->check, p, at++, log_at(&s->check.log, col, i));
	}
	check_queue_end(&s->check, p, at);
}

// What it depends on may have been committed in the same turn, and not have been looked at yet.
static void look_at_execution(struct sim *s, uint8_t p, struct ep_session_id id)
{
	struct log *log = &s->check.log;
	sim_look_at(s, p, id.col, id.i);
	const struct log_instance *x = log_at(log, id.col, id.i);
	for (uint8_t c = 0; c < s->n && x->is_committed && !x->is_nop; c++)
		for (uint64_t i = log->executed_by[p][c] + 1; i <= x->dep[c]; i++)
			sim_look_at(s, p, c, i);
	SIM_TRACE(s, p, "  executes (%d,%" PRIu64 ")", id.col, id.i);
	check_executed(&s->check, p, log_at(&s->check.log, id.col, id.i));
}

void sim_look_at_trace(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	uint64_t count = ep_executed_count(node->host.replica);
	if (count - node->executed_seen > EP_TRACE_MAX)
		verdict_fail("p%d executed %" PRIu64 " instances in one turn", p, count - node->executed_seen);
	for (; node->executed_seen < count; node->executed_seen++) {
		struct ep_session_id id = ep_executed_at(node->host.replica, node->executed_seen);
		if (memcmp(&id, &node->begun, sizeof id) != 0)
			look_at_execution(s, p, id);
		node->begun.i = 0;
	}
}

void sim_look_at_executed(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	sim_look_at_trace(s, p);
	struct ep_session_id id = ep_executing(node->host.replica);
	if (id.i != 0 && memcmp(&id, &node->begun, sizeof id) != 0) {
		node->begun = id;
		look_at_execution(s, p, id);
	}
	look_at_queue(s, p);
}

void sim_look_at_all(struct sim *s, uint8_t p)
{
	const struct ep_replica *r = s->nodes[p].host.replica;
	sim_look_at_executed(s, p);
	for (uint8_t c = 0; c < s->n; c++)
		for (uint64_t i = ep_stable(r, c) + 1; i <= ep_known(r, c); i++)
			sim_look_at(s, p, c, i);
}

// The state is hashed whole: only when something ran since.
void sim_look_at_state(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	uint64_t turns = s->check.log.turns[p];
	s->figures.full_contexts += node->host.replica->recoveries == EP_RECOVERIES_MAX;
	s->hash = ep_mix64(s->hash ^ ep_fingerprint(node->host.replica));
	if (node->digest_at == turns + 1)
		return;
	node->digest_at = turns + 1;
	check_digest(&s->check, node->host.replica, p);
}

// A process that died between two stores may have committed one execution that nobody saw: its last.
void sim_look_after_attach(struct sim *s, uint8_t p)
{
	const struct ep_replica *r = s->nodes[p].host.replica;
	uint32_t found = 0;
	for (uint8_t c = 0; c < s->n; c++)
		for (uint64_t i = s->check.log.executed_by[p][c] + 1; i <= ep_known(r, c); i++) {
			const struct log_instance *x = log_find(&s->check.log, c, i);
			if (!ep_peek(r, c, i).is_executed || (x && (x->executed & (1u << p))))
				continue;
			if (found++ > 0)
				verdict_fail("p%d says after its start that it has executed (%d,%" PRIu64 "), and it did not", p, c, i);
			sim_look_at(s, p, c, i);
			check_executed(&s->check, p, log_at(&s->check.log, c, i));
		}
	sim_look_at_all(s, p);
}

static void look_at_client_frame(struct sim *s, uint8_t p, const struct ep_frame *frame)
{
	struct message m;
	for (uint32_t at = 0; decode_next(frame->data, frame->len, s->n, &at, &m);) {
		s->figures.messages++;
		const struct request *asked = m.type == EP_C_REPLY ? request_of(s, m.i) : NULL;
		if (asked)
			check_reply(&s->check, p, &m, asked->command);
		s->figures.full_sessions += m.type == EP_C_REPLY && m.reply->status == EP_FULL;
	}
}

void sim_look_at_sent(struct sim *s, uint8_t p, const struct ep_frame *frame)
{
	struct message m;
	sim_look_at_executed(s, p);
	if (ep_wire_check(frame->data, frame->len) != EP_DROP_NONE || frame->len > s->swarm.config.frame_max)
		verdict_fail("p%d sends a frame that does not check", p);
	if (frame->member == EP_CLIENT) {
		look_at_client_frame(s, p, frame);
		return;
	}
	for (uint32_t at = 0; decode_next(frame->data, frame->len, s->n, &at, &m);) {
		s->figures.messages++;
		check_message(&s->check, p, &m);
		if (m.type < EP_FETCH)
			sim_look_at(s, p, m.col, m.i);
	}
}
