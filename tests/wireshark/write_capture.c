// Captures for the test of the dissector: frames in order and out of order with the verdict of the decoder, an exchange with times.
//
// As a CUnit program because the samples that it takes assert. $CAPTURE_DIR gets verdicts.pcap, verdicts.txt (a line a frame) and
// exchange.pcap.
#include <stdlib.h>
#include "consensus/base/rng.h"
#include "tests/unit/unit.h"
#include "tests/unit/wire_samples.h"

#define FRAMES_DAMAGED 4000
#define CLUSTER 0x1122334455667788ULL
#define ETHERNET 14
#define IPV4 20
#define UDP 8

struct frame {
	uint8_t data[ROOM];
	uint32_t len;
};

static FILE *create(const char *name)
{
	char path[512];
	const char *dir = getenv("CAPTURE_DIR");
	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	return f;
}

static FILE *create_capture(const char *name)
{
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, len_max, link;
	} head = {0xa1b23c4d, 2, 4, 0, 0, 65535, 1}; // times in nanoseconds, Ethernet
	FILE *f = create(name);
	CU_ASSERT_EQUAL_FATAL(fwrite(&head, sizeof head, 1, f), 1);
	return f;
}

static void put_be16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

// From 10.77.0.`from` to 10.77.0.`to`; hosts from 200 on are clients.
static void capture(FILE *f, const struct frame *frame, uint64_t ns, uint8_t from, uint8_t to)
{
	uint8_t head[ETHERNET + IPV4 + UDP] = {2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 0, 0x45};
	uint32_t sizes[4] = {(uint32_t)(ns / 1000000000), (uint32_t)(ns % 1000000000), frame->len + sizeof head, frame->len + sizeof head};
	uint8_t *ip = head + ETHERNET, *udp = ip + IPV4;
	put_be16(ip + 2, IPV4 + UDP + frame->len);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, (uint8_t[]){10, 77, 0, from, 10, 77, 0, to}, 8);
	put_be16(udp, from >= 200 ? 40000 : EP_UDP_PORT);
	put_be16(udp + 2, to >= 200 ? 40000 : EP_UDP_PORT);
	put_be16(udp + 4, UDP + frame->len);
	CU_ASSERT_EQUAL_FATAL(fwrite(sizes, sizeof sizes, 1, f), 1);
	CU_ASSERT_EQUAL_FATAL(fwrite(head, sizeof head, 1, f), 1);
	CU_ASSERT_EQUAL_FATAL(fwrite(frame->data, 1, frame->len, f), frame->len);
}

static void begin(struct frame *frame, uint8_t kind, uint8_t sender)
{
	memset(frame, 0, sizeof *frame);
	frame->len = ep_wire_begin(frame->data, (enum ep_frame_kind)kind, sender, CLUSTER, 4);
}

static struct ep_wire_header *header(struct frame *frame)
{
	return (struct ep_wire_header *)(void *)frame->data;
}

static void add_sample(struct frame *frame, const struct variant *v)
{
	static struct writer w;
	const struct ep_msg *m = build(&w, v->type, v->flags);
	CU_ASSERT_FATAL(frame->len + m->len <= sizeof frame->data);
	memcpy(frame->data + frame->len, m, m->len);
	frame->len += m->len;
	header(frame)->count++;
}

// ---- what the decoder says of a frame: a line with the reasons ---------------------------------------------------
static void say_verdict(FILE *f, const struct frame *frame)
{
	const struct ep_wire_header *h = (const struct ep_wire_header *)(const void *)frame->data;
	enum ep_drop drop = ep_wire_check(frame->data, frame->len);
	const char *between = "";
	if (drop != EP_DROP_NONE)
		fputs(ep_drop_names[drop], f);
	for (uint32_t at = sizeof *h, k = 0; drop == EP_DROP_NONE && k < h->count; k++) {
		const struct ep_msg *m = ep_wire_msg(frame->data, at);
		uint32_t payload;
		enum ep_drop one = ep_wire_kind_of(m->type) != h->kind ? EP_DROP_TYPE : check_copy(m, m->len, N, &payload);
		if (one != EP_DROP_NONE) {
			fprintf(f, "%s%s", between, ep_drop_names[one]);
			between = ",";
		}
		at += m->len;
	}
	fputc('\n', f);
}

static uint32_t below(uint64_t *rng, uint32_t limit)
{
	return (uint32_t)(ep_random(rng) % limit);
}

// A few bytes behind the magic number become others; mostly in messages, at values where rules begin and end.
static void damage(struct frame *frame, uint64_t *rng)
{
	static const uint8_t edges[] = {0, 1, 2, 3, 5, 6, 7, 8, 16, 0x7f, 0x80, 0xff};
	uint32_t from = below(rng, 8) == 0 ? 0 : sizeof(struct ep_wire_header);
	for (uint32_t k = below(rng, 3) + 1; k > 0; k--) {
		uint32_t reach = frame->len - from;
		if (below(rng, 2) == 0 && reach > 64) // heads and fixed parts are where most rules are
			reach = 64;
		uint8_t *at = frame->data + from + below(rng, reach);
		switch (below(rng, 4)) {
		case 0: *at = (uint8_t)below(rng, 256); break;
		case 1: *at ^= (uint8_t)(1u << below(rng, 8)); break;
		case 2: *at = (uint8_t)(*at + (below(rng, 2) ? 1 : 255)); break;
		default: *at = edges[below(rng, sizeof edges)]; break;
		}
	}
	if (below(rng, 12) == 0)
		frame->len = below(rng, frame->len) + 1;
	if (frame->len >= sizeof(struct ep_wire_header) && below(rng, 16) != 0)
		ep_wire_seal(frame->data, frame->len);
}

