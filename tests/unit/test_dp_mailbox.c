// The data plane's end of the mailbox: commands reach the core, the page tells the truth, a suspicion ends with its control plane.
#include "dataplane/mailbox.h"
#include <stdlib.h>
#include <unistd.h>
#include "tests/unit/core.h"

static struct core c;
static struct dp_mailbox desk;
static struct mb_end control;
static char error[300];

static void begin(void)
{
	core_start(&c, 3, 0, 0);
	CU_ASSERT_FATAL(dp_mailbox_open(&desk, NULL, &c.host.config, error, sizeof error));
	mb_use_control(&control, desk.end.shared);
	struct mb_snapshot s; // before there is a core
	CU_ASSERT(mb_look(&control, &s) && s.state == MB_STARTING && s.n == 3);
	dp_mailbox_say(&desk, c.r, MB_SERVING);
}

static void end(void)
{
	free(desk.end.shared);
	core_end(&c);
}

static void order(enum mb_command type, uint64_t member, uint64_t number)
{
	mb_push(&control.commands, &(struct mb_message){ .type = type, .member = member, .number = number });
}

static void poll_after(ep_time ns)
{
	core_wait(&c, ns);
	dp_mailbox_poll(&desk, c.r, c.now, &c.host.effects);
}

static void test_page(void)
{
	struct mb_snapshot s;
	begin();
	CU_ASSERT(mb_look(&control, &s));
	CU_ASSERT_EQUAL(s.pid, (uint64_t)getpid());
	CU_ASSERT(s.pid_start > 0);
	CU_ASSERT_EQUAL(s.state, MB_SERVING);
	CU_ASSERT_EQUAL(s.cluster, c.host.config.cluster);
	CU_ASSERT(s.n == 3 && s.self == 0 && s.window == 128 && s.pace == 1 && s.start == 1 && s.epoch == 1);
	uint64_t count = s.count, at = s.at_ns;
	poll_after(0);
	CU_ASSERT(mb_look(&control, &s) && s.count == count + 1); // the first is due at once
	poll_after(DP_PUBLISH_NS / 2);
	CU_ASSERT(mb_look(&control, &s) && s.count == count + 1);
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, NULL, "NOP");
	poll_after(DP_PUBLISH_NS);
	CU_ASSERT(mb_look(&control, &s) && s.count == count + 2);
	CU_ASSERT(s.at_ns >= at && s.core_ns > 0);
	CU_ASSERT_EQUAL(s.columns[1].executed, 1);
	CU_ASSERT(s.columns[1].heard_ns > 0 && s.columns[1].heard_ns <= s.core_ns && s.columns[2].heard_ns == 0);
	CU_ASSERT_EQUAL(s.core.nops, 1);
	dp_mailbox_say(&desk, c.r, MB_STOPPED);
	CU_ASSERT(mb_look(&control, &s) && s.state == MB_STOPPED);
	end();
}

static void test_suspicion(void)
{
	struct mb_snapshot s;
	struct mb_message event;
	begin();
	order(MB_SUSPECT, 2, 41);
	poll_after(10);
	CU_ASSERT(c.r->peers[2].is_suspect);
	CU_ASSERT(mb_pop(&control.events, &event));
	CU_ASSERT(event.type == MB_SUSPECTED && event.member == 2 && event.number == 41 && event.at_ns > 0);
	CU_ASSERT(mb_look(&control, &s) && s.suspects == 1u << 2); // at once
	order(MB_TRUST, 2, 42);
	poll_after(10);
	CU_ASSERT_FALSE(c.r->peers[2].is_suspect);
	CU_ASSERT(mb_pop(&control.events, &event) && event.type == MB_TRUSTED && event.number == 42);
	CU_ASSERT(mb_look(&control, &s) && s.suspects == 0 && s.command_garbage == 0);
	end();
}

// Unknown commands, members that are not there, ourselves; and a flood, of which one look takes a few.
static void test_garbage(void)
{
	struct mb_snapshot s;
	begin();
	order(0, 1, 0);
	order(99, 1, 0);
	order(MB_SUSPECT, 3, 0);
	order(MB_SUSPECT, 1ull << 32, 0); // would be column 0 when cut
	order(MB_SUSPECT, 0, 0);
	poll_after(DP_PUBLISH_NS);
	CU_ASSERT(mb_look(&control, &s) && s.suspects == 0);
	CU_ASSERT_EQUAL(s.command_garbage, 5);
	for (uint32_t k = 0; k < MB_RING; k++)
		order(MB_SUSPECT, 1, k);
	poll_after(1);
	uint64_t left = desk.end.shared->control.command_head - desk.end.shared->replica.command_tail;
	CU_ASSERT(left < MB_RING && left > MB_RING / 2);
	for (uint32_t k = 0; k < MB_RING; k++)
		poll_after(1);
	CU_ASSERT_FALSE(mb_is_waiting(&desk.end.commands));
	CU_ASSERT(c.r->peers[1].is_suspect);
	end();
}

