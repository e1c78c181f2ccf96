// Validation: what counts as a conflict, and the outcomes V1 to V4 (protocol.md C.2).
#include "tests/sim/probe.h"
#include "tests/unit/core.h"

static struct core c;
static const uint64_t none[7] = { 0 };

static void validate(uint8_t from, uint8_t col, uint64_t i, uint64_t bal, const uint64_t *deps, const char *key)
{
	core_ballot(&c, from, EP_RECOVER, col, i, bal);
	core_forget(&c);
	uint8_t payload[KV_BYTES_MAX];
	struct ep_session_id session = { .i = 1000 + i, .epoch = 1, .col = col };
	uint32_t n = c.r->n, len = core_payload(payload, &session, 1, key, "value");
	uint8_t *body = core_begin(&c, from, EP_VALIDATE, 0, col, i, 0, 16 + 8 * n + len);
	ep_store64(body, bal);
	ep_store64(body + 8, i + 100);
	memcpy(body + 16, deps, 8 * n);
	memcpy(body + 16 + 8 * n, payload, len);
	core_send(&c, from);
}

static uint32_t conflicts(void)
{
	const struct said *s = core_said(&c, 4, EP_VALIDATE_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return (uint32_t)((s->msg->len - sizeof(struct ep_msg) - 8) / sizeof(struct ep_wire_conflict));
}

static void test_conflicts(void)
{
	core_start(&c, 5, 2, 0);
	core_preaccept(&c, 1, 1, 1, NULL, "k");     // undecided, does not know (0,1): a conflict
	core_preaccept(&c, 3, 1, 3, NULL, "other"); // does not interfere
	core_preaccept(&c, 3, 2, 3, (uint64_t[]){ 1, 0, 0, 0, 0 }, "k"); // depends on it
	validate(4, 0, 1, 5, none, "k");
	CU_ASSERT_EQUAL(conflicts(), 1);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 0, 1)), EP_INITIAL); // validating is no vote
	CU_ASSERT(rec_has_init(core_record(&c, 0, 1)) && rec_has_payload(core_record(&c, 0, 1)));
	core_end(&c);

	core_start(&c, 5, 2, 0);
	core_preaccept(&c, 1, 1, 1, NULL, "k");
	validate(4, 0, 1, 5, (uint64_t[]){ 0, 1, 0, 0, 0 }, "k"); // it is among the deps
	CU_ASSERT_EQUAL(conflicts(), 0);
	core_value(&c, 3, EP_COMMIT, 3, 1, 0, NULL, "k");
	core_value(&c, 3, EP_COMMIT, 3, 2, 0, NULL, "NOP");
	validate(4, 0, 2, 5, (uint64_t[]){ 1, 1, 0, 0, 0 }, "k"); // a committed one counts, a Nop does not
	CU_ASSERT_EQUAL(conflicts(), 1);
	const struct said *s = core_said(&c, 4, EP_VALIDATE_OK);
	CU_ASSERT_EQUAL(s->frame[16 + 8 + 9], 1); // is_committed
	core_end(&c);
}

// More conflicts than a message holds: the answer says that it is cut, and a committed one, which decides alone (V2), is in it.
static void test_committed_is_kept(void)
{
	core_start(&c, 5, 2, 0);
	for (uint64_t i = 1; i <= EP_CONFLICTS_MAX + 2; i++)
		core_preaccept(&c, 1, i, 1, NULL, "k");
	core_value(&c, 3, EP_COMMIT, 3, 1, 0, NULL, "k");
	validate(4, 0, 1, 5, none, "k");
	CU_ASSERT_EQUAL(conflicts(), EP_CONFLICTS_MAX);
	const struct said *s = core_said(&c, 4, EP_VALIDATE_OK);
	struct ep_wire_conflict last;
	memcpy(&last, s->frame + s->msg->len - sizeof last, sizeof last);
	CU_ASSERT_EQUAL(last.col, 3);
	CU_ASSERT_EQUAL(last.i, 1);
	CU_ASSERT_EQUAL(last.is_committed, 1);
	core_end(&c);
}

