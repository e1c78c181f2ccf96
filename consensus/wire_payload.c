// Payloads and commands: what an instance is bound to, checked before anybody reads it.
#include "consensus/wire.h"

static bool is_zero(const uint8_t *p, size_t len)
{
	uint8_t seen = 0;
	for (size_t k = 0; k < len; k++)
		seen |= p[k];
	return seen == 0;
}

static bool session_is_none(const struct ep_session_id *s)
{
	return is_zero((const uint8_t *)s, sizeof *s);
}

static bool session_is_valid(const struct ep_session_id *s)
{
	return s->i >= 1 && s->i < 1ULL << 63 && s->epoch >= 1 && s->col < EP_MEMBERS_MAX &&
	       is_zero(s->zero, sizeof s->zero);
}

bool ep_wire_check_command(const uint8_t *data, uint32_t len)
{
	const struct ep_wire_command *c = (const struct ep_wire_command *)(const void *)data;

	if (len < sizeof *c || c->len != len || !is_zero(c->zero, sizeof c->zero))
		return false;
	switch (c->kind) {
	case EP_CMD_UPDATE:
		return session_is_valid(&c->session) && c->seq >= 1;
	case EP_CMD_READ:
	case EP_CMD_RECONFIG:
		return session_is_none(&c->session) && c->seq == 0;
	case EP_CMD_OPEN:
		return len == sizeof *c && session_is_none(&c->session) && c->seq == 0;
	case EP_CMD_EXPIRE: // seq 0: a session that was never used
		return len == sizeof *c && session_is_valid(&c->session);
	}
	return false;
}

bool ep_wire_check_payload(const uint8_t *data, uint32_t len)
{
	const struct ep_wire_payload *p = (const struct ep_wire_payload *)(const void *)data;

	if (len < sizeof *p || p->len != len || p->count < 1 || p->count > EP_BATCH_MAX ||
	    !is_zero(p->zero, sizeof p->zero))
		return false;
	uint32_t at = sizeof *p;
	for (uint32_t k = 0; k < p->count; k++) {
		if (len - at < sizeof(struct ep_wire_command))
			return false;
		const struct ep_wire_command *c =
		    (const struct ep_wire_command *)(const void *)(data + at);
		if (c->len > len - at || !ep_wire_check_command(data + at, c->len))
			return false;
		if (c->kind == EP_CMD_OPEN && p->count != 1) // the session's id is the instance's
			return false;
		at += c->len;
	}
	return at == len;
}
