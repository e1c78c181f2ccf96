// The messages of a frame, decoded for checkers and traces.
#include "tests/sim/decode.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "consensus/epaxos.h"
#include "tests/sim/verdict.h"

static const uint8_t *take_vector(const uint8_t *at, uint64_t *vector, uint32_t n)
{
	memcpy(vector, at, 8u * n);
	return at + 8u * n;
}

static const uint8_t *take_u64(const uint8_t *at, uint64_t *value)
{
	*value = ep_load64(at);
	return at + 8;
}

static void decode_body(struct message *m, const uint8_t *at, uint32_t n)
{
	struct ep_wire_recover_ok ok;
	switch (m->type) {
	case EP_PREACCEPT:
		m->fq = m->head->arg;
		m->has_dep = true;
		take_vector(take_u64(at, &m->seq), m->dep, n);
		return;
	case EP_PREACCEPT_OK:
		m->has_dep = true;
		take_vector(at, m->dep, n);
		return;
	case EP_ACCEPT:
	case EP_COMMIT:
	case EP_VALIDATE:
		m->has_dep = true;
		take_vector(take_u64(take_u64(at, &m->bal), &m->seq), m->dep, n);
		return;
	case EP_ACCEPT_OK:
	case EP_NACK:
	case EP_RECOVER:
	case EP_VALIDATE_OK:
		take_u64(at, &m->bal);
		return;
	case EP_RECOVER_OK:
		memcpy(&ok, at, sizeof ok);
		m->bal = ok.bal;
		m->abal = ok.abal;
		m->seq = ok.seq;
		m->phase = ok.phase;
		m->fq = m->head->arg;
		m->has_dep = true;
		m->has_idep = m->head->flags & EP_MSG_HAS_INIT;
		take_vector(take_vector(at + sizeof ok, m->dep, n), m->idep, n);
		return;
	case EP_FETCH:
	case EP_PENDING:
	case EP_VOID:
		take_u64(at, &m->last);
		return;
	case EP_C_REPLY:
		m->reply = (const void *)at;
		m->result = at + sizeof *m->reply;
		m->result_len = m->head->len - (uint32_t)(sizeof *m->head + sizeof *m->reply);
		return;
	}
}

bool decode_is_whole(const uint8_t *frame, uint32_t len, uint32_t n)
{
	uint32_t payload;
	if (ep_wire_check(frame, len) != EP_DROP_NONE)
		return false;
	for (uint32_t at = sizeof(struct ep_wire_header); at < len; at += ep_wire_msg(frame, at)->len)
		if (ep_wire_check_msg(ep_wire_msg(frame, at), n, &payload) != EP_DROP_NONE)
			return false;
	return true;
}

bool decode_next(const uint8_t *frame, uint32_t len, uint32_t n, uint32_t *at, struct message *out)
{
	if (*at == 0)
		*at = sizeof(struct ep_wire_header);
	if (*at >= len)
		return false;
	const struct ep_msg *head = ep_wire_msg(frame, *at);
	uint32_t payload = 0;
	enum ep_drop why = ep_wire_check_msg(head, n, &payload);
	if (why != EP_DROP_NONE)
		verdict_fail("a replica sent a %s that its own decoder refuses: %s", ep_wire_type_name(head->type),
			     ep_drop_names[why]);
	*out = (struct message){.head = head, .type = head->type, .col = head->col, .i = head->i};
	out->is_nop = head->flags & EP_MSG_NOP;
	out->is_short = out->type != EP_VALIDATE_OK && (head->flags & EP_MSG_SHORT);
	if (payload != 0) {
		out->payload = (const uint8_t *)head + payload;
		out->payload_len = head->len - payload;
	}
	decode_body(out, (const uint8_t *)(head + 1), n);
	*at += head->len;
	return true;
}

const char *decode_vector(char *out, uint32_t cap, const uint64_t *vector, const uint64_t *base, uint32_t n)
{
	uint32_t at = 0;
	at += (uint32_t)snprintf(out, cap, "{");
	for (uint32_t c = 0; c < n && at < cap; c++)
		if (vector[c] > (base ? base[c] : 0))
			at += (uint32_t)snprintf(out + at, cap - at, "%s%u:%" PRIu64, at > 1 ? " " : "", c, vector[c]);
	if (at < cap)
		snprintf(out + at, cap - at, "}");
	return out;
}

const char *decode_phase(uint8_t phase)
{
	static const char *const names[] = {"INITIAL", "PREACCEPTED", "ACCEPTED", "COMMITTED"};
	return phase < 4 ? names[phase] : "?";
}

const char *decode_text(const struct message *m, uint32_t n)
{
	static char line[320];
	char dep[180] = "", extra[96] = "";
	if (m->has_dep && !(m->type == EP_RECOVER_OK && m->phase == EP_INITIAL)) {
		dep[0] = ' ';
		decode_vector(dep + 1, sizeof dep - 1, m->dep, NULL, n);
	}
	switch (m->type) {
	case EP_PREACCEPT:
		snprintf(extra, sizeof extra, " seq=%" PRIu64 " fq=p%d", m->seq, m->fq);
		break;
	case EP_ACCEPT:
	case EP_COMMIT:
	case EP_VALIDATE:
		snprintf(extra, sizeof extra, " b=%" PRIu64 "%s%s", m->bal, m->is_nop ? " Nop" : "", m->is_short ? " short" : "");
		break;
	case EP_ACCEPT_OK:
	case EP_NACK:
	case EP_RECOVER:
	case EP_VALIDATE_OK:
		snprintf(extra, sizeof extra, " b=%" PRIu64, m->bal);
		break;
	case EP_RECOVER_OK:
		snprintf(extra, sizeof extra, " b=%" PRIu64 " %s abal=%" PRIu64 "%s", m->bal, decode_phase(m->phase), m->abal,
			 m->is_nop ? " Nop" : "");
		break;
	case EP_FETCH:
	case EP_PENDING:
	case EP_VOID:
		snprintf(extra, sizeof extra, "..%" PRIu64, m->last);
		break;
	}
	bool has_id = m->type < EP_STATUS;
	if (has_id)
		snprintf(line, sizeof line, "%s (%d,%" PRIu64 ")%s%s", ep_wire_type_name(m->type), m->col, m->i, dep, extra);
	else
		snprintf(line, sizeof line, "%s", ep_wire_type_name(m->type));
	return line;
}
