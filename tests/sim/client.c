// An honest client: one session, one update in flight, repeats of the same (session, seq) to any replica until an answer
// comes or it gives up with an unknown outcome. What every client shares: cookies and frames.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/sim.h"
#include "tests/sim/verdict.h"

#define RETRY_MIN_NS 3000000ULL
#define RETRY_MAX_NS 40000000ULL

static uint32_t below(struct client *c, uint64_t n)
{
	return (uint32_t)(ep_random(&c->rng) % n);
}

void client_plan(struct sim *s, uint32_t which, ep_time at)
{
	s->clients[which].wake_at = at;
	queue_push(&s->queue, at, EVENT_CLIENT, which, NULL);
}

void client_start(struct sim *s, uint32_t which, bool is_rogue)
{
	struct client *c = &s->clients[which];
	*c = (struct client){.rng = ep_mix64(s->swarm.seed ^ 0x636c69656e74 ^ which << 8), .is_rogue = is_rogue,
			     .ops_left = s->swarm.ops};
	c->addr = (struct ep_addr){.ip = {10, 77, 1, (uint8_t)which}, .port = (uint16_t)(40000 + which), .mac = {2, 0, 0, 0, 1}};
	s->clients_count = which + 1;
	client_plan(s, which, 1 + below(c, 1000000));
}

uint64_t client_note(struct sim *s, uint32_t which, uint8_t kind, const struct ep_session_id *session, uint64_t seq,
		     const uint8_t *bytes, uint32_t len)
{
	if (s->requests_count == s->requests_room) {
		s->requests_room = s->requests_room ? 2 * s->requests_room : 256;
		s->requests = realloc(s->requests, s->requests_room * sizeof *s->requests);
	}
	struct ep_wire_command head = {.len = (uint16_t)(sizeof head + len), .kind = kind, .seq = seq};
	if (session)
		head.session = *session;
	struct request *r = &s->requests[s->requests_count];
	*r = (struct request){.client = which, .command = malloc(head.len), .len = head.len};
	memcpy(r->command, &head, sizeof head);
	if (len > 0)
		memcpy(r->command + sizeof head, bytes, len);
	log_client_sent(&s->check.log, r->command, r->len);
	return s->requests_count++;
}

void client_send(struct sim *s, uint32_t which, uint8_t to, uint64_t cookie)
{
	const struct request *r = &s->requests[cookie];
	struct client *c = &s->clients[which];
	uint8_t frame[EP_FRAME_MAX_MAX];
	uint32_t epoch = below(c, 4) ? s->swarm.config.epoch : 0;
	uint32_t len = ep_wire_begin(frame, EP_FRAME_REQUEST, EP_SENDER_CLIENT, s->swarm.config.cluster, epoch);
	struct ep_msg *msg = ep_wire_append(frame, &len, sizeof frame, EP_C_REQUEST, (uint32_t)sizeof *msg + r->len);
	msg->i = cookie;
	memcpy(msg + 1, r->command, r->len);
	ep_wire_seal(frame, len);
	net_send(s, (uint8_t)(s->n + which), to, &c->addr, frame, len);
}

static void begin(struct sim *s, uint32_t which, uint8_t kind, const struct ep_session_id *session, uint64_t seq,
		  const uint8_t *bytes, uint32_t len)
{
	struct client *c = &s->clients[which];
	c->state = CLIENT_WAITING;
	c->kind = kind;
	c->tries = 1;
	c->has_op = kind == EP_CMD_UPDATE || kind == EP_CMD_READ;
	c->cookie = client_note(s, which, kind, session, seq, bytes, len);
	if (c->has_op)
		c->op = history_call(&s->history, which, s->now, bytes, len);
	client_send(s, which, (uint8_t)below(c, s->n), c->cookie);
	client_plan(s, which, s->now + RETRY_MIN_NS + below(c, RETRY_MIN_NS));
}

// After everything else has ended, the first client reads every key.
static void finish(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	uint8_t bytes[LOAD_COMMAND_MAX];
	for (uint32_t o = 1; o < s->clients_count; o++)
		if (which == 0 && s->clients[o].state != CLIENT_DONE) {
			client_plan(s, which, s->now + 1000000);
			return;
		}
	uint32_t len = which == 0 && !c->is_unread ? load_final(&s->swarm.load, c->final_next, bytes) : 0;
	if (len > 0) {
		c->final_next++;
		begin(s, which, EP_CMD_READ, NULL, 0, bytes, len);
		return;
	}
	s->history.has_final |= which == 0 && !c->is_unread;
	c->state = CLIENT_DONE;
}

static void next_op(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	uint8_t bytes[LOAD_COMMAND_MAX];
	bool is_read;
	c->is_spare = false;
	if (c->ops_left == 0) {
		finish(s, which);
		return;
	}
	if (c->spares > 0 && below(c, 4) == 0) {
		c->is_spare = true;
		begin(s, which, EP_CMD_EXPIRE, &c->spare[--c->spares], 0, NULL, 0);
		return;
	}
	uint64_t rng = c->rng;
	uint32_t len = load_next(&s->swarm.load, &c->rng, (uint64_t)which << 32 | ++s->unique, &is_read, bytes);
	if (is_read) {
		c->ops_left--;
		begin(s, which, EP_CMD_READ, NULL, 0, bytes, len);
	} else if (!c->has_session) {
		c->rng = ep_mix64(rng);
		begin(s, which, EP_CMD_OPEN, NULL, 0, NULL, 0);
	} else if (below(c, 100) < s->swarm.expire_percent) {
		begin(s, which, EP_CMD_EXPIRE, &c->session, c->seq, NULL, 0);
	} else {
		c->ops_left--;
		begin(s, which, EP_CMD_UPDATE, &c->session, ++c->seq, bytes, len);
	}
}

