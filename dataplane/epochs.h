// From one epoch to the next in a running replica (docs/decisions/0010): when the core is frozen, the next arena is made beside the loop,
// and the loop takes it up. The frozen one stays until every member has been heard in the new epoch.
//
//   IDLE ── frozen, and a member of the next ──► WORKING ──► MADE ── the loop takes it up ──► IDLE
//     └──── all heard, or the epoch after that ──► WORKING (the old arena is taken down) ──► IDLE
//
// Whoever is killed on the way starts with the newest whole arena, and goes on from there.
#pragma once
#include <sched.h>
#include "dataplane/agent.h"
#include "dataplane/arena.h"

enum dp_epochs_stage { DP_EPOCHS_IDLE = 0, DP_EPOCHS_WORKING, DP_EPOCHS_MADE, DP_EPOCHS_FAILED };

// Used by the consensus agent; while WORKING, what is below `stage` is the worker's.
struct dp_epochs {
	struct dp_net *net;
	struct ep_config config; // of the present epoch
	struct dp_arena arena, old; // old.base == NULL: none
	uint8_t uuid[16];
	const char *where, *uuid_text, *run_dir; // of the configuration and the command line; run_dir: NULL = none
	cpu_set_t cpus;  // where the process ran before EAL bound its threads: the worker must not take the loop's core
	uint64_t retry;  // TSC of the next attempt after a failed one
	bool is_retired; // the next epoch's list does not name this member: frozen for good
	enum dp_epochs_stage stage;
	struct ep_handover handover;
	struct ep_config next_config;
	struct dp_arena next, trash;
	struct ep_replica *frozen, *next_replica;
	char error[768];
};

// The start: opens the newest arena, or makes what the node is told to begin with, a state file or an empty arena. `epochs` has config,
// uuid, uuid_text, where, run_dir, net. Fills `c->now` and, if there is one, `c->old`. False: `error`.
bool dp_epochs_open(struct dp_epochs *, struct dp_consensus *, enum dp_arena_may, char *error, size_t error_size);
// Now and then in the loop.
void dp_epochs_tend(struct dp_epochs *, struct dp_consensus *);
// After the loop: waits for the worker.
void dp_epochs_close(struct dp_epochs *);

// ---- state.c: RUN-DIR/state, by which a member begins in the middle of a cluster's life (struct ep_state_head)
enum dp_state { DP_STATE_NONE, DP_STATE_TAKEN, DP_STATE_FAILED };
// Makes the arena of the file's epoch, when there is a file, it is whole, names this member, and is newer than `newest`. TAKEN: the file is
// gone, config is that epoch's. NONE: `error` may say what is wrong with a file that is there.
enum dp_state dp_state_take(struct dp_epochs *, const struct dp_place *, uint32_t count, uint32_t newest, struct ep_replica **ret, char *error,
			    size_t error_size);
