// The load that scripts/compare.sh puts on other systems: what its parts share.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTSTANDING_MAX 256
#define OPS_MAX 4096 // places for operations of one connection, a power of two
#define KEY_MAX 24
#define VALUE_MAX 1024

struct op {
	uint64_t start; // ns
	uint64_t key;
	bool is_get, is_open, is_measured;
	bool has_answer; // etcd: the message came; the end of the stream is still to come
};

struct connection {
	int fd;
	uint8_t in[1 << 18], out[1 << 18];
	size_t in_len, out_len;
	struct op ops[OPS_MAX];
	// Operations asked and answered so far. Redis answers in their order; etcd names the stream.
	uint32_t asked, answered;
	int64_t window;	   // etcd: bytes that may still be sent
	uint64_t consumed; // etcd: bytes of data received and not yet allowed again
};

// How to speak to a system.
struct protocol {
	const char *name;
	uint16_t port;
	void (*greet)(struct connection *);
	void (*ask)(struct connection *, const struct op *);
	// Calls load_done() for each answer that is there as a whole; returns the bytes used.
	size_t (*take)(struct connection *, const uint8_t *bytes, size_t len);
};

extern const struct protocol redis_protocol, etcd_protocol;

// Puts bytes into what is sent next.
void load_out(struct connection *, const void *bytes, size_t len);
// One operation has its answer; `is_good` is false when it was refused.
void load_done(struct connection *, struct op *, bool is_good);
size_t load_key(const struct op *, char key[KEY_MAX]);
extern char load_value[VALUE_MAX];
extern size_t load_value_len;
_Noreturn void load_die(const char *why);
