// SUBMIT: numbers, dependencies, the designated peer, and who is refused.
#include "consensus/window.h"
#include "tests/unit/core.h"

static struct core c;

static void test_preaccepts(void)
{
	uint64_t deps[EP_MEMBERS_MAX] = { 1, 4, 0 };
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 1, 4, 0, NULL, "k");
	core_forget(&c);
	core_request(&c, EP_CMD_READ, NULL, 1, "other", NULL);
	CU_ASSERT(core_deps_are(&c, core_said(&c, 1, EP_PREACCEPT), (uint64_t[]){ 0, 0, 0 }));
	core_request(&c, EP_CMD_READ, NULL, 2, "k", NULL);
	deps[0] = 0;
	CU_ASSERT(core_deps_are(&c, core_said(&c, 1, EP_PREACCEPT), deps));
	CU_ASSERT(core_deps_are(&c, core_said(&c, 2, EP_PREACCEPT), deps));
	CU_ASSERT_EQUAL(core_record(&c, 0, 2)->seq, core_record(&c, 1, 4)->seq + 2); // Lamport: above all that was seen
	CU_ASSERT_EQUAL(core_said(&c, 1, EP_PREACCEPT)->msg->i, 2);
	core_end(&c);
}

// Who answers fastest is designated; a suspect, or one that missed three in a row, only when there is no other.
static void test_designated(void)
{
	core_start(&c, 3, 0, 0);
	c.r->peers[1].heard = c.r->peers[2].heard = c.now;
	c.r->peers[1].srtt = 2000;
	c.r->peers[2].srtt = 1000;
	core_request(&c, EP_CMD_READ, NULL, 1, "a", NULL);
	CU_ASSERT_EQUAL(core_record(&c, 0, 1)->fq, 2);
	c.r->peers[2].misses = EP_MISSES_MAX;
	core_request(&c, EP_CMD_READ, NULL, 2, "b", NULL);
	CU_ASSERT_EQUAL(core_record(&c, 0, 2)->fq, 1);
	ep_control(c.r, c.now, &(struct ep_command){ .type = EP_SUSPECT, .member = 1 }, &c.host.effects);
	core_request(&c, EP_CMD_READ, NULL, 3, "c", NULL);
	CU_ASSERT_EQUAL(core_record(&c, 0, 3)->fq, 2);
	c.r->peers[2].misses = 0;
	core_request(&c, EP_CMD_READ, NULL, 4, "d", NULL);
	CU_ASSERT_EQUAL(core_record(&c, 0, 4)->fq, 2);
	CU_ASSERT_EQUAL(core_record(&c, 0, 1)->fq, 2); // never changes
	core_end(&c);
}

static void test_busy(void)
{
	core_start(&c, 3, 0, 0);
	for (uint64_t k = 1; k <= 32; k++)
		core_request(&c, EP_CMD_READ, NULL, k, "k", NULL);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_BUSY), 0);
	core_request(&c, EP_CMD_READ, NULL, 33, "k", NULL);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, EP_CLIENT, EP_C_BUSY));
	CU_ASSERT_EQUAL(c.r->counters.busy_own, 1);
	CU_ASSERT_EQUAL(ep_known(c.r, 0), 32); // a refused request takes no number: nobody would ever execute it
	core_end(&c);
}

// The window is full before its reserve begins: 64 of 128 numbers, when a member executes nothing. What is in flight then still ends, and
// with the member's report there is room again.
static void test_window_full(void)
{
	uint64_t silent[EP_MEMBERS_MAX] = { 0 }, prefix[3] = { 64, 0, 0 };
	core_start(&c, 3, 0, 0);
	for (uint64_t k = 1; k <= 64; k++) {
		core_request(&c, EP_CMD_READ, NULL, k, "k", NULL);
		if (k <= 60) // four stay in flight
			core_preaccept_ok(&c, core_record(&c, 0, k)->fq, k, silent);
		CU_ASSERT_EQUAL(core_count(&c, EP_C_BUSY), 0);
	}
	core_request(&c, EP_CMD_READ, NULL, 65, "k", NULL);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_BUSY), 1);
	CU_ASSERT_EQUAL(c.r->counters.busy_window, 1);
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 0), 60);
	for (uint64_t k = 61; k <= 64; k++)
		core_preaccept_ok(&c, core_record(&c, 0, k)->fq, k, silent);
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 0), 64);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_REPLY), 64);
	for (uint8_t from = 1; from < 3; from++) {
		core_request(&c, EP_CMD_READ, NULL, 65 + from, "k", NULL);
		CU_ASSERT_EQUAL(c.r->counters.busy_window, 1u + from); // until both have executed it
		uint8_t *body = core_begin(&c, from, EP_STATUS, 0, 0, 0, 0, 3 * sizeof prefix);
		for (uint32_t part = 0; part < 2; part++)
			memcpy(body + part * sizeof prefix, prefix, sizeof prefix);
		core_send(&c, from);
	}
	core_forget(&c);
	core_request(&c, EP_CMD_READ, NULL, 70, "k", NULL);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_PREACCEPT));
	CU_ASSERT_EQUAL(c.r->counters.busy_window, 3);
	core_end(&c);
}

