// One core on a table: messages are laid before it by hand, what it says is read, its records are looked at.
#pragma once
#include "consensus/decide.h"
#include "consensus/execute.h"
#include "consensus/session.h"
#include "tests/sim/host.h"
#include "tests/sim/kv_bytes.h"
#include "tests/unit/unit.h"

#define CORE_SAID_MAX 512

struct said { // one message that the core sent
	uint8_t to; // column, or EP_CLIENT
	uint8_t frame[EP_FRAME_MAX_DEFAULT];
	const struct ep_msg *msg; // in `frame`, alone
	uint64_t bal;             // of the messages that begin with one
	const uint64_t *dep;      // the first vector, NULL for other messages; may be unaligned
};

struct core {
	struct host host;
	struct ep_replica *r;
	ep_time now;
	uint8_t out[EP_FRAME_MAX_DEFAULT]; // the message being built
	uint32_t out_len;
	struct said said[CORE_SAID_MAX];
	uint32_t said_count;
};

// A fresh replica `self` of n; mode AUTO, or as given. 128 instances a column, 16 sessions.
void core_start(struct core *, uint8_t n, uint8_t self, uint8_t mode);
// The same with whatever else the test wants in the configuration.
struct ep_config core_config(uint8_t n, uint8_t self, uint8_t mode);
void core_start_with(struct core *, const struct ep_config *);
void core_end(struct core *);
enum ep_attach core_restart(struct core *);

// Payload of one PUT (UPDATE of `session`, or a READ when it is NULL); returns its length.
uint32_t core_payload(uint8_t *out, const struct ep_session_id *session, uint64_t seq, const char *key, const char *value);
// A message of `body` zeroed bytes from a member; the body is returned to be filled, core_send() delivers it.
void *core_begin(struct core *, uint8_t from, enum ep_msg_type, uint8_t flags, uint8_t col, uint64_t i, uint8_t arg, uint32_t body);
void core_send(struct core *, uint8_t from);
// Whole messages. deps: n words, NULL for zeros; payload NULL: short or Nop.
void core_preaccept(struct core *, uint8_t from, uint64_t i, uint8_t fq, const uint64_t *deps, const char *key);
void core_preaccept_ok(struct core *, uint8_t from, uint64_t i, const uint64_t *deps);
void core_value(struct core *, uint8_t from, enum ep_msg_type, uint8_t col, uint64_t i, uint64_t bal, const uint64_t *deps, const char *key);
void core_ballot(struct core *, uint8_t from, enum ep_msg_type, uint8_t col, uint64_t i, uint64_t bal);
struct recovered {
	uint8_t from, col, phase, fq;
	uint64_t i, bal, abal;
	const uint64_t *dep, *idep;
	const char *key; // NULL: no payload
	bool is_nop;
};
void core_recover_ok(struct core *, const struct recovered *);
// A client's request; the cookie is `seq`. An UPDATE without a value deletes.
void core_request(struct core *, uint8_t kind, const struct ep_session_id *, uint64_t seq, const char *key, const char *value);
// The same from a client that believes to be in this epoch; 0: it does not know.
void core_request_of(struct core *, uint32_t epoch, uint8_t kind, const struct ep_session_id *, uint64_t seq, const char *key,
		     const char *value);
// A RECONFIG of epoch 1 (struct ep_wire_command and its list) to members 0 to n - 1 of core_config(); returns its length.
uint32_t core_reconfig(uint8_t n, uint8_t out[EP_RECONFIG_MAX]);
struct ep_session_id core_open(struct core *); // at n = 1, or with core_help()
// Time passes, timers run.
void core_wait(struct core *, ep_time ns);

// The last message of this type to this member since core_forget(); NULL when there is none.
const struct said *core_said(const struct core *, uint8_t to, enum ep_msg_type);
uint32_t core_count(const struct core *, enum ep_msg_type);
void core_forget(struct core *);
// Whether the first vector of a message is exactly this.
bool core_deps_are(const struct core *, const struct said *, const uint64_t *deps);
struct ep_record *core_record(const struct core *, uint8_t col, uint64_t i); // NULL: not here
uint64_t core_drops(const struct core *, enum ep_drop);
