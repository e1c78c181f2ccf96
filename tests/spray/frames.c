// How the frames are made and what a replica must say to each: the same decoder as in the replica, applied beforehand.
#include <string.h>
#include "tests/spray/frames.h"

enum { SENDER_INCARNATION = 1 }; // the default of the configuration file

uint8_t garbage_member(const struct target *t)
{
	return t->self == 0 ? 1 : 0;
}

static uint32_t below(uint64_t *random, uint32_t bound)
{
	return (uint32_t)(ep_random(random) % bound);
}

// ---- valid frames, to be damaged ------------------------------------------------------------------------------

static void fill(uint8_t *to, uint32_t len, uint64_t *random)
{
	for (uint32_t k = 0; k < len; k++)
		to[k] = (uint8_t)ep_random(random);
}

static void start(struct garbage *g, const struct target *t, enum ep_frame_kind kind)
{
	uint8_t sender = kind == EP_FRAME_MEMBER ? garbage_member(t) : EP_SENDER_CLIENT;
	g->len = ep_wire_begin(g->data, kind, sender, t->cluster, t->epoch);
	struct ep_wire_header *h = (struct ep_wire_header *)(void *)g->data;
	h->incarnation = SENDER_INCARNATION;
	h->frame_seq = 1;
	if (kind == EP_FRAME_MEMBER)
		h->config_hash = t->config_hash;
}

// A command of random bytes behind a well-formed head: the application refuses it, so that nothing is ever changed.
static void append_command(struct garbage *g, uint64_t *random)
{
	uint32_t bytes = below(random, 200);
	uint32_t len = (uint32_t)sizeof(struct ep_wire_command) + bytes;
	struct ep_msg *msg = ep_wire_append(g->data, &g->len, FRAME_ROOM, EP_C_REQUEST, (uint32_t)sizeof *msg + len);
	struct ep_wire_command *command = (struct ep_wire_command *)(void *)(msg + 1);
	msg->i = ep_random(random);
	command->len = (uint16_t)len;
	command->kind = EP_CMD_READ;
	fill((uint8_t *)(command + 1), bytes, random);
}

static void client_frame(struct garbage *g, const struct target *t, uint64_t *random)
{
	static const enum ep_msg_type empty[] = {EP_C_HELLO, EP_C_DIGEST, EP_C_STATS};
	start(g, t, EP_FRAME_REQUEST);
	uint32_t choice = below(random, 4);
	if (choice == 3)
		append_command(g, random);
	else
		ep_wire_append(g->data, &g->len, FRAME_ROOM, empty[choice], sizeof(struct ep_msg));
}

// Head, fixed part and n-vectors of a message about instance (member, 1), without a payload.
static void member_frame(struct garbage *g, const struct target *t, uint64_t *random)
{
	static const struct {
		enum ep_msg_type type;
		uint8_t fixed, vectors;
	} shapes[] = {
		{EP_PREACCEPT, 8, 2}, {EP_PREACCEPT_OK, 0, 1}, {EP_ACCEPT, 16, 1}, {EP_ACCEPT_OK, 8, 0}, {EP_COMMIT, 16, 1},
		{EP_NACK, 8, 0},      {EP_RECOVER, 8, 0},      {EP_STATUS, 0, 3},  {EP_FETCH, 8, 0},
	};
	uint32_t choice = below(random, sizeof shapes / sizeof shapes[0]);
	uint32_t len = (uint32_t)sizeof(struct ep_msg) + shapes[choice].fixed + 8u * t->n * shapes[choice].vectors;
	start(g, t, EP_FRAME_MEMBER);
	struct ep_msg *msg = ep_wire_append(g->data, &g->len, FRAME_ROOM, shapes[choice].type, len);
	if (shapes[choice].type < EP_STATUS) {
		msg->i = 1;
		msg->col = garbage_member(t);
	}
}

// ---- damage ---------------------------------------------------------------------------------------------------

static void damage_bytes(struct garbage *g, uint32_t from, uint64_t *random)
{
	for (uint32_t k = 1 + below(random, 8); k > 0 && g->len > from; k--)
		g->data[from + below(random, g->len - from)] = (uint8_t)ep_random(random);
}

static void damage_length(struct garbage *g, uint64_t *random)
{
	uint32_t len = below(random, FRAME_ROOM + 1);
	if (len > g->len)
		fill(g->data + g->len, len - g->len, random);
	g->len = len;
}

