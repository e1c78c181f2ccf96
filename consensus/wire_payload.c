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

// A list of members that can be one: 1 to 7, all different.
static bool reconfig_is_fine(const struct ep_wire_command *c)
{
	const struct ep_wire_reconfig *list = (const void *)(c + 1);
	const struct ep_wire_new_member *m = (const void *)(list + 1);
	uint32_t len = c->len - (uint32_t)sizeof *c;
	if (len < sizeof *list || list->n < 1 || list->n > EP_MEMBERS_MAX || len != sizeof *list + list->n * sizeof *m ||
	    list->epoch == 0 || list->zero != 0)
		return false;
	for (uint32_t a = 0; a < list->n; a++) {
		if ((ep_load64(m[a].uuid) | ep_load64(m[a].uuid + 8)) == 0)
			return false;
		for (uint32_t b = 0; b < a; b++)
			if (memcmp(m[a].uuid, m[b].uuid, sizeof m[a].uuid) == 0 ||
			    (memcmp(m[a].ip, m[b].ip, sizeof m[a].ip) == 0 && m[a].port == m[b].port))
				return false;
	}
	return true;
}

static inline bool command_is_fine(const struct ep_wire_command *c, uint32_t room)
{
	if (room < sizeof *c || c->len < sizeof *c || c->len > room || ep_load64(c) >> 24 != 0)
		return false;
	if (c->kind == EP_CMD_UPDATE) // nearly all are
		return session_is_valid(&c->session) && c->seq >= 1;
	switch (c->kind) {
	case EP_CMD_READ:
		return session_is_none(&c->session) && c->seq == 0;
	case EP_CMD_RECONFIG:
		return session_is_none(&c->session) && c->seq == 0 && reconfig_is_fine(c);
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
		// The session's id is the instance's; and nothing runs after the end of an epoch.
		if (p->count != 1 && (c->kind == EP_CMD_OPEN || c->kind == EP_CMD_RECONFIG))
			return false;
		at += c->len;
	}
	return at == len;
}
