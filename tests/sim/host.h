// One replica behind the smallest possible shell: an arena, lent frames, and a hook for what it sends.
#pragma once
#include "consensus/epaxos.h"

#define HOST_FRAMES_MAX (4 * EP_STEP_FRAMES_MAX)

struct host {
	struct ep_config config;
	struct ep_replica *replica; // in the arena; NULL while the process is down
	void *arena; // inside `block`, on a cache line's boundary
	void *block;
	size_t arena_bytes;
	struct ep_effects effects;
	struct ep_frame frames[HOST_FRAMES_MAX];
	// Called for each sealed frame, before the room is lent again.
	void (*sent)(void *owner, uint8_t self, const struct ep_frame *);
	void *owner;
	bool is_mute; // effects are dropped: the process dies before it sends
};

// Memory for an arena, zeroed, and frames; no replica yet.
void host_room(struct host *, const struct ep_config *, uint32_t frames);
// A fresh identity. frames: how many are lent, EP_STEP_FRAMES_MAX + 1 to HOST_FRAMES_MAX.
void host_start(struct host *, const struct ep_config *, uint32_t frames);
// The process dies: the arena stays.
void host_kill(struct host *);
// A new process goes on from the arena.
enum ep_attach host_attach(struct host *);
void host_free(struct host *);
// One UDP payload, handled to its end. Sends only when the core runs out of frames, and returns how often it did; host_flush() sends
// the rest.
uint32_t host_receive(struct host *, ep_time now, const struct ep_source *, const uint8_t *data, uint32_t len);
// Ticks until the deadline is in the future, at most `turns` times; the rest waits for the next call.
void host_tick(struct host *, ep_time now, uint32_t turns);
void host_flush(struct host *);
