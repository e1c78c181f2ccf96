// Commands of the key-value store from the laboratory's client.
#pragma once
#include "consensus/app/kv_format.h"
#include "tests/dpdk/lab.h"

// The command's bytes; room for 600. Returns how many.
uint32_t lab_kv(uint8_t *bytes, uint8_t op, const char *key, const char *value);
// Waits until everybody knows everybody's MAC, and opens a session. False: it is refused.
bool lab_open(struct lab *);
// NULL: no answer, or no reply.
const struct ep_wire_reply *lab_ask(struct lab *, uint32_t node, uint8_t kind, uint64_t seq, uint8_t op, const char *key, const char *value);
bool lab_put(struct lab *, uint32_t node, uint64_t seq, const char *key, const char *value);
// Whether this is the key's value there.
bool lab_get(struct lab *, uint32_t node, const char *key, const char *value);
