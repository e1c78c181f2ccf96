// Commit: final, at any ballot, once.
#include "tests/unit/core.h"

static struct core c;

static void test_any_ballot(void)
{
	core_start(&c, 3, 0, 0);
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 6);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "k");
	struct ep_peek peek = ep_peek(c.r, 1, 1);
	CU_ASSERT_EQUAL(peek.phase, EP_COMMITTED);
	CU_ASSERT_EQUAL(peek.bal, 6);
	CU_ASSERT(peek.is_executed);
	core_value(&c, 1, EP_COMMIT, 1, 2, 8, NULL, "NOP");
	CU_ASSERT_EQUAL(ep_peek(c.r, 1, 2).abal, 8);
	CU_ASSERT(ep_peek(c.r, 1, 2).is_nop);
	core_end(&c);
}

static void test_once(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "k");
	uint64_t print = ep_fingerprint(c.r);
	core_value(&c, 2, EP_COMMIT, 1, 1, 3, NULL, "k");
	CU_ASSERT_EQUAL(c.r->counters.duplicates, 1);
	core_value(&c, 2, EP_COMMIT, 1, 1, 3, NULL, "NOP"); // forged, or the cluster is broken: an alarm, not a change
	core_value(&c, 2, EP_COMMIT, 1, 1, 3, (uint64_t[]){ 0, 0, 1 }, "k");
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_CONTRADICTION), 2);
	CU_ASSERT_EQUAL(ep_fingerprint(c.r), print);
	core_end(&c);
}

static void test_short(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, NULL);
	CU_ASSERT_PTR_NULL(core_record(&c, 1, 1));
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_FETCH));
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, NULL);
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 1), 1);
	core_end(&c);
}

static void test_bad_payload(void)
{
	uint8_t payload[KV_BYTES_MAX];
	core_start(&c, 3, 0, 0);
	uint32_t len = core_payload(payload, NULL, 0, "k", NULL);
	payload[sizeof(struct ep_wire_payload) + sizeof(struct ep_wire_command)] = 99; // the application does not know it
	uint8_t *body = core_begin(&c, 1, EP_COMMIT, 0, 1, 1, 0, 16 + 24 + len);
	memcpy(body + 40, payload, len);
	core_send(&c, 1);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_PAYLOAD), 1);
	CU_ASSERT_PTR_NULL(core_record(&c, 1, 1));
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, (uint64_t[]){ 0, 0, 600 }, "k");
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_WINDOW), 1);
	core_end(&c);
}

// Wire frames may be larger than what this epoch's frame_max lets a payload be: refused, not stored.
static void test_payload_above_the_epochs_limit(void)
{
	struct ep_config config = core_config(3, 0, 0);
	config.frame_max = 1024;
	core_start_with(&c, &config);
	static char value[900];
	static uint8_t payload[KV_BYTES_MAX];
	memset(value, 'v', sizeof value - 1);
	struct ep_session_id session = { .i = 1, .epoch = 1 };
	uint32_t len = core_payload(payload, &session, 1, "k", value);
	CU_ASSERT(len > ep_payload_max(1024));
	uint8_t *body = core_begin(&c, 1, EP_COMMIT, 0, 1, 1, 0, 40 + len);
	memcpy(body + 40, payload, len);
	core_send(&c, 1);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_PAYLOAD), 1);
	core_end(&c);
}

// An own instance that ended as Nop: the client's command gets a new number, once.
static void test_nop_of_ours(void)
{
	core_start(&c, 3, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_forget(&c);
	core_value(&c, 2, EP_COMMIT, 0, 1, 3, NULL, "NOP");
	core_wait(&c, 1000);
	CU_ASSERT_EQUAL(c.r->counters.resubmitted, 1);
	CU_ASSERT_EQUAL(core_said(&c, 1, EP_PREACCEPT)->msg->i, 2);
	core_value(&c, 2, EP_COMMIT, 0, 1, 3, NULL, "NOP");
	core_wait(&c, 1000);
	CU_ASSERT_EQUAL(c.r->counters.resubmitted, 1);
	core_end(&c);
}

static const struct unit_test tests[] = { { "any ballot", test_any_ballot }, { "once", test_once }, { "short", test_short },
					  { "bad payload", test_bad_payload },
					  { "payload above the epoch's limit", test_payload_above_the_epochs_limit }, { "Nop of ours", test_nop_of_ours } };
UNIT_MAIN("commit", tests)
