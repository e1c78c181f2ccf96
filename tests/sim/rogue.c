// A dishonest client: repeats, reorders and invents sequence numbers and sessions, changes bytes under a number, and
// sends garbage. It never waits. What it does must be the same everywhere; nothing else is promised to it.
#include <string.h>
#include "tests/sim/sim.h"

static uint32_t below(struct client *c, uint64_t n)
{
	return (uint32_t)(ep_random(&c->rng) % n);
}

static void garbage(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	uint8_t frame[200];
	uint32_t len = 64 + below(c, sizeof frame - 64);
	for (uint32_t b = 0; b < len; b++)
		frame[b] = (uint8_t)ep_random(&c->rng);
	if (below(c, 4)) { // with a good header, so that it is looked into
		uint8_t kind = (uint8_t)(1 + below(c, 6)), sender = (uint8_t)(below(c, 2) ? EP_SENDER_CLIENT : below(c, 8));
		ep_wire_begin(frame, (enum ep_frame_kind)kind, sender, s->swarm.config.cluster, s->swarm.config.epoch);
		struct ep_wire_header *h = (void *)frame;
		struct ep_msg *msg = (void *)(frame + sizeof *h);
		h->count = 1;
		msg->type = (uint8_t)below(c, 56);
		msg->len = (uint16_t)(len - sizeof *h);
		if (len >= sizeof *h + sizeof *msg)
			msg->zero = 0;
		ep_wire_seal(frame, len);
	}
	net_send(s, (uint8_t)(s->n + which), (uint8_t)below(c, s->n), &c->addr, frame, len);
}

// An update under some session and number, to several replicas at once.
static void lie(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	uint8_t bytes[LOAD_COMMAND_MAX];
	struct ep_session_id session = c->session;
	uint64_t seq = c->seq;
	switch (below(c, 6)) {
	case 0:
		seq = ++c->seq;
		break;
	case 1:
		seq = c->seq > 2 ? c->seq - 1 - below(c, 2) : 1;
		break;
	case 2:
		seq = c->seq += 1 + below(c, 3);
		break;
	case 3:
		seq = ep_random(&c->rng) >> (8 * below(c, 7)); // may burn the session's numbers for ever
		seq = below(c, 8) ? c->seq : seq;
		break;
	case 4:
		session = (struct ep_session_id){.i = s->swarm.config.first + below(c, 20)};
		session.epoch = below(c, 3);
		session.col = (uint8_t)below(c, 8);
		seq = 1000000 + below(c, 3);
		session.epoch = below(c, 2) ? session.epoch : 77; // mostly never a session of an honest client
		session.i = session.epoch == s->swarm.config.epoch ? session.i + (1u << 20) : session.i;
		break;
	case 5:
		break;
	}
	uint32_t len = load_rogue(&c->rng, bytes);
	uint64_t cookie = request_note(s, which, EP_CMD_UPDATE, &session, seq, bytes, len);
	for (uint32_t copies = 1 + below(c, 3); copies > 0; copies--)
		request_send(s, which, (uint8_t)below(c, s->n), cookie);
}

// A command that must be refused before it becomes an instance.
static void break_rules(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	uint8_t bytes[LOAD_COMMAND_MAX] = {0};
	uint32_t len = ep_command_max(s->swarm.config.frame_max) + 1;
	uint8_t kind = EP_CMD_UPDATE;
	if (below(c, 2) || len > sizeof bytes) {
		len = load_rogue(&c->rng, bytes);
		if (below(c, 2))
			bytes[0] ^= 0x80; // no such operation
		else
			kind = below(c, 2) ? EP_CMD_READ : EP_CMD_RECONFIG; // a read that writes; not for clients
	}
	uint8_t reconfig[EP_RECONFIG_MAX];
	if (kind == EP_CMD_RECONFIG) {
		struct ep_membership alone = {.n = 1};
		alone.members[0] = s->swarm.config.members[0];
		len = ep_reconfig(s->swarm.config.epoch, &alone, reconfig) - (uint32_t)sizeof(struct ep_wire_command);
		memcpy(bytes, reconfig + sizeof(struct ep_wire_command), len);
	}
	uint64_t cookie = request_note(s, which, kind, kind == EP_CMD_UPDATE ? &c->session : NULL, 0, bytes, len);
	request_send(s, which, (uint8_t)below(c, s->n), cookie);
}

void rogue_wake(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	if (c->ops_left == 0) {
		c->state = CLIENT_DONE;
		return;
	}
	c->ops_left--;
	uint32_t what = below(c, 20);
	uint64_t cookie;
	if (!c->has_session || what == 0) {
		cookie = request_note(s, which, EP_CMD_OPEN, NULL, 0, NULL, 0);
		request_send(s, which, (uint8_t)below(c, s->n), cookie);
	} else if (what == 1) {
		cookie = request_note(s, which, EP_CMD_EXPIRE, &c->session, c->seq + below(c, 2), NULL, 0);
		request_send(s, which, (uint8_t)below(c, s->n), cookie);
	} else if (what < 5) {
		garbage(s, which);
	} else if (what < 8) {
		break_rules(s, which);
	} else {
		lie(s, which);
	}
	client_plan(s, which, s->now + 1 + below(c, 1000000) * s->swarm.pace);
}

// Sessions, reads of one key, or reads of all: whatever a pool of the replica may be too small for.
void rogue_flood(struct sim *s, uint8_t to)
{
	struct client *c = &s->clients[s->flooder];
	uint8_t bytes[LOAD_COMMAND_MAX];
	uint32_t kind = below(c, 8), count = 20 + below(c, below(c, 2) ? 100 : 500), key = below(c, s->swarm.load.keys);
	if (kind == 0)
		count = 1 + below(c, s->swarm.config.sessions_max); // sessions
	for (uint32_t k = 0; k < count; k++) {
		uint32_t len = load_final(&s->swarm.load, kind < 4 ? key : below(c, s->swarm.load.keys), bytes);
		uint64_t cookie = kind == 0 ? request_note(s, s->flooder, EP_CMD_OPEN, NULL, 0, NULL, 0)
					    : request_note(s, s->flooder, EP_CMD_READ, NULL, 0, bytes, len);
		request_send(s, s->flooder, to, cookie);
	}
}
