// The checkers: each compares what replicas do, seen from outside, with one invariant of docs/protocol.md. A violation
// ends the run (verdict.h).
#pragma once
#include "tests/sim/log.h"

struct check_key { // one key: writes in the one order that all replicas must follow
	struct log_instance **writes;
	uint64_t count, room;
	uint64_t done[EP_MEMBERS_MAX];   // writes that each replica executed
	uint64_t queued[EP_MEMBERS_MAX]; // and that it put into its ORDER QUEUE
};

struct check_queue { // the ORDER QUEUE of a replica when it was looked at last
	struct log_instance **items;
	uint32_t first, count, room;
};

#define CHECK_WAITING_MAX 4096

struct check_open { // the component that a replica is executing
	uint64_t since;                // turn of its first member
	uint64_t base[EP_MEMBERS_MAX]; // executed before it
	struct log_instance *waiting[CHECK_WAITING_MAX]; // its members that others ran before
	uint32_t waiting_count;
};

struct check_digest {
	uint64_t executed_set, application, sessions;
};

struct check {
	struct log log;
	struct check_key *keys; // by log_key.key
	uint32_t keys_room;
	struct check_open open[EP_MEMBERS_MAX];
	struct check_queue queue[EP_MEMBERS_MAX];
	uint64_t queued; // instances seen in queues before they were executed
	struct check_digest *digests; // by executed set
	uint32_t digests_room, digests_count;
	uint64_t sessions_open; // in the reference table
	uint64_t applied;       // commands that had an effect, by the reference
	uint64_t pairs, executions, replies, digests_compared; // what was really checked
};

void check_init(struct check *, const struct ep_config *);
void check_free(struct check *);

// A message leaves replica `from`: INV1 on Commits in flight, INV5 to INV7, answers that must not change.
void check_message(struct check *, uint8_t from, const struct message *);
// What replica p holds of an instance now: INV1, INV2, INV4, INV6.
void check_copy(struct check *, const struct ep_replica *, uint8_t p, uint8_t col, uint64_t i);
// The first commit of an instance anywhere: INV3 against all other committed ones. `stable` is the highest
// frontier of any replica: what lies below may be missing from what was recovered (E.3).
void check_visible(struct check *, struct log_instance *, const uint64_t *stable);
// Replica p executed an instance: INV8 (order per key, closure), each update once.
void check_executed(struct check *, uint8_t p, struct log_instance *);
// INV13: the queue of replica p only grows at its end and is taken from at its head, across kills too; restricted to interfering pairs
// it is the same everywhere. Entry number `at` of the queue as it is now, then how many there are.
void check_queued(struct check *, uint8_t p, uint32_t at, struct log_instance *);
void check_queue_end(struct check *, uint8_t p, uint32_t count);
// Called by check_executed(): the queue's head runs.
void check_queue_taken(struct check *, uint8_t p, struct log_instance *);
// Where x stands among the writes of its keys at p, in the queue or in execution: INV13, INV8.
void check_place(struct check *, uint8_t p, struct log_instance *, bool is_queued);
// Whether p has executed some, and not all, of a component of three or more.
bool check_is_inside_component(const struct check *, uint8_t p);
// Everybody has executed and recycled everything: the checkers forget it.
void check_forget(struct check *);
// The reference table of sessions at the first execution anywhere.
void check_session_apply(struct check *, struct log_instance *);
// Replica p answers a request: INV10, the status that the reference table gives, repeats get the first answer.
void check_reply(struct check *, uint8_t p, const struct message *, const uint8_t *request);
// Equal executed sets have equal state.
void check_digest(struct check *, const struct ep_replica *, uint8_t p);

// A decision seen for the first time or again: INV1. Returns true when it is the first.
bool check_decided(struct check *, struct log_instance *, bool is_nop, const uint64_t *dep, uint64_t bal, const char *where);
