// When operations of an open loop are meant to begin, whatever became of those before them.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct arrivals {
	uint64_t start_ns;
	double gap_ns, at; // at: of the next one, in mean gaps after the start
	bool is_poisson;
	uint64_t random; // state of the generator
};

// `rate` operations a second, from start_ns on. Constant: the first at once, the others at equal distances. Poisson: at
// exponentially distributed distances, as many independent clients together make them.
void arrivals_init(struct arrivals *, bool is_poisson, double rate, uint64_t start_ns, uint64_t seed);
// When the next one is meant to begin (CLOCK_MONOTONIC as start_ns); changes nothing.
uint64_t arrivals_next(const struct arrivals *);
// Goes on to the one after it.
void arrivals_take(struct arrivals *);
