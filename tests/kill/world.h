// A small cluster in one piece of pointer-free memory: cores, what is under way between them, and clients. memcpy copies all of it.
#pragma once
#include "consensus/epaxos.h"

#define WORLD_FRAME_MAX EP_FRAME_MAX_MIN
#define WORLD_FLIGHTS_MAX 256
#define WORLD_CLIENTS 4
#define WORLD_OPS 10 // a client stops after them
#define WORLD_LENT (2 * EP_STEP_FRAMES_MAX)

// One message under way, alone in its frame.
struct flight {
	uint8_t from, to; // columns, or EP_CLIENT
	uint8_t client;   // where from or to is EP_CLIENT
	uint16_t len;
	uint8_t data[WORLD_FRAME_MAX];
};

enum op { OP_OPEN, OP_PUT, OP_DELETE, OP_CAS, OP_INCR, OP_APPEND, OP_MPUT, OP_GET, OP_MGET, OP_EXPIRE, OP_KINDS };

// A client does one thing after the other, each until it is answered. What must be there in the end follows from what it did:
// it owns the keys "aN" and "bN", adds to the counter "n" and writes its mark into the log "l".
struct kill_client {
	uint8_t ops, op, to;
	bool is_waiting, has_session, is_done;
	struct ep_session_id session;
	uint64_t seq, cookie;
	ep_time retry_at;
	uint16_t len;
	uint8_t command[sizeof(struct ep_wire_command) + 192];
	// the model
	uint8_t a_len, b_len; // 0xff: the key is not there
	char a[64], b[64];
	uint32_t incrs, appends;
};

// One call of a core: what is single-stepped.
struct step {
	enum { STEP_RECEIVE, STEP_TICK, STEP_ATTACH } kind;
	uint8_t at; // column
	ep_time now;
	struct flight in; // of STEP_RECEIVE
};

// What a step may write to outside the arenas.
struct lent {
	struct ep_effects fx;
	struct ep_frame frames[WORLD_LENT];
	enum ep_attach verdict; // of STEP_ATTACH
	uint8_t data[WORLD_LENT][WORLD_FRAME_MAX];
};

struct world {
	uint8_t n, mode;
	bool is_closing; // clients start nothing new
	ep_time now;
	uint64_t rng, said; // `said`: a hash of all messages in their order
	uint32_t flights_count, lost;
	struct flight flights[WORLD_FLIGHTS_MAX];
	struct kill_client clients[WORLD_CLIENTS];
	struct ep_config config[EP_MEMBERS_MAX];
	uint64_t arena_bytes, bytes;
	uint64_t at_arenas;
};

// Bytes of a world of n members, and a fresh one in zeroed memory (4096-byte aligned).
struct ep_config world_config(uint8_t n, uint8_t self, uint8_t mode);
uint64_t world_bytes(uint8_t n, uint8_t mode);
void world_start(struct world *, uint8_t n, uint8_t mode, uint64_t seed);
struct ep_replica *world_replica(const struct world *, uint8_t column);

// Draws what happens next. False: nothing for a core to do.
bool world_draw(struct world *, struct step *);
// The call itself: touches one arena and `lent`, nothing else.
void step_run(const struct world *, const struct step *, struct lent *);
void lent_clear(struct lent *);
// Takes the message at place `at` out of what is under way.
void world_take(struct world *, uint32_t at, struct flight *out);
// What the call said is under way now.
void world_collect(struct world *, const struct step *, struct lent *);

// From here on nothing is lost and clients finish what they began. NULL when all members agree and every answer was kept; else
// what is wrong (static storage).
const char *world_converge(struct world *, struct lent *);
