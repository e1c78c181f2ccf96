// The checkers' own memory of every instance that ever was: it outlives recycling, restarts and lost replicas.
#pragma once
#include "consensus/epaxos.h"
#include "tests/sim/decode.h"

#define LOG_KEYS_MAX 80 // of one instance: commands in a payload times their keys are cut here, with a violation

// A key that an instance touches, as the checkers see it: a number of their own, from the bytes of the key.
struct log_key {
	uint32_t key;
	bool is_write;
	bool is_placed; // some replica executed the instance; position is set
	uint64_t position; // writes of the key before it
};

struct log_accept { // one value that was proposed
	uint64_t bal;
	bool is_nop;
	uint64_t dep[EP_MEMBERS_MAX];
	struct log_accept *next;
};

// What one replica had made durable of an instance when it was looked at last.
struct log_copy {
	bool is_seen;
	uint8_t phase;
	uint64_t bal, abal;
	bool is_nop;
	uint64_t dep[EP_MEMBERS_MAX]; // its value at that phase and abal
	bool has_ok;                 // its PreAcceptOK was seen
	uint64_t ok[EP_MEMBERS_MAX]; // and said this
};

struct log_outcome { // of one command of a payload
	uint8_t status; // enum ep_status that it must get
	uint64_t result_hash; // of the first reply, 0 = none seen
	struct log_outcome *applied; // where the kept reply of a repeat comes from
	const struct log_instance *instance;
};

struct log_session { // of an OPEN: what the session's table must hold
	bool is_open;
	uint64_t last, digest;
};

struct log_instance {
	uint8_t col;
	uint64_t i;
	// bound when it was submitted
	bool is_submitted, has_payload;
	uint8_t fq;
	uint64_t seq;
	uint64_t idep[EP_MEMBERS_MAX];
	uint8_t *payload;
	uint32_t payload_len;
	uint32_t keys_count;
	struct log_key *keys;
	// decided
	bool is_committed, is_nop;
	uint64_t decided_at; // ballot
	bool is_fast; // its leader committed it at ballot 0 without proposing it
	bool is_proposed_zero; // its leader sent Accept at ballot 0
	uint64_t dep[EP_MEMBERS_MAX];
	struct log_accept *accepts;
	struct log_copy copies[EP_MEMBERS_MAX];
	// executed
	uint8_t executed; // members
	uint64_t turn[EP_MEMBERS_MAX]; // the how manieth it was there
	bool has_status;
	struct log_outcome *outcomes; // one a command
	struct log_outcome *applied; // of an OPEN: of the session's last update
	struct log_session session;
	uint32_t visit; // mark of the last graph search
};

struct log_column {
	uint64_t base; // what is at or below it was forgotten, or never was
	struct log_instance **instances; // by i - base - 1
	uint64_t count, room;
};

struct log {
	struct ep_config config; // n, mode, e, epoch, first of the run
	struct log_column columns[EP_MEMBERS_MAX];
	uint64_t executed_by[EP_MEMBERS_MAX][EP_MEMBERS_MAX]; // [replica][column]: it executed all up to this
	uint64_t turns[EP_MEMBERS_MAX]; // instances that each replica executed
	uint64_t committed, fast, nops;
	// keys by their bytes
	struct log_key_name {
		uint64_t hash[2];
		uint32_t key;
	} *names;
	uint32_t names_room, keys_count;
	// commands that clients sent, by their bytes
	uint64_t *commands;
	uint32_t commands_room, commands_count;
	uint32_t visit;
};

void log_init(struct log *, const struct ep_config *);
void log_free(struct log *);
// Forgets all instances: every replica has executed and recycled them, every session has ended.
void log_forget(struct log *);
// The instance, made on first use.
struct log_instance *log_at(struct log *, uint8_t col, uint64_t i);
// NULL when nothing was ever heard of it.
struct log_instance *log_find(struct log *, uint8_t col, uint64_t i);
uint64_t log_last(const struct log *, uint8_t col);
// A client sends this command (a complete struct ep_wire_command).
void log_client_sent(struct log *, const uint8_t *command, uint32_t len);
// Binds the payload to the instance, and checks INV2 (a client sent it) and that it never changes.
void log_bind_payload(struct log *, struct log_instance *, const uint8_t *payload, uint32_t len, uint64_t seq);
bool log_keys_meet(const struct log_instance *, const struct log_instance *);
const struct ep_wire_command *log_command(const struct log_instance *, uint32_t *offset);
// "(1,42)" (static storage, four in turn).
const char *log_name(const struct log_instance *);
