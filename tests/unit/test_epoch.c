// The end of an epoch, and the beginning of the next (protocol.md F.1), rule by rule.
#include <setjmp.h>
#include <stdlib.h>
#include "consensus/arena.h"
#include "consensus/epoch.h"
#include "tests/sim/probe.h"
#include "tests/unit/ending.h"

static struct core c, next;
static const struct ep_wire_command *reconfig(uint8_t members)
{
	static uint8_t bytes[EP_RECONFIG_MAX];
	core_reconfig(members, bytes);
	return (const void *)bytes;
}

static enum ep_proposal propose(const struct ep_wire_command *command)
{
	enum ep_proposal verdict = ep_propose(c.r, c.now, command, &c.host.effects);
	core_wait(&c, 1);
	return verdict;
}

// It depends on everything that was heard of, and goes alone.
static void test_propose(void)
{
	core_start(&c, 3, 0, EP_MODE_AUTO);
	ending_serve(&c);
	core_preaccept(&c, 2, 1, 0, NULL, "other");
	core_forget(&c);
	CU_ASSERT_EQUAL(propose(reconfig(2)), EP_PROPOSED);
	const struct said *s = core_said(&c, 1, EP_PREACCEPT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT(core_deps_are(&c, s, (uint64_t[]){ 0, 2, 1 }));
	const uint8_t *payload = ep_peek(c.r, 0, 1).payload;
	CU_ASSERT_EQUAL(((const struct ep_wire_payload *)(const void *)payload)->count, 1);
	core_request(&c, EP_CMD_READ, NULL, 7, "anything", NULL); // what comes later comes after it
	CU_ASSERT(ep_peek(c.r, 0, 2).dep[0] == 1);
	core_end(&c);
}

static void test_propose_refused(void)
{
	uint8_t bytes[EP_RECONFIG_MAX];
	struct ep_wire_command *command = (void *)bytes;
	struct ep_wire_reconfig *list = (void *)(command + 1);
	struct ep_wire_new_member *members = (void *)(list + 1);
	core_start(&c, 3, 0, EP_MODE_AUTO);
	core_reconfig(3, bytes);
	list->epoch = 2; // of an epoch that is not this one
	CU_ASSERT_EQUAL(propose(command), EP_PROPOSAL_BAD);
	core_reconfig(3, bytes);
	list->mode = EP_MODE_D;
	CU_ASSERT_EQUAL(propose(command), EP_PROPOSED); // three may have designated peers,
	core_reconfig(4, bytes);
	list->mode = EP_MODE_D;
	CU_ASSERT_EQUAL(propose(command), EP_PROPOSAL_BAD); // four may not
	core_reconfig(3, bytes);
	memcpy(members[2].uuid, members[0].uuid, 16); // one member twice
	CU_ASSERT_EQUAL(propose(command), EP_PROPOSAL_BAD);
	core_reconfig(3, bytes);
	memcpy(members[2].ip, members[0].ip, 4); // one address twice
	CU_ASSERT_EQUAL(propose(command), EP_PROPOSAL_BAD);
	core_reconfig(3, bytes);
	memset(members[1].uuid, 0, 16);
	CU_ASSERT_EQUAL(propose(command), EP_PROPOSAL_BAD);
	core_reconfig(3, bytes);
	list->n = 2; // fewer than there are
	CU_ASSERT_EQUAL(propose(command), EP_PROPOSAL_BAD);
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	core_end(&c);
	struct ep_config config = core_config(3, 0, EP_MODE_AUTO);
	config.hello = EP_HELLO_ALWAYS;
	core_start_with(&c, &config);
	CU_ASSERT_EQUAL(propose(reconfig(2)), EP_PROPOSAL_LATE); // it asks its peers first
	core_end(&c);
}

// E.0: a full window must be curable, and so must a member with all its own commands in flight.
static void test_reserve(void)
{
	core_start(&c, 3, 0, EP_MODE_AUTO);
	for (uint64_t k = 0; k < 40; k++)
		core_request(&c, EP_CMD_READ, NULL, k, "k", NULL);
	CU_ASSERT(c.r->counters.busy_own > 0);
	CU_ASSERT_EQUAL(propose(reconfig(2)), EP_PROPOSED);
	CU_ASSERT_PTR_NOT_NULL(core_record(&c, 0, 33));
	core_end(&c);
	core_start(&c, 1, 0, EP_MODE_AUTO);
	c.r->next_i = 65; // as if the rest of the window were in use
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	CU_ASSERT_EQUAL(c.r->counters.busy_window, 1);
	CU_ASSERT_EQUAL(propose(reconfig(1)), EP_PROPOSED);
	core_end(&c);
}

static void freeze(uint8_t members)
{
	core_start(&c, 3, 0, EP_MODE_AUTO);
	ending_serve(&c);
	core_forget(&c);
	ending_reconfig(&c, 2, 1, 9, (uint64_t[]){ 0, 2, 0 }, members);
	CU_ASSERT_EQUAL_FATAL(ep_standing(c.r), EP_STANDING_FROZEN);
}

// FROZEN: what is committed is told, whoever is behind hears of it, and nothing is voted for.
static void test_frozen(void)
{
	freeze(2);
	uint64_t votes = c.r->votes, executed = c.r->executed_count;
	core_preaccept(&c, 1, 3, 0, NULL, "x");
	core_value(&c, 1, EP_ACCEPT, 1, 3, 0, NULL, "x");
	core_ballot(&c, 1, EP_RECOVER, 1, 2, 3);
	core_value(&c, 1, EP_COMMIT, 1, 3, 0, NULL, "x");
	CU_ASSERT_EQUAL(c.r->votes, votes);
	CU_ASSERT_EQUAL(core_count(&c, EP_PREACCEPT_OK) + core_count(&c, EP_ACCEPT_OK) + core_count(&c, EP_RECOVER_OK), 0);
	CU_ASSERT_PTR_NULL(core_record(&c, 1, 3)); // not even a fact is learned any more
	CU_ASSERT_EQUAL(c.r->executed_count, executed);
	CU_ASSERT_EQUAL(propose(reconfig(2)), EP_PROPOSAL_LATE);
	core_forget(&c);
	ep_store64(core_begin(&c, 1, EP_FETCH, 0, 2, 1, 0, 8), 1);
	core_send(&c, 1);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_COMMIT));
	ep_store64(core_begin(&c, 1, EP_FETCH, 0, 2, 1 + c.r->config.window, 0, 8), 1 + c.r->config.window);
	core_send(&c, 1); // nobody is far enough to have that number: what ended the epoch stays
	CU_ASSERT_PTR_NOT_NULL(core_record(&c, 2, 1));
	core_begin(&c, 1, EP_HELLO, 0, 0, 0, 0, sizeof(struct ep_wire_hello));
	core_send(&c, 1);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_HELLO_OK));
	core_forget(&c);
	c.now += c.r->config.status_ns; // as often as a member tells it
	core_wait(&c, 1);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_STATUS));
	core_end(&c);
}

