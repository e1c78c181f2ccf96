// Hello: nothing is voted for before SLOW members have confirmed that the arena forgot nothing.
#include <stdlib.h>
#include "consensus/hello.h"
#include "tests/unit/core.h"

static struct core c;

static void start(uint8_t n, uint8_t hello)
{
	struct ep_config config = core_config(n, 0, EP_MODE_AUTO);
	config.hello = hello;
	core_start_with(&c, &config);
}

static void answer(uint8_t from, uint64_t votes, uint64_t highest, uint32_t started)
{
	struct ep_wire_hello body = { .votes = votes, .highest = highest, .start = started };
	memcpy(core_begin(&c, from, EP_HELLO_OK, 0, 0, 0, 0, sizeof body), &body, sizeof body);
	core_send(&c, from);
}

static void restart(void)
{
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	core_wait(&c, 1);
}

static void test_fresh(void)
{
	start(3, EP_HELLO_ATTACHED); // a new cluster's: believed
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_MEMBER);
	core_end(&c);
	start(3, EP_HELLO_ALWAYS);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_ASKING);
	answer(1, 0, 0, 1);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_MEMBER);
	core_end(&c);
	start(1, EP_HELLO_ALWAYS); // alone: its own word is a quorum
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_MEMBER);
	core_end(&c);
}

// The state was lost, and somebody started the member empty: whoever remembers it says so.
static void test_fresh_in_an_old_cluster(void)
{
	start(3, EP_HELLO_ALWAYS);
	answer(2, 17, 4, 1);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_DEAD);
	core_end(&c);
}

static void test_slow_members_must_answer(void)
{
	start(5, EP_HELLO_ATTACHED);
	restart();
	CU_ASSERT_EQUAL(core_count(&c, EP_HELLO), 4);
	answer(1, 0, 0, 2);
	answer(1, 0, 0, 2); // twice is once
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_ASKING);
	core_forget(&c);
	core_wait(&c, 300000);
	CU_ASSERT_EQUAL(core_count(&c, EP_HELLO), 3); // again, to those that were silent
	answer(4, 0, 0, 2);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_MEMBER);
	core_forget(&c);
	core_wait(&c, 300000);
	CU_ASSERT_EQUAL(core_count(&c, EP_HELLO), 0);
	core_end(&c);
}

// While asking: no vote, no command, no recovery; commits are learned and told.
static void test_asking(void)
{
	start(3, EP_HELLO_ATTACHED);
	core_preaccept(&c, 1, 1, 0, NULL, "a");
	core_request(&c, EP_CMD_READ, NULL, 1, "a", NULL);
	restart();
	uint64_t votes = c.r->votes;
	core_forget(&c);
	core_preaccept(&c, 1, 2, 0, NULL, "b");
	core_preaccept(&c, 1, 1, 0, NULL, "a"); // the promise was made, but is it the last one?
	core_value(&c, 1, EP_ACCEPT, 1, 3, 0, NULL, "c");
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 3);
	core_preaccept_ok(&c, 1, 1, (uint64_t[]){ 0, 1, 0 });
	core_request(&c, EP_CMD_READ, NULL, 2, "a", NULL);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_ROLE), 5);
	CU_ASSERT_EQUAL(core_count(&c, EP_PREACCEPT_OK) + core_count(&c, EP_ACCEPT_OK) + core_count(&c, EP_RECOVER_OK), 0);
	CU_ASSERT_EQUAL(core_count(&c, EP_COMMIT), 0);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_BUSY), 1);
	CU_ASSERT_EQUAL(c.r->counters.busy_asking, 1);
	core_wait(&c, 10000000000);
	CU_ASSERT_EQUAL(core_count(&c, EP_PREACCEPT) + core_count(&c, EP_RECOVER), 0);
	CU_ASSERT_EQUAL(c.r->votes, votes);

	core_forget(&c);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "a");
	CU_ASSERT(ep_is_executed(c.r, 1, 1));
	ep_store64(core_begin(&c, 2, EP_FETCH, 0, 1, 1, 0, 8), 1);
	core_send(&c, 2);
	CU_ASSERT_EQUAL(core_count(&c, EP_COMMIT), 1);
	core_forget(&c);
	ep_store64(core_begin(&c, 2, EP_FETCH, 0, 0, 1, 0, 8), 1); // the own open one: not told yet
	core_send(&c, 2);
	CU_ASSERT_EQUAL(core_count(&c, EP_PREACCEPT) + core_count(&c, EP_PENDING), 0);

	answer(2, votes, 1, 2);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_MEMBER);
	core_wait(&c, 1000000);
	CU_ASSERT(core_count(&c, EP_PREACCEPT) >= 2); // and drives its own
	core_end(&c);
}

