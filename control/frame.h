// What control planes say to each other over TCP, version 1. Pure: bytes in, bytes out.
//
// A frame is a head and a body; all little endian, packed. Each side dials the others and only speaks on the connections that it
// dialed: first HELLO, then STATE whenever something changed and at least once a second. A newer version may make a body longer;
// what is behind the known part is ignored. Everything else that does not fit ends the connection.
//
// A connection that begins with ASK instead is for one state (transfer.h): the answer is NONE, or HEAD, the state's bytes as they are, TAIL.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "consensus/epaxos.h"

#define CTL_FRAME_MAGIC 0x43594e50u // "PNYC"
#define CTL_FRAME_VERSION 1
#define CTL_FRAME_MAX 4096

enum ctl_frame_type { CTL_HELLO = 1, CTL_STATE = 2, CTL_ASK = 3, CTL_NONE = 4, CTL_HEAD = 5, CTL_TAIL = 6 };

struct ctl_frame_head {
	uint32_t bytes; // with this head
	uint32_t magic;
	uint16_t version;
	uint16_t type; // enum ctl_frame_type
	uint32_t zero;
} __attribute__((packed));

struct ctl_hello {
	uint64_t cluster;
	uint8_t uuid[16]; // of the speaker's member
	uint64_t incarnation;
} __attribute__((packed));

// What a control plane knows of its own replica.
enum ctl_life {
	CTL_LIFE_NONE = 0, // never seen
	CTL_LIFE_STARTING, // a process is there; it does not take part yet
	CTL_LIFE_SERVING,
	CTL_LIFE_STOPPED, // ended when asked to
	CTL_LIFE_DIED,    // ended otherwise
	CTL_LIFE_DEAD,    // its identity must not come back
	CTL_LIVES,
};

struct ctl_state {
	uint64_t run; // names the process; 0 = none yet
	uint64_t start; // attach count
	uint64_t executed;
	uint64_t commands_per_s;
	uint64_t left_ns;     // of the alarm, UINT64_MAX = none
	uint32_t restarts;    // by this control plane
	uint32_t fast_permille;
	uint32_t window_permille, room_permille;
	uint8_t life;         // enum ctl_life
	uint8_t suspects;     // whom its replica suspects, a bit per column
	uint8_t pace;
	uint8_t zero[5];
} __attribute__((packed));

enum ctl_wants {
	CTL_WANTS_STATE = 0, // nothing more
	CTL_WANTS_PLACE,     // to be in the list again, if it is not
	CTL_WANTS_NEW_START, // its identity is dead: the next incarnation
};

// For the state that this member's next epoch starts from.
struct ctl_ask {
	uint64_t cluster;
	uint8_t uuid[16];
	uint32_t epoch; // the newest that the asker has or reaches by itself; 0 = none
	uint32_t wants; // enum ctl_wants
	uint64_t incarnation; // the last one that it knows of itself
} __attribute__((packed));

// There is none here; where the cluster is, as the donor knows it (epoch 0: it does not).
struct ctl_listed {
	uint8_t uuid[16];
	uint64_t incarnation;
	uint8_t ip[4];
	uint16_t port, control_port;
	char name[16];
} __attribute__((packed));

struct ctl_none {
	uint32_t epoch, chain;
	uint8_t n, e, mode, zero[5];
	struct ctl_listed members[EP_MEMBERS_MAX];
} __attribute__((packed));

struct ctl_tail {
	uint32_t crc; // CRC32C of the state's bytes
	uint32_t zero;
} __attribute__((packed));

// Writes a frame; returns its bytes.
size_t ctl_frame_hello(uint8_t *out, const struct ctl_hello *);
size_t ctl_frame_state(uint8_t *out, const struct ctl_state *);
size_t ctl_frame_ask(uint8_t *out, const struct ctl_ask *);
size_t ctl_frame_none(uint8_t *out, const struct ep_membership *now);
size_t ctl_frame_head(uint8_t *out, const struct ep_handover *); // the state's check comes behind it
size_t ctl_frame_tail(uint8_t *out, uint32_t crc);

struct ctl_frame { // one received, checked
	enum ctl_frame_type type;
	union {
		struct ctl_hello hello;
		struct ctl_state state;
		struct ctl_ask ask;
		struct ep_membership list;  // NONE
		struct ep_handover handover; // HEAD
		struct ctl_tail tail;
	};
};
enum ctl_parse {
	CTL_PARSE_OK,
	CTL_PARSE_MORE,    // not all of it is there yet
	CTL_PARSE_SKIPPED, // a type that this version does not know: gone over
	CTL_PARSE_BAD,
};
// Looks at the first frame in `in`. OK, SKIPPED: *used is its length.
enum ctl_parse ctl_frame_parse(const uint8_t *in, size_t len, size_t *used, struct ctl_frame *ret);
