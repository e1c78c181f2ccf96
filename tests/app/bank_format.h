// The bank's commands and results as bytes. Little endian, packed.
#pragma once
#include <stdint.h>

#define BANK_PACKED __attribute__((packed))
#define BANK_START 1000u // every account opens with it; the sum over all accounts never changes

enum bank_op {
	BANK_TRANSFER = 1, // moves `amount` from `from` to `to`
	BANK_READ = 2,     // the balances of `from` and `to`, which may be the same
};

struct bank_command {
	uint8_t op; // enum bank_op
	uint8_t zero[3];
	uint32_t from; // accounts are numbered from 0
	uint32_t to;
	uint32_t zero2;
	uint64_t amount; // TRANSFER; else 0
} BANK_PACKED;
_Static_assert(sizeof(struct bank_command) == 24, "command");

enum bank_code {
	BANK_OK = 0,
	BANK_NO_ACCOUNT = 1,
	BANK_INSUFFICIENT = 2, // nothing was moved
	BANK_TOO_LARGE = 3,    // the reply is too short for a result; nothing was done
};

struct bank_result {
	uint8_t code; // enum bank_code
	uint8_t zero[7];
	uint64_t from; // balances after the command
	uint64_t to;
} BANK_PACKED;
_Static_assert(sizeof(struct bank_result) == 24, "result");