// Each of the three numbers alone gives a copy away. An answer to an earlier start's Hello says nothing.
static void test_rolled_back(void)
{
	struct {
		uint64_t votes, highest;
		uint32_t start;
		enum ep_standing standing;
	} cases[] = {
		{ 1, 1, 2, EP_STANDING_MEMBER }, { 2, 1, 2, EP_STANDING_DEAD },  { 1, 2, 2, EP_STANDING_DEAD },
		{ 1, 1, 3, EP_STANDING_DEAD },   { 9, 9, 1, EP_STANDING_ASKING },
	};
	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		start(3, EP_HELLO_ATTACHED);
		core_request(&c, EP_CMD_READ, NULL, 1, "a", NULL); // one vote, one own instance
		restart();
		answer(1, cases[k].votes, cases[k].highest, cases[k].start);
		CU_ASSERT_EQUAL(ep_standing(c.r), cases[k].standing);
		core_end(&c);
	}
}

// A real copy: saved, the replica goes on, the copy comes back.
static void test_copy_of_an_arena(void)
{
	start(3, EP_HELLO_ATTACHED);
	core_preaccept(&c, 1, 1, 0, NULL, "a");
	void *saved = malloc(c.host.arena_bytes);
	memcpy(saved, c.host.arena, c.host.arena_bytes);
	core_preaccept(&c, 1, 2, 0, NULL, "b"); // a promise that the copy does not hold
	uint64_t told = c.r->votes;
	memcpy(c.host.arena, saved, c.host.arena_bytes);
	free(saved);
	restart();
	answer(1, told, 0, 2);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_DEAD);
	struct ep_refutation why = ep_refutation(c.r);
	CU_ASSERT_EQUAL(why.by, 1);
	CU_ASSERT_EQUAL(why.seen.votes, told);
	CU_ASSERT_EQUAL(why.known.votes, told - 1);
	core_forget(&c);
	CU_ASSERT_EQUAL(ep_deadline(c.r), EP_NEVER);
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 3);
	core_request(&c, EP_CMD_READ, NULL, 2, "a", NULL);
	ep_tick(c.r, c.now + 1000000000, &c.host.effects);
	CU_ASSERT_EQUAL(c.said_count, 0); // not one more word
	host_kill(&c.host);
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_ROLLED_BACK); // and never again
	core_end(&c);
}

// What a peer is told: the highest votes of its frames, its highest instance, its highest start.
static void test_answer(void)
{
	start(3, EP_HELLO_ATTACHED);
	core_preaccept(&c, 1, 7, 0, NULL, "a");
	struct ep_wire_hello body = { .start = 5 }, seen;
	for (uint32_t votes = 30; votes > 0; votes -= 10) { // the highest came first
		memcpy(core_begin(&c, 1, EP_HELLO, 0, 0, 0, 0, sizeof body), &body, sizeof body);
		((struct ep_wire_header *)(void *)c.out)->votes = votes;
		((struct ep_wire_header *)(void *)c.out)->start = 5;
		core_send(&c, 1);
	}
	memcpy(&seen, core_said(&c, 1, EP_HELLO_OK)->msg + 1, sizeof seen);
	CU_ASSERT_EQUAL(seen.votes, 30);
	CU_ASSERT_EQUAL(seen.highest, 7);
	CU_ASSERT_EQUAL(seen.start, 5);
	restart(); // one that asks itself answers too, and has not forgotten what it saw
	core_forget(&c);
	body.start = 4;
	memcpy(core_begin(&c, 1, EP_HELLO, 0, 0, 0, 0, sizeof body), &body, sizeof body);
	core_send(&c, 1);
	CU_ASSERT_EQUAL(core_count(&c, EP_HELLO_OK), 1);
	memcpy(&seen, core_said(&c, 1, EP_HELLO_OK)->msg + 1, sizeof seen);
	CU_ASSERT_EQUAL(seen.votes, 30);
	CU_ASSERT_EQUAL(seen.highest, 7);
	CU_ASSERT_EQUAL(seen.start, 5);
	core_end(&c);
}

static const struct unit_test tests[] = {
	{ "fresh", test_fresh },
	{ "fresh in an old cluster", test_fresh_in_an_old_cluster },
	{ "SLOW members must answer", test_slow_members_must_answer },
	{ "asking", test_asking },
	{ "rolled back", test_rolled_back },
	{ "copy of an arena", test_copy_of_an_arena },
	{ "answer", test_answer },
};
UNIT_MAIN("hello", tests)
