// Frames: building them, sealing them, and checking a received one down to its chain of message
// heads.
#include "consensus/wire.h"

const char *const ep_drop_names[EP_DROP_REASONS] = {
    [EP_DROP_NONE] = "none",
    [EP_DROP_SHORT] = "short",
    [EP_DROP_MAGIC] = "magic",
    [EP_DROP_VERSION] = "version",
    [EP_DROP_CRC] = "crc",
    [EP_DROP_CLUSTER] = "cluster",
    [EP_DROP_EPOCH] = "epoch",
    [EP_DROP_SENDER] = "sender",
    [EP_DROP_INCARNATION] = "incarnation",
    [EP_DROP_KIND] = "kind",
    [EP_DROP_TYPE] = "type",
    [EP_DROP_MALFORMED] = "malformed",
    [EP_DROP_PAYLOAD] = "payload",
    [EP_DROP_WINDOW] = "window",
    [EP_DROP_STALE] = "stale",
    [EP_DROP_BALLOT] = "ballot",
    [EP_DROP_FQ] = "fq",
    [EP_DROP_UNEXPECTED] = "unexpected",
    [EP_DROP_ROLE] = "role",
	[EP_DROP_CONTRADICTION] = "contradiction",
};

// CRC32C of the payload as if the crc field were zero: the header by words, then the rest.
static uint32_t frame_crc(const uint8_t *data, uint32_t len)
{
	struct ep_wire_header h;
	memcpy(&h, data, sizeof h);
	h.crc = 0;
	return ep_crc32c(ep_crc32c(0, &h, sizeof h), data + sizeof h, len - (uint32_t)sizeof h);
}

// True when exactly `count` message heads lead from the end of the header to the end of the frame.
static bool chain_fits(const uint8_t *data, uint32_t len, uint32_t count)
{
	uint32_t at = sizeof(struct ep_wire_header);
	for (uint32_t k = 0; k < count; k++) {
		if (len - at < sizeof(struct ep_msg))
			return false;
		uint32_t msg_len = ep_wire_msg(data, at)->len;
		if (msg_len < sizeof(struct ep_msg) || msg_len > len - at)
			return false;
		at += msg_len;
	}
	return at == len;
}

enum ep_drop ep_wire_check(const uint8_t *data, uint32_t len)
{
	const struct ep_wire_header *h = (const struct ep_wire_header *)(const void *)data;

	if (len < sizeof *h || len > EP_FRAME_MAX_MAX)
		return EP_DROP_SHORT;
	if (h->magic != EP_WIRE_MAGIC)
		return EP_DROP_MAGIC;
	if (h->version !=
	    EP_WIRE_VERSION) // before the CRC: another version may seal in another way
		return EP_DROP_VERSION;
	if (frame_crc(data, len) != h->crc)
		return EP_DROP_CRC;
	if (h->tag != 0)
		return EP_DROP_MALFORMED;
	switch (h->kind) {
	case EP_FRAME_ECHO:
	case EP_FRAME_ECHO_REPLY: // what follows the header is the asker's own padding
		return h->count == 0 ? EP_DROP_NONE : EP_DROP_SHORT;
	case EP_FRAME_MEMBER:
	case EP_FRAME_REQUEST:
	case EP_FRAME_REPLY:
		if (h->count == 0 || !chain_fits(data, len, h->count))
			return EP_DROP_SHORT;
		return EP_DROP_NONE;
	}
	return EP_DROP_KIND;
}

void ep_wire_seal(uint8_t *frame, uint32_t len)
{
	struct ep_wire_header *h = (struct ep_wire_header *)(void *)frame;
	h->crc = frame_crc(frame, len);
}

uint32_t ep_wire_begin(uint8_t *frame, enum ep_frame_kind kind, uint8_t sender, uint64_t cluster,
		       uint32_t epoch)
{
	struct ep_wire_header *h = (struct ep_wire_header *)(void *)frame;
	memset(h, 0, sizeof *h);
	h->magic = EP_WIRE_MAGIC;
	h->version = EP_WIRE_VERSION;
	h->kind = (uint8_t)kind;
	h->sender = sender;
	h->cluster = cluster;
	h->epoch = epoch;
	return sizeof *h;
}

struct ep_msg *ep_wire_room(uint8_t *frame, uint32_t *used, uint32_t cap, enum ep_msg_type type,
			    uint32_t len)
{
	struct ep_wire_header *h = (struct ep_wire_header *)(void *)frame;
	if (len < sizeof(struct ep_msg) || len > UINT16_MAX || *used > cap || len > cap - *used ||
	    h->count == UINT8_MAX)
		return NULL;
	struct ep_msg *m = (struct ep_msg *)(void *)(frame + *used);
#ifdef EP_DCHECK
	memset(m, 0xa5, len); // a byte that is left out shows
#endif
	*m = (struct ep_msg){.type = (uint8_t)type, .len = (uint16_t)len};
	h->count++;
	*used += len;
	return m;
}

struct ep_msg *ep_wire_append(uint8_t *frame, uint32_t *used, uint32_t cap, enum ep_msg_type type,
			      uint32_t len)
{
	struct ep_msg *m = ep_wire_room(frame, used, cap, type, len);
	if (m != NULL)
		memset(m + 1, 0, len - sizeof *m);
	return m;
}