// Later commands depend on what was validated (C.7-4).
static void test_is_remembered(void)
{
	core_start(&c, 5, 2, 0);
	validate(4, 0, 1, 5, none, "k");
	core_preaccept(&c, 3, 1, 3, NULL, "k");
	CU_ASSERT(core_deps_are(&c, core_said(&c, 3, EP_PREACCEPT_OK), (uint64_t[]){ 1, 0, 0, 0, 0 }));
	core_end(&c);
}

static void test_refused(void)
{
	core_start(&c, 5, 2, 0);
	validate(4, 0, 1, 5, none, "k");
	core_forget(&c);
	core_send(&c, 4); // the same again: answered
	CU_ASSERT_EQUAL(core_count(&c, EP_VALIDATE_OK), 1);
	core_ballot(&c, 3, EP_RECOVER, 0, 1, 9);
	core_forget(&c);
	uint8_t payload[KV_BYTES_MAX];
	struct ep_session_id session = { .i = 1001, .epoch = 1 };
	uint32_t len = core_payload(payload, &session, 1, "k", "value");
	uint8_t *body = core_begin(&c, 4, EP_VALIDATE, 0, 0, 1, 0, 16 + 40 + len);
	ep_store64(body, 5);
	memcpy(body + 56, payload, len);
	core_send(&c, 4); // below the joined ballot
	CU_ASSERT_EQUAL(core_said(&c, 4, EP_NACK)->bal, 9);
	ep_store64(c.out + 64 + 16, 10);
	core_send(&c, 4); // never joined
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_UNEXPECTED), 1);
	core_value(&c, 3, EP_COMMIT, 0, 1, 9, NULL, "NOP");
	validate(4, 0, 1, 15, none, "k");
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 4, EP_COMMIT));
	core_end(&c);
}

// p4 recovers (0,1) with Q = {2, 3, 4}, p2 the only candidate; `found` by p3.
static void start(const struct ep_wire_conflict *found)
{
	core_start(&c, 5, 4, 0);
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1));
	host_flush(&c.host);
	core_recover_ok(&c, &(struct recovered){ .from = 2, .i = 1, .bal = 5, .phase = EP_PREACCEPTED, .fq = 0, .dep = none, .idep = none, .key = "k" });
	core_recover_ok(&c, &(struct recovered){ .from = 3, .i = 1, .bal = 5, .dep = none });
	CU_ASSERT_EQUAL(c.r->counters.validations, 1);
	ep_store64(core_begin(&c, 2, EP_VALIDATE_OK, 0, 0, 1, 0, 8), 5);
	core_send(&c, 2);
	CU_ASSERT_EQUAL(core_count(&c, EP_ACCEPT), 0); // all of Q must answer
	core_send(&c, 2);                               // and each counts once
	CU_ASSERT_EQUAL(core_count(&c, EP_ACCEPT), 0);
	uint8_t *body = core_begin(&c, 3, EP_VALIDATE_OK, 0, 0, 1, 0, found ? 8 + sizeof *found : 8);
	ep_store64(body, 5);
	if (found)
		memcpy(body + 8, found, sizeof *found);
	core_send(&c, 3);
}

static void proposes(bool is_nop)
{
	const struct said *s = core_said(&c, 2, EP_ACCEPT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(!(s->msg->flags & EP_MSG_NOP), !is_nop);
	core_end(&c);
}

static void test_outcomes(void)
{
	start(NULL); // V1
	proposes(false);
	start(&(struct ep_wire_conflict){ .i = 1, .col = 3, .is_committed = 1 }); // V2
	proposes(true);
	start(&(struct ep_wire_conflict){ .i = 1, .col = 1 }); // V3: its leader is not in Q
	proposes(true);
}

// A candidate that answers late, from outside Q, does not change what Q proves (V3).
static void test_late_candidate(void)
{
	core_start(&c, 5, 4, 0);
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1));
	host_flush(&c.host);
	for (uint8_t from = 2; from <= 3; from++)
		core_recover_ok(&c, &(struct recovered){ .from = from, .i = 1, .bal = 5, .phase = from == 2 ? EP_PREACCEPTED : EP_INITIAL, .dep = none,
							  .idep = from == 2 ? none : NULL, .key = from == 2 ? "k" : NULL });
	core_recover_ok(&c, &(struct recovered){ .from = 1, .i = 1, .bal = 5, .phase = EP_PREACCEPTED, .dep = none, .idep = none, .key = "k" });
	ep_store64(core_begin(&c, 2, EP_VALIDATE_OK, 0, 0, 1, 0, 8), 5);
	core_send(&c, 2);
	uint8_t *body = core_begin(&c, 3, EP_VALIDATE_OK, 0, 0, 1, 0, 8 + sizeof(struct ep_wire_conflict));
	ep_store64(body, 5);
	memcpy(body + 8, &(struct ep_wire_conflict){ .i = 1, .col = 1 }, sizeof(struct ep_wire_conflict));
	core_send(&c, 3);
	proposes(true);
}

