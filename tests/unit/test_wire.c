// Frames of the wire format: there and back; no truncation, bit flip or noise passes or does harm.
#include <stdlib.h>
#include <string.h>
#include "tests/unit/unit.h"
#include "tests/unit/wire_samples.h"

// ---- lengths ---------------------------------------------------------------------------

static bool has_free_length(uint8_t type)
{
	return type == EP_C_REPLY || type == EP_C_STATS_REPLY || type == EP_VALIDATE_OK;
}

static void a_message_of_another_length_is_dropped(void)
{
	struct writer w;
	uint32_t payload;
	for (size_t k = 0; k < variants_count; k++) {
		struct ep_msg *m = build(&w, variants[k].type, variants[k].flags);
		uint16_t full = m->len;
		if (has_free_length(m->type))
			continue;
		for (uint16_t len = sizeof *m; len <= full + 64; len++) {
			m->len = len;
			enum ep_drop drop = check_copy(m, len, N, &payload);
			CU_ASSERT_EQUAL(drop == EP_DROP_NONE, len == full);
		}
		memset(w.data + full, 0, 64);
	}
}

static uint32_t check_words(uint8_t type, uint32_t tail)
{
	struct writer w;
	uint32_t payload;
	struct ep_msg *m = build(&w, type, 0);
	m->len = (uint16_t)tail;
	return check_copy(m, tail, N, &payload);
}

static void free_lengths_keep_their_grain(void)
{
	CU_ASSERT_EQUAL(check_words(EP_C_STATS_REPLY, 16), EP_DROP_NONE);
	CU_ASSERT_EQUAL(check_words(EP_C_STATS_REPLY, 24), EP_DROP_NONE);
	CU_ASSERT_EQUAL(check_words(EP_C_STATS_REPLY, 23), EP_DROP_MALFORMED);
	CU_ASSERT_EQUAL(check_words(EP_VALIDATE_OK, 24), EP_DROP_NONE); // no conflict
	CU_ASSERT_EQUAL(check_words(EP_VALIDATE_OK, 40), EP_DROP_NONE);
	CU_ASSERT_EQUAL(check_words(EP_VALIDATE_OK, 39), EP_DROP_MALFORMED);
	CU_ASSERT_EQUAL(check_words(EP_C_REPLY, 40), EP_DROP_NONE); // an empty result
	CU_ASSERT_EQUAL(check_words(EP_C_REPLY, 39), EP_DROP_SHORT);
}

// ---- frames ----------------------------------------------------------------------------

static uint32_t build_frame(uint8_t *frame, size_t first, size_t count)
{
	struct writer w;
	enum ep_frame_kind kind = (enum ep_frame_kind)ep_wire_kind_of(variants[first].type);
	uint32_t used = ep_wire_begin(frame, kind, 1, 0xc1u, 4);
	for (size_t k = first; k < first + count && k < variants_count; k++) {
		const struct ep_msg *m = build(&w, variants[k].type, variants[k].flags);
		struct ep_msg *to = ep_wire_append(frame, &used, ROOM, m->type, m->len);
		CU_ASSERT_PTR_NOT_NULL_FATAL(to);
		memcpy(to, m, m->len);
	}
	ep_wire_seal(frame, used);
	return used;
}

static enum ep_drop check_frame_copy(const uint8_t *frame, uint32_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, frame, len);
	enum ep_drop drop = ep_wire_check(copy, len);
	free(copy);
	return drop;
}

static void frames_are_read_back(void)
{
	uint8_t frame[ROOM];
	for (size_t first = 0; first + 4 <= variants_count; first++) {
		uint32_t len = build_frame(frame, first, 4);
		const struct ep_wire_header *h = (const struct ep_wire_header *)(void *)frame;
		CU_ASSERT_EQUAL_FATAL(check_frame_copy(frame, len), EP_DROP_NONE);
		CU_ASSERT_EQUAL(h->count, 4);
		CU_ASSERT_EQUAL(h->cluster, 0xc1u);
		CU_ASSERT_EQUAL(h->epoch, 4);
		CU_ASSERT_EQUAL(h->sender, 1);
		uint32_t at = sizeof *h;
		for (size_t k = first; k < first + 4; k++) {
			uint32_t payload;
			const struct ep_msg *m = ep_wire_msg(frame, at);
			CU_ASSERT_EQUAL(m->type, variants[k].type);
			CU_ASSERT_EQUAL(ep_wire_check_msg(m, N, &payload), EP_DROP_NONE);
			at += m->len;
		}
		CU_ASSERT_EQUAL(at, len);
	}
}

