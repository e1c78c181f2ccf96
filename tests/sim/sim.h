// One simulated world: replicas, clients, network and faults in virtual time, all from one seed.
#pragma once
#include "tests/sim/check.h"
#include "tests/sim/host.h"
#include "tests/sim/queue.h"
#include "tests/sim/swarm.h"
#include "tests/sim/trace.h"

#define SIM_INBOX_MAX 512 // frames that wait for a replica; more are lost, as in a NIC

enum client_state { CLIENT_IDLE, CLIENT_WAITING, CLIENT_DONE };

struct client {
	uint64_t rng;
	struct ep_addr addr;
	bool is_rogue;
	enum client_state state;
	ep_time wake_at;
	uint32_t ops_left;
	bool is_unread;      // the reads at the end were refused
	uint32_t final_next; // of the client that reads everything at the end
	bool has_session;
	struct ep_session_id session;
	uint64_t seq;
	struct ep_session_id spare[4]; // sessions that a repeated OPEN made
	uint32_t spares;
	// the request under way
	uint64_t cookie;
	uint8_t kind; // enum ep_command_kind
	bool is_spare; // EXPIRE of a spare session
	uint32_t tries, op; // op: in the history
	bool has_op;
	uint32_t len;
	uint8_t command[sizeof(struct ep_wire_command) + LOAD_COMMAND_MAX]; // struct ep_wire_command and its bytes
};

struct node { // a replica and its shell
	struct host host;
	bool is_down;  // its process is dead; comes back
	bool is_lost;  // for good
	ep_time paused_until;
	ep_time turn_at; // EP_NEVER: none is planned
	struct packet *inbox[SIM_INBOX_MAX];
	uint32_t inbox_first, inbox_count;
	struct ep_session_id begun; // an instance that was executing when the checkers looked: it has its place in the order
	uint64_t executed_seen, own_seen, digest_at; // how far the checkers have looked
	uint32_t turns;
};

struct request { // what a cookie stands for
	uint32_t client;
	uint8_t *command;
	uint32_t len;
};

struct sim {
	struct swarm swarm;
	uint8_t n;
	ep_time now;
	bool is_healed, is_over;
	struct queue queue;
	struct node nodes[EP_MEMBERS_MAX];
	struct client clients[SIM_CLIENTS_MAX];
	uint32_t clients_count;
	struct request *requests;
	uint32_t requests_count, requests_room;
	uint64_t unique;
	ep_time link_last[EP_MEMBERS_MAX + SIM_CLIENTS_MAX][EP_MEMBERS_MAX + SIM_CLIENTS_MAX];
	uint32_t cut[EP_MEMBERS_MAX]; // per sender: bits of columns that it does not reach now
	uint64_t net_rng, fault_rng;
	struct history history;
	struct check check;
	struct trace trace;
	bool is_traced;
	uint64_t hash; // of all frames sent, with their times, and of state
	// figures
	uint64_t frames, messages, commands, unknown, busy;
	uint32_t lost; // replicas lost for good
};

// world.c
void sim_start(struct sim *, const struct sim_options *);
void sim_run(struct sim *); // to the end, or to a violation
void sim_free(struct sim *);
void sim_plan_turn(struct sim *, uint8_t p, ep_time at);
void sim_kill(struct sim *, uint8_t p);
void sim_attach(struct sim *, uint8_t p);
bool sim_is_alive(const struct sim *, uint8_t p); // not down, not lost
// What replica p did since the last call: copies named in a frame, and what it executed.
void sim_look_at_frame(struct sim *, uint8_t p, const uint8_t *data, uint32_t len);
void sim_look_at_executed(struct sim *, uint8_t p);
void sim_look_at_all(struct sim *, uint8_t p);
#define SIM_TRACE(sim, ...) \
	do { \
		if ((sim)->is_traced) \
			trace_event(&(sim)->trace, (sim)->now, __VA_ARGS__); \
	} while (0)

// network.c
void net_send(struct sim *, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len);
uint8_t net_client_node(const struct sim *, const struct ep_addr *); // 0xff when no client has the address

// faults.c
void fault_strike(struct sim *);
void fault_recover(struct sim *, uint8_t p);
void fault_heal(struct sim *);

// client.c
void client_start(struct sim *, uint32_t which, bool is_rogue);
void client_wake(struct sim *, uint32_t which);
void client_receive(struct sim *, uint32_t which, const struct packet *);
// Writes a request and notes it under a new cookie.
uint64_t client_note(struct sim *, uint32_t which, uint8_t kind, const struct ep_session_id *, uint64_t seq, const uint8_t *bytes,
		     uint32_t len);
void client_send(struct sim *, uint32_t which, uint8_t to, uint64_t cookie);
void client_plan(struct sim *, uint32_t which, ep_time at);
// rogue.c
void rogue_wake(struct sim *, uint32_t which);

// converge.c: true when everything is as it must be at rest; *why says what is not (static storage).
bool converge_reached(struct sim *, const char **why);
