// A client: one session, one update in flight, the same number until it is answered, to whichever member it knows. It learns of new
// members from WRONG_EPOCH alone. Only when nobody whom it knows could tell (lost, or cut off before its epoch ended) it asks any
// node, as one does who has a list of addresses; that is counted.
#include <string.h>
#include "tests/epochs/world.h"
#include "tests/sim/verdict.h"

static void plan(struct world *w, uint32_t which, ep_time at)
{
	w->clients[which].due = at;
	queue_push(&w->queue, at, EVENT_CLIENT, which, NULL);
}

void client_start(struct world *w, uint32_t which)
{
	struct client *c = &w->clients[which];
	const struct ep_membership *list = &w->epochs[1].list;
	*c = (struct client){ .addr = { .ip = { 10, 77, 1, (uint8_t)which }, .port = (uint16_t)(40000 + which) }, .ops_left = w->draw.ops, .epoch = 1,
			      .n = list->n };
	for (uint32_t m = 0; m < list->n; m++)
		c->members[m] = (uint8_t)(list->members[m].ip[3] - 1);
	plan(w, which, w->now + 1 + below(w, 1000000));
}

#define TRIES_MAX 64

// Whether nobody is left whom the client knows and who holds an arena of its epoch or of a later one.
static bool is_forsaken(const struct world *w, const struct client *c)
{
	for (uint32_t m = 0; m < c->n && c->tries < TRIES_MAX; m++) {
		const struct place *now = w->nodes[c->members[m]].now;
		if (now && now->epoch >= c->epoch)
			return false;
	}
	return true;
}

static void send(struct world *w, uint32_t which)
{
	struct client *c = &w->clients[which];
	uint8_t frame[EP_FRAME_MAX_MAX];
	uint8_t to = c->members[below(w, c->n)];
	if (is_forsaken(w, c)) {
		to = (uint8_t)below(w, NODES);
		w->figures.forsaken++;
	}
	uint32_t len = ep_wire_begin(frame, EP_FRAME_REQUEST, EP_SENDER_CLIENT, w->draw.config.cluster, below(w, 4) ? c->epoch : 0);
	struct ep_msg *msg = ep_wire_append(frame, &len, sizeof frame, EP_C_REQUEST, (uint32_t)sizeof *msg + c->len);
	msg->i = c->cookie;
	memcpy(msg + 1, c->command, c->len);
	ep_wire_seal(frame, len);
	world_send(w, (uint8_t)(NODES + which), to, &c->addr, frame, len);
	plan(w, which, w->now + 3000000 + below(w, 3000000ULL << (c->tries < 4 ? c->tries : 4)));
	c->tries++;
}

static void begin(struct world *w, uint32_t which, uint8_t kind, uint64_t seq, const uint8_t *bytes, uint32_t len)
{
	struct client *c = &w->clients[which];
	struct ep_wire_command head = { .len = (uint16_t)(sizeof head + len), .kind = kind, .seq = seq };
	if (kind == EP_CMD_UPDATE)
		head.session = c->session;
	memcpy(c->command, &head, sizeof head);
	if (len > 0)
		memcpy(c->command + sizeof head, bytes, len);
	c->len = head.len;
	c->kind = kind;
	c->cookie = (uint64_t)which << 48 | ++w->cookie;
	c->state = ASK_WAITING;
	c->tries = 0;
	if (kind != EP_CMD_OPEN)
		c->op = history_call(&w->history, which, w->now, bytes, len);
	send(w, which);
}

// After everything else has ended, the first client reads every key.
static void finish(struct world *w, uint32_t which)
{
	struct client *c = &w->clients[which];
	uint8_t bytes[LOAD_COMMAND_MAX];
	for (uint32_t o = 1; which == 0 && o < CLIENTS; o++)
		if (w->clients[o].state != ASK_DONE) {
			plan(w, which, w->now + 1000000);
			return;
		}
	uint32_t len = which == 0 ? load_final(&w->draw.load, c->final_next, bytes) : 0;
	if (len > 0) {
		c->final_next++;
		begin(w, which, EP_CMD_READ, 0, bytes, len);
		return;
	}
	w->history.has_final |= which == 0;
	c->state = ASK_DONE;
}