// What is not in RECONFIG's closure is void, also when it already stands in the queue behind it; its client is told to ask again.
static void test_void(void)
{
	core_start(&c, 3, 0, EP_MODE_AUTO);
	ending_serve(&c);
	core_request(&c, EP_CMD_READ, NULL, 77, "k", NULL);        // (0,1), not decided
	ending_update(&c, 1, 3, 20, (uint64_t[]){ 0, 2, 1 }, 2, "void"); // depends on (2,1)
	CU_ASSERT_EQUAL(c.r->executed_count, 2);
	core_forget(&c);
	ending_reconfig(&c, 2, 1, 9, (uint64_t[]){ 0, 2, 0 }, 2);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_FROZEN);
	CU_ASSERT_EQUAL(c.r->executed_count, 3);
	CU_ASSERT_EQUAL(ep_session_find(c.r, &ending_session)->last, 1);
	const struct said *moved = core_said(&c, EP_CLIENT, EP_C_WRONG_EPOCH);
	CU_ASSERT_PTR_NOT_NULL_FATAL(moved);
	CU_ASSERT_EQUAL(moved->msg->i, 77);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_WRONG_EPOCH), 1);
	core_end(&c);
}

// EX2: last in its component, whatever its sequence number is.
static void test_last_in_its_component(void)
{
	core_start(&c, 3, 0, EP_MODE_AUTO);
	ending_serve(&c);
	ending_update(&c, 1, 3, 500, (uint64_t[]){ 0, 2, 1 }, 2, "late");
	ending_reconfig(&c, 2, 1, 9, (uint64_t[]){ 0, 3, 0 }, 2);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_FROZEN);
	CU_ASSERT_EQUAL(ep_session_find(c.r, &ending_session)->last, 2);
	core_end(&c);
}

