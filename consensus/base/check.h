// Assertions that stay on in release builds. The program that links the core supplies ep_check_failed().
#pragma once
#include <stdint.h>

// Reports a bug and does not return. `a` and `b` are the two values compared (0 when there are none).
_Noreturn void ep_check_failed(const char *file, int line, const char *claim, uint64_t a, uint64_t b);

#define CHECK(claim) \
	(__builtin_expect(!!(claim), 1) ? (void)0 : ep_check_failed(__FILE__, __LINE__, #claim, 0, 0))
#define CHECK_OP(a, op, b) \
	(__builtin_expect((a)op(b), 1) ? (void)0 : \
	 ep_check_failed(__FILE__, __LINE__, #a " " #op " " #b, (uint64_t)(a), (uint64_t)(b)))
#ifdef EP_DCHECK
#define DCHECK(claim) CHECK(claim)
#else
#define DCHECK(claim) ((void)0)
#endif
