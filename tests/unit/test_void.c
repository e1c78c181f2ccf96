// What is void when an epoch has ended: FROZEN members say so, and whoever is behind them passes over it (protocol.md F.1).
#include "consensus/epoch.h"
#include "tests/unit/ending.h"

static struct core c;

static void fetch(uint8_t col, uint64_t first, uint64_t last)
{
	core_forget(&c);
	ep_store64(core_begin(&c, 1, EP_FETCH, 0, col, first, 0, 8), last);
	core_send(&c, 1);
}

static bool said_void(uint8_t col, uint64_t first, uint64_t last)
{
	for (uint32_t k = 0; k < c.said_count; k++) {
		const struct ep_msg *msg = c.said[k].msg;
		if (msg->type == EP_VOID && msg->col == col && msg->i == first && ep_load64(msg + 1) == last)
			return true;
	}
	return false;
}

// FROZEN: what is committed is told as such, all else is void, and nothing of the windows moves.
static void test_tells_void(void)
{
	core_start(&c, 3, 0, EP_MODE_AUTO);
	ending_serve(&c);
	core_preaccept(&c, 1, 4, 0, NULL, "x");
	ending_update(&c, 1, 5, 20, (uint64_t[]){ 0, 2, 1 }, 2, "void"); // not in the closure, and committed all the same
	fetch(1, 3, 3);
	CU_ASSERT_EQUAL(core_count(&c, EP_VOID), 0); // a member knows of nothing that it is void
	ending_reconfig(&c, 2, 1, 9, (uint64_t[]){ 0, 2, 0 }, 2);
	CU_ASSERT_EQUAL_FATAL(ep_standing(c.r), EP_STANDING_FROZEN);
	fetch(1, 1, 9);
	CU_ASSERT_EQUAL(core_count(&c, EP_COMMIT), 3);
	CU_ASSERT_EQUAL(core_count(&c, EP_VOID), 2);
	CU_ASSERT(said_void(1, 3, 4));
	CU_ASSERT(said_void(1, 6, 9));
	fetch(2, 1, 1);
	CU_ASSERT_EQUAL(core_count(&c, EP_VOID), 0);
	fetch(0, 1, 1000000); // no more than a span at a time
	CU_ASSERT(said_void(0, 1, EP_FETCH_SPAN));
	fetch(2, 1 + c.r->config.window, 1 + c.r->config.window); // the slot of RECONFIG
	CU_ASSERT(said_void(2, 1 + c.r->config.window, 1 + c.r->config.window));
	CU_ASSERT_PTR_NOT_NULL(core_record(&c, 2, 1));
	core_end(&c);
}

static void hear_void(uint8_t col, uint64_t first, uint64_t last)
{
	ep_store64(core_begin(&c, 1, EP_VOID, 0, col, first, 0, 8), last);
	core_send(&c, 1);
}

// A dependency of the closure covers numbers that nobody is told of any more: Void lets the search pass them, one after the other.
static void behind(uint8_t hello)
{
	struct ep_config config = core_config(3, 0, EP_MODE_AUTO);
	config.hello = hello;
	core_start_with(&c, &config);
	ending_serve(&c);
	ending_update(&c, 1, 3, 20, (uint64_t[]){ 0, 2, 3 }, 2, "w");
	ending_reconfig(&c, 1, 4, 30, (uint64_t[]){ 0, 3, 0 }, 2);
	CU_ASSERT_EQUAL(c.r->executed_count, 2);
	hear_void(2, 2, 3); // the first is still open
	CU_ASSERT_EQUAL(c.r->executed_count, 2);
	hear_void(2, 1, 1);
	CU_ASSERT_EQUAL(c.r->executed_count, 2);
	CU_ASSERT_EQUAL(c.r->columns[2].cprefix, 1);
	hear_void(2, 2, 1000); // whatever it says: no further than what was heard of
	CU_ASSERT_EQUAL(c.r->columns[2].cprefix, 3);
	CU_ASSERT_PTR_NULL(core_record(&c, 2, 1)); // nothing was decided
	CU_ASSERT_EQUAL(c.r->executed_count, 4);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_FROZEN);
	fetch(2, 1, 3); // and now it tells others
	CU_ASSERT(said_void(2, 1, 3));
	core_end(&c);
}

static void test_behind(void)
{
	behind(EP_HELLO_NEVER);
	behind(EP_HELLO_ALWAYS); // Void is a fact, as Commit is: also for whoever still asks its peers
}

// The same through an instance outside the index, which looks at every number below its dependencies.
static void test_behind_by_scan(void)
{
	struct ep_config config = core_config(3, 0, EP_MODE_AUTO);
	config.keys_max = 2;
	core_start_with(&c, &config);
	ending_serve(&c);
	uint8_t payload[KV_BYTES_MAX];
	uint32_t len = core_payload(payload, &ending_session, 2, "k", "w"), count = 1;
	uint8_t many[4 * KV_BYTES_MAX];
	struct ep_wire_payload *head = (void *)many;
	memcpy(many, payload, len);
	for (const char *key = "abc"; *key; key++, count++) { // more keys than the index takes of one instance
		uint32_t more = core_payload(payload, NULL, 0, (char[]){ *key, 0 }, NULL);
		memcpy(many + len, payload + sizeof *head, more - sizeof *head);
		len += more - (uint32_t)sizeof *head;
	}
	head->len = (uint16_t)len;
	head->count = (uint8_t)count;
	ending_commit(&c, 1, 3, 20, (uint64_t[]){ 0, 2, 2 }, many, len);
	CU_ASSERT(rec_exec(core_record(&c, 1, 3), 3)->marks & EP_MARK_UNINDEXED);
	ending_reconfig(&c, 1, 4, 30, (uint64_t[]){ 0, 3, 0 }, 2);
	CU_ASSERT_EQUAL(c.r->executed_count, 2);
	hear_void(2, 1, 2);
	CU_ASSERT_EQUAL(c.r->executed_count, 4);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_FROZEN);
	core_end(&c);
}

static const struct unit_test tests[] = {
	{ "tells what is void", test_tells_void },
	{ "behind", test_behind },
	{ "behind, by scan", test_behind_by_scan },
};
UNIT_MAIN("void", tests)
