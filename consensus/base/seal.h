// Checks that see damaged memory. Any single wrong bit is seen for certain; garbage passes once in 2^(bits of the check).
//
// A sealed word carries a value below and a check of it above, both in one store. Zero is its own sealed form, so that zeroed memory is
// valid. A check over several words is a CRC32C, of which 16 bits are enough for certainty over EP_CHECK_WORDS words.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EP_SEAL_FACTOR 0x9e3779b97f4a7c15ULL // odd: the product's top moves with every bit of the value

// `value` has at most `bits` bits, 16 to 48.
static inline uint64_t ep_word_seal(uint64_t value, uint32_t bits)
{
	return value | (value * EP_SEAL_FACTOR >> bits << bits);
}
static inline uint64_t ep_word_value(uint64_t word, uint32_t bits)
{
	return word & ((1ULL << bits) - 1);
}
static inline bool ep_word_holds(uint64_t word, uint32_t bits)
{
	return ep_word_seal(ep_word_value(word, bits), bits) == word;
}

// 32 bits and their complement: for words whose zeros say as much as their ones.
static inline uint64_t ep_word_pair(uint32_t bits)
{
	return bits | (uint64_t)~bits << 32;
}
static inline bool ep_word_is_pair(uint64_t word)
{
	return ep_word_pair((uint32_t)word) == word;
}

#define EP_CHECK_WORDS 28
#define EP_CHECK_START 0x50414e50ULL // not 0: leading zeros count
static inline uint64_t ep_check_word(uint64_t check, uint64_t word)
{
	return __builtin_ia32_crc32di(check, word);
}
// Over bytes, of any number, that are followed by seven more that may be read.
static inline uint64_t ep_check_bytes(uint64_t check, const uint8_t *data, uint32_t len)
{
	uint64_t word;
	for (; len >= 8; data += 8, len -= 8) {
		memcpy(&word, data, 8);
		check = ep_check_word(check, word);
	}
	if (len == 0)
		return check;
	memcpy(&word, data, 8);
	return ep_check_word(check, ep_word_value(word, 8 * len));
}
