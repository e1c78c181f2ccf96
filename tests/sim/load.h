// What the simulated clients do: commands of one application, and what their answers must add up to. Bound at link time,
// as the application is.
#pragma once
#include "consensus/epaxos.h"
#include "tests/sim/history.h"

#define LOAD_COMMAND_MAX 1200 // bytes

struct load_config {
	uint32_t keys;         // 1..64
	uint32_t read_percent;
	uint32_t hot_percent;  // operations on key 0
	uint32_t shift;        // application's own variation
	uint32_t round;        // each has keys of its own
};

struct load_report {
	uint64_t checked;  // operations whose answers were explained
	uint64_t too_long; // keys whose search was given up: not checked
};

extern const char *const load_name;

// Draws the application's part of a configuration: capacity, cost_max.
void load_configure(struct ep_config *, uint64_t *rng);
// An operation of an honest client: writes the application's bytes to `out` and returns their number. `unique` differs
// for every call of a run.
uint32_t load_next(const struct load_config *, uint64_t *rng, uint64_t unique, bool *is_read, uint8_t *out);
// A well-formed update of a dishonest client, on keys that honest ones never touch.
uint32_t load_rogue(uint64_t *rng, uint8_t *out);
// The k-th read after everything else; 0 = there are no more.
uint32_t load_final(const struct load_config *, uint32_t k, uint8_t *out);
// The k-th update that clears up what a round has left; 0 = there are no more.
uint32_t load_clean(const struct load_config *, uint32_t k, uint8_t *out);
// INV9 and the application's own invariants over the whole history. A violation ends the run.
void load_check(const struct load_config *, const struct history *, struct load_report *);
