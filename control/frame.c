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
	size_t body = head.bytes - sizeof head;
	if (head.type == CTL_HELLO) {
		if (body < sizeof frame.hello)
			return CTL_PARSE_BAD;
		memcpy(&frame.hello, in + sizeof head, sizeof frame.hello);
	} else if (head.type == CTL_STATE) {
		if (body < sizeof frame.state)
			return CTL_PARSE_BAD;
		memcpy(&frame.state, in + sizeof head, sizeof frame.state);
		if (frame.state.life >= CTL_LIVES)
			return CTL_PARSE_BAD;
	} else {
		*used = head.bytes;
		return CTL_PARSE_SKIPPED;
	}
	frame.type = head.type;
	*used = head.bytes;
	*ret = frame;
	return CTL_PARSE_OK;
}
