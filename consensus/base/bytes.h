// Hash, checksum and unaligned access for byte strings. Little endian machines only.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "consensus/base/rng.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire and the arena are little endian");

static inline uint64_t ep_load64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline void ep_store64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline uint64_t ep_load32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

// The last 0 to 8 bytes at `p` as a word padded with zeros; `p` may be NULL when there are none. By overlapping loads: a call of
// memcpy with a length that is not known costs more than the hash around it.
static inline uint64_t ep_load_tail(const uint8_t *p, uint32_t len)
{
	if (len >= 4)
		return ep_load32(p) | ep_load32(p + len - 4) << (8 * (len - 4));
	if (len == 0)
		return 0;
	return p[0] | (uint64_t)p[len / 2] << (8 * (len / 2)) | (uint64_t)p[len - 1] << (8 * (len - 1));
}

// Whether two byte strings of one length are equal; meant for keys, which are short.
static inline bool ep_bytes_equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	for (; len > 8; a += 8, b += 8, len -= 8)
		if (ep_load64(a) != ep_load64(b))
			return false;
	return ep_load_tail(a, len) == ep_load_tail(b, len);
}

// Seeded 64-bit hash of a byte string: multiply-and-fold over words. Not cryptographic; the seed keeps
// strangers from aiming at one bucket. A collision of two keys costs a false dependency, never safety.
static inline uint64_t ep_hash64(uint64_t seed, const void *data, uint32_t len)
{
	const uint8_t *p = (const uint8_t *)data;
	uint64_t h = ep_mix64(seed ^ len);
	for (; len > 8; p += 8, len -= 8) {
		unsigned __int128 m = (unsigned __int128)(h ^ ep_load64(p)) * 0x9e3779b97f4a7c15ULL;
		h = (uint64_t)m ^ (uint64_t)(m >> 64);
	}
	return ep_mix64(h ^ ep_load_tail(p, len));
}

// CRC32C (Castagnoli) by the SSE4.2 instruction. Start with crc = 0; calls may be chained.
uint32_t ep_crc32c(uint32_t crc, const void *data, uint32_t len);
