// Frames that no replica may use: random bytes, damaged copies of valid frames, frames of other clusters, versions, epochs.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "consensus/wire.h"

#define FRAME_ROOM EP_FRAME_MAX_DEFAULT // never fragmented

// The cluster as its WELCOME described it, and who receives.
struct target {
	uint64_t cluster;
	uint32_t epoch, config_hash;
	uint8_t n, self; // self: column of the replica that receives
};

// One frame, and what must become of it.
struct garbage {
	uint8_t data[FRAME_ROOM];
	uint32_t len;       // bytes, may be 0
	bool is_from_member; // to be sent from a member's address: only in frames that are dropped before any effect
	enum ep_drop why;   // the reason that a replica must count; never EP_DROP_NONE
};

// Makes the next frame from *random (splitmix64). Frames that happen to be legal are made again.
void garbage_next(struct garbage *, const struct target *, uint64_t *random);
// What a replica must count for this payload; EP_DROP_NONE: it is legal.
enum ep_drop garbage_verdict(const struct garbage *, const struct target *);
// The column that frames from a member's address claim to come from.
uint8_t garbage_member(const struct target *);
