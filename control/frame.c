// Frames between control planes: a total function over any bytes.
#include "control/frame.h"
#include <string.h>

static size_t put(uint8_t *out, enum ctl_frame_type type, const void *body, size_t len)
{
	struct ctl_frame_head head = { .bytes = (uint32_t)(sizeof head + len), .magic = CTL_FRAME_MAGIC, .version = CTL_FRAME_VERSION,
				       .type = (uint16_t)type };
	memcpy(out, &head, sizeof head);
	memcpy(out + sizeof head, body, len);
	return sizeof head + len;
}

size_t ctl_frame_hello(uint8_t *out, const struct ctl_hello *hello)
{
	return put(out, CTL_HELLO, hello, sizeof *hello);
}

size_t ctl_frame_state(uint8_t *out, const struct ctl_state *state)
{
	return put(out, CTL_STATE, state, sizeof *state);
}

size_t ctl_frame_ask(uint8_t *out, const struct ctl_ask *ask)
{
	return put(out, CTL_ASK, ask, sizeof *ask);
}

size_t ctl_frame_none(uint8_t *out, const struct ep_membership *now)
{
	struct ctl_none none = { .epoch = now->epoch, .chain = now->chain, .n = now->n, .e = now->e, .mode = now->mode };
	for (uint32_t m = 0; m < now->n; m++) {
		const struct ep_member *from = &now->members[m];
		struct ctl_listed *to = &none.members[m];
		*to = (struct ctl_listed){ .incarnation = from->incarnation, .port = from->port, .control_port = from->control_port };
		memcpy(to->uuid, from->uuid, sizeof to->uuid);
		memcpy(to->ip, from->ip, sizeof to->ip);
		memcpy(to->name, from->name, sizeof to->name);
	}
	return put(out, CTL_NONE, &none, sizeof none);
}

size_t ctl_frame_head(uint8_t *out, const struct ep_handover *handover)
{
	struct ep_state_head head;
	ep_state_seal(&head, handover, 0);
	return put(out, CTL_HEAD, &head, sizeof head);
}

size_t ctl_frame_tail(uint8_t *out, uint32_t crc)
{
	struct ctl_tail tail = { .crc = crc };
	return put(out, CTL_TAIL, &tail, sizeof tail);
}

// ---- reading
static bool read_list(struct ep_membership *to, const struct ctl_none *from)
{
	*to = (struct ep_membership){ .epoch = from->epoch, .chain = from->chain, .n = from->n, .e = from->e, .mode = from->mode };
	if (from->n > EP_MEMBERS_MAX)
		return false;
	for (uint32_t m = 0; m < from->n; m++) {
		const struct ctl_listed *listed = &from->members[m];
		struct ep_member *member = &to->members[m];
		*member = (struct ep_member){ .incarnation = listed->incarnation, .port = listed->port, .control_port = listed->control_port };
		memcpy(member->uuid, listed->uuid, sizeof member->uuid);
		memcpy(member->ip, listed->ip, sizeof member->ip);
		memcpy(member->name, listed->name, sizeof member->name);
	}
	return true;
}

// False: too short, or not what it should be.
static bool read_body(struct ctl_frame *to, const uint8_t *body, size_t len)
{
	static const size_t least[] = { [CTL_HELLO] = sizeof to->hello,	    [CTL_STATE] = sizeof to->state,	     [CTL_ASK] = sizeof to->ask,
					[CTL_NONE] = sizeof(struct ctl_none), [CTL_HEAD] = sizeof(struct ep_state_head), [CTL_TAIL] = sizeof to->tail };
	struct ep_state_head head;
	struct ctl_none none;
	if (len < least[to->type])
		return false;
	switch (to->type) {
	case CTL_HELLO:
		memcpy(&to->hello, body, sizeof to->hello);
		return true;
	case CTL_STATE:
		memcpy(&to->state, body, sizeof to->state);
		return to->state.life < CTL_LIVES;
	case CTL_ASK:
		memcpy(&to->ask, body, sizeof to->ask);
		return true;
	case CTL_NONE:
		memcpy(&none, body, sizeof none);
		return read_list(&to->list, &none);
	case CTL_HEAD:
		if (!ep_state_check(body, len, &head))
			return false;
		to->handover = head.handover;
		return true;
	case CTL_TAIL:
		memcpy(&to->tail, body, sizeof to->tail);
		return true;
	}
	return false;
}

enum ctl_parse ctl_frame_parse(const uint8_t *in, size_t len, size_t *used, struct ctl_frame *ret)
{
	struct ctl_frame_head head;
	struct ctl_frame frame;
	if (len < sizeof head)
		return CTL_PARSE_MORE;
	memcpy(&head, in, sizeof head);
	if (head.magic != CTL_FRAME_MAGIC || head.version < CTL_FRAME_VERSION || head.bytes < sizeof head || head.bytes > CTL_FRAME_MAX)
		return CTL_PARSE_BAD;
	if (len < head.bytes)
		return CTL_PARSE_MORE;
	*used = head.bytes;
	if (head.type < CTL_HELLO || head.type > CTL_TAIL)
		return CTL_PARSE_SKIPPED;
	frame.type = head.type;
	if (!read_body(&frame, in + sizeof head, head.bytes - sizeof head))
		return CTL_PARSE_BAD;
	*ret = frame;
	return CTL_PARSE_OK;
}