static void next(struct world *w, uint32_t which)
{
	struct client *c = &w->clients[which];
	uint8_t bytes[LOAD_COMMAND_MAX];
	bool is_read;
	if (!c->has_session) {
		begin(w, which, EP_CMD_OPEN, 0, NULL, 0);
		return;
	}
	if (c->ops_left == 0 || w->is_healed) {
		finish(w, which);
		return;
	}
	c->ops_left--;
	uint32_t len, room = ep_command_max(w->draw.config.frame_max);
	do // what small frames have no room for is refused, rightly
		len = load_next(&w->draw.load, &w->rng, (uint64_t)which << 32 | ++w->unique, &is_read, bytes);
	while (len > room);
	begin(w, which, is_read ? EP_CMD_READ : EP_CMD_UPDATE, is_read ? 0 : ++c->seq, bytes, len);
}

void client_wake(struct world *w, uint32_t which)
{
	struct client *c = &w->clients[which];
	if (w->now < c->due || c->state == ASK_DONE)
		return;
	if (c->state == ASK_IDLE)
		next(w, which);
	else
		send(w, which); // nobody answered: the same to another member
}

static void on_reply(struct world *w, uint32_t which, const struct ep_msg *msg)
{
	struct client *c = &w->clients[which];
	const struct ep_wire_reply *reply = (const void *)(msg + 1);
	if (reply->status == EP_FULL) {
		plan(w, which, w->now + 10000000);
		return;
	}
	if (reply->status != EP_OK)
		verdict_fail("client %u: update %llu of its session is answered %d", which, (unsigned long long)c->seq, reply->status);
	if (c->kind == EP_CMD_OPEN) {
		c->session = reply->instance;
		c->has_session = true;
	} else {
		history_return(&w->history, c->op, w->now, (const uint8_t *)(reply + 1), msg->len - (uint32_t)(sizeof *msg + sizeof *reply));
		w->figures.commands++;
	}
	if (w->now - w->answered_at > w->figures.stall_longest)
		w->figures.stall_longest = w->now - w->answered_at;
	w->answered_at = w->now;
	c->state = ASK_IDLE;
	plan(w, which, w->now + 1 + below(w, w->draw.think_max + 1));
}

static void on_wrong_epoch(struct world *w, uint32_t which, const struct ep_msg *msg)
{
	struct client *c = &w->clients[which];
	const struct ep_wire_welcome *welcome = (const void *)(msg + 1);
	const struct ep_wire_member *members = (const void *)(welcome + 1);
	w->figures.wrong_epoch++;
	if (welcome->epoch > c->epoch) {
		c->epoch = welcome->epoch;
		c->n = welcome->n;
		for (uint32_t m = 0; m < c->n; m++)
			c->members[m] = (uint8_t)(members[m].ip[3] - 1);
	}
	if (welcome->epoch > w->newest)
		verdict_fail("client %u is told of epoch %u, and none but %u has begun", which, welcome->epoch, w->newest);
	plan(w, which, w->now + 1 + below(w, 100000));
}

void client_take(struct world *w, uint32_t which, const struct packet *packet)
{
	struct client *c = &w->clients[which];
	const struct ep_wire_header *h = (const void *)packet->data;
	uint32_t at = sizeof *h, payload;
	for (uint32_t k = 0; k < h->count; k++) {
		const struct ep_msg *msg = ep_wire_msg(packet->data, at);
		at += msg->len;
		if (ep_wire_check_msg(msg, 1, &payload) != EP_DROP_NONE)
			verdict_fail("client %u gets what it cannot read", which);
		if (c->state != ASK_WAITING || msg->i != c->cookie)
			continue;
		if (msg->type == EP_C_REPLY) {
			on_reply(w, which, msg);
		} else if (msg->type == EP_C_WRONG_EPOCH) {
			on_wrong_epoch(w, which, msg);
		} else if (msg->type == EP_C_BUSY) {
			w->figures.busy++;
			plan(w, which, w->now + ep_load64(msg + 1) / 2 + below(w, 1000000));
		}
	}
}
