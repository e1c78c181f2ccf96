// One simulated world: replicas, clients, network and faults in virtual time, all from one seed.
#pragma once
#include "tests/sim/check.h"
#include "tests/sim/host.h"
#include "tests/sim/queue.h"
#include "tests/sim/swarm.h"
#include "tests/sim/trace.h"

#define SIM_INBOX_MAX 512 // frames that wait for a replica; more are lost, as in a NIC
#define SIM_NODES_MAX (EP_MEMBERS_MAX + SIM_CLIENTS_MAX)
#define SIM_ARCHIVE_MAX 64 // frames kept for later

enum client_state { CLIENT_IDLE, CLIENT_WAITING, CLIENT_DONE };
enum client_role { CLIENT_HONEST, CLIENT_ROGUE, CLIENT_FLOOD, CLIENT_JANITOR };

struct client {
	uint64_t rng;
	struct ep_addr addr;
	enum client_role role;
	enum client_state state;
	ep_time wake_at;
	uint32_t ops_left;
	bool is_unread;      // the reads at the end were refused
	uint32_t final_next; // of the client that reads everything at the end
	bool has_session;
	struct ep_session_id session;
	uint64_t seq;
	bool has_used;  // an update of the session was made
	bool is_unsure; // and the last one's outcome is not known
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
	// after the faults: a member outside the core, and what is wrong with it (or it is down, or paused for ever)
	bool is_out, is_deaf, is_silent;
	bool is_ambushed; // dies when a component of three or more is half executed
	uint32_t cut_in;  // dies at this store boundary from now, 0 = does not
	ep_time paused_until;
	ep_time turn_at; // EP_NEVER: none is planned
	ep_time clock_base, clock_since; // its clock said base at virtual time since (clock.c)
	uint32_t clock_ppm;
	struct packet *inbox[SIM_INBOX_MAX];
	uint32_t inbox_first, inbox_count;
	struct packet *taken; // the one that it handles now
	struct ep_session_id begun; // an instance that was executing when the checkers looked: it has its place in the order
	uint64_t executed_seen, own_seen, digest_at; // how far the checkers have looked
	uint32_t turns;
};

struct request { // what a cookie stands for
	uint32_t client;
	uint8_t *command;
	uint32_t len;
};

// One round: faults strike; they end and everything must converge; then, before another round, what it left is cleared.
enum sim_phase { SIM_FAULTS, SIM_HEALED, SIM_CLEANING, SIM_OVER };

struct sim_figures {
	uint64_t frames, messages, commands, unknown, busy;
	uint64_t kills, cuts, kills_inside; // inside: in a half executed component of three or more
	uint64_t forged, replayed;
	uint64_t full_window, full_own, full_room, full_index, full_sessions, full_contexts, full_frames, full_inbox; // times
};

struct sim {
	const struct sim_options *options;
	struct swarm swarm;
	uint8_t n;
	ep_time now, round_began, healed_at;
	enum sim_phase phase;
	uint32_t round;
	bool is_partial; // some member is lost, or outside the core: nothing becomes stable
	struct queue queue;
	struct node nodes[EP_MEMBERS_MAX];
	struct client clients[SIM_CLIENTS_MAX];
	uint32_t clients_count, flooder; // flooder: a client's number, 0 = none
	struct request *requests; // from cookie requests_base on
	uint64_t requests_base;
	uint32_t requests_count, requests_room;
	uint64_t unique;
	ep_time link_last[SIM_NODES_MAX][SIM_NODES_MAX];
	ep_time clog_until[SIM_NODES_MAX][SIM_NODES_MAX];
	uint32_t cut[EP_MEMBERS_MAX]; // per sender: bits of columns that it does not reach now
	struct packet *archive[SIM_ARCHIVE_MAX];
	uint64_t net_rng, fault_rng, forge_rng;
	struct history history;
	struct load_report report;
	struct check check;
	struct trace trace;
	bool is_traced;
	uint64_t hash; // of all frames sent, with their times, and of state
	struct sim_figures figures;
	uint32_t lost; // replicas lost for good
};

