// The key-value store's commands and results as bytes: what a client writes and reads. Little
// endian, packed.
//
// A command is one pnyx_kv_command and then `count` times: one pnyx_kv_entry, the key, the value,
// the expected value, back to back without padding. Every length is explicit and the command ends
// exactly there.
//
//   op      entries  value           expect                  result.number   values
//   GET     1        -               -                       -               1
//   PUT     1        new value       -                       -               -
//   DELETE  1        -               -                       -               -
//   CAS     1        new value       what must be there now  -               -
//   INCR    1        delta, int64_t  -                       the new number  -
//   APPEND  1        suffix          -                       the new length  -
//   MGET    1..16    -               -                       -               one for each entry
//   MPUT    1..16    new values      -                       -               -
//
// A dash means length 0. A command does all that it says, in the order of its entries, or, with
// another code than OK, changes nothing.
#pragma once
#include <stdint.h>

#define PNYX_KV_PACKED __attribute__((packed))

enum pnyx_kv_op {
	PNYX_KV_GET = 1,    // the value, or NOT_FOUND
	PNYX_KV_PUT = 2,    // sets the value
	PNYX_KV_DELETE = 3, // OK also when there was nothing; `existed` tells
	PNYX_KV_CAS = 4,    // sets the value if the present one is the expected one, else CAS_FAILED
	PNYX_KV_INCR = 5,   // adds to a signed decimal number; a missing key counts as 0
	PNYX_KV_APPEND = 6, // adds bytes at the end; a missing key counts as empty
	PNYX_KV_MGET = 7,   // one value or NOT_FOUND for each key, read at one point
	PNYX_KV_MPUT = 8,   // sets all values at one point; of equal keys the last one wins. All keys and
	                    // values together have at most 255 + value_max bytes.
};

enum pnyx_kv_flag {
	PNYX_KV_ABSENT = 1, // CAS: the key must not exist (expected length 0; an empty value exists)
};

struct pnyx_kv_command {
	uint8_t op;    // enum pnyx_kv_op
	uint8_t flags; // enum pnyx_kv_flag
	uint8_t count; // entries that follow, 1..16
	uint8_t zero;
} PNYX_KV_PACKED;

// Followed by key_len + value_len + expect_len bytes.
struct pnyx_kv_entry {
	uint8_t key_len; // 1..255
	uint8_t zero;
	uint16_t value_len;
	uint16_t expect_len;
	uint16_t zero2;
} PNYX_KV_PACKED;

enum pnyx_kv_code {
	PNYX_KV_OK = 0,
	PNYX_KV_NOT_FOUND = 1,    // GET, and in a value of MGET: no such key
	PNYX_KV_CAS_FAILED = 2,   // another value is present, or none; `existed` tells which
	PNYX_KV_NOT_A_NUMBER = 3, // INCR: the value is not the canonical text of an int64_t
	PNYX_KV_OVERFLOW = 4,     // INCR: the sum is not an int64_t
	PNYX_KV_TOO_LARGE = 5,    // the answer exceeds the reply, or a value the store's limit
};

// Starts every result.
struct pnyx_kv_result {
	uint8_t code;     // enum pnyx_kv_code
	uint8_t op;       // of the command
	uint8_t count;    // values that follow: one for each entry of a GET or MGET, else none;
	                  // none with TOO_LARGE
	uint8_t zero;
	uint16_t existed; // bit k: the key of entry k existed when that entry's turn came
	uint16_t zero2;
	int64_t number;
} PNYX_KV_PACKED;

// Followed by `len` bytes.
struct pnyx_kv_value {
	uint8_t code; // PNYX_KV_OK or PNYX_KV_NOT_FOUND
	uint8_t zero;
	uint16_t len;
} PNYX_KV_PACKED;

_Static_assert(sizeof(struct pnyx_kv_command) == 4, "command head");
_Static_assert(sizeof(struct pnyx_kv_entry) == 8, "entry");
_Static_assert(sizeof(struct pnyx_kv_result) == 16, "result head");
_Static_assert(sizeof(struct pnyx_kv_value) == 4, "value head");

// Bytes of the largest value that the store keeps when a result may have `result_max` bytes: a GET
// returns it whole. The ceiling is what the largest frame can carry.
#define PNYX_KV_VALUE_CEILING 8848u
static inline uint32_t pnyx_kv_value_max(uint32_t result_max)
{
	uint32_t heads = (uint32_t)(sizeof(struct pnyx_kv_result) + sizeof(struct pnyx_kv_value));
	uint32_t fits = result_max > heads ? result_max - heads : 0;
	return fits < PNYX_KV_VALUE_CEILING ? fits : PNYX_KV_VALUE_CEILING;
}
