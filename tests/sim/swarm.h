// From one seed to one configuration: cluster, load, network and faults are drawn together, so that every run is another
// corner (swarm testing: Groce et al., ISSTA 2012).
#pragma once
#include "consensus/epaxos.h"
#include "tests/sim/load.h"

#define SIM_CLIENTS_MAX 12

enum fault {
	FAULT_LOSS = 1,        // frames vanish
	FAULT_DUP = 2,         // frames arrive twice
	FAULT_REORDER = 4,     // frames overtake each other
	FAULT_DELAY = 8,       // links of unequal length, now and then a very late frame
	FAULT_DAMAGE = 16,     // frames arrive with flipped bits or cut short
	FAULT_PAUSE = 32,      // a replica does not run for a while
	FAULT_ROGUE = 64,      // clients that repeat, reorder and invent sequence numbers, and send garbage
	FAULT_PARTITION = 128, // links are cut, also in one direction only
	FAULT_RESTART = 256,   // a replica's process is killed between two steps and goes on from its arena
	FAULT_CRASH = 512,     // up to f replicas are lost for good
	FAULT_SUSPECT = 1024,  // wrong suspicions from outside
	FAULT_CLOG = 2048,     // a link holds everything back for a while, then lets it go
	FAULT_CLOCK = 4096,    // clocks run at rates of their own and jump forward
	FAULT_FORGE = 8192,    // frames in a member's name that no member would send
	FAULT_REPLAY = 16384,  // frames of long ago arrive once more
	FAULT_FLOOD = 32768,   // more requests at once than a member has room for
	FAULT_AMBUSH = 65536,  // a replica is killed when a component of three or more is half executed
	FAULT_CORE = 131072,   // in the end only a random quorum is well
	FAULT_CUT = 262144,    // a replica is killed between two stores of a step (pnyx-sim-cut only)
};
#define FAULTS_ALL 524287u

struct sim_options {
	uint64_t seed;
	uint32_t faults; // those allowed
	uint32_t rounds; // of faults, healing and checking in one world; 0 = 1
	uint8_t n;       // 0 = drawn
	uint8_t mode;    // enum ep_mode, AUTO = drawn
	bool is_traced;  // print every event
	bool is_tiny;    // the smallest tables, and everything a thousand times slower
};

struct swarm {
	uint64_t seed;
	struct ep_config config; // of column 0
	uint32_t faults;
	struct load_config load;
	uint32_t clients, rogues;
	uint32_t ops;          // of each client
	ep_time think_max;     // between two operations of a client
	uint32_t expire_percent, give_up_percent;
	uint32_t frames;       // lent to a core
	uint32_t burst;        // frames a replica takes in one turn
	uint32_t slow_exec;    // steps of execution a turn, 0 = as configured
	uint32_t pace;         // what all times are multiplied by
	uint32_t clock_ppm[EP_MEMBERS_MAX]; // rate of a replica's clock, 1,000,000 = true
	uint64_t clock, ballot, frame_seq, client_seq, search, time; // where counters start, 0 = at the beginning
	ep_time turn_ns;       // least time between two turns
	ep_time link[EP_MEMBERS_MAX + SIM_CLIENTS_MAX][EP_MEMBERS_MAX + SIM_CLIENTS_MAX]; // one way, at least
	ep_time jitter;
	uint32_t loss_permille, dup_permille, late_permille, damage_permille, forge_permille, archive_permille;
	ep_time late_max;
	ep_time fault_every;   // mean time between two faults that strike
	ep_time fault_length;  // mean length of one
	ep_time heal_after;    // faults end
	ep_time converge_max;  // and then everything must be well within this time
};

void swarm_draw(struct swarm *, const struct sim_options *);
// The same cluster, another round: load, network and faults are drawn anew.
void swarm_draw_round(struct swarm *, const struct sim_options *, uint32_t round);
// "loss,dup,..." for people, and back. fault_parse() returns false for an unknown name; "all" and "none" are names.
const char *fault_text(uint32_t faults);
bool fault_parse(const char *list, uint32_t *faults);