// world.c
void sim_start(struct sim *, const struct sim_options *);
void sim_run(struct sim *); // to the end, or to a violation
void sim_free(struct sim *);
void sim_plan_turn(struct sim *, uint8_t p, ep_time at);
bool sim_is_alive(const struct sim *, uint8_t p); // not down, not lost
bool sim_is_well(const struct sim *, uint8_t p);  // alive, and in the core
// process.c: processes die and go on
void sim_kill(struct sim *, uint8_t p);
void sim_die_between_stores(struct sim *, uint8_t p); // its arena may be in the middle of a change
void sim_attach(struct sim *, uint8_t p);
void sim_start_process(struct sim *, uint8_t p, const struct ep_config *);
bool sim_has_no_room(const struct sim *, uint8_t p); // the application's room is used up
void sim_count_full(struct sim *, uint8_t p); // which pools of a process have run full
// look.c: what replica p did since the last call
void sim_look_at(struct sim *, uint8_t p, uint8_t col, uint64_t i);
void sim_look_at_frame(struct sim *, uint8_t p, const uint8_t *data, uint32_t len);
void sim_look_at_trace(struct sim *, uint8_t p);    // what it executed
void sim_look_at_executed(struct sim *, uint8_t p); // and what stands in its queue
void sim_look_at_all(struct sim *, uint8_t p);
void sim_look_at_state(struct sim *, uint8_t p);
void sim_look_after_attach(struct sim *, uint8_t p);
void sim_look_at_sent(struct sim *, uint8_t p, const struct ep_frame *);
#define SIM_TRACE(sim, ...) \
	do { \
		if ((sim)->is_traced) \
			trace_event(&(sim)->trace, (sim)->now, __VA_ARGS__); \
	} while (0)

// clock.c: each replica's own clock
void clock_start(struct sim *, uint8_t p, ep_time base);
ep_time clock_now(const struct sim *, uint8_t p);
ep_time clock_when(const struct sim *, uint8_t p, ep_time local); // the virtual time at which it says so; EP_NEVER stays
void clock_jump(struct sim *, uint8_t p, ep_time forward);
void clock_set_rate(struct sim *, uint8_t p, uint32_t ppm);

// network.c
void net_send(struct sim *, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len);
void net_put(struct sim *, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len, bool is_forged);
uint8_t net_client_node(const struct sim *, const struct ep_addr *); // 0xff when no client has the address

// forge.c
void forge_one(struct sim *, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len);
void forge_archive(struct sim *, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len);
void forge_replay(struct sim *);
void forge_free(struct sim *);

// faults.c, heal.c, partition.c
void fault_strike(struct sim *);
void fault_recover(struct sim *, uint8_t p);
void fault_heal(struct sim *);
void fault_forgive(struct sim *); // everybody is well again
void partition_strike(struct sim *);

// rounds.c
void round_start(struct sim *);
void round_sweep(struct sim *); // looks whether the present phase has ended

// client.c
struct ep_addr client_addr(uint32_t which);
void client_start(struct sim *, uint32_t which, enum client_role);
void client_again(struct sim *, uint32_t which); // one that was done has something to do
void client_wake(struct sim *, uint32_t which);
void client_receive(struct sim *, uint32_t which, const struct packet *);
void client_plan(struct sim *, uint32_t which, ep_time at);
uint8_t client_target(struct sim *, uint32_t which); // a replica to ask
// Starts a request and waits for its answer.
void client_begin(struct sim *, uint32_t which, uint8_t kind, const struct ep_session_id *, uint64_t seq, const uint8_t *bytes, uint32_t len);
// request.c
// Writes a request and notes it under a new cookie.
uint64_t request_note(struct sim *, uint32_t which, uint8_t kind, const struct ep_session_id *, uint64_t seq, const uint8_t *bytes,
		      uint32_t len);
void request_send(struct sim *, uint32_t which, uint8_t to, uint64_t cookie);
const struct request *request_of(const struct sim *, uint64_t cookie); // NULL: unknown, or of a round that is over
void request_forget(struct sim *);
// rogue.c
void rogue_wake(struct sim *, uint32_t which);
void rogue_flood(struct sim *, uint8_t to);
// janitor.c: false when nothing is left to clear
bool janitor_next(struct sim *, uint32_t which);

// cut.c, cut_none.c: runs body(s, p); true when p's process died in it, between two stores.
extern const bool cut_is_possible;
bool cut_run(struct sim *, uint8_t p, void (*body)(struct sim *, uint8_t));
void cut_reset(void); // nobody dies any more, whatever a world that ended early has left

// converge.c: true when everything is as it must be at rest; *why says what is not (static storage).
bool converge_reached(struct sim *, const char **why);
