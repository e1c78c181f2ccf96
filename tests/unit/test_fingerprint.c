// The fingerprint: equal for states with one future, different for states that can differ in what they do.
#include "tests/unit/core.h"

static struct core c, d;
static const uint64_t none[7] = { 0 }, y[7] = { 0, 0, 1 };

static void start_two(uint8_t n, uint8_t self, uint8_t mode)
{
	core_start(&c, n, self, mode);
	core_start(&d, n, self, mode);
}

static void end_two(bool is_equal)
{
	CU_ASSERT_EQUAL(ep_fingerprint(c.r) == ep_fingerprint(d.r), is_equal);
	core_end(&c);
	core_end(&d);
}

// Where things lie and in which order they came is no part of it.
static void test_order_of_arrival(void)
{
	start_two(3, 0, 0);
	core_preaccept(&c, 1, 1, 0, NULL, "j");
	core_preaccept(&c, 2, 1, 0, NULL, "k");
	core_preaccept(&d, 2, 1, 0, NULL, "k");
	core_preaccept(&d, 1, 1, 0, NULL, "j");
	end_two(true);
	start_two(3, 0, 0); // interfering ones: their dependencies tell the order
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	core_preaccept(&c, 2, 1, 0, NULL, "k");
	core_preaccept(&d, 2, 1, 0, NULL, "k");
	core_preaccept(&d, 1, 1, 0, NULL, "k");
	end_two(false);
}

static void test_time(void)
{
	start_two(3, 0, 0);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	core_wait(&d, 1000000);
	core_preaccept(&d, 1, 1, 0, NULL, "k");
	core_preaccept(&d, 1, 1, 0, NULL, "k"); // a duplicate counts, and no more
	end_two(true);
}

// A command leader counts answers; what it has counted decides what it does next.
static void test_tally(void)
{
	start_two(5, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_request(&d, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	core_preaccept_ok(&c, 1, 1, none);
	CU_ASSERT_NOT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	core_preaccept_ok(&d, 1, 1, y); // the same member, another union
	CU_ASSERT_NOT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	core_preaccept_ok(&c, 2, 1, y);
	core_preaccept_ok(&d, 2, 1, none); // one union now, but other members whose answers equal
	end_two(false);
	start_two(5, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_request(&d, EP_CMD_READ, NULL, 1, "k", NULL);
	ep_timer_expire(c.r, &c.host.effects, ep_slot_of(c.r, 0, 1)); // T_fast
	CU_ASSERT_NOT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	ep_timer_expire(d.r, &d.host.effects, ep_slot_of(d.r, 0, 1));
	CU_ASSERT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	ep_timer_expire(d.r, &d.host.effects, ep_slot_of(d.r, 0, 1)); // a resend says nothing new, and waits longer
	end_two(true);
}

static void test_accepted(void)
{
	start_two(5, 0, 0);
	for (struct core *k = &c; k; k = k == &c ? &d : NULL) {
		core_request(k, EP_CMD_READ, NULL, 1, "k", NULL);
		core_preaccept_ok(k, 1, 1, y);
		core_preaccept_ok(k, 2, 1, y);
		core_preaccept_ok(k, 3, 1, y);
		core_preaccept_ok(k, 4, 1, y);
		CU_ASSERT_EQUAL(rec_phase(core_record(k, 0, 1)), EP_ACCEPTED);
	}
	core_ballot(&c, 1, EP_ACCEPT_OK, 0, 1, 0);
	CU_ASSERT_NOT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	core_ballot(&d, 1, EP_ACCEPT_OK, 0, 1, 0);
	end_two(true);
}

// An attempt under way: which answers it has, what they said.
static void test_attempt(void)
{
	start_two(5, 4, 0);
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1));
	CU_ASSERT(ep_recover(d.r, &d.host.effects, 0, 1));
	CU_ASSERT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	ep_recovery_end(d.r, ep_slot_of(d.r, 0, 1)); // the ballot stays, the attempt is void
	CU_ASSERT_NOT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	CU_ASSERT_EQUAL(ep_fingerprint_without(c.r, EP_PRINT_VOLATILE), ep_fingerprint_without(d.r, EP_PRINT_VOLATILE));
	end_two(false);
	start_two(5, 4, 0);
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1));
	CU_ASSERT(ep_recover(d.r, &d.host.effects, 0, 1));
	core_recover_ok(&c, &(struct recovered){ .from = 1, .i = 1, .bal = 5, .dep = none, .idep = NULL });
	CU_ASSERT_NOT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	core_recover_ok(&d, &(struct recovered){ .from = 2, .i = 1, .bal = 5, .dep = none, .idep = NULL });
	CU_ASSERT_NOT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r)); // another member's
	core_recover_ok(&c, &(struct recovered){ .from = 3, .i = 1, .bal = 5, .dep = none, .idep = NULL });
	core_recover_ok(&d, &(struct recovered){ .from = 3, .i = 1, .bal = 5, .dep = none, .idep = NULL });
	CU_ASSERT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r)); // both propose Nop, and who had answered matters no more
	core_ballot(&c, 1, EP_ACCEPT_OK, 0, 1, 5);
	CU_ASSERT_NOT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	core_ballot(&d, 1, EP_ACCEPT_OK, 0, 1, 5);
	end_two(true);
}