static void rest(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	c->state = CLIENT_IDLE;
	client_plan(s, which, s->now + 1 + (s->swarm.think_max > 0 ? below(c, s->swarm.think_max) : 0));
}

static void give_up(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	s->unknown += c->has_op;
	if (c->kind == EP_CMD_EXPIRE && !c->is_spare)
		c->has_session = false;
	rest(s, which);
}

void client_wake(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	c->wake_at = 0;
	if (c->is_rogue) {
		rogue_wake(s, which);
		return;
	}
	if (c->state == CLIENT_IDLE)
		next_op(s, which);
	if (c->state != CLIENT_WAITING || c->wake_at != 0)
		return;
	if (c->tries > 2 && !s->is_healed && below(c, 100) < s->swarm.give_up_percent) {
		give_up(s, which);
		return;
	}
	c->tries++;
	uint64_t wait = RETRY_MIN_NS << (c->tries < 5 ? c->tries : 5);
	client_send(s, which, (uint8_t)below(c, s->n), c->cookie);
	client_plan(s, which, s->now + (wait < RETRY_MAX_NS ? wait : RETRY_MAX_NS) + below(c, RETRY_MIN_NS));
}

static void refuse(uint32_t which, const struct client *c, uint8_t status)
{
	verdict_fail("client %u keeps the rules and got status %d for a command of kind %d, seq %" PRIu64, which, status, c->kind,
		     c->seq);
}

// The answer to the request under way.
static void answered(struct sim *s, uint32_t which, const struct message *m)
{
	struct client *c = &s->clients[which];
	uint8_t status = m->reply->status;
	switch ((enum ep_command_kind)c->kind) {
	case EP_CMD_UPDATE:
		if (status == EP_NO_SESSION && s->swarm.config.session_idle_ns > 0) { // silent too long: whether it ran is not known
			c->has_session = false;
			give_up(s, which);
			return;
		}
		// fall through
	case EP_CMD_READ:
		if (status != EP_OK)
			refuse(which, c, status);
		history_return(&s->history, c->op, s->now, m->result, m->result_len);
		s->commands++;
		break;
	case EP_CMD_OPEN:
		if (status != EP_OK && status != EP_FULL)
			refuse(which, c, status);
		if (status == EP_FULL)
			c->ops_left--; // a definite no: this update is never made
		c->has_session = status == EP_OK;
		c->session = m->reply->instance;
		c->seq = 0;
		break;
	case EP_CMD_EXPIRE:
		// NO_SESSION: an earlier copy may have done it, or the cluster itself.
		if (status != EP_OK && status != EP_NO_SESSION)
			refuse(which, c, status);
		if (!c->is_spare)
			c->has_session = false;
		break;
	case EP_CMD_RECONFIG:
		break;
	}
	rest(s, which);
}

static void on_reply(struct sim *s, uint32_t which, const struct message *m)
{
	struct client *c = &s->clients[which];
	if (m->i >= s->requests_count || s->requests[m->i].client != which)
		verdict_fail("client %u gets an answer to a request that it did not make", which);
	const struct ep_wire_command *command = (const void *)s->requests[m->i].command;
	if (c->is_rogue) {
		if (command->kind == EP_CMD_OPEN && m->reply->status == EP_OK && !c->has_session) {
			c->has_session = true;
			c->session = m->reply->instance;
		}
	} else if (c->state == CLIENT_WAITING && m->i == c->cookie) {
		answered(s, which, m);
	} else if (command->kind == EP_CMD_OPEN && m->reply->status == EP_OK && c->spares < 4 &&
		   memcmp(&m->reply->instance, &c->session, sizeof c->session) != 0) {
		c->spare[c->spares++] = m->reply->instance; // a repeated OPEN made a second session
	}
}

// Refused for now. Where replicas are lost the windows stay full: the client ends with an unknown outcome.
static void on_busy(struct sim *s, uint32_t which, const struct message *m)
{
	struct client *c = &s->clients[which];
	s->busy++;
	if (c->is_rogue || c->state != CLIENT_WAITING || m->i != c->cookie)
		return;
	if (s->is_healed && s->lost > 0) {
		if (which == 0 && c->ops_left == 0)
			c->is_unread = true;
		c->ops_left = 0;
		give_up(s, which);
		return;
	}
	client_plan(s, which, s->now + ep_load64(m->head + 1) + below(c, 2000000));
}

void client_receive(struct sim *s, uint32_t which, const struct packet *packet)
{
	struct message m;
	if (ep_wire_check(packet->data, packet->len) != EP_DROP_NONE)
		return;
	for (uint32_t at = 0; decode_next(packet->data, packet->len, s->n, &at, &m);) {
		if (m.type == EP_C_REPLY)
			on_reply(s, which, &m);
		else if (m.type == EP_C_BUSY)
			on_busy(s, which, &m);
	}
}
