// Copies between private memory and memory that another process may be writing: word by word, each word once.
//
// Atomic words, so that neither the compiler reads a value twice (checked once, used another time) nor the thread sanitizer has
// to guess; acquire and release order them without fences and cost nothing on x86-64.
#pragma once
#include <stdint.h>

static inline void mb_words_out(uint64_t *shared, const uint64_t *from, uint32_t count)
{
	for (uint32_t k = 0; k < count; k++)
		__atomic_store_n(&shared[k], from[k], __ATOMIC_RELEASE);
}

static inline void mb_words_in(uint64_t *to, const uint64_t *shared, uint32_t count)
{
	for (uint32_t k = 0; k < count; k++)
		to[k] = __atomic_load_n(&shared[k], __ATOMIC_ACQUIRE);
}
