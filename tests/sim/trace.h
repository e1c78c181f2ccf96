// The last events of a run, one column per replica, for the reader of a failed seed.
#pragma once
#include "consensus/epaxos.h"
#include "tests/sim/decode.h"

#define TRACE_EVENTS_MAX 400

struct trace {
	struct trace_line {
		ep_time at;
		uint8_t column;
		char text[150];
	} lines[TRACE_EVENTS_MAX];
	uint64_t count;
	bool is_live; // print at once as well
	uint8_t n;
};

void trace_event(struct trace *, ep_time, uint8_t column, const char *format, ...) __attribute__((format(printf, 4, 5)));
// Every message of a frame that `column` sends to or takes from `other`: "> p1 PreAccept (0,3) {}".
void trace_frame(struct trace *, ep_time, uint8_t column, char direction, const char *other, const uint8_t *data, uint32_t len);
void trace_print(const struct trace *);
