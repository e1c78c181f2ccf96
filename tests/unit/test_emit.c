// Encoding: what is said in one burst to one member shares a frame; nothing overflows; bytes are counted.
#include "consensus/emit.h"
#include "tests/unit/core.h"

static struct core c;

static void test_shares_frames(void)
{
	core_start(&c, 3, 0, 0);
	struct ep_effects *fx = &c.host.effects;
	for (uint64_t i = 1; i <= 10; i++) {
		ep_send_ballot(c.r, fx, 1, EP_NACK, 1, i, 3);
		ep_send_ballot(c.r, fx, 2, EP_NACK, 1, i, 3);
	}
	CU_ASSERT_EQUAL(fx->used, 2);
	for (uint64_t i = 1; i <= 100; i++) // 24 bytes each: beyond one frame
		ep_send_ballot(c.r, fx, 1, EP_NACK, 1, i, 3);
	CU_ASSERT_EQUAL(fx->used, 3);
	for (uint32_t f = 0; f < fx->used; f++)
		CU_ASSERT(fx->frames[f].len <= EP_FRAME_MAX_DEFAULT);
	host_flush(&c.host);
	CU_ASSERT_EQUAL(c.said_count, 120);
	core_end(&c);
}

static void test_clients(void)
{
	struct ep_addr a = { .ip = { 1 }, .port = 1 }, b = { .ip = { 2 }, .port = 1 };
	core_start(&c, 3, 0, 0);
	ep_send_busy(c.r, &c.host.effects, &a, 1);
	ep_send_busy(c.r, &c.host.effects, &a, 2);
	CU_ASSERT_EQUAL(c.host.effects.used, 1);
	ep_send_busy(c.r, &c.host.effects, &b, 3);
	CU_ASSERT_EQUAL(c.host.effects.used, 2);
	CU_ASSERT_EQUAL(memcmp(&c.host.effects.frames[1].to, &b, sizeof b), 0);
	host_flush(&c.host);
	core_end(&c);
}

// Frames are numbered per receiver, and carry the sender's votes and start.
static void test_seal(void)
{
	core_start(&c, 3, 0, 0);
	struct ep_effects *fx = &c.host.effects;
	uint64_t last = c.r->peers[1].sent_seq;
	ep_send_ballot(c.r, fx, 1, EP_NACK, 1, 1, 3);
	ep_seal(c.r, &fx->frames[0]);
	const struct ep_wire_header *h = (const void *)fx->frames[0].data;
	CU_ASSERT_EQUAL(h->frame_seq, last + 1);
	CU_ASSERT_EQUAL(h->votes, c.r->votes);
	CU_ASSERT_EQUAL(h->start, 1);
	CU_ASSERT_EQUAL(h->sender, 0);
	CU_ASSERT_EQUAL(h->kind, EP_FRAME_MEMBER);
	core_end(&c);
}

static void test_copies(void)
{
	core_start(&c, 3, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	uint64_t len = core_record(&c, 0, 1)->payload_len;
	CU_ASSERT_EQUAL(c.r->counters.bytes_in_copied, len);
	CU_ASSERT_EQUAL(c.r->counters.bytes_out_copied, 2 * len);
	core_preaccept_ok(&c, core_record(&c, 0, 1)->fq, 1, NULL);
	CU_ASSERT_EQUAL(c.r->counters.bytes_out_copied, 2 * len); // Commit names it
	core_end(&c);
}

static const struct unit_test tests[] = { { "shares frames", test_shares_frames }, { "clients", test_clients }, { "seal", test_seal },
					  { "copies", test_copies } };
UNIT_MAIN("emit", tests)
