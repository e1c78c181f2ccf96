// A world whose members change: nodes with an arena for each epoch, clients, operators who race, and faults, all from one seed.
#pragma once
#include "tests/sim/history.h"
#include "tests/sim/host.h"
#include "tests/sim/load.h"
#include "tests/sim/queue.h"

#define NODES 9
#define CLIENTS 5
#define EPOCHS_MAX 256
#define INBOX_MAX 256
#define PROPOSED_MAX 64

// One epoch's arena at one node.
struct place {
	struct host host;
	uint32_t epoch;     // 0 = there is none
	uint8_t node;
	bool was_frozen;    // at the end of its last turn
	bool is_ended;      // and what it ended with was looked at
	uint64_t executed_seen, executed_frozen;
	struct world *world;
};

struct node {
	struct ep_member me; // its incarnation grows when its memory is lost
	struct place *now, *old; // newest epoch; the one before, kept for those who are behind
	bool is_down, is_gone; // gone: host and memory; comes back as a new incarnation, or not
	ep_time turn_at, paused_until;
	struct packet *inbox[INBOX_MAX];
	uint32_t inbox_count;
	uint32_t cut_in; // its process dies at this store boundary from now, 0 = does not
	uint32_t copy_epoch; // a transfer is under way: of the state that this epoch begins with,
	uint8_t donor;       // from this node,
	ep_time copied_at;   // and ends then
};

struct epoch { // what is known of it, by everybody who knows
	struct ep_membership list;
	bool is_known, is_closed, has_digest;
	uint32_t ready; // bit per column: has held a whole arena of it
	uint64_t application, sessions; // of the state that it ends with
};

enum ask_state { ASK_IDLE, ASK_WAITING, ASK_DONE };
struct client {
	struct ep_addr addr;
	enum ask_state state;
	uint64_t cookie;
	ep_time due;
	uint32_t epoch; // as it believes
	uint8_t n;
	uint8_t members[EP_MEMBERS_MAX]; // nodes
	bool has_session;
	struct ep_session_id session;
	uint64_t seq;
	uint32_t ops_left, op, tries, final_next;
	uint8_t kind;
	uint32_t len;
	uint8_t command[sizeof(struct ep_wire_command) + LOAD_COMMAND_MAX];
};

struct draw { // from the seed
	struct ep_config config; // sizes and times; members are each node's own
	struct load_config load;
	uint32_t loss, dup, late; // permille
	ep_time link, jitter, late_max, turn, copy_max, change_every, fault_every, think_max, heal_at, end_at;
	uint32_t ops, burst;
	uint32_t wild; // percent of the proposals that are any set, the rest add, remove or replace one
	bool has_kills, has_cuts, has_losses, has_partitions, has_pauses;
};

struct figures {
	uint64_t changes, proposals, kills, cuts, losses, copies, broken_copies, skipped, commands, wrong_epoch, forsaken, busy, frames;
	uint64_t joined, retired, from_dead;
	uint64_t sizes[EP_MEMBERS_MAX + 1][EP_MEMBERS_MAX + 1]; // changes, by the number of members before and after
	ep_time stall_longest;
};

struct agreed; // hash table of what was executed where (check.c)

struct world {
	uint64_t seed, rng;
	struct draw draw;
	ep_time now;
	bool is_healed;
	struct queue queue;
	struct node nodes[NODES];
	struct client clients[CLIENTS];
	struct epoch epochs[EPOCHS_MAX];
	struct ep_membership proposed[PROPOSED_MAX]; // any of which may yet be decided; `epoch` is the one that it would begin
	uint32_t proposed_count;
	uint32_t newest;      // epoch that somebody is in, or that RECONFIG has named
	uint32_t cut[NODES];  // bits of nodes that it does not reach
	uint64_t unique, cookie;
	struct history history;
	struct load_report report;
	struct agreed *agreed;
	struct figures figures;
	ep_time answered_at; // when a client was answered last
	uint64_t hash;
	bool is_traced;
};

static inline uint32_t below(struct world *w, uint64_t n)
{
	return (uint32_t)(ep_random(&w->rng) % n);
}

// world.c
void world_run(struct world *, uint64_t seed); // to the end, or to a violation
void world_free(struct world *);
void world_draw(struct world *, uint64_t seed);
void world_send(struct world *, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len); // nodes, then clients
void world_trace(const struct world *, const char *format, ...) __attribute__((format(printf, 2, 3)));

// node.c
void node_start(struct world *, uint8_t node); // of the first epoch
void node_plan(struct world *, uint8_t node, ep_time at);
void node_turn(struct world *, uint8_t node);
void node_take(struct world *, uint8_t node, struct packet *);
void node_kill(struct world *, uint8_t node);
void node_restart(struct world *, uint8_t node);
void node_lose(struct world *, uint8_t node); // host and memory
void node_free(struct world *, uint8_t node);
bool node_is_up(const struct world *, uint8_t node);
struct ep_membership node_handover(const struct place *); // of a frozen place

// change.c: operators and faults
void change_propose(struct world *);
void change_strike(struct world *);
void change_heal(struct world *);

// client.c
void client_start(struct world *, uint32_t which);
void client_wake(struct world *, uint32_t which);
void client_take(struct world *, uint32_t which, const struct packet *);

// check.c
void check_frame(struct world *, const struct place *, const struct ep_frame *);
void check_place(struct world *, struct place *); // after each step
void check_closed(struct world *, const struct place *); // when its process is killed in the middle of one
void check_free(struct world *);
bool check_converged(struct world *, const char **why);
uint8_t check_column(const struct ep_membership *, const struct ep_member *); // EP_NO_COLUMN: not in it
uint32_t check_slow(uint32_t n);
