// Keys of unequal popularity: key k (from 0) is chosen in proportion to 1 / (k + 1)^exponent (Zipf's law).
#pragma once
#include <stdint.h>

struct skew {
	double exponent, keys;
	double first, last, sure; // see skew.c
};

// exponent: 0 (all alike) to 10; keys: at least 1.
void skew_init(struct skew *, double exponent, uint64_t keys);
// A key below `keys`; `random` is the state of the generator.
uint64_t skew_next(const struct skew *, uint64_t *random);
