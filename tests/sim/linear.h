// INV9: is there one order of the operations on a register that respects real time and explains every answer?
//
// Source: Wing and Gong, "Testing and Verifying Data Structures for Concurrent Objects", 1993, with the memoisation of
// Lowe, "Testing for linearizability", 2017. Values are numbers that the caller gives to byte strings; 0 = no such key.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum linear_kind {
	LINEAR_READ,   // result: the value
	LINEAR_WRITE,  // sets `value`; DELETE sets 0
	LINEAR_CAS,    // sets `value` if the present one is `expect`; result: 1 done, 0 not done
	LINEAR_ADD,    // adds `value` to a number; result: the new number
};

struct linear_op {
	uint8_t kind; // enum linear_kind
	bool is_answered;
	bool has_existed, existed; // whether the key existed before, where the answer says so
	uint64_t call, ret;
	int64_t value, expect, result;
};

enum linear_verdict { LINEAR_YES, LINEAR_NO, LINEAR_TOO_LONG };

// Registers that are ADDed to hold plain numbers, and 0 also stands for a missing key. `steps_max` bounds the search.
// Sorts the operations by call.
enum linear_verdict linear_check(struct linear_op *, uint32_t count, uint64_t steps_max);
