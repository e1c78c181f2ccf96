// Everything that was ever said, each once: messages of members, and committed values.
//
// A message is the same whatever its sender counted meanwhile: votes and sequence numbers of frames are left out. Commit, which
// everybody is told as soon as anybody commits, is kept as a value that all members can get from then on: who tells it
// makes no difference to a receiver, nor whether it came whole or had to be fetched.
#include "consensus/emit.h"
#include "tests/explore/explore.h"
#include <stdio.h>
#include <string.h>
#include "tests/explore/table.h"
#include "tests/sim/decode.h"
#include "tests/sim/verdict.h"

#define MESSAGES_MAX (1u << 24)
#define VALUES_MAX (1u << 20)
#define FRAMES_MAX (4ULL << 30) // bytes, reserved

static const struct scope *scope;
static struct said *messages;
static struct said_value *values;
static uint8_t *frames;
static uint64_t frames_used;
static uint32_t messages_count, values_count;
static struct table by_message, by_value;

void said_start(const struct scope *s)
{
	if (!messages) {
		messages = memory_take(MESSAGES_MAX * sizeof *messages);
		values = memory_take(VALUES_MAX * sizeof *values);
		frames = memory_take(FRAMES_MAX);
	} else {
		table_end(&by_message);
		table_end(&by_value);
	}
	scope = s;
	frames_used = messages_count = 0;
	values_count = 1; // 0: no value
	table_start(&by_message, 12, true);
	table_start(&by_value, 8, true);
}

static uint8_t *keep(const void *bytes, uint32_t len)
{
	if (frames_used + len > FRAMES_MAX)
		verdict_fail("too many messages");
	uint8_t *at = frames + frames_used;
	memcpy(at, bytes, len);
	frames_used += (len + 7u) & ~7u;
	return at;
}

static bool has_ballot(uint8_t type)
{
	return type != EP_PREACCEPT && type != EP_PREACCEPT_OK && type < EP_FETCH;
}

uint32_t said_message(uint8_t from, uint8_t to, const uint8_t *frame, const struct ep_msg *msg)
{
	uint64_t hash = ep_hash64((uint64_t)from << 8 | to, msg, msg->len);
	uint64_t *known = table_find(&by_message, hash | 1);
	if (known)
		return (uint32_t)*known;
	if (messages_count == MESSAGES_MAX)
		verdict_fail("too many messages");
	uint8_t alone[EP_FRAME_MAX_MIN];
	struct ep_wire_header header;
	memcpy(&header, frame, sizeof header);
	header.count = 1;
	header.start = 1;
	memcpy(alone, &header, sizeof header);
	memcpy(alone + sizeof header, msg, msg->len);
	uint32_t len = (uint32_t)sizeof header + msg->len;
	ep_wire_seal(alone, len);
	struct message m;
	uint32_t at = 0;
	decode_next(alone, len, scope->n, &at, &m); // ends the run when a replica says what it would not understand
	uint32_t command = msg->type < EP_STATUS ? scope_command_of(scope, msg->col, msg->i) : COMMANDS_MAX;
	messages[messages_count] = (struct said){ .from = from, .to = to, .type = msg->type, .command = (uint8_t)command,
						   .bal = has_ballot(msg->type) ? ep_load64(msg + 1) : 0, .hash = ep_mix64(hash + 1),
						   .frame = keep(alone, len), .len = len };
	table_put(&by_message, hash | 1, messages_count);
	return messages_count++;
}

const struct said *said_at(uint32_t message)
{
	return &messages[message];
}

uint32_t said_count(void)
{
	return messages_count;
}

// Lets the core write the Commit of a record.
static struct said_frame write_commit(struct ep_replica *r, ep_slot slot, bool is_short)
{
	uint8_t bytes[EP_FRAME_MAX_MIN];
	struct ep_frame one = { .data = bytes };
	struct ep_effects fx = { .frames = &one, .count = 1 };
	ep_send_value(r, &fx, (r->self + 1u) % r->n, EP_COMMIT, slot, is_short);
	struct ep_wire_header *h = (void *)bytes;
	h->start = 1;
	return (struct said_frame){ keep(bytes, one.len), one.len };
}

uint32_t said_value_of(struct ep_replica *r, uint32_t command, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	bool is_nop = rec_is_nop(rec);
	uint64_t head[2] = { command | (uint64_t)is_nop << 8, is_nop ? 0 : rec->seq };
	uint64_t hash = ep_hash64(ep_hash64(1, head, sizeof head), rec_dep(rec, r->n), 8u * r->n) | 1;
	if (!is_nop)
		hash = ep_hash64(hash, ep_payload(r, slot), rec->payload_len) | 1;
	uint64_t *known = table_find(&by_value, hash);
	if (known)
		return (uint32_t)*known;
	if (values_count == VALUES_MAX)
		verdict_fail("too many values");
	struct said_value *v = &values[values_count];
	*v = (struct said_value){ .command = (uint8_t)command, .is_nop = is_nop, .hash = hash };
	memcpy(v->dep, rec_dep(rec, r->n), 8u * r->n);
	v->whole = write_commit(r, slot, false);
	v->in_short = write_commit(r, slot, true);
	table_put(&by_value, hash, values_count);
	return values_count++;
}

const struct said_value *said_value_at(uint32_t value)
{
	return &values[value];
}

static const char *frame_text(const uint8_t *frame, uint32_t len)
{
	struct message m;
	uint32_t at = 0;
	decode_next(frame, len, scope->n, &at, &m);
	return decode_text(&m, scope->n);
}

const char *said_text(uint32_t message)
{
	static char text[400];
	const struct said *m = &messages[message];
	snprintf(text, sizeof text, "%s from p%u", frame_text(m->frame, m->len), m->from);
	return text;
}

const char *said_value_text(uint32_t value)
{
	static char text[300];
	const struct said_value *v = &values[value];
	char deps[200];
	decode_vector(deps, sizeof deps, v->dep, NULL, scope->n);
	snprintf(text, sizeof text, "Commit (%u,%llu) %s", scope->commands[v->command].col,
		 (unsigned long long)scope_number(scope, v->command), v->is_nop ? "Nop" : deps);
	return text;
}