static void every_bit_flip_is_caught(void)
{
	uint8_t frame[ROOM];
	for (size_t first = 0; first < variants_count; first += 3) {
		uint32_t len = build_frame(frame, first, 3);
		for (uint32_t bit = 0; bit < 8 * len; bit++) {
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CU_ASSERT_NOT_EQUAL(check_frame_copy(frame, len), EP_DROP_NONE);
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void every_truncation_is_caught(void)
{
	uint8_t frame[ROOM];
	for (size_t first = 0; first < variants_count; first += 3) {
		uint32_t len = build_frame(frame, first, 3);
		for (uint32_t cut = 0; cut < len; cut++) {
			CU_ASSERT_NOT_EQUAL(check_frame_copy(frame, cut), EP_DROP_NONE);
			uint8_t sealed[ROOM]; // also with a checksum that is right
			memcpy(sealed, frame, cut);
			if (cut >= sizeof(struct ep_wire_header))
				ep_wire_seal(sealed, cut);
			CU_ASSERT_EQUAL(check_frame_copy(sealed, cut), EP_DROP_SHORT);
		}
	}
}

static enum ep_drop with_header(size_t at, uint64_t value, uint32_t width)
{
	uint8_t frame[ROOM];
	uint32_t len = build_frame(frame, 0, 1);
	memcpy(frame + at, &value, width);
	if (at != offsetof(struct ep_wire_header, crc))
		ep_wire_seal(frame, len);
	return check_frame_copy(frame, len);
}

static void headers_have_their_reasons(void)
{
	CU_ASSERT_EQUAL(with_header(offsetof(struct ep_wire_header, magic), 0, 4), EP_DROP_MAGIC);
	CU_ASSERT_EQUAL(with_header(offsetof(struct ep_wire_header, version), 2, 1),
			EP_DROP_VERSION);
	CU_ASSERT_EQUAL(with_header(offsetof(struct ep_wire_header, kind), 0, 1), EP_DROP_KIND);
	CU_ASSERT_EQUAL(with_header(offsetof(struct ep_wire_header, kind), 6, 1), EP_DROP_KIND);
	CU_ASSERT_EQUAL(with_header(offsetof(struct ep_wire_header, kind), EP_FRAME_ECHO, 1),
			EP_DROP_SHORT);
	CU_ASSERT_EQUAL(with_header(offsetof(struct ep_wire_header, count), 0, 1), EP_DROP_SHORT);
	CU_ASSERT_EQUAL(with_header(offsetof(struct ep_wire_header, count), 2, 1), EP_DROP_SHORT);
	CU_ASSERT_EQUAL(with_header(offsetof(struct ep_wire_header, crc), 1, 4), EP_DROP_CRC);
	CU_ASSERT_EQUAL(with_header(offsetof(struct ep_wire_header, tag), 1, 8), EP_DROP_MALFORMED);
	CU_ASSERT_EQUAL(
	    with_header(sizeof(struct ep_wire_header) + offsetof(struct ep_msg, len), 15, 2),
	    EP_DROP_SHORT);
	CU_ASSERT_EQUAL(
	    with_header(sizeof(struct ep_wire_header) + offsetof(struct ep_msg, len), 0xffff, 2),
	    EP_DROP_SHORT);
	CU_ASSERT_EQUAL(with_header(offsetof(struct ep_wire_header, cluster), 99, 8),
			EP_DROP_NONE); // not its job
}

static void an_echo_has_no_messages(void)
{
	uint8_t frame[256] = {0};
	ep_wire_begin(frame, EP_FRAME_ECHO, EP_SENDER_CLIENT, 1, 1);
	memset(frame + 64, 0xaa, 192);
	for (uint32_t len = 64; len <= 256; len += 64) {
		ep_wire_seal(frame, len);
		CU_ASSERT_EQUAL(check_frame_copy(frame, len), EP_DROP_NONE);
	}
	static uint8_t big[EP_FRAME_MAX_MAX + 1];
	ep_wire_begin(big, EP_FRAME_ECHO, EP_SENDER_CLIENT, 1, 1);
	ep_wire_seal(big, EP_FRAME_MAX_MAX);
	CU_ASSERT_EQUAL(check_frame_copy(big, EP_FRAME_MAX_MAX), EP_DROP_NONE);
	ep_wire_seal(big, EP_FRAME_MAX_MAX + 1);
	CU_ASSERT_EQUAL(check_frame_copy(big, EP_FRAME_MAX_MAX + 1), EP_DROP_SHORT);
}

static void a_full_frame_takes_no_more(void)
{
	static uint8_t frame[EP_FRAME_MAX_MAX];
	uint32_t used = ep_wire_begin(frame, EP_FRAME_REQUEST, EP_SENDER_CLIENT, 1, 1);
	CU_ASSERT_PTR_NULL(ep_wire_append(frame, &used, 128, EP_C_HELLO, 15));
	CU_ASSERT_PTR_NULL(ep_wire_append(frame, &used, 128, EP_C_HELLO, 65));
	CU_ASSERT_PTR_NULL(
	    ep_wire_append(frame, &used, 63, EP_C_HELLO, 16)); // already beyond its room
	CU_ASSERT_EQUAL(used, 64);
	CU_ASSERT_PTR_NOT_NULL(ep_wire_append(frame, &used, 128, EP_C_HELLO, 64));
	for (int k = 1; k < 255; k++)
		CU_ASSERT_PTR_NOT_NULL_FATAL(
		    ep_wire_append(frame, &used, sizeof frame, EP_C_HELLO, 16));
	uint32_t before = used;
	CU_ASSERT_PTR_NULL(ep_wire_append(frame, &before, UINT32_MAX, EP_C_HELLO, UINT16_MAX + 1u)); // the length has 16 bits
	CU_ASSERT_EQUAL(used, before);
	CU_ASSERT_PTR_NULL(
	    ep_wire_append(frame, &used, sizeof frame, EP_C_HELLO, 16)); // the count is a byte
	CU_ASSERT_EQUAL(used, before);
	ep_wire_seal(frame, used);
	CU_ASSERT_EQUAL(check_frame_copy(frame, used), EP_DROP_NONE);
}

// ---- garbage ---------------------------------------------------------------------------

static uint64_t random_state;

static void fill_random(uint8_t *data, uint32_t len)
{
	for (uint32_t k = 0; k < len; k++)
		data[k] = (uint8_t)ep_random(&random_state);
}

static void random_frames_do_no_harm(void)
{
	uint8_t frame[512];
	random_state = 1;
	for (int round = 0; round < 100000; round++) {
		uint32_t len = (uint32_t)(ep_random(&random_state) % sizeof frame);
		fill_random(frame, len);
		struct ep_wire_header *h = (struct ep_wire_header *)(void *)frame;
		if (len >= sizeof *h && round % 4 != 0) { // past the first gates
			h->magic = EP_WIRE_MAGIC;
			h->version = EP_WIRE_VERSION;
			h->kind = (uint8_t)(ep_random(&random_state) % 7);
			h->count = (uint8_t)(ep_random(&random_state) % 4);
			h->tag = 0;
			ep_wire_seal(frame, len);
		}
		enum ep_drop drop = check_frame_copy(frame, len);
		CU_ASSERT(drop < EP_DROP_REASONS);
		CU_ASSERT(drop != EP_DROP_NONE || len >= sizeof *h);
	}
}

// Valid messages with a few bytes overwritten, and plain noise behind a valid type: whatever the
// verdict, only the message's own bytes are read, and an accepted payload parses.
static void mutated_messages_do_no_harm(void)
{
	struct writer w;
	random_state = 2;
	unsigned accepted = 0;
	for (int round = 0; round < 200000; round++) {
		const struct variant *v = &variants[ep_random(&random_state) % variants_count];
		struct ep_msg *m = build(&w, v->type, v->flags);
		uint16_t len = m->len;
		if (round % 2 == 0) {
			fill_random((uint8_t *)m + 8, len - 8u);
		} else {
			for (uint64_t k = ep_random(&random_state) % 4; k > 0; k--)
				w.data[ep_random(&random_state) % len] ^=
				    (uint8_t)(1 << ep_random(&random_state) % 8);
		}
		if (m->len > len || m->len < sizeof *m)
			m->len = len;
		uint32_t payload = 0;
		enum ep_drop drop =
		    check_copy(m, m->len, 1 + (uint32_t)(ep_random(&random_state) % 7), &payload);
		CU_ASSERT(drop < EP_DROP_REASONS);
		if (drop != EP_DROP_NONE)
			continue;
		accepted++;
		CU_ASSERT(payload == 0 || payload < m->len);
		if (payload != 0 && m->type != EP_C_REQUEST)
			CU_ASSERT(ep_wire_check_payload(w.data + payload, m->len - payload));
	}
	CU_ASSERT(accepted > 1000); // the mutations do reach the good path
}

static const struct unit_test tests[] = {
	{"a message of another length is dropped", a_message_of_another_length_is_dropped},
	{"free lengths keep their grain", free_lengths_keep_their_grain},
	{"frames are read back", frames_are_read_back},
	{"every bit flip is caught", every_bit_flip_is_caught},
	{"every truncation is caught", every_truncation_is_caught},
	{"headers have their reasons", headers_have_their_reasons},
	{"an echo has no messages", an_echo_has_no_messages},
	{"a full frame takes no more", a_full_frame_takes_no_more},
	{"random frames do no harm", random_frames_do_no_harm},
	{"mutated messages do no harm", mutated_messages_do_no_harm},
};
UNIT_MAIN("wire", tests)
