// Recovery: each branch of protocol.md C.2, from answers made by hand.
#include "tests/sim/probe.h"
#include "tests/unit/core.h"

static struct core c;
static const uint64_t none[7] = { 0 }, y[7] = { 0, 0, 0, 3 };

static void start(uint8_t n, uint8_t mode)
{
	core_start(&c, n, n == 3 ? 2 : n == 5 ? 4 : 6, mode);
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1));
	host_flush(&c.host);
}

// p's own ballots: n, as it is the last member.
static void answer(uint8_t from, uint8_t phase, uint64_t abal, const uint64_t *dep, const uint64_t *idep, const char *key, bool is_nop)
{
	core_recover_ok(&c, &(struct recovered){ .from = from, .i = 1, .bal = c.r->n, .abal = abal, .phase = phase, .fq = 1, .dep = dep,
						  .idep = idep, .key = key, .is_nop = is_nop });
}

static void proposes(bool is_nop, const uint64_t *deps)
{
	const struct said *s = core_said(&c, 1, EP_ACCEPT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->bal, c.r->n);
	CU_ASSERT_EQUAL(!(s->msg->flags & EP_MSG_NOP), !is_nop);
	CU_ASSERT(core_deps_are(&c, s, deps));
	core_end(&c);
}

// A single member recovers what it had proposed and not committed when it was killed: its own vote is the quorum at each step (A.2).
static void test_alone(void)
{
	core_start(&c, 1, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	struct ep_record *rec = core_record(&c, 0, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rec);
	CU_ASSERT(rec_is_committed(rec));
	core_end(&c);

	struct ep_config config = core_config(1, 0, 0);
	uint8_t payload[KV_BYTES_MAX];
	core_start_with(&c, &config);
	uint32_t len = core_payload(payload, NULL, 0, "k", NULL);
	ep_slot slot = ep_slot_of(c.r, 0, 1);
	rec = ep_window_claim(c.r, slot, 0, 1, 0); // as SUBMIT leaves it before it commits
	rec->payload_len = (uint16_t)len;
	memcpy(ep_payload(c.r, slot), payload, len);
	ep_payload_seal(c.r, slot, 1, len);
	rec->seq = 1;
	rec_publish(rec, 1, st_make(EP_PREACCEPTED, 0, EP_ST_INIT | EP_ST_PAYLOAD));
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1));
	rec = core_record(&c, 0, 1);
	CU_ASSERT(rec_is_committed(rec));
	CU_ASSERT_FALSE(rec_is_nop(rec));
	CU_ASSERT_EQUAL(rec_bal(rec), 1);
	CU_ASSERT_EQUAL(c.r->counters.recovered_value, 1);
	core_wait(&c, 1000);
	CU_ASSERT(ep_is_executed(c.r, 0, 1));
	core_end(&c);
}

static void test_asks(void)
{
	start(5, 0);
	for (uint8_t m = 0; m < 4; m++)
		CU_ASSERT_EQUAL(core_said(&c, m, EP_RECOVER)->bal, 5);
	CU_ASSERT_EQUAL(rec_bal(core_record(&c, 0, 1)), 5); // joined before it asks
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1));
	CU_ASSERT_EQUAL(c.r->counters.recoveries, 1); // one attempt at a time
	core_end(&c);
}

static void test_committed(void)
{
	start(5, 0);
	answer(1, EP_ACCEPTED, 2, y, NULL, "k", false);
	answer(2, EP_COMMITTED, 0, none, NULL, NULL, true);
	CU_ASSERT_EQUAL(probe_hits("branch_1_committed"), 1);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_COMMITTED);
	CU_ASSERT(rec_is_nop(core_record(&c, 0, 1)));
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 3, EP_COMMIT));
	CU_ASSERT_EQUAL(c.r->recoveries, 0);
	core_end(&c);
}

// What is committed wins over every value that was only accepted, whichever is heard first, at whatever ballot.
static void test_committed_first(void)
{
	start(7, 0);
	core_recover_ok(&c, &(struct recovered){ .from = 1, .i = 1, .bal = 7, .abal = 7, .phase = EP_COMMITTED, .dep = none, .is_nop = true });
	answer(2, EP_ACCEPTED, 2, y, NULL, "k", false);
	answer(3, EP_INITIAL, 0, none, NULL, NULL, false);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_COMMITTED);
	CU_ASSERT(rec_is_nop(core_record(&c, 0, 1)));
	core_end(&c);
}