// The first that is executed wins; the other one is void.
static void test_two_race(void)
{
	struct ep_handover h;
	core_start(&c, 3, 0, EP_MODE_AUTO);
	ending_reconfig(&c, 1, 1, 6, (uint64_t[]){ 0, 0, 1 }, 2);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_MEMBER);
	CU_ASSERT_FALSE(ep_handover(c.r, &h));
	ending_reconfig(&c, 2, 1, 5, (uint64_t[]){ 0, 1, 0 }, 4); // a component of both: seq decides
	CU_ASSERT_TRUE_FATAL(ep_handover(c.r, &h));
	CU_ASSERT_EQUAL(h.next.n, 4);
	CU_ASSERT_EQUAL(h.next.epoch, 2);
	CU_ASSERT_EQUAL(c.r->executed_count, 1);
	core_end(&c);
}

static struct ep_config config_after(const struct core *at, const struct ep_handover *h)
{
	struct ep_config config = at->host.config;
	CU_ASSERT_TRUE_FATAL(ep_config_follow(&config, &h->next));
	return config;
}

// Makes `next` from the frozen core `c`.
static enum ep_attach follow(const struct ep_config *config, const struct ep_handover *h, bool is_foreign)
{
	struct core fresh = { .now = c.now };
	next = fresh;
	host_room(&next.host, config, HOST_FRAMES_MAX);
	next.host.sent = c.host.sent;
	next.host.owner = &next;
	enum ep_attach verdict = ep_epoch_begin(next.host.arena, next.host.arena_bytes, config, h, &next.r);
	if (verdict != EP_ATTACH_OK)
		return verdict;
	memcpy(ep_state(next.r).at, ep_state(c.r).at, h->bytes);
	next.host.replica = next.r;
	return ep_epoch_finish(next.r, h, is_foreign);
}

static void hello_from(uint8_t from, uint64_t votes)
{
	struct ep_wire_hello body = { .votes = votes, .start = 1 };
	memcpy(core_begin(&next, from, EP_HELLO_OK, 0, 0, 0, 0, sizeof body), &body, sizeof body);
	core_send(&next, from);
}

