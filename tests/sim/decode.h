// The messages of a frame, decoded for checkers and traces. Independent of the core's own handlers.
#pragma once
#include "consensus/wire.h"

struct message {
	const struct ep_msg *head;
	uint8_t type, col;
	uint64_t i;
	uint64_t bal, abal, seq, last; // those that the type has, else 0
	uint8_t phase, fq;             // PreAccept: fq; RecoverOK: both
	bool is_nop, is_short;
	bool has_dep, has_idep;
	uint64_t dep[EP_MEMBERS_MAX];  // PreAccept: D; RecoverOK: dep
	uint64_t idep[EP_MEMBERS_MAX]; // RecoverOK only
	const uint8_t *payload;        // into the frame; NULL when there is none
	uint32_t payload_len;
	// C_REPLY only
	const struct ep_wire_reply *reply;
	const uint8_t *result;
	uint32_t result_len;
};

// Whether a frame and all its messages are well-formed: decode_next() will find no violation in it.
bool decode_is_whole(const uint8_t *frame, uint32_t len, uint32_t n);
// Decodes the message at *at (0 at first) and moves *at to the next one. False at the end of the frame. A message
// that is not well-formed for `n` members is a violation: frames of replicas only.
bool decode_next(const uint8_t *frame, uint32_t len, uint32_t n, uint32_t *at, struct message *out);
// One line that names the message, for people: "PreAccept (0,3) {1:2} fq=1" (static storage).
const char *decode_text(const struct message *, uint32_t n);
// A dependency vector for people: "{0:3 2:1}", "{}" for all zero. Values up to base[c] count as zero; base may be NULL.
// Writes at most `cap` bytes; returns `out`.
const char *decode_vector(char *out, uint32_t cap, const uint64_t *vector, const uint64_t *base, uint32_t n);
const char *decode_phase(uint8_t phase);