// Numbers have an end, and nothing wraps there: clients get BUSY, and a member with a new uuid has to take its place.
static void test_last_number(void)
{
	struct ep_config config = core_config(1, 0, 0);
	config.first = EP_NUMBER_MAX - (1ULL << 32);
	core_start_with(&c, &config);
	c.r->next_i = EP_NUMBER_MAX - 1;
	c.r->columns[0].stable = c.r->columns[0].agreed = c.r->columns[0].exec_prefix = c.r->columns[0].known = EP_NUMBER_MAX - 2;
	for (ep_slot slot = 0; slot < config.window; slot += 32)
		*ep_executed_word(c.r, slot) = ep_word_pair(UINT32_MAX); // of an odd lap nothing is executed
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_REPLY), 1);
	core_request(&c, EP_CMD_READ, NULL, 2, "k", NULL);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_BUSY), 1);
	core_end(&c);
	core_start(&c, 1, 0, 0);
	c.r->clock = EP_NUMBER_MAX - 2;
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT_EQUAL(core_record(&c, 0, 1)->seq, EP_NUMBER_MAX - 1);
	core_request(&c, EP_CMD_READ, NULL, 2, "k", NULL);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_BUSY), 1);
	CU_ASSERT_EQUAL(c.r->clock, EP_NUMBER_MAX - 1);
	core_end(&c);
}

// EX5: room is decided here, never at execution.
static void test_room(void)
{
	struct ep_config config = core_config(3, 0, 0);
	config.cost_max = 8;
	config.app_capacity = 64;
	core_start_with(&c, &config);
	static char value[900];
	memset(value, 'v', sizeof value - 1);
	struct ep_session_id session = { .i = 1, .epoch = 1 };
	core_request(&c, EP_CMD_UPDATE, &session, 1, "k", value);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, EP_CLIENT, EP_C_BUSY));
	CU_ASSERT_EQUAL(c.r->counters.busy_room, 1);
	CU_ASSERT_EQUAL(ep_known(c.r, 0), 0);
	core_end(&c);
}

// What only frees is let into a full store, which has room again by it.
static void test_room_by_deleting(void)
{
	struct ep_config config = core_config(1, 0, 0);
	config.cost_max = 60;
	config.app_capacity = 130;
	core_start_with(&c, &config);
	struct ep_session_id session = core_open(&c);
	char key[16];
	uint64_t seq = 0, puts = 0;
	while (c.r->counters.busy_room == 0 && puts < 50) {
		snprintf(key, sizeof key, "key%u", (unsigned)++puts);
		core_request(&c, EP_CMD_UPDATE, &session, ++seq, key, "v");
	}
	CU_ASSERT_EQUAL(c.r->counters.busy_room, 1);
	uint64_t full = pnyx_app_used(ep_at(c.r, c.r->at_app));
	CU_ASSERT(full > 0);
	core_forget(&c);
	core_request(&c, EP_CMD_UPDATE, &session, seq, "key1", NULL);
	const struct said *s = core_said(&c, EP_CLIENT, EP_C_REPLY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(((const struct ep_wire_reply *)(s->msg + 1))->status, EP_OK);
	CU_ASSERT(pnyx_app_used(ep_at(c.r, c.r->at_app)) < full);
	core_request(&c, EP_CMD_UPDATE, &session, seq + 1, "again", "v");
	CU_ASSERT_EQUAL(c.r->counters.busy_room, 1);
	core_end(&c);
}

// A number that others have decided Nop before it was used here is passed over.
static void test_taken(void)
{
	core_start(&c, 3, 0, 0);
	core_value(&c, 2, EP_ACCEPT, 0, 1, 3, NULL, "NOP");
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT_EQUAL(core_said(&c, 1, EP_PREACCEPT)->msg->i, 2);
	CU_ASSERT(rec_is_nop(core_record(&c, 0, 1)));
	core_end(&c);
}

static void test_alone(void)
{
	core_start(&c, 1, 0, 0);
	struct ep_session_id session = core_open(&c);
	core_request(&c, EP_CMD_UPDATE, &session, 1, "k", "v");
	const struct said *s = core_said(&c, EP_CLIENT, EP_C_REPLY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(((const struct ep_wire_reply *)(s->msg + 1))->status, EP_OK);
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 0), 2);
	core_end(&c);
}

// A peer that was never heard from since the start may be dead: not while another is known to live, measured or not.
static void test_never_heard(void)
{
	core_start(&c, 3, 0, EP_MODE_D);
	c.r->peers[2].heard = c.now;
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT_EQUAL(core_record(&c, 0, 1)->fq, 2);
	c.r->peers[2].srtt = 1000;
	core_request(&c, EP_CMD_READ, NULL, 2, "k", NULL);
	CU_ASSERT_EQUAL(core_record(&c, 0, 2)->fq, 2);
	c.r->peers[1].heard = c.now; // it lives; how fast it is is not known
	core_request(&c, EP_CMD_READ, NULL, 3, "k", NULL);
	CU_ASSERT_EQUAL(core_record(&c, 0, 3)->fq, 2);
	c.r->peers[1].srtt = 500;
	core_request(&c, EP_CMD_READ, NULL, 4, "k", NULL);
	CU_ASSERT_EQUAL(core_record(&c, 0, 4)->fq, 1);
	core_end(&c);
}

static const struct unit_test tests[] = { { "PreAccept", test_preaccepts }, { "designated peer", test_designated },
	{ "never heard from", test_never_heard }, { "busy", test_busy },
					  { "window", test_window_full }, { "last number", test_last_number },
					  { "room", test_room },
					  { "room by deleting", test_room_by_deleting }, { "taken", test_taken }, { "alone", test_alone } };
UNIT_MAIN("submit", tests)
