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

struct ep_addr client_addr(uint32_t which)
{
	return (struct ep_addr){.ip = {10, 77, 1, (uint8_t)which}, .port = (uint16_t)(40000 + which), .mac = {2, 0, 0, 0, 1}};
}

void client_start(struct sim *s, uint32_t which, enum client_role role)
{
	struct client *c = &s->clients[which];
	*c = (struct client){.rng = ep_mix64(ep_mix64(s->swarm.seed + s->round) ^ 0x636c69656e74 ^ which << 8), .role = role,
			     .ops_left = role == CLIENT_FLOOD ? 0 : s->swarm.ops};
	c->addr = client_addr(which);
	s->clients_count = which + 1;
	client_plan(s, which, s->now + 1 + below(c, 1000000) * s->swarm.pace);
}

uint8_t client_target(struct sim *s, uint32_t which)
{
	uint8_t to = (uint8_t)below(&s->clients[which], s->n);
	while (s->phase != SIM_FAULTS && !sim_is_well(s, to)) // where it is answered
		to = (uint8_t)((to + 1) % s->n);
	return to;
}

void client_begin(struct sim *s, uint32_t which, uint8_t kind, const struct ep_session_id *session, uint64_t seq, const uint8_t *bytes,
		  uint32_t len)
{
	struct client *c = &s->clients[which];
	c->state = CLIENT_WAITING;
	c->kind = kind;
	c->tries = 1;
	c->has_op = (kind == EP_CMD_UPDATE || kind == EP_CMD_READ) && c->role == CLIENT_HONEST;
	c->has_used |= kind == EP_CMD_UPDATE;
	c->cookie = request_note(s, which, kind, session, seq, bytes, len);
	if (c->has_op)
		c->op = history_call(&s->history, which, s->now, bytes, len);
	request_send(s, which, client_target(s, which), c->cookie);
	client_plan(s, which, s->now + (RETRY_MIN_NS + below(c, RETRY_MIN_NS)) * s->swarm.pace);
}

