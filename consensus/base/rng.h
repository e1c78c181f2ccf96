// splitmix64 (Steele, Lea, Flood, OOPSLA 2014): the only source of chance; state and seed belong to the caller.
#pragma once
#include <stdint.h>

static inline uint64_t ep_mix64(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint64_t ep_random(uint64_t *state)
{
	return ep_mix64(*state += 0x9e3779b97f4a7c15ULL);
}
