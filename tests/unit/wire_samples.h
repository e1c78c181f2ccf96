// One valid message of every type and legal set of flags, for the tests of the wire format.
#pragma once
#include "consensus/wire.h"

#define N 5   // members
#define COL 2 // column and number of the instance that the messages are about
#define NUMBER 100
#define ROOM 4096

struct writer {
	uint8_t data[ROOM];
	uint32_t used;
};

struct variant {
	uint8_t type, flags;
	bool carries; // a payload or a command
};
extern const struct variant variants[];
extern const size_t variants_count;

// Makes the message at the start of w->data.
struct ep_msg *build(struct writer *w, uint8_t type, uint8_t flags);
// Appends a command with these bytes; UPDATE and EXPIRE get a session.
void put_command(struct writer *w, enum ep_command_kind kind, const char *bytes);
// Appends zeroed bytes.
void *room(struct writer *w, uint32_t len);
// ep_wire_check_msg() on a copy in memory of exactly its length, so that the sanitizer sees each
// byte read too far.
enum ep_drop check_copy(const void *message, uint32_t len, uint32_t n, uint32_t *payload);