static void test_waits(void)
{
	static const struct ep_wire_conflict living = { .i = 1, .col = 3 };
	start(&living);
	CU_ASSERT_PTR_NULL(core_said(&c, 2, EP_ACCEPT));
	core_value(&c, 3, EP_COMMIT, 3, 1, 0, (uint64_t[]){ 1, 0, 0, 0, 0 }, "k"); // V4(b): it knows us
	core_wait(&c, 1000);
	proposes(false);
	start(&living);
	core_value(&c, 3, EP_COMMIT, 3, 1, 0, NULL, "k"); // V4(a): it does not
	core_wait(&c, 1000);
	proposes(true);
	start(&living);
	core_value(&c, 3, EP_COMMIT, 3, 1, 0, NULL, "NOP");
	core_wait(&c, 1000);
	proposes(false);
	start(&living); // V4(d): late answers
	core_recover_ok(&c, &(struct recovered){ .from = 0, .i = 1, .bal = 5, .phase = EP_PREACCEPTED, .dep = none, .idep = none, .key = "k" });
	proposes(true);
	start(&living);
	core_recover_ok(&c, &(struct recovered){ .from = 1, .i = 1, .bal = 5, .abal = 2, .phase = EP_ACCEPTED, .dep = none, .key = "k" });
	proposes(false);
	start(&living);
	core_recover_ok(&c, &(struct recovered){ .from = 1, .i = 1, .bal = 5, .phase = EP_COMMITTED, .dep = none, .is_nop = true });
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 2, EP_COMMIT));
	CU_ASSERT_EQUAL(probe_hits("v4d_committed"), 1);
	core_end(&c);
	start(&living); // V4(e): nobody tells, a new ballot
	core_wait(&c, 20ull * 1000000000);
	CU_ASSERT(rec_bal(core_record(&c, 0, 1)) > 5);
	core_end(&c);
}

// More conflicts than a message carries: nothing is concluded from a list that was cut.
static void test_cut(void)
{
	core_start(&c, 5, 2, 0);
	for (uint64_t i = 1; i <= 60; i++)
		core_preaccept(&c, 1, i, 1, NULL, "k");
	validate(4, 0, 1, 5, none, "k");
	CU_ASSERT_EQUAL(conflicts(), EP_CONFLICTS_MAX);
	CU_ASSERT(core_said(&c, 4, EP_VALIDATE_OK)->msg->flags & EP_MSG_SHORT);
	core_end(&c);
}

// A conflict beyond the window exists nowhere: it must not make anybody look for the numbers below it.
static void test_impossible_conflict(void)
{
	start(&(struct ep_wire_conflict){ .i = 1ULL << 40, .col = 3 });
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_WINDOW), 1);
	core_wait(&c, 1000);
	CU_ASSERT_EQUAL(ep_known(c.r, 3), 0);
	core_send(&c, 3); // nor was the answer counted
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_WINDOW), 2);
	core_end(&c);
}

static const struct unit_test tests[] = { { "conflicts", test_conflicts }, { "committed is kept", test_committed_is_kept },
					  { "is remembered", test_is_remembered }, { "refused", test_refused },
					  { "V1 to V3", test_outcomes }, { "late candidate", test_late_candidate }, { "V4", test_waits }, { "cut", test_cut },
					  { "impossible conflict", test_impossible_conflict } };
UNIT_MAIN("validate", tests)
