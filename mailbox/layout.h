// What lies in a mailbox: the file that one pnyx-replica and its pnyx-control share. Version 2.
//
// The file has three parts. The header is written once, by the replica that makes the file. Each of the other two has one
// writer; the other side only reads it. Nothing that a reader finds is believed: mailbox.h says how it is looked at.
#pragma once
#include <stdint.h>
#include "consensus/counters.h"
#include "consensus/wire.h"
#include "xdp/verdicts.h"

#define MB_MAGIC 0x58424d58594e50ULL // "PNYXMBX"
#define MB_VERSION 2
#define MB_RING 64 // messages in a ring, a power of two
#define MB_PAGE 4096
#define MB_PATH_WORDS 32 // of a path, with its final 0
#define MB_PROPOSAL_WORDS ((sizeof(struct ep_wire_command) + sizeof(struct ep_wire_reconfig) + EP_MEMBERS_MAX * sizeof(struct ep_wire_new_member) + 7) / 8)

// One message is one cache line. Fields that a type does not name are 0.
struct mb_message {
	uint64_t type;   // enum mb_command or enum mb_event, by the ring
	uint64_t member; // column
	uint64_t number; // of the command, given by its sender; events that answer one repeat it
	uint64_t at_ns;  // CLOCK_MONOTONIC when it was written
	uint64_t zero[4];
};
_Static_assert(sizeof(struct mb_message) == 64, "one cache line");

enum mb_command { // control to replica
	MB_SUSPECT = 1, // member, number
	MB_TRUST = 2,   // member, number
	MB_PROPOSE = 3, // number: the page of the proposal holds a RECONFIG
};

enum mb_event { // replica to control
	MB_SUSPECTED = 1, // member, number: the core holds the suspicion from now on
	MB_TRUSTED = 2,   // member, number
	MB_LAPSED = 3,    // control was silent too long: the core suspects nobody any more
	MB_PROPOSED = 4,  // member: enum ep_proposal, number
};

enum mb_state {
	MB_STARTING = 1,
	MB_SERVING = 2,
	MB_STOPPED = 3, // it was asked to end and did: not a crash
	MB_DEAD = 4,    // it ended because its identity is dead: starting it again changes nothing
	MB_WAITING = 5, // it has nothing to begin with: neither an arena nor a state, and waits for one in its run directory
};

struct mb_column {
	uint64_t executed, committed, known, stable; // prefixes of this column, as this replica sees them
	uint64_t srtt_ns;
	uint64_t heard_ns; // in the core's time, when a frame of this member came last; 0 = never
	uint64_t behind;   // instances that this replica executed and this member has not reported
};

// The members of an epoch. epoch 0: none.
struct mb_list {
	uint64_t epoch, chain, n, e, mode;
	struct ep_wire_new_member members[EP_MEMBERS_MAX];
};

// What the replica tells about itself, all of one moment. Only words, so that it can be copied word by word.
struct mb_snapshot {
	uint64_t pid, pid_start; // start: clock ticks since boot, field 22 of /proc/PID/stat
	uint64_t state;          // enum mb_state
	uint64_t count;          // snapshots published by this process
	uint64_t at_ns;          // CLOCK_MONOTONIC
	uint64_t core_ns;        // the same moment in the core's time
	uint64_t cluster, epoch, incarnation, start, n, self;
	uint64_t window, own_max;
	uint64_t pace;     // time-outs are this many times longer: more pollers than cores
	uint64_t suspects; // bit per column: whom the core suspects
	uint64_t standing; // enum ep_standing: 0 asks its peers what they have seen of it, 1 takes part, 2 dead, 3 frozen
	uint64_t command_garbage, event_lost; // messages of ours and theirs that came to nothing
	struct mb_column columns[EP_MEMBERS_MAX];
	struct ep_counters core;
	struct ep_shell_counters shell;
	uint64_t drops[EP_DROP_REASONS];
	uint64_t has_steer; // 1: our XDP program is on the port
	uint64_t steer[STEER_VERDICTS_COUNT]; // frames by its verdict
	struct mb_list now, next; // of its epoch; of the next one when that has ended
	uint64_t frozen_epoch;    // of a frozen arena that is here, 0: none
	uint64_t arena[MB_PATH_WORDS], frozen_arena[MB_PATH_WORDS]; // paths as text
};
#define MB_SNAPSHOT_WORDS (sizeof(struct mb_snapshot) / 8)
_Static_assert(sizeof(struct mb_snapshot) % 8 == 0, "words only");

struct mb_header {
	uint64_t magic, version;
	uint64_t bytes;          // of the file
	uint64_t snapshot_bytes; // these three change with the counters: another size is another version
	uint64_t message_bytes, ring;
};

// Written by the replica, read by control.
struct mb_replica_side {
	uint64_t sequence; // of the snapshot; odd: it is being written
	uint64_t snapshot[MB_SNAPSHOT_WORDS];
	_Alignas(64) uint32_t life; // a futex that the kernel marks when the process begins to end (life.h); 0 = nobody yet
	_Alignas(64) uint64_t command_tail; // commands taken
	_Alignas(64) uint64_t event_head;   // events written
	_Alignas(64) struct mb_message events[MB_RING];
};

// Written by control, read by the replica.
struct mb_control_side {
	uint64_t beat; // grows while control lives
	uint64_t proposal_begun, proposal_ended; // numbers; equal to a command's: it is whole
	uint64_t proposal_bytes, proposal[MB_PROPOSAL_WORDS];
	_Alignas(64) uint64_t command_head; // commands written
	_Alignas(64) uint64_t event_tail;   // events taken
	_Alignas(64) struct mb_message commands[MB_RING];
};

struct mb_shared {
	struct mb_header header;
	_Alignas(MB_PAGE) struct mb_replica_side replica;
	_Alignas(MB_PAGE) struct mb_control_side control;
};
