// INV9 for lists: appends of unique elements of one length, with answers that tell the position, need no search.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct sequence_op {
	bool is_append, is_answered;
	uint64_t call, ret;
	uint64_t element;  // APPEND
	uint64_t length;   // in elements: APPEND, after it; READ, of what was seen
	const uint64_t *seen; // READ
};

// NULL when some order explains all answers, else what is wrong (static storage). `final` is the list after everything.
const char *sequence_check(const struct sequence_op *, uint32_t count, const uint64_t *final, uint64_t final_length);
