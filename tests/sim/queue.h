// What happens next: a heap of events by virtual time, and by age where times are equal.
#pragma once
#include "consensus/epaxos.h"

enum event_type {
	EVENT_TURN,    // replica `who` polls
	EVENT_CLIENT,  // client `who` acts
	EVENT_PACKET,  // `packet` arrives at node `who`
	EVENT_FAULT,   // the next fault strikes
	EVENT_KILL,    // replica `who` dies
	EVENT_RECOVER, // replica `who` resumes or restarts
	EVENT_SWEEP,   // the checkers look at everything
};

struct packet {
	uint8_t from, to; // nodes: columns, then clients
	bool is_forged; // no member sent it: it must not change anything
	struct ep_addr addr; // of the sender
	uint32_t len;
	uint8_t data[];
};

struct event {
	ep_time at;
	uint64_t serial;
	enum event_type type;
	uint32_t who;
	struct packet *packet;
};

struct queue {
	struct event *heap;
	uint32_t count, room;
	uint64_t serial;
};

void queue_push(struct queue *, ep_time at, enum event_type, uint32_t who, struct packet *);
// False when there is none.
bool queue_pop(struct queue *, struct event *out);
void queue_free(struct queue *); // with the packets in it
