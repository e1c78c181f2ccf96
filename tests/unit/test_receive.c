// Frames from anybody: each that is not used is counted under its reason, and changes nothing.
#include "tests/unit/core.h"

static struct core c;

static void build(void) // a good one
{
	core_begin(&c, 1, EP_RECOVER, 0, 1, 1, 0, 8);
	ep_store64(c.out + 64 + 16, 2);
	ep_wire_seal(c.out, c.out_len);
}

static void drops_as(enum ep_drop why, uint8_t member)
{
	struct ep_source source = { .member = member };
	uint64_t before = core_drops(&c, why), print = ep_fingerprint(c.r);
	host_receive(&c.host, ++c.now, &source, c.out, c.out_len);
	if (core_drops(&c, why) != before + 1)
		printf("\nexpected a drop as %s\n", ep_drop_names[why]);
	CU_ASSERT_EQUAL(core_drops(&c, why), before + 1);
	if (why != EP_DROP_BALLOT) // that one names an instance: it is known now
		CU_ASSERT_EQUAL(ep_fingerprint(c.r), print);
	CU_ASSERT_EQUAL(c.host.effects.used, 0);
}

static void test_reasons(void)
{
	struct ep_wire_header *h = (void *)c.out;
	struct ep_msg *msg = (void *)(c.out + sizeof *h);
#define SEALED(change, why, member) build(), (change), ep_wire_seal(c.out, c.out_len), drops_as(why, member)
	core_start(&c, 3, 0, 0);
	build(), c.out_len = 40, drops_as(EP_DROP_SHORT, 1);
	build(), h->magic ^= 1, drops_as(EP_DROP_MAGIC, 1);
	build(), c.out[80] ^= 1, drops_as(EP_DROP_CRC, 1);
	SEALED(h->version = 9, EP_DROP_VERSION, 1);
	SEALED(h->cluster++, EP_DROP_CLUSTER, 1);
	SEALED(h->epoch++, EP_DROP_EPOCH, 1);
	SEALED(h->config_hash++, EP_DROP_EPOCH, 1);
	SEALED(h->incarnation++, EP_DROP_INCARNATION, 1);
	SEALED(h->sender = 2, EP_DROP_SENDER, 1);       // from another member's address
	SEALED(h->sender = 1, EP_DROP_SENDER, EP_CLIENT); // a client that plays a member
	SEALED(h->sender = 0, EP_DROP_SENDER, 0);       // our own
	SEALED(h->sender = 3, EP_DROP_SENDER, 3);       // nobody's
	SEALED(h->kind = EP_FRAME_REPLY, EP_DROP_KIND, 1);
	SEALED(h->kind = 77, EP_DROP_KIND, 1);
	SEALED(msg->type = 200, EP_DROP_TYPE, 1);
	SEALED(msg->col = 3, EP_DROP_MALFORMED, 1);
	SEALED(msg->i = 0, EP_DROP_MALFORMED, 1);
	SEALED(msg->i = 129, EP_DROP_WINDOW, 1);
	SEALED(ep_store64(msg + 1, 3), EP_DROP_BALLOT, 1); // 3 belongs to p2
	core_end(&c);
}

