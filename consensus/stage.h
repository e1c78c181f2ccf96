// Staging: requests of one burst share instances.
#pragma once
#include "consensus/decide.h"

// Who waits for a command.
struct ep_request {
	const struct ep_addr *client; // NULL: nobody
	uint64_t cookie;
	uint32_t session; // index + 1, 0 = none
	const struct ep_keys *keys; // of the command; NULL: not collected yet
};

// Takes one command (struct ep_wire_command and its bytes) into a next own instance, which is submitted by the tick that follows.
// When there is no place for it the oldest staged instance is submitted first: at most one SUBMIT a call.
enum ep_admission ep_stage(struct ep_replica *, struct ep_effects *, const struct ep_wire_command *, const struct ep_request *);
// Gives up the oldest staged instance: to the clients that is message loss.
void ep_stage_drop(struct ep_replica *);
// The oldest staged instance is one no more.
void ep_stage_pop(struct ep_replica *);
// At a start: nothing is staged, nobody waits.
void ep_stage_clear(struct ep_replica *);
static inline bool ep_is_staged(const struct ep_replica *r)
{
	return r->staged > 0;
}
// The k-th oldest.
static inline struct ep_stage *ep_stage_at(struct ep_replica *r, uint32_t k)
{
	return &r->stages[(r->stage_first + k) & (EP_STAGES - 1)];
}

// Puts a wait, taken off its list, back among the free ones.
void ep_wait_free(struct ep_replica *, uint32_t wait);
// The wait of a session's update in a list, EP_NIL when there is none.
uint32_t ep_wait_of(const struct ep_replica *, uint32_t first, uint32_t session);
// The command at a place of a payload.
const struct ep_wire_command *ep_command_at(const uint8_t *payload, uint32_t place);