// The next epoch begins with the state, and is open when SLOW of its members hold it.
static void test_next(void)
{
	struct ep_handover h;
	struct ep_wire_digest before, after;
	freeze(4);
	CU_ASSERT_TRUE_FATAL(ep_handover(c.r, &h));
	struct ep_config config = config_after(&c, &h);
	CU_ASSERT_EQUAL(config.n, 4);
	CU_ASSERT_EQUAL_FATAL(follow(&config, &h, false), EP_ATTACH_OK);
	CU_ASSERT_NOT_EQUAL(next.r->config_hash, c.r->config_hash);
	ep_digest_now(c.r, &before);
	ep_digest_now(next.r, &after);
	CU_ASSERT_EQUAL(before.application, after.application);
	CU_ASSERT_EQUAL(before.sessions, after.sessions);
	CU_ASSERT_EQUAL(after.executed, 0);
	core_wait(&next, 1);
	CU_ASSERT_EQUAL(core_count(&next, EP_HELLO), 3);
	core_preaccept(&next, 1, 1, 0, NULL, "x");
	CU_ASSERT_EQUAL(core_count(&next, EP_PREACCEPT_OK), 0); // ready, not open
	core_request(&next, EP_CMD_UPDATE, &ending_session, 2, "k", "w");
	CU_ASSERT_PTR_NOT_NULL(core_said(&next, EP_CLIENT, EP_C_BUSY));
	CU_ASSERT_FALSE(ep_all_heard(next.r));
	hello_from(1, 0);
	CU_ASSERT_EQUAL(ep_standing(next.r), EP_STANDING_ASKING);
	hello_from(2, 0);
	CU_ASSERT_EQUAL(ep_standing(next.r), EP_STANDING_MEMBER); // three of four
	CU_ASSERT_FALSE(ep_all_heard(next.r));
	core_forget(&next);
	core_request(&next, EP_CMD_UPDATE, &ending_session, 1, "k", "v"); // what epoch 1 has executed is answered from the table
	CU_ASSERT_PTR_NOT_NULL(core_said(&next, EP_CLIENT, EP_C_REPLY));
	CU_ASSERT_EQUAL(next.r->counters.kept_replies, 1);
	hello_from(3, 0); // late, and heard all the same
	CU_ASSERT(ep_all_heard(next.r));
	core_end(&next);
	core_end(&c);
}

static void test_next_refused(void)
{
	struct ep_handover h, other;
	freeze(3);
	CU_ASSERT_TRUE_FATAL(ep_handover(c.r, &h));
	struct ep_config config = config_after(&c, &h);
	other = h;
	other.next.epoch = 3;
	CU_ASSERT_EQUAL(follow(&config, &other, true), EP_ATTACH_CLUSTER);
	core_end(&next);
	other = h;
	other.next.chain ^= 1;
	CU_ASSERT_EQUAL(follow(&config, &other, true), EP_ATTACH_CLUSTER);
	core_end(&next);
	other = h;
	other.bytes -= 64;
	CU_ASSERT_EQUAL(follow(&config, &other, true), EP_ATTACH_SIZES);
	core_end(&next);
	other = h;
	other.sessions++;
	CU_ASSERT_EQUAL(follow(&config, &other, true), EP_ATTACH_SESSIONS);
	core_end(&next);
	uint8_t *at = ep_at(c.r, c.r->at_app), *end = ep_state(c.r).at + h.bytes;
	while (at < end && memcmp(at, "kv", 2) != 0) // key and value, as the item holds them
		at++;
	CU_ASSERT_FATAL(at < end);
	at[1] ^= 1; // one bit of the value
	CU_ASSERT_EQUAL(follow(&config, &h, true), EP_ATTACH_APPLICATION);
	core_end(&next);
	core_end(&c);
}

// One who made promises in the new epoch and lost them comes back with an empty arena of it: its peers say so.
static void test_next_forgotten(void)
{
	struct ep_handover h;
	freeze(3);
	CU_ASSERT_TRUE_FATAL(ep_handover(c.r, &h));
	struct ep_config config = config_after(&c, &h);
	CU_ASSERT_EQUAL_FATAL(follow(&config, &h, true), EP_ATTACH_OK);
	hello_from(1, 5);
	CU_ASSERT_EQUAL(ep_standing(next.r), EP_STANDING_DEAD);
	core_end(&next);
	core_end(&c);
}