// Control beats: the suspicion stays. It dies: the suspicion ends, and control would be told.
static void test_lease(void)
{
	struct mb_message event;
	begin();
	order(MB_SUSPECT, 1, 1);
	for (uint32_t k = 0; k < 10; k++) {
		mb_beat(&control);
		poll_after(DP_LEASE_NS / 2);
		CU_ASSERT(c.r->peers[1].is_suspect);
	}
	poll_after(DP_LEASE_NS / 2);
	CU_ASSERT(c.r->peers[1].is_suspect);
	poll_after(DP_LEASE_NS / 2 + 1);
	CU_ASSERT_FALSE(c.r->peers[1].is_suspect);
	CU_ASSERT(mb_pop(&control.events, &event) && event.type == MB_SUSPECTED);
	CU_ASSERT(mb_pop(&control.events, &event) && event.type == MB_LAPSED);
	poll_after(DP_LEASE_NS);
	CU_ASSERT_FALSE(mb_pop(&control.events, &event)); // once
	end();
}

// Nobody reads the events: they are lost and counted, the replica goes on.
static void test_no_reader(void)
{
	struct mb_snapshot s;
	begin();
	for (uint32_t k = 0; k < 2 * MB_RING; k++) {
		order(k % 2 ? MB_TRUST : MB_SUSPECT, 1, k);
		poll_after(1);
	}
	poll_after(DP_PUBLISH_NS);
	CU_ASSERT(mb_look(&control, &s));
	CU_ASSERT_EQUAL(s.event_lost, MB_RING);
	end();
}

static enum ep_proposal propose(const void *reconfig, uint32_t len, uint64_t number)
{
	struct mb_message event = { .member = 99 };
	CU_ASSERT(mb_propose(&control, reconfig, len, number, 0));
	poll_after(1);
	CU_ASSERT(mb_pop(&control.events, &event) && event.type == MB_PROPOSED && event.number == number);
	return (enum ep_proposal)event.member;
}

// A proposal reaches the core; what does not parse, or lies about its length, goes no further than its check.
static void test_propose(void)
{
	uint8_t bytes[EP_RECONFIG_MAX];
	struct mb_snapshot s;
	core_start(&c, 1, 0, 0);
	CU_ASSERT_FATAL(dp_mailbox_open(&desk, NULL, &c.host.config, error, sizeof error));
	mb_use_control(&control, desk.end.shared);
	desk.arena = "/here";
	dp_mailbox_say(&desk, c.r, MB_SERVING);
	CU_ASSERT(mb_look(&control, &s) && s.now.epoch == 1 && s.now.n == 1 && s.now.members[0].uuid[0] == 1 && s.next.epoch == 0);
	CU_ASSERT(strcmp((char *)s.arena, "/here") == 0 && s.frozen_arena[0] == 0 && s.frozen_epoch == 0);
	uint32_t len = core_reconfig(2, bytes);
	CU_ASSERT_EQUAL(propose(bytes, 0, 1), EP_PROPOSAL_BAD);
	CU_ASSERT_EQUAL(propose(bytes, len - 1, 2), EP_PROPOSAL_BAD);
	CU_ASSERT_EQUAL(propose(bytes, 31, 3), EP_PROPOSAL_BAD);
	bytes[2] = EP_CMD_OPEN; // of another kind
	CU_ASSERT_EQUAL(propose(bytes, len, 4), EP_PROPOSAL_BAD);
	core_reconfig(2, bytes);
	CU_ASSERT_EQUAL(propose(bytes, len, 5), EP_PROPOSED);
	poll_after(DP_PUBLISH_NS);
	poll_after(DP_PUBLISH_NS);
	CU_ASSERT(mb_look(&control, &s) && s.standing == EP_STANDING_FROZEN && s.frozen_epoch == 1);
	CU_ASSERT(s.next.epoch == 2 && s.next.n == 2 && s.next.members[1].uuid[0] == 2 && s.now.epoch == 1);
	CU_ASSERT_STRING_EQUAL((char *)s.frozen_arena, "/here");
	CU_ASSERT_EQUAL(propose(bytes, len, 6), EP_PROPOSAL_LATE);
	end();
}

static const struct unit_test tests[] = { { "page", test_page }, { "suspicion", test_suspicion }, { "garbage", test_garbage },
					  { "lease", test_lease }, { "no reader", test_no_reader }, { "propose", test_propose } };
UNIT_MAIN("mailbox of the data plane", tests)
