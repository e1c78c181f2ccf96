// The keys of a payload, as hashes: what decides which instances interfere.
#pragma once
#include "consensus/state.h"

// Collects the keys of a payload that parses. OPEN's own session key needs the instance's id. Returns false when the application
// refuses a command.
bool ep_keys_collect(const struct ep_config *, uint32_t col, uint64_t i, const uint8_t *payload, struct ep_keys *keys);
// The same of one command alone.
bool ep_keys_of_command(const struct ep_config *, uint32_t col, uint64_t i, const struct ep_wire_command *, struct ep_keys *keys);
// Adds b's keys and cost to a.
void ep_keys_join(struct ep_keys *a, const struct ep_keys *b);
bool ep_keys_meet(const struct ep_keys *a, const struct ep_keys *b);
// Application keys are hashed with this seed, by the application as well.
uint64_t ep_key_seed(const struct ep_config *);
uint64_t ep_session_hash(const struct ep_config *, const struct ep_session_id *);

// The n-th command of a payload: call with *offset = sizeof(struct ep_wire_payload) first.
static inline const struct ep_wire_command *ep_command_next(const uint8_t *payload, uint32_t *offset)
{
	const struct ep_wire_command *c = (const void *)(payload + *offset);
	*offset += c->len;
	return c;
}
static inline const uint8_t *ep_command_bytes(const struct ep_wire_command *c)
{
	return (const uint8_t *)(c + 1);
}
static inline uint32_t ep_command_len(const struct ep_wire_command *c)
{
	return c->len - (uint32_t)sizeof *c;
}