// Clients are sent to the members of the next epoch: by a request, whatever epoch it names, and by a Hello.
static void sends_on(uint8_t n, uint8_t self)
{
	core_forget(&c);
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	core_request(&c, EP_CMD_UPDATE, &ending_session, 1, "k", "v"); // also a repeat: the next epoch knows the answer
	const struct said *s = core_said(&c, EP_CLIENT, EP_C_WRONG_EPOCH);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_WRONG_EPOCH), 2);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_BUSY) + core_count(&c, EP_C_REPLY), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	const struct ep_wire_welcome *welcome = (const void *)(s->msg + 1);
	const struct ep_wire_member *members = (const void *)(welcome + 1);
	struct ep_membership list = ep_epoch_next_list(c.r);
	CU_ASSERT_EQUAL(welcome->epoch, 2);
	CU_ASSERT_EQUAL(welcome->n, n);
	CU_ASSERT_EQUAL(welcome->self, self);
	for (uint32_t m = 0; m < n; m++)
		CU_ASSERT(memcmp(members[m].uuid, list.members[m].uuid, 16) == 0 && memcmp(members[m].ip, list.members[m].ip, 4) == 0);
	struct ep_config config = core_config(n, 0, EP_MODE_AUTO); // what the epoch's own members say of themselves
	memcpy(config.members, list.members, sizeof config.members);
	config.epoch = 2;
	config.chain = list.chain;
	CU_ASSERT_EQUAL(welcome->config_hash, ep_arena_hash_shared(&config));
}

static void test_sends_on(void)
{
	freeze(4);
	sends_on(4, 0);
	CU_ASSERT_EQUAL_FATAL(core_restart(&c), EP_ATTACH_OK);
	sends_on(4, 0);
	core_end(&c);
}

// Whoever is not in the next epoch says who is.
static void test_retired(void)
{
	struct ep_config config = core_config(3, 2, EP_MODE_AUTO);
	core_start_with(&c, &config);
	ending_reconfig(&c, 1, 1, 5, NULL, 2);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_FROZEN);
	struct ep_membership list = ep_epoch_next_list(c.r);
	CU_ASSERT_EQUAL(ep_column_in(&config, &list), EP_NO_COLUMN);
	CU_ASSERT_FALSE(ep_config_follow(&config, &list));
	sends_on(2, 0);
	core_end(&c);
}

// A client of the epoch before is sent on by whoever is in this one; one that does not know its epoch is served.
static void test_older_epoch(void)
{
	struct ep_handover h;
	freeze(1);
	CU_ASSERT_TRUE_FATAL(ep_handover(c.r, &h));
	struct ep_config config = config_after(&c, &h);
	CU_ASSERT_EQUAL_FATAL(follow(&config, &h, false), EP_ATTACH_OK);
	core_wait(&next, 1);
	CU_ASSERT_EQUAL(ep_standing(next.r), EP_STANDING_MEMBER);
	for (uint32_t epoch = 0; epoch <= 3; epoch++) {
		core_forget(&next);
		core_request_of(&next, epoch, EP_CMD_READ, NULL, 10 + epoch, "k", NULL);
		CU_ASSERT_EQUAL(core_count(&next, EP_C_WRONG_EPOCH), epoch == 1 || epoch == 3);
		CU_ASSERT_EQUAL(core_count(&next, EP_C_REPLY), epoch == 0 || epoch == 2);
	}
	core_end(&next);
	core_end(&c);
}