// Another cluster, version, epoch, chain of configurations or identity.
static void damage_origin(struct garbage *g, uint64_t *random)
{
	struct ep_wire_header *h = (struct ep_wire_header *)(void *)g->data;
	switch (below(random, 5)) {
	case 0:
		h->cluster = ep_random(random);
		break;
	case 1:
		h->version = (uint8_t)ep_random(random);
		break;
	case 2:
		h->epoch += 1 + below(random, 5);
		break;
	case 3:
		h->config_hash = (uint32_t)ep_random(random);
		break;
	case 4:
		h->incarnation = ep_random(random);
		break;
	}
}

static void seal(struct garbage *g)
{
	if (g->len >= sizeof(struct ep_wire_header))
		ep_wire_seal(g->data, g->len);
}

static void make(struct garbage *g, const struct target *t, uint64_t *random)
{
	bool is_member = below(random, 2) == 0;
	g->is_from_member = is_member && below(random, 2) == 0;
	switch (below(random, 6)) {
	case 0: // nothing but noise
		g->len = below(random, FRAME_ROOM + 1);
		fill(g->data, g->len, random);
		g->is_from_member = false;
		return;
	case 1: // noise behind a good start, sealed
		start(g, t, is_member ? EP_FRAME_MEMBER : EP_FRAME_REQUEST);
		((struct ep_wire_header *)(void *)g->data)->count = (uint8_t)ep_random(random);
		damage_length(g, random);
		seal(g);
		return;
	}
	if (is_member)
		member_frame(g, t, random);
	else
		client_frame(g, t, random);
	switch (below(random, 4)) {
	case 0: // a damaged copy: the checksum tells
		seal(g);
		damage_bytes(g, 0, random);
		return;
	case 1: // damaged by a sender that knows how to seal
		damage_bytes(g, 4, random);
		break;
	case 2:
		damage_length(g, random);
		break;
	case 3:
		damage_origin(g, random);
		break;
	}
	seal(g);
}

// ---- the verdict ----------------------------------------------------------------------------------------------

static enum ep_drop header_verdict(const struct garbage *g, const struct target *t, const struct ep_wire_header *h)
{
	if (h->cluster != t->cluster)
		return EP_DROP_CLUSTER;
	switch (h->kind) {
	case EP_FRAME_MEMBER:
		if (!g->is_from_member || h->sender != garbage_member(t))
			return EP_DROP_SENDER;
		if (h->epoch != t->epoch || h->config_hash != t->config_hash)
			return EP_DROP_EPOCH;
		return h->incarnation != SENDER_INCARNATION ? EP_DROP_INCARNATION : EP_DROP_NONE;
	case EP_FRAME_REQUEST:
		return g->is_from_member || h->sender != EP_SENDER_CLIENT ? EP_DROP_SENDER : EP_DROP_NONE;
	}
	return EP_DROP_KIND;
}

enum ep_drop garbage_verdict(const struct garbage *g, const struct target *t)
{
	enum ep_drop why = ep_wire_check(g->data, g->len);
	const struct ep_wire_header *h = (const struct ep_wire_header *)(const void *)g->data;
	uint32_t payload;
	// Echoes belong to the data plane, HELLO of a stranger (cluster 0) is legal: none of them is for this test.
	if (why == EP_DROP_NONE && (h->kind == EP_FRAME_ECHO || h->kind == EP_FRAME_ECHO_REPLY || h->cluster == 0))
		return EP_DROP_NONE;
	if (why == EP_DROP_NONE)
		why = header_verdict(g, t, h);
	if (why != EP_DROP_NONE)
		return why;
	// More than one message is more than one verdict; votes and start leave a mark before the messages are looked at.
	if (h->count != 1 || h->votes != 0 || h->start != 0)
		return EP_DROP_NONE;
	const struct ep_msg *msg = ep_wire_msg(g->data, sizeof *h);
	why = ep_wire_check_msg(msg, t->n, &payload);
	if (why != EP_DROP_NONE)
		return why;
	// Well-formed, but not what this kind of frame carries.
	bool is_client_type = msg->type >= EP_C_HELLO && msg->type <= EP_C_DIGEST;
	return (h->kind == EP_FRAME_REQUEST) == is_client_type || msg->type < EP_C_HELLO ? EP_DROP_NONE : EP_DROP_TYPE;
}

void garbage_next(struct garbage *g, const struct target *t, uint64_t *random)
{
	do {
		make(g, t, random);
		g->why = garbage_verdict(g, t);
	} while (g->why == EP_DROP_NONE);
}
