// The state explorer: what its files share. A world is what each replica holds, and every message ever sent that can still matter.
#pragma once
#include "consensus/state.h"

#define COMMANDS_MAX 6
#define LIVE_MAX 1000  // messages of one world that can still matter

// ---- scopes (scope.c) -----------------------------------------------------------------------------------------
struct scope_command {
	uint8_t col; // command leader
	uint8_t fq;  // its designated peer, mode D
	char key;    // capital: a write, small: a read of the capital's key
	uint8_t heard; // of a dead leader: members that pre-accept it before anything else happens; 0: its PreAccepts are under way
};
// What is enumerated. Losses, delays, copies and reorderings are always in; what costs states has a budget.
struct scope {
	const char *name, *text;
	uint8_t n, mode;
	uint32_t window;
	uint8_t count; // commands
	struct scope_command commands[COMMANDS_MAX];
	uint8_t recoveries[COMMANDS_MAX]; // attempts for each instance, by all members together
	uint8_t recoverers;               // members that may start one; 0 = all
	uint8_t restarts[EP_MEMBERS_MAX]; // kills of each member that are followed by a restart
	uint8_t dead;                     // members that hear and do nothing after the beginning
	bool has_quiet_restarts; // taken only where they can do more than lose messages (world.c)
	bool has_nacks;  // else every Nack is lost
	bool has_amnesia; // a restart finds an empty arena, which no replica may do: to show that the explorer sees it
	bool has_status; // members tell their frontiers, and recycle
	uint8_t reduce;  // 0: no reductions, 1: those of messages, 2: also instances one at a time (world.c)
	uint32_t walks;  // random walks of the short form; 0: exhausted
};
extern const struct scope scopes[];
extern const uint32_t scopes_count;
const struct scope *scope_find(const char *name); // NULL: no such scope
uint64_t scope_number(const struct scope *, uint32_t command); // its instance number in its leader's column
// The command with this instance, COMMANDS_MAX if none has.
uint32_t scope_command_of(const struct scope *, uint32_t col, uint64_t i);
// The command as SUBMIT takes it (static storage), and the configuration of one member.
const struct ep_wire_command *scope_bytes(const struct scope *, uint32_t command);
struct ep_config scope_config(const struct scope *, uint8_t self);
bool scope_interfere(const struct scope *, uint32_t a, uint32_t b);

// ---- what was ever said (said.c) ------------------------------------------------------------------------------
struct said { // one message, alone in its frame
	uint8_t from, to, type;
	uint8_t command; // COMMANDS_MAX: none
	uint64_t bal;    // of those types that have one
	uint64_t hash;
	uint8_t *frame;
	uint32_t len;
};
// One committed value: (Nop or payload with its seq, deps). All copies of an instance must have the same.
struct said_frame {
	uint8_t *data;
	uint32_t len;
};
struct said_value {
	uint8_t command;
	bool is_nop;
	uint64_t dep[EP_MEMBERS_MAX], hash;
	struct said_frame whole, in_short; // its Commit with the payload and without
};
void said_start(const struct scope *);
uint32_t said_message(uint8_t from, uint8_t to, const uint8_t *frame, const struct ep_msg *);
const struct said *said_at(uint32_t message);
uint32_t said_count(void);
// The number (from 1) of what a committed record holds.
uint32_t said_value_of(struct ep_replica *, uint32_t command, ep_slot);
const struct said_value *said_value_at(uint32_t value);
const char *said_text(uint32_t message);     // static storage
const char *said_value_text(uint32_t value); // static storage

// ---- one replica as a function (machine.c) --------------------------------------------------------------------
enum act {
	ACT_MESSAGE, // what: the message
	ACT_COMMIT,  // what: the value
	ACT_SUBMIT,  // what: the command, likewise:
	ACT_TIMER,
	ACT_RECOVER,
	ACT_RESTART,
	ACT_CHECK,   // V4: looks whether conflicts were decided
	ACT_STATUS,
};
typedef uint32_t action; // enum act << 28 | what
static inline action act_make(enum act act, uint32_t what)
{
	return (uint32_t)act << 28 | what;
}
static inline enum act act_kind(action a)
{
	return (enum act)(a >> 28);
}
static inline uint32_t act_what(action a)
{
	return a & ((1u << 28) - 1);
}