// A restart finds the epoch ended, and the arena says whose it is; a word that is not what it was is not believed.
static void test_restart(void)
{
	struct ep_membership list;
	struct ep_handover before, after;
	freeze(4);
	CU_ASSERT(ep_handover(c.r, &before));
	CU_ASSERT_EQUAL_FATAL(core_restart(&c), EP_ATTACH_OK);
	CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_FROZEN);
	CU_ASSERT(ep_handover(c.r, &after));
	CU_ASSERT_EQUAL(after.next.n, 4);
	CU_ASSERT_EQUAL(after.next.chain, before.next.chain);
	CU_ASSERT_TRUE_FATAL(ep_arena_membership(c.host.arena, 4096, &list));
	CU_ASSERT_EQUAL(list.epoch, 1);
	CU_ASSERT_EQUAL(list.n, 3);
	uint64_t closed = c.r->closed;
	for (uint32_t bit = 0; bit < 64; bit++) {
		c.r->closed = closed ^ 1ULL << bit;
		CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_RECORDS);
		c.r = (struct ep_replica *)c.host.arena;
	}
	c.r->closed = ep_word_seal(ep_slot_of(c.r, 1, 2) + 1, 32); // another instance
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_RECORDS);
	core_end(&c);
}

static jmp_buf out;
static void die(void)
{
	longjmp(out, 1);
}

// A kill between any two stores of the end: either the epoch goes on and ends later, or it has ended.
static void test_cut_in_the_end(void)
{
	bool is_cut = true;
	for (volatile uint32_t nth = 1; is_cut; nth++) {
		core_start(&c, 3, 0, EP_MODE_AUTO);
		ending_serve(&c);
		is_cut = setjmp(out) != 0;
		if (!is_cut) {
			probe_arm(nth, die);
			ending_reconfig(&c, 2, 1, 9, (uint64_t[]){ 0, 2, 0 }, 2);
		}
		probe_arm(0, NULL);
		CU_ASSERT_EQUAL_FATAL(core_restart(&c), EP_ATTACH_OK);
		if (ep_standing(c.r) != EP_STANDING_FROZEN)
			ending_reconfig(&c, 2, 1, 9, (uint64_t[]){ 0, 2, 0 }, 2);
		CU_ASSERT_EQUAL(ep_standing(c.r), EP_STANDING_FROZEN);
		CU_ASSERT(ep_is_executed(c.r, 2, 1));
		CU_ASSERT_EQUAL(ep_session_find(c.r, &ending_session)->last, 1);
		core_end(&c);
		CU_ASSERT_FATAL(nth < 1000);
	}
}

// And of the beginning: there is an arena of the new epoch, or there is none.
static void test_cut_in_the_beginning(void)
{
	struct ep_handover h;
	freeze(3);
	CU_ASSERT_TRUE_FATAL(ep_handover(c.r, &h));
	struct ep_config config = config_after(&c, &h);
	bool is_cut = true;
	volatile uint32_t whole = 0;
	for (volatile uint32_t nth = 1; is_cut; nth++) {
		is_cut = setjmp(out) != 0;
		if (!is_cut) {
			probe_arm(nth, die);
			CU_ASSERT_EQUAL(follow(&config, &h, false), EP_ATTACH_OK);
		}
		probe_arm(0, NULL);
		enum ep_attach verdict = host_attach(&next.host);
		CU_ASSERT(verdict == EP_ATTACH_OK || (is_cut && verdict == EP_ATTACH_MAGIC));
		whole += verdict == EP_ATTACH_OK;
		host_free(&next.host);
		CU_ASSERT_FATAL(nth < 1000);
	}
	CU_ASSERT_EQUAL(whole, 2); // behind the last store, and without a cut
	core_end(&c);
}

static const struct unit_test tests[] = {
	{ "propose", test_propose },
	{ "propose, refused", test_propose_refused },
	{ "reserve", test_reserve },
	{ "frozen", test_frozen },
	{ "void", test_void },
	{ "last in its component", test_last_in_its_component },
	{ "two race", test_two_race },
	{ "next", test_next },
	{ "next, refused", test_next_refused },
	{ "next, forgotten", test_next_forgotten },
	{ "sends clients on", test_sends_on },
	{ "retired", test_retired },
	{ "older epoch", test_older_epoch },
	{ "restart", test_restart },
	{ "cut in the end", test_cut_in_the_end },
	{ "cut in the beginning", test_cut_in_the_beginning },
};
UNIT_MAIN("epoch", tests)