// Conflicts that a validation waits for are a set.
static void test_conflicts(void)
{
	const struct ep_wire_conflict list[2] = { { .i = 1, .col = 1 }, { .i = 1, .col = 2 } };
	start_two(5, 4, 0);
	for (struct core *k = &c; k; k = k == &c ? &d : NULL) {
		CU_ASSERT(ep_recover(k->r, &k->host.effects, 0, 1));
		core_recover_ok(k, &(struct recovered){ .from = 1, .i = 1, .bal = 5, .phase = EP_PREACCEPTED, .dep = none, .idep = none, .key = "k" });
		core_recover_ok(k, &(struct recovered){ .from = 2, .i = 1, .bal = 5, .dep = none });
		for (uint8_t from = 1; from <= 2; from++) {
			uint8_t *body = core_begin(k, from, EP_VALIDATE_OK, 0, 0, 1, 0, 8 + sizeof list[0]);
			ep_store64(body, 5);
			memcpy(body + 8, &list[k == &c ? from - 1 : 2 - from], sizeof list[0]);
			core_send(k, from);
		}
		CU_ASSERT_EQUAL(ep_recovery_at(k->r, ep_slot_of(k->r, 0, 1))->state, EP_REC_DEPS);
	}
	end_two(true);
}

// Ballots of a committed instance lead to nothing any more; its value does.
static void test_committed(void)
{
	start_two(3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, none, "k");
	core_value(&d, 2, EP_COMMIT, 1, 1, 6, none, "k");
	end_two(true);
	start_two(3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, none, "k");
	core_value(&d, 1, EP_COMMIT, 1, 1, 0, none, "NOP");
	end_two(false);
	start_two(3, 0, 0);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, none, "k");
	core_value(&d, 1, EP_COMMIT, 1, 1, 0, y, "k");
	end_two(false);
}

static void check_part(uint32_t part)
{
	CU_ASSERT_NOT_EQUAL(ep_fingerprint(c.r), ep_fingerprint(d.r));
	CU_ASSERT_NOT_EQUAL(ep_fingerprint_without(c.r, 31 & ~part), ep_fingerprint_without(d.r, 31 & ~part));
	CU_ASSERT_EQUAL(ep_fingerprint_without(c.r, part), ep_fingerprint_without(d.r, part));
	core_end(&c);
	core_end(&d);
}

// Each part can be left out, and leaves out no more.
static void test_parts(void)
{
	start_two(3, 0, 0);
	c.r->clock = 9;
	check_part(EP_PRINT_CLOCK);
	start_two(3, 0, 0);
	ep_window_note(c.r, 1, 7);
	check_part(EP_PRINT_KNOWN);
	start_two(3, 0, 0);
	core_ballot(&c, 1, EP_NACK, 2, 1, 7);
	core_ballot(&d, 1, EP_NACK, 2, 1, 4);
	check_part(EP_PRINT_NACKED);
	start_two(3, 0, 0);
	for (struct core *k = &c; k; k = k == &c ? &d : NULL)
		core_value(k, 1, EP_COMMIT, 1, 1, 0, none, "k");
	ep_window_report(c.r, 2, (uint64_t[7]){ 0, 1 });
	check_part(EP_PRINT_REPORTED);
	start_two(5, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_request(&d, EP_CMD_READ, NULL, 1, "k", NULL);
	core_preaccept_ok(&c, 1, 1, none);
	check_part(EP_PRINT_VOLATILE);
}

// A suspicion changes what an answer leads to.
static void test_suspicion(void)
{
	start_two(3, 0, 0);
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_SUSPECT, .member = 1 }, &c.host.effects);
	end_two(false);
}

static void test_restart(void)
{
	core_start(&c, 3, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	core_value(&c, 2, EP_ACCEPT, 2, 1, 3, none, "k");
	uint64_t whole = ep_fingerprint(c.r), durable = ep_fingerprint_without(c.r, EP_PRINT_VOLATILE);
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	CU_ASSERT_NOT_EQUAL(ep_fingerprint(c.r), whole); // its client is forgotten, T_fast does not wait
	CU_ASSERT_EQUAL(ep_fingerprint_without(c.r, EP_PRINT_VOLATILE), durable);
	core_end(&c);
}

// Without its volatile part: what a killed process would have forgotten counts for nothing, whoever still waits for what.
static void test_without_volatile(void)
{
	struct ep_source source = { .member = EP_CLIENT };
	core_start(&c, 1, 0, 0);
	core_start(&d, 1, 0, 0);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_request(&d, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT_EQUAL(ep_fingerprint_without(c.r, EP_PRINT_VOLATILE), ep_fingerprint_without(d.r, EP_PRINT_VOLATILE));
	host_receive(&c.host, c.now, &source, c.out, c.out_len); // staged, and no more
	CU_ASSERT_EQUAL(ep_fingerprint_without(c.r, EP_PRINT_VOLATILE), ep_fingerprint_without(d.r, EP_PRINT_VOLATILE));
	end_two(false);
}

static const struct unit_test tests[] = { { "order of arrival", test_order_of_arrival }, { "time", test_time }, { "tally", test_tally },
					  { "accepted", test_accepted }, { "attempt", test_attempt }, { "conflicts", test_conflicts },
					  { "committed", test_committed }, { "parts", test_parts }, { "suspicion", test_suspicion },
					  { "restart", test_restart }, { "without volatile", test_without_volatile } };
UNIT_MAIN("fingerprint", tests)
