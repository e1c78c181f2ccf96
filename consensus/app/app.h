// The replicated application: a deterministic state machine in arena memory, bound at link time.
//
// The state is one block that the core gives; it must be pointer-free. A command's result depends on its bytes
// and the keys that it declares only, never on free room (protocol.md EX5).
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "consensus/base/txn.h"

#define PNYX_KEYS_MAX 16  // keys one command may declare
#define PNYX_KEY_MAX 255  // bytes of a key

struct pnyx_key {
	const uint8_t *data; // points into the command
	uint8_t len;         // bytes, at least 1
	bool is_write;
};

// What inspecting a command tells. `cost`: the most units (pnyx_app_used) that it can add or free; `growth`: the most that it can add.
struct pnyx_intent {
	uint32_t keys_count;
	uint32_t cost, growth;
	bool is_read; // changes nothing
	struct pnyx_key keys[PNYX_KEYS_MAX];
};

enum pnyx_verdict {
	PNYX_FINE = 0,
	PNYX_MALFORMED, // not a command
	PNYX_TOO_BIG,   // a key, value or the number of keys above its limit
};

struct pnyx_app_config {
	uint64_t capacity;   // units of room, for instance blocks of 64 bytes
	uint64_t seed;       // for hashing keys; equal on all members
	uint32_t result_max; // bytes of the largest result that fits a reply
};

// Bytes of state for this configuration, a multiple of 64.
size_t pnyx_app_size(const struct pnyx_app_config *);
// Makes an empty state in zeroed memory.
void pnyx_app_init(void *state, const struct pnyx_app_config *);
// Rebuilds what is derived (free lists) after a kill; the journal is already rolled back. False: state is damaged.
bool pnyx_app_attach(void *state, const struct pnyx_app_config *);
// Total function over untrusted bytes; *intent is untouched unless PNYX_FINE.
// `result_max` as in pnyx_app_config: what is stored may depend on it, and so the cost.
enum pnyx_verdict pnyx_app_inspect(const uint8_t *command, uint32_t len, uint32_t result_max, struct pnyx_intent *intent);
// Runs an inspected command. Every overwrite of reachable state goes through `txn`; the caller commits it. Writes at most
// min(result_max, cap) bytes to `result` (not arena memory) and returns their number. With `cap` too small the
// answer is the application's own deterministic TOO_LARGE; `cap` depends on the command's kind only.
uint32_t pnyx_app_apply(void *state, struct ep_txn *txn, const uint8_t *command, uint32_t len, uint8_t *result, uint32_t cap);
// Called after the commit point of the transaction(s) since the last call: frees what they made unreachable.
void pnyx_app_committed(void *state);
// Units in use; a function of the contents only.
uint64_t pnyx_app_used(const void *state);
// A command on a key will run soon: fetches into the cache where the search for it starts (`step` 0) and, some time later, what is
// found there (1). `key` is ep_hash64(seed, key), by which the core knows it; an application that hashes otherwise does nothing.
void pnyx_app_prefetch(const void *state, uint64_t key, uint32_t step);
// Hash of the contents, independent of insertion order, computed from the stored bytes in slices: *cursor starts at 0,
// *sum at 0; true when done. The contents must not change in between.
bool pnyx_app_digest(const void *state, uint64_t *cursor, uint64_t *sum, uint32_t budget);