static void make(struct frame *frame, const struct variant *v, uint32_t count)
{
	begin(frame, ep_wire_kind_of(v->type), 1);
	for (uint32_t k = 0; k < count; k++)
		add_sample(frame, v);
	ep_wire_seal(frame->data, frame->len);
}

static void judge(FILE *pcap, FILE *text, const struct frame *frame)
{
	static uint64_t ns;
	capture(pcap, frame, ns += 1000, 1, 2);
	say_verdict(text, frame);
}

// Every sample; every byte of every sample a step off, and across the sign; many with more than one fault.
static void verdicts(void)
{
	static const uint8_t off[] = {1, 0x80, 0xff};
	static struct frame frame, broken;
	uint64_t rng = 7;
	FILE *pcap = create_capture("verdicts.pcap"), *text = create("verdicts.txt");
	for (size_t k = 0; k < variants_count; k++) {
		make(&frame, &variants[k], 1);
		judge(pcap, text, &frame);
		for (uint32_t at = sizeof(struct ep_wire_header); at < frame.len; at++)
			for (size_t o = 0; o < sizeof off; o++) {
				broken = frame;
				broken.data[at] = (uint8_t)(broken.data[at] + off[o]);
				ep_wire_seal(broken.data, broken.len);
				judge(pcap, text, &broken);
			}
	}
	for (uint32_t k = 0; k < FRAMES_DAMAGED; k++) {
		make(&frame, &variants[below(&rng, (uint32_t)variants_count)], below(&rng, 2) + 1);
		damage(&frame, &rng);
		judge(pcap, text, &frame);
	}
	fclose(pcap);
	fclose(text);
}

// ---- an exchange of three members with a client -----------------------------------------------------------------
static struct ep_msg *add(struct frame *frame, enum ep_msg_type type, uint32_t len)
{
	return ep_wire_append(frame->data, &frame->len, sizeof frame->data, type, (uint32_t)sizeof(struct ep_msg) + len);
}

static void send_frame(FILE *f, struct frame *frame, uint64_t us, uint8_t from, uint8_t to)
{
	ep_wire_seal(frame->data, frame->len);
	capture(f, frame, us * 1000, from, to);
}

// The update of docs/wire.md, PUT k = hi: 47 bytes.
static void put_update(void *at)
{
	static const uint8_t command[] = {47, 0, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
					  1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 1, 0, 2, 0, 0, 0, 0, 0, 'k', 'h', 'i'};
	memcpy(at, command, sizeof command);
}

static void put_request(struct frame *frame, uint64_t cookie)
{
	begin(frame, EP_FRAME_REQUEST, EP_SENDER_CLIENT);
	struct ep_msg *m = add(frame, EP_C_REQUEST, 47);
	m->i = cookie;
	put_update(m + 1);
}

static void put_preaccept(struct frame *frame, uint64_t i)
{
	begin(frame, EP_FRAME_MEMBER, 0);
	struct ep_msg *m = add(frame, EP_PREACCEPT, 8 + 6 * 8 + 8 + 47);
	uint8_t *body = (uint8_t *)(m + 1), *payload = body + 8 + 6 * 8;
	m->i = i;
	m->arg = 2;
	ep_store64(body, 9);         // seq
	ep_store64(body + 8, i - 1); // D[0]
	payload[0] = 8 + 47;
	payload[2] = 1;
	put_update(payload + 8);
}

static void put_preaccept_ok(struct frame *frame, uint8_t sender, uint64_t i)
{
	begin(frame, EP_FRAME_MEMBER, sender);
	struct ep_msg *m = add(frame, EP_PREACCEPT_OK, 3 * 8);
	m->i = i;
	ep_store64(m + 1, i - 1);
}

static void put_reply(struct frame *frame, uint64_t cookie, uint64_t i)
{
	begin(frame, EP_FRAME_REPLY, 0);
	struct ep_msg *m = add(frame, EP_C_REPLY, (uint32_t)sizeof(struct ep_wire_reply) + 16);
	struct ep_wire_reply *r = (struct ep_wire_reply *)(m + 1);
	m->flags = EP_MSG_FAST;
	m->i = cookie;
	r->instance.i = i;
	r->instance.epoch = 1;
	((uint8_t *)(r + 1))[1] = 2; // of a PUT
}

static void exchange(void)
{
	static struct frame frame;
	FILE *f = create_capture("exchange.pcap");
	put_request(&frame, 77);
	send_frame(f, &frame, 0, 200, 1);
	put_preaccept(&frame, 6);
	send_frame(f, &frame, 10, 1, 2);
	send_frame(f, &frame, 12, 1, 3);
	put_preaccept_ok(&frame, 1, 6);
	send_frame(f, &frame, 30, 2, 1);
	put_preaccept_ok(&frame, 2, 6);
	send_frame(f, &frame, 42, 3, 1);
	put_reply(&frame, 77, 6);
	send_frame(f, &frame, 45, 1, 200);
	// Lost, sent again, answered.
	put_request(&frame, 78);
	send_frame(f, &frame, 1000, 200, 1);
	send_frame(f, &frame, 6000, 200, 1);
	put_reply(&frame, 78, 7);
	send_frame(f, &frame, 6040, 1, 200);
	begin(&frame, EP_FRAME_ECHO, EP_SENDER_CLIENT);
	header(&frame)->frame_seq = 5;
	send_frame(f, &frame, 7000, 200, 1);
	header(&frame)->kind = EP_FRAME_ECHO_REPLY;
	send_frame(f, &frame, 7008, 1, 200);
	fclose(f);
}

static const struct unit_test tests[] = {
    {"verdicts", verdicts},
    {"exchange", exchange},
};
UNIT_MAIN("write_capture", tests)
