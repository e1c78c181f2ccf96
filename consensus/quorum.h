// Quorum arithmetic (protocol.md A.2; the condition n >= max(2e + f - 1, 2f + 1) of the EPaxos* paper).
#pragma once
#include <stdint.h>

// Members that may be lost.
static inline uint32_t ep_quorum_f(uint32_t n)
{
	return (n - 1) / 2;
}
// Members that a fast path may do without: the largest e <= f with 2e + f - 1 <= n.
static inline uint32_t ep_quorum_e(uint32_t n)
{
	uint32_t f = ep_quorum_f(n), e = f;
	while (2 * e + f > n + 1)
		e--;
	return e;
}
// Pre-accepts before the slow path, Accept, Recover, Validate.
static inline uint32_t ep_quorum_slow(uint32_t n)
{
	return n - ep_quorum_f(n);
}
