// A naive key-value store that the real one is compared with, and what its tests share: commands,
// an arena, chance.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "consensus/app/app.h"
#include "consensus/app/kv_format.h"
#include "consensus/app/kv_store.h"

// ---- commands ----
#define COMMAND_ROOM 200000 // more than any command a test builds

struct command {
	uint32_t len;
	uint8_t bytes[COMMAND_ROOM];
};

struct text {
	const void *data;
	uint32_t len;
};
#define TEXT(s) ((struct text){s, sizeof(s) - 1})
#define NONE ((struct text){0})

void command_begin(struct command *c, enum pnyx_kv_op op, uint8_t flags);
void command_add(struct command *c, struct text key, struct text value, struct text expect);
// A command with one entry, valid until the next call.
const struct command *command_one(enum pnyx_kv_op op, struct text key, struct text value);
const struct command *command_cas(uint8_t flags, struct text key, struct text value,
				  struct text expect);
const struct command *command_incr(struct text key, int64_t delta);

// ---- model ----
#define MODEL_KEYS 64

struct model_item {
	bool is_there;
	uint32_t key_len, value_len;
	uint8_t key[PNYX_KEY_MAX];
	uint8_t value[2048];
};

struct model {
	uint32_t result_max, value_max;
	struct model_item items[MODEL_KEYS]; // by key; never given up once named
	uint32_t count;
};

void model_init(struct model *m, uint32_t result_max);
// Runs a command; writes the result as the store should and returns its length.
uint32_t model_apply(struct model *m, const struct command *c, uint8_t *result, uint32_t cap);
// Blocks that the contents take in the store.
uint64_t model_used(const struct model *m);

// ---- the real one ----
struct bed {
	struct pnyx_app_config config;
	struct ep_txn txn;
	uint8_t *arena; // the journal, then the state
	size_t size;
	struct kv_store *store;
};

// Makes an arena with an empty store.
struct bed bed_make(uint64_t capacity, uint32_t result_max);
void bed_free(struct bed *bed);
// Runs one command in a transaction of its own and commits it.
uint32_t bed_apply(struct bed *bed, const struct command *c, uint8_t *result, uint32_t cap);
uint64_t bed_digest(const struct bed *bed, uint32_t budget);
// The bed holds what the model holds: every key, the room in use, and not a block is lost.
bool bed_equals(struct bed *bed, const struct model *m);

// ---- chance ----
// A random command over at most MODEL_KEYS keys; sizes cluster around the edges of blocks and
// limits.
void random_command(uint64_t *rng, const struct model *m, struct command *c);
// One value from all that `rng` may give below `n`.
uint32_t below(uint64_t *rng, uint32_t n);