// A client's frame from a member's address, and one whose messages are for members.
static void test_clients(void)
{
	core_start(&c, 3, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT_EQUAL(c.r->counters.submits, 1);
	struct ep_wire_header *h = (void *)c.out;
	drops_as(EP_DROP_SENDER, 1);
	h->sender = 1;
	ep_wire_seal(c.out, c.out_len);
	drops_as(EP_DROP_SENDER, EP_CLIENT);
	core_end(&c);
}

// A HELLO needs no cluster: it asks for it. Nothing else may come without.
static void test_hello(void)
{
	core_start(&c, 3, 0, 0);
	struct ep_source source = { .member = EP_CLIENT };
	c.out_len = ep_wire_begin(c.out, EP_FRAME_REQUEST, EP_SENDER_CLIENT, 0, 0);
	ep_wire_append(c.out, &c.out_len, sizeof c.out, EP_C_HELLO, sizeof(struct ep_msg));
	ep_wire_seal(c.out, c.out_len);
	host_receive(&c.host, ++c.now, &source, c.out, c.out_len);
	host_flush(&c.host);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, EP_CLIENT, EP_C_WELCOME));
	((struct ep_wire_header *)(void *)c.out)->cluster = 8;
	ep_wire_seal(c.out, c.out_len);
	drops_as(EP_DROP_CLUSTER, EP_CLIENT);
	c.out_len = ep_wire_begin(c.out, EP_FRAME_REQUEST, EP_SENDER_CLIENT, 0, 0);
	ep_wire_append(c.out, &c.out_len, sizeof c.out, EP_C_STATS, sizeof(struct ep_msg));
	ep_wire_seal(c.out, c.out_len);
	drops_as(EP_DROP_CLUSTER, EP_CLIENT);
	c.out_len = ep_wire_begin(c.out, EP_FRAME_REQUEST, EP_SENDER_CLIENT, 0, 0);
	ep_wire_append(c.out, &c.out_len, sizeof c.out, EP_C_HELLO, sizeof(struct ep_msg));
	ep_wire_append(c.out, &c.out_len, sizeof c.out, EP_C_STATS, sizeof(struct ep_msg)); // behind a HELLO
	ep_wire_seal(c.out, c.out_len);
	drops_as(EP_DROP_CLUSTER, EP_CLIENT);
	core_end(&c);
}

// What a peer says of its votes is remembered; more than there can be is not.
static void test_votes(void)
{
	core_start(&c, 3, 0, 0);
	static const uint64_t votes[] = { 7, 1ULL << 48, 5 };
	for (size_t k = 0; k < sizeof votes / sizeof votes[0]; k++) {
		core_begin(&c, 1, EP_STATUS, 0, 0, 0, 0, 3 * 8 * 3);
		((struct ep_wire_header *)(void *)c.out)->votes = votes[k];
		core_send(&c, 1);
		CU_ASSERT_EQUAL(ep_word_value(c.r->peers[1].votes, EP_VOTES_BITS), 7);
	}
	core_end(&c);
}

// Frames run out in the middle of a payload: the rest waits for the next call, nothing is handled twice.
static void test_resumes(void)
{
	struct ep_source source = { .member = 1 };
	core_start(&c, 3, 0, 0);
	c.out_len = ep_wire_begin(c.out, EP_FRAME_MEMBER, 1, 9, 1);
	((struct ep_wire_header *)(void *)c.out)->config_hash = c.r->config_hash;
	for (uint64_t i = 1; i <= 40; i++) {
		struct ep_msg *msg = ep_wire_append(c.out, &c.out_len, sizeof c.out, EP_RECOVER, sizeof *msg + 8);
		msg->col = 1;
		msg->i = i;
		ep_store64(msg + 1, 2);
	}
	ep_wire_seal(c.out, c.out_len);
	struct ep_view view = { c.out, c.out_len, 0 };
	c.host.effects.count = EP_STEP_FRAMES_MAX + 1;
	uint32_t calls = 1;
	while (!ep_receive(c.r, ++c.now, &source, &view, &c.host.effects)) {
		host_flush(&c.host);
		calls++;
	}
	host_flush(&c.host);
	CU_ASSERT(calls > 1);
	CU_ASSERT_EQUAL(core_count(&c, EP_RECOVER_OK), 40);
	CU_ASSERT_EQUAL(c.r->counters.steps, 40);
	c.host.effects.count = HOST_FRAMES_MAX;
	core_end(&c);
}

static const struct unit_test tests[] = { { "reasons", test_reasons }, { "clients", test_clients }, { "hello", test_hello },
					  { "votes", test_votes },
					  { "resumes", test_resumes } };
UNIT_MAIN("receive", tests)
