// Three make-believe replicas on loopback UDP sockets in the test's own thread, and the clock that
// the client reads.
//
// The client's sources are compiled with clock_gettime, ppoll and getrandom renamed: time is a
// number that advances only when the client would sleep, and while it sleeps the replicas answer.
// So tests with timeouts are exact and take no time. The replicas share one key-value store (the
// real one) and one session table (protocol.md D.5), and execute at once.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "client/pnyx.h"
#include "consensus/wire.h"

#define FAKE_SERVERS 3
#define FAKE_CLUSTER 0x504e5958ULL
#define FAKE_MS 1000000ULL
#define FAKE_LOG_MAX 8192

struct fake_server {
	int fd;
	uint16_t port;
	bool is_dead;		// hears nothing
	uint32_t drop_requests; // so many coming frames are lost
	uint32_t drop_replies;	// so many answers are lost, after the command was executed
	uint32_t copies;	// of each answer, besides the first
	uint64_t delay_ns;	// of each answer
	uint32_t busy;		// so many requests are answered BUSY
	uint64_t busy_ns;	// with this hint
	uint8_t redirect;	// so many requests are answered REDIRECT
	uint64_t frames;	// REQUEST frames heard
};

// One request heard.
struct fake_seen {
	uint8_t server, kind; // kind: enum ep_command_kind, 0 = no command
	uint64_t at_ns, cookie, seq;
	struct ep_session_id session;
};

struct fake {
	struct fake_server server[FAKE_SERVERS];
	uint64_t now;
	uint32_t epoch;
	uint32_t n; // members that WELCOME names
	uint32_t sessions_max;
	uint16_t frame_max;
	uint32_t digest_rounds;	    // questions before a digest is complete
	uint32_t loss, duplication; // per cent, in both directions
	uint64_t jitter_ns;	    // each answer is late by up to this
	uint64_t random;
	bool serves_in_clock; // for clients that never sleep
	// what happened
	uint32_t sessions; // alive
	uint64_t updates;  // executed
	uint32_t seen_count;
	struct fake_seen seen[FAKE_LOG_MAX];
};
extern struct fake fake;

void fake_start(void);
void fake_stop(void);
// "127.0.0.1:P,127.0.0.1:Q,..." of the servers from..FAKE_SERVERS-1 (static storage).
const char *fake_servers(int from);
// Options for this cluster: deadline 1 s.
struct pnyx_options fake_options(void);
// A connected client; fails the test when there is none.
struct pnyx *fake_connect(const struct pnyx_options *);
void fake_forget_sessions(void);
// Requests of this kind seen from log entry `from` on.
uint32_t fake_count(uint32_t from, uint8_t kind);
// Sends raw bytes from server k to whoever it heard last.
void fake_send(int k, const void *data, uint32_t len);
