// Hostile frames in a member's name, and frames of long ago.
//
// A forged frame comes from a member's address with a good checksum, as a program of another cluster, epoch, version or life of that
// member would send it, or a broken one. It must not move the receiver at all. In a frame with one broken message only that
// message is refused; the others are repeats of what the member did send. What a liar could say in well-formed messages is not
// in the fault model.
#include <stdlib.h>
#include <string.h>
#include "tests/sim/sim.h"

static uint64_t below(struct sim *s, uint64_t n)
{
	return ep_random(&s->forge_rng) % n;
}

// Something in the header that no member of this epoch says.
static void break_header(struct sim *s, uint8_t *frame, uint8_t from)
{
	struct ep_wire_header *h = (void *)frame;
	switch (below(s, 9)) {
	case 0:
		h->cluster ^= 1 + below(s, 255);
		break;
	case 1:
		h->epoch = below(s, 2) ? h->epoch + 1 : h->epoch - 1;
		break;
	case 2:
		h->config_hash ^= 1u << below(s, 32);
		break;
	case 3:
		h->incarnation += below(s, 2) ? 1 : UINT64_MAX;
		break;
	case 4:
		h->sender = (uint8_t)(from + 1 + below(s, 254)); // never itself
		break;
	case 5:
		h->kind = (uint8_t)(EP_FRAME_REPLY + below(s, 250));
		break;
	case 6:
		h->version = (uint8_t)(EP_WIRE_VERSION + 1 + below(s, 254));
		break;
	case 7:
		h->count = (uint8_t)(h->count + 1 + below(s, 254));
		break;
	case 8:
		h->magic ^= 1u << below(s, 32);
		break;
	}
}

static bool has_vector(uint8_t type)
{
	return type == EP_PREACCEPT || type == EP_PREACCEPT_OK || type == EP_ACCEPT || type == EP_COMMIT || type == EP_VALIDATE;
}

// Something in one message that its type or the window does not allow.
static void break_message(struct sim *s, struct ep_msg *msg)
{
	static const uint8_t no_type[] = {0, 13, 15, 21, 31, 32, 49, 200};
	switch (below(s, 6)) {
	case 0:
		msg->type = no_type[below(s, sizeof no_type)];
		return;
	case 1:
		msg->zero = (uint16_t)(1 + below(s, 65535));
		return;
	case 2:
		msg->col = (uint8_t)(s->n + below(s, 200));
		return;
	case 3:
		msg->i = below(s, 2) ? 0 : 1ULL << 63;
		return;
	case 4:
		if (s->n > 1 && below(s, 2) && (msg->type == EP_ACCEPT || msg->type == EP_RECOVER) && ep_load64(msg + 1) > 0)
			ep_store64(msg + 1, ep_load64(msg + 1) + 1); // another member's ballot
		else if (msg->type == EP_ACCEPT || msg->type == EP_COMMIT || msg->type == EP_RECOVER || msg->type == EP_RECOVER_OK)
			ep_store64(msg + 1, EP_BALLOT_MAX + below(s, 1000));
		else
			msg->type = 0;
		return;
	case 5:
		if (has_vector(msg->type)) { // a dependency far outside of every window
			uint32_t skip = msg->type == EP_PREACCEPT ? 8 : msg->type == EP_PREACCEPT_OK ? 0 : 16;
			uint64_t place = below(s, s->n);
			ep_store64((uint8_t *)(msg + 1) + skip + 8 * place, (1ULL << 63) - 1 - below(s, 1000));
		} else {
			msg->type = 0;
		}
		return;
	}
}

void forge_one(struct sim *s, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len)
{
	uint8_t frame[EP_FRAME_MAX_MAX];
	bool is_whole = below(s, 2);
	memcpy(frame, data, len);
	if (is_whole) {
		break_header(s, frame, from);
	} else {
		uint32_t count = ((const struct ep_wire_header *)(const void *)frame)->count, at = sizeof(struct ep_wire_header);
		for (uint64_t skip = below(s, count); skip > 0; skip--)
			at += ep_wire_msg(frame, at)->len;
		break_message(s, (void *)(frame + at));
	}
	ep_wire_seal(frame, len);
	s->figures.forged++;
	net_put(s, from, to, addr, frame, len, is_whole);
}

void forge_archive(struct sim *s, uint8_t from, uint8_t to, const struct ep_addr *addr, const uint8_t *data, uint32_t len)
{
	struct packet **place = &s->archive[below(s, SIM_ARCHIVE_MAX)];
	free(*place);
	*place = malloc(sizeof **place + len);
	**place = (struct packet){.from = from, .to = to, .addr = *addr, .len = len};
	memcpy((*place)->data, data, len);
}

// Some of what was kept arrives again, perhaps much later, perhaps at another life of the receiver.
void forge_replay(struct sim *s)
{
	SIM_TRACE(s, 0, "--- frames of long ago arrive again");
	for (uint32_t k = 0; k < SIM_ARCHIVE_MAX; k++) {
		const struct packet *old = s->archive[k];
		if (!old || below(s, 4))
			continue;
		s->figures.replayed++;
		net_put(s, old->from, old->to, &old->addr, old->data, old->len, false);
	}
}

void forge_free(struct sim *s)
{
	for (uint32_t k = 0; k < SIM_ARCHIVE_MAX; k++)
		free(s->archive[k]);
}