// Answers that cannot be: a vote at this ballot or above, dependencies outside the window. They count for nothing.
static void test_impossible(void)
{
	static const uint64_t far[7] = { 0, 999 };
	start(5, 0);
	answer(1, EP_ACCEPTED, 5, y, NULL, "k", false);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_BALLOT), 1);
	answer(1, EP_PREACCEPTED, 0, far, none, "k", false);
	answer(1, EP_PREACCEPTED, 0, none, far, "k", false);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_WINDOW), 2);
	answer(2, EP_INITIAL, 0, none, NULL, NULL, false);
	CU_ASSERT_EQUAL(core_count(&c, EP_ACCEPT), 0); // two of three, as before
	answer(3, EP_INITIAL, 0, none, NULL, NULL, false);
	proposes(true, none);
}

static void test_highest(void)
{
	start(5, 0);
	answer(1, EP_ACCEPTED, 0, y, NULL, "k", false);
	answer(2, EP_ACCEPTED, 4, none, NULL, NULL, true);
	proposes(true, none);
	start(5, 0);
	answer(1, EP_ACCEPTED, 4, y, NULL, "k", false);
	answer(2, EP_ACCEPTED, 2, none, NULL, NULL, true);
	proposes(false, y);
}

static void test_leader(void)
{
	start(5, 0); // it answered, and only two pre-accepted
	answer(0, EP_PREACCEPTED, 0, none, none, "k", false);
	answer(1, EP_INITIAL, 0, none, NULL, NULL, false);
	proposes(true, none);
	start(3, 0); // two of three are a slow-path quorum: their union
	core_preaccept(&c, 0, 2, 1, NULL, "j");
	answer(0, EP_PREACCEPTED, 0, none, none, "k", false);
	proposes(true, none);
}

static void test_leader_with_quorum(void)
{
	core_start(&c, 3, 2, 0);
	core_preaccept(&c, 0, 1, 1, none, "k");
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1));
	host_flush(&c.host);
	core_recover_ok(&c, &(struct recovered){ .from = 0, .i = 1, .bal = 3, .phase = EP_PREACCEPTED, .fq = 1, .dep = none, .idep = none, .key = "k" });
	proposes(false, none);
}

static void test_mode_d(void)
{
	start(3, EP_MODE_D); // the designated peer's record decides
	answer(1, EP_PREACCEPTED, 0, (uint64_t[]){ 0, 0, 9 }, none, "k", false);
	proposes(false, (uint64_t[]){ 0, 0, 9 });
	start(3, EP_MODE_D);
	answer(1, EP_INITIAL, 0, none, NULL, NULL, false);
	proposes(true, none);
}

static void test_mode_e(void)
{
	start(5, 0); // no candidate: dep differs from idep
	answer(1, EP_PREACCEPTED, 0, y, none, "k", false);
	answer(2, EP_INITIAL, 0, none, NULL, NULL, false);
	proposes(true, none);
	start(5, 0); // two candidates and the dead leader: the skip rule
	answer(1, EP_PREACCEPTED, 0, none, none, "k", false);
	answer(2, EP_PREACCEPTED, 0, none, none, "k", false);
	proposes(false, none);
	start(5, 0); // one: validation
	answer(1, EP_PREACCEPTED, 0, none, none, "k", false);
	answer(2, EP_INITIAL, 0, none, NULL, NULL, false);
	CU_ASSERT_PTR_NULL(core_said(&c, 1, EP_ACCEPT));
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_VALIDATE));
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 2, EP_VALIDATE));
	CU_ASSERT_PTR_NULL(core_said(&c, 3, EP_VALIDATE)); // only Q
	core_end(&c);
}

// Answers of another ballot, twice, or with an abal that cannot be.
static void test_strange_answers(void)
{
	start(5, 0);
	core_recover_ok(&c, &(struct recovered){ .from = 1, .i = 1, .bal = 10, .dep = none });
	answer(1, EP_INITIAL, 0, none, NULL, NULL, false);
	answer(1, EP_INITIAL, 0, none, NULL, NULL, false);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_UNEXPECTED), 2);
	answer(2, EP_ACCEPTED, 5, none, NULL, "k", false);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_BALLOT), 1);
	answer(2, EP_PREACCEPTED, 0, (uint64_t[]){ 0, 999, 0, 0, 0 }, none, "k", false);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_WINDOW), 1);
	CU_ASSERT_EQUAL(core_count(&c, EP_ACCEPT), 0);
	core_end(&c);
}

