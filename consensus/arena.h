// The arena's layout, shared by a fresh start (arena.c) and by going on after a kill (attach.c).
#pragma once
#include "consensus/state.h"

// Fills in every size and place; returns the bytes of the whole.
uint64_t ep_arena_lay_out(struct ep_replica *, const struct ep_config *);
struct pnyx_app_config ep_arena_app(const struct ep_config *);
// Of all that the members must have alike.
uint32_t ep_arena_hash_shared(const struct ep_config *);
// What every start sets anew, whatever the arena held (M3).
void ep_arena_reset(struct ep_replica *);

// The parts of a fresh start: everything but the state; then, when that is there, what makes the arena whole.
enum ep_attach ep_arena_make(void *arena, size_t, const struct ep_config *, struct ep_replica **ret);
void ep_arena_publish(struct ep_replica *, bool is_asked);

// The check of what never changes.
uint64_t ep_arena_identity(const struct ep_replica *);