// After everything else has ended, the first client reads every key.
static void finish(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	uint8_t bytes[LOAD_COMMAND_MAX];
	for (uint32_t o = 1; o < s->clients_count; o++)
		if (which == 0 && s->clients[o].state != CLIENT_DONE) {
			client_plan(s, which, s->now + 1000000 * s->swarm.pace);
			return;
		}
	uint32_t len = which == 0 && !c->is_unread ? load_final(&s->swarm.load, c->final_next, bytes) : 0;
	if (len > 0) {
		c->final_next++;
		client_begin(s, which, EP_CMD_READ, NULL, 0, bytes, len);
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
	if (c->role == CLIENT_JANITOR) {
		if (!janitor_next(s, which))
			c->state = CLIENT_DONE;
		return;
	}
	if (c->ops_left == 0) {
		finish(s, which);
		return;
	}
	if (c->spares > 0 && below(c, 4) == 0) {
		c->is_spare = true;
		client_begin(s, which, EP_CMD_EXPIRE, &c->spare[--c->spares], 0, NULL, 0);
		return;
	}
	uint64_t rng = c->rng;
	uint32_t len = load_next(&s->swarm.load, &c->rng, (uint64_t)which << 32 | ++s->unique, &is_read, bytes);
	if (is_read) {
		c->ops_left--;
		client_begin(s, which, EP_CMD_READ, NULL, 0, bytes, len);
	} else if (!c->has_session) {
		c->rng = ep_mix64(rng);
		client_begin(s, which, EP_CMD_OPEN, NULL, 0, NULL, 0);
	} else if (below(c, 100) < s->swarm.expire_percent) {
		client_begin(s, which, EP_CMD_EXPIRE, &c->session, c->has_used ? c->seq : 0, NULL, 0);
	} else {
		c->ops_left--;
		client_begin(s, which, EP_CMD_UPDATE, &c->session, ++c->seq, bytes, len);
	}
}

static void rest(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	c->state = CLIENT_IDLE;
	client_plan(s, which, s->now + 1 + (s->swarm.think_max > 0 ? below(c, s->swarm.think_max) : 0));
}

void client_again(struct sim *s, uint32_t which)
{
	if (s->clients[which].state == CLIENT_DONE)
		rest(s, which);
}

static void give_up(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	s->figures.unknown += c->has_op;
	c->is_unsure |= c->kind == EP_CMD_UPDATE;
	c->final_next -= c->role == CLIENT_HONEST && c->final_next > 0; // one of the reads at the end: what it would say must be known
	if (c->kind == EP_CMD_EXPIRE && !c->is_spare)
		c->has_session = false;
	rest(s, which);
}

void client_wake(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	c->wake_at = 0;
	if (c->role == CLIENT_ROGUE || c->role == CLIENT_FLOOD) {
		rogue_wake(s, which);
		return;
	}
	if (c->state == CLIENT_IDLE)
		next_op(s, which);
	if (c->state != CLIENT_WAITING || c->wake_at != 0)
		return;
	if (c->tries > 2 && s->phase == SIM_FAULTS && below(c, 100) < s->swarm.give_up_percent) {
		give_up(s, which);
		return;
	}
	c->tries++;
	uint64_t wait = RETRY_MIN_NS << (c->tries < 5 ? c->tries : 5);
	request_send(s, which, client_target(s, which), c->cookie);
	client_plan(s, which, s->now + ((wait < RETRY_MAX_NS ? wait : RETRY_MAX_NS) + below(c, RETRY_MIN_NS)) * s->swarm.pace);
}

static void refuse(uint32_t which, const struct client *c, uint8_t status)
{
	verdict_fail("client %u keeps the rules and got status %d for a command of kind %d, seq %" PRIu64, which, status, c->kind,
		     c->seq);
}

// The answer to an UPDATE. False: its outcome is not known.
static bool updated(struct client *c, uint32_t which, uint8_t status, bool may_expire)
{
	if (status == EP_NO_SESSION && may_expire) { // silent too long
		c->has_session = false;
		return false;
	}
	if (status != EP_OK)
		refuse(which, c, status);
	c->is_unsure = false;
	c->final_next += c->role == CLIENT_JANITOR; // this one is deleted
	return true;
}

static void opened(struct client *c, uint32_t which, const struct message *m, uint64_t first_seq)
{
	uint8_t status = m->reply->status;
	if (status != EP_OK && status != EP_FULL)
		refuse(which, c, status);
	if (status == EP_FULL && c->ops_left > 0)
		c->ops_left--; // a definite no: this update is never made
	c->has_session = status == EP_OK;
	c->session = m->reply->instance;
	c->seq = first_seq;
	c->has_used = c->is_unsure = false;
}

static void expired(struct client *c, uint32_t which, uint8_t status)
{
	// NO_SESSION: an earlier copy may have done it, or the cluster itself.
	bool may_be_stale = c->role == CLIENT_JANITOR || (c->is_unsure && !c->is_spare);
	if (status != EP_OK && status != EP_NO_SESSION && !(status == EP_STALE && may_be_stale))
		refuse(which, c, status);
	if (!c->is_spare)
		c->has_session = false;
}

// The answer to the request under way.
static void answered(struct sim *s, uint32_t which, const struct message *m)
{
	struct client *c = &s->clients[which];
	uint8_t status = m->reply->status;
	switch ((enum ep_command_kind)c->kind) {
	case EP_CMD_UPDATE:
		if (!updated(c, which, status, s->swarm.config.session_idle_ns > 0)) {
			give_up(s, which);
			return;
		}
		break;
	case EP_CMD_READ:
		if (status != EP_OK)
			refuse(which, c, status);
		break;
	case EP_CMD_OPEN:
		opened(c, which, m, s->swarm.client_seq);
		break;
	case EP_CMD_EXPIRE:
		expired(c, which, status);
		break;
	case EP_CMD_RECONFIG:
		break;
	}
	if (c->has_op) {
		history_return(&s->history, c->op, s->now, m->result, m->result_len);
		s->figures.commands++;
	}
	rest(s, which);
}

static void on_reply(struct sim *s, uint32_t which, const struct message *m)
{
	struct client *c = &s->clients[which];
	const struct request *asked = request_of(s, m->i);
	if (!asked && m->i < s->requests_base)
		return; // of a round that is over
	if (!asked || asked->client != which)
		verdict_fail("client %u gets an answer to a request that it did not make", which);
	const struct ep_wire_command *command = (const void *)asked->command;
	if (c->role == CLIENT_ROGUE) {
		if (command->kind == EP_CMD_OPEN && m->reply->status == EP_OK && !c->has_session) {
			c->has_session = true;
			c->session = m->reply->instance;
			c->seq = s->swarm.client_seq;
		}
	} else if (c->state == CLIENT_WAITING && m->i == c->cookie) {
		answered(s, which, m);
	} else if (c->role == CLIENT_HONEST && command->kind == EP_CMD_OPEN && m->reply->status == EP_OK && c->spares < 4 &&
		   memcmp(&m->reply->instance, &c->session, sizeof c->session) != 0) {
		c->spare[c->spares++] = m->reply->instance; // a repeated OPEN made a second session
	}
}

// Refused for now. Where members are missing the windows stay full, and where the application has no room left it may stay so: the
// client ends with an unknown outcome.
static void on_busy(struct sim *s, uint32_t which, const struct message *m, uint8_t from)
{
	struct client *c = &s->clients[which];
	s->figures.busy++;
	if (c->state != CLIENT_WAITING || m->i != c->cookie)
		return;
	if (s->phase == SIM_HEALED && (s->is_partial || sim_has_no_room(s, from))) {
		if (which == 0 && c->ops_left == 0)
			c->is_unread = true;
		c->ops_left = 0;
		give_up(s, which);
		return;
	}
	client_plan(s, which, s->now + ep_load64(m->head + 1) + below(c, 2000000 * s->swarm.pace));
}

void client_receive(struct sim *s, uint32_t which, const struct packet *packet)
{
	struct message m;
	if (which >= s->clients_count || ep_wire_check(packet->data, packet->len) != EP_DROP_NONE)
		return;
	for (uint32_t at = 0; decode_next(packet->data, packet->len, s->n, &at, &m);) {
		if (m.type == EP_C_REPLY)
			on_reply(s, which, &m);
		else if (m.type == EP_C_BUSY)
			on_busy(s, which, &m, packet->from);
	}
}