static void test_recover_rows(void)
{
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 6);
	const struct said *s = core_said(&c, 2, EP_RECOVER_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->bal, 6);
	CU_ASSERT_EQUAL(((const struct ep_wire_recover_ok *)(s->msg + 1))->phase, EP_PREACCEPTED);
	CU_ASSERT(s->msg->flags & EP_MSG_HAS_INIT && s->msg->flags & EP_MSG_HAS_PAYLOAD);
	core_forget(&c);
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 6); // again: the same answer
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 2, EP_RECOVER_OK));
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 3); // lower
	CU_ASSERT_EQUAL(core_said(&c, 2, EP_NACK)->bal, 6);
	core_value(&c, 2, EP_ACCEPT, 1, 1, 6, NULL, "NOP");
	core_forget(&c);
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 6); // stale: its value was taken already
	CU_ASSERT_EQUAL(c.said_count, 0);
	core_value(&c, 2, EP_COMMIT, 1, 1, 6, NULL, "NOP");
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 9);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 2, EP_COMMIT));
	core_end(&c);
}

// Silence: the same ballot a few times, then the attempt is given up; the next one has a higher ballot. The rate is bounded.
static void test_silence(void)
{
	start(5, 0);
	core_wait(&c, 60ull * 1000000000);
	uint64_t attempts = c.r->counters.recoveries;
	CU_ASSERT(attempts > 2 && attempts < 60ull * 1000000000 / (16 * c.r->config.open_min_ns)); // T_open doubles four times
	const struct said *s = core_said(&c, 1, EP_RECOVER);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->bal % 5, 0); // (b - 1) mod 5 == 4
	CU_ASSERT(rec_bal(core_record(&c, 0, 1)) > 5);
	core_end(&c);
}

// Two that outbid each other: who is outbid steps back, and longer each time, so that duels end.
static void test_duel(void)
{
	start(3, 0);
	uint64_t attempts = 0, bal = 3;
	ep_time began = c.now;
	for (uint32_t k = 0; k < 8; k++) {
		bal = bal / 3 * 3 + 5; // p1's next one above
		core_ballot(&c, 1, EP_RECOVER, 0, 1, bal);
		CU_ASSERT_EQUAL(c.r->recoveries, 0);
		attempts = c.r->counters.recoveries;
		while (c.r->counters.recoveries == attempts && c.now < began + 100ull * 1000000000)
			core_wait(&c, 1000000);
		bal = rec_bal(core_record(&c, 0, 1));
	}
	CU_ASSERT(c.now - began > 8 * c.r->config.open_min_ns);
	core_ballot(&c, 1, EP_NACK, 0, 1, 1000);
	CU_ASSERT_EQUAL(c.r->recoveries, 0);
	while (c.r->recoveries == 0)
		core_wait(&c, 1000000);
	CU_ASSERT(rec_bal(core_record(&c, 0, 1)) > 1000); // above what the Nack told
	core_end(&c);
}

// A member that speaks and does not hear outbids for ever. It is given way to, but not for ever: what is open is asked for and recovered.
static void test_deaf_member(void)
{
	core_start(&c, 3, 2, 0);
	core_preaccept(&c, 0, 1, 1, NULL, "k");
	for (uint64_t bal = 2; bal < 400; bal += 3) {
		core_ballot(&c, 1, EP_RECOVER, 0, 1, bal > rec_bal(core_record(&c, 0, 1)) ? bal : rec_bal(core_record(&c, 0, 1)) / 3 * 3 + 5);
		core_wait(&c, c.r->config.open_min_ns / 2);
	}
	CU_ASSERT(probe_hits("outbid_no_more") > 0);
	CU_ASSERT(c.r->counters.fetches > 0);
	CU_ASSERT(c.r->counters.recoveries > 0);
	core_end(&c);
}

static const struct unit_test tests[] = { { "alone", test_alone }, { "asks", test_asks }, { "branch 1", test_committed }, { "committed first", test_committed_first },
					  { "impossible", test_impossible }, { "branch 2", test_highest },
					  { "branch 3", test_leader }, { "branch 3 with a quorum", test_leader_with_quorum },
					  { "branch 4, mode D", test_mode_d }, { "branch 4, mode E", test_mode_e },
					  { "strange answers", test_strange_answers }, { "Recover, row by row", test_recover_rows },
					  { "silence", test_silence }, { "duel", test_duel }, { "deaf member", test_deaf_member } };
UNIT_MAIN("recover", tests)
