// What clients asked and what they were told, with times: the input of the linearizability checkers.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define HISTORY_NEVER UINT64_MAX

struct history_op {
	uint32_t client;
	bool is_answered;   // false: the outcome is unknown, it may take effect at any time after `call`
	uint64_t call, ret; // nanoseconds; ret = HISTORY_NEVER when not answered
	uint8_t *command;   // the application's bytes
	uint32_t command_len;
	uint8_t *result;
	uint32_t result_len;
};

struct history {
	struct history_op *ops;
	uint32_t count, room;
	bool has_final; // everything was read after everything else had ended
};

// Notes a request; returns its number. Copies the bytes.
uint32_t history_call(struct history *, uint32_t client, uint64_t now, const uint8_t *command, uint32_t len);
void history_return(struct history *, uint32_t op, uint64_t now, const uint8_t *result, uint32_t len);
void history_free(struct history *);