struct fact { // one instance at one replica
	bool is_committed; // or recycled
	bool is_recycled;
	bool is_executed, has_initial;
	bool has_record, has_payload;
	uint8_t phase, queue, tally_ok, acc_ok;
	uint8_t rec_state, rec_got, rec_done; // of the attempt under way
	uint16_t bal, abal, rec_bal;
	uint32_t value;   // committed: number of its value
	uint32_t initial; // hash of the initial dependencies
};
struct local { // one state of one replica
	uint64_t print;
	uint8_t *image; // image.c
	uint32_t image_len;
	uint32_t variants; // other arenas with this fingerprint (machine.c)
	uint8_t self, submitted;
	uint8_t order_count, order[COMMANDS_MAX]; // commands that were executed, Nop apart, in this order
	struct fact facts[COMMANDS_MAX];
};
// `local` holds the facts before: of recycled instances their values stay.
void facts_take(const struct scope *, struct ep_replica *, struct local *);
// What was executed since the executed count was `since` is added to the order of `before`. To be called before recycling.
void facts_order(const struct scope *, const struct ep_replica *, uint64_t since, const struct local *before, struct local *);

struct outcome {
	uint32_t next; // local state
	uint32_t outs; // messages: machine_outs()
};
void machine_start(const struct scope *);
void machine_end(void);
uint32_t machine_initial(uint8_t self);
// What this action does to a replica in this state. The core runs once for each pair; then it is remembered.
struct outcome machine_step(uint32_t local, action);
void machine_prefetch(uint32_t local, action);
// Asks each arena that was met for a known state what it does with everything that the state was asked. All must do the same, or
// the fingerprint leaves out what matters. Returns how many answers were compared.
uint64_t machine_ask_again(void);
const uint32_t *machine_outs(uint32_t outs, uint32_t *count);
const struct local *machine_local(uint32_t local);
uint32_t machine_locals(void);
uint64_t machine_bytes(void); // of memory

// ---- worlds (world.c) -----------------------------------------------------------------------------------------
struct world {
	uint32_t local[EP_MEMBERS_MAX];
	uint32_t decided[COMMANDS_MAX]; // value, 0: by nobody yet
	uint8_t recoveries[COMMANDS_MAX], restarts[EP_MEMBERS_MAX]; // left
	uint64_t sum;                   // of the messages' hashes
	uint32_t count;
	uint32_t live[LIVE_MAX]; // messages, ascending
};
struct move {
	uint32_t p;
	action what;
};
#define MOVES_MAX (LIVE_MAX + 200)
void world_start(const struct scope *, struct world *);
// Moves in groups, the group of moves k ends before groups[k]. Whoever finds a move with a consequence in one group may leave out all
// later groups.
struct groups {
	uint32_t count, end[COMMANDS_MAX + 1];
};
uint32_t world_moves(const struct scope *, const struct world *, struct move *, struct groups *);
// False: nothing comes of it. A violation ends the run (verdict.h).
bool world_apply(const struct scope *, const struct world *, const struct move *, struct world *next);
uint64_t world_hash(const struct scope *, const struct world *);
const char *world_text(const struct scope *, const struct move *); // static storage

// check.c: what must hold; `p` is who moved. Violations end the run.
void check_step(const struct scope *, const struct local *before, const struct local *after, action);
void check_order(const struct scope *, const struct local *a, const struct local *b);
void check_world(const struct scope *, struct world *, uint8_t p);
void check_end(const struct scope *, const struct world *);
void check_proposal(const struct scope *, const struct world *, uint32_t message);

// ---- searching ------------------------------------------------------------------------------------------------
struct limits {
	uint64_t states, seconds;
	uint64_t walks, seed;
};
struct tally {
	uint64_t states, moves, outcomes, outcomes_sum, depth, walks, asked_again;
	bool is_cut;
};
// search.c, walk.c: fill in `tally`; a violation ends the run, and then the moves that led to it are in schedule_...
void search_run(const struct scope *, const struct limits *, struct tally *);
void walk_run(const struct scope *, const struct limits *, struct tally *);
uint64_t search_bytes(void);

// schedule.c: the moves under way, shortened and printed after a violation.
#define SCHEDULE_MAX 4096
extern struct move schedule[SCHEDULE_MAX];
extern uint32_t schedule_count;
void schedule_report(const struct scope *);
