// Payloads and commands: what an instance is bound to, checked before anybody reads it.
#include "consensus/wire.h"

// Reserved bytes are looked at as what is left of the word they lie in.
static bool session_is_none(const struct ep_session_id *s)
{
	return (ep_load64(s) | ep_load64((const uint8_t *)s + 8)) == 0;
}

static bool session_is_valid(const struct ep_session_id *s)
{
	uint64_t rest = ep_load64((const uint8_t *)s + offsetof(struct ep_session_id, epoch)); // epoch, column, three reserved bytes
	return s->i >= 1 && s->i < 1ULL << 63 && (uint32_t)rest >= 1 && rest >> 32 < EP_MEMBERS_MAX;
}

static inline bool command_is_fine(const struct ep_wire_command *c, uint32_t room)
{
	if (room < sizeof *c || c->len < sizeof *c || c->len > room || ep_load64(c) >> 24 != 0)
		return false;
	if (c->kind == EP_CMD_UPDATE) // nearly all are
		return session_is_valid(&c->session) && c->seq >= 1;
	switch (c->kind) {
	case EP_CMD_READ:
	case EP_CMD_RECONFIG:
		return session_is_none(&c->session) && c->seq == 0;
	case EP_CMD_OPEN:
		return c->len == sizeof *c && session_is_none(&c->session) && c->seq == 0;
	case EP_CMD_EXPIRE: // seq 0: a session that was never used
		return c->len == sizeof *c && session_is_valid(&c->session);
	}
	return false;
}

bool ep_wire_check_command(const uint8_t *data, uint32_t len)
{
	const struct ep_wire_command *c = (const struct ep_wire_command *)(const void *)data;
	return command_is_fine(c, len) && c->len == len;
}

bool ep_wire_check_payload(const uint8_t *data, uint32_t len)
{
	const struct ep_wire_payload *p = (const struct ep_wire_payload *)(const void *)data;

	if (len < sizeof *p || p->len != len || ep_load64(p) >> 24 != 0 || p->count < 1 || p->count > EP_BATCH_MAX)
		return false;
	uint32_t at = sizeof *p;
	for (uint32_t k = 0; k < p->count; k++) {
		const struct ep_wire_command *c =
		    (const struct ep_wire_command *)(const void *)(data + at);
		if (!command_is_fine(c, len - at))
			return false;
		if (c->kind == EP_CMD_OPEN && p->count != 1) // the session's id is the instance's
			return false;
		at += c->len;
	}
	return at == len;
}
