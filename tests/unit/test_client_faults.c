// The client library where things go wrong: loss, copies, delay, BUSY, dead members, deadlines.
#include <string.h>
#include "tests/unit/fake_cluster.h"
#include "tests/unit/unit.h"

#define B(text) ((struct pnyx_bytes){text, sizeof(text) - 1})

static struct pnyx *client;
static struct pnyx_completion done;

static void start(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	client = fake_connect(&o);
}

static void stop(void)
{
	pnyx_close(client);
	fake_stop();
}

static void kill_all(bool is_dead)
{
	for (int k = 0; k < FAKE_SERVERS; k++)
		fake.server[k].is_dead = is_dead;
}

// Members hear and execute; so many answers of each get lost.
static void answers_are_lost(uint32_t count)
{
	for (int k = 0; k < FAKE_SERVERS; k++)
		fake.server[k].drop_replies = count;
}

static enum pnyx_status incr(void)
{
	return pnyx_incr(client, B("n"), 1, &done);
}

// Waits in virtual time, letting the client do what it does at rest.
static void rest(uint32_t ms)
{
	struct pnyx_completion d;
	CU_ASSERT_EQUAL(pnyx_poll(client, ms * 1000, &d, 1), 0);
}

// ---- loss and copies ----

static void a_lost_request_is_sent_again(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	fake.server[0].drop_requests = 1;
	uint64_t from = fake.now;
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 2);
	CU_ASSERT_EQUAL(done.tries, 2);
	CU_ASSERT_EQUAL(done.server, 0);
	CU_ASSERT(fake.now - from >= 20 * FAKE_MS &&
		  fake.now - from < 25 * FAKE_MS); // the shortest timeout
	stop();
}

static void a_lost_answer_does_not_repeat_the_effect(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	uint32_t from = fake.seen_count;
	fake.server[0].drop_replies = 1;
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 2);
	CU_ASSERT_EQUAL(fake.updates, 2);
	CU_ASSERT_EQUAL_FATAL(fake_count(from, EP_CMD_UPDATE), 2); // the same request twice
	CU_ASSERT_EQUAL(fake.seen[from].cookie, fake.seen[from + 1].cookie);
	CU_ASSERT_EQUAL(fake.seen[from].seq, fake.seen[from + 1].seq);
	CU_ASSERT_EQUAL(memcmp(&fake.seen[from].session, &fake.seen[from + 1].session,
			       sizeof(struct ep_session_id)),
			0);
	stop();
}

static void retries_are_farther_and_farther_apart(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	uint32_t from = fake.seen_count;
	answers_are_lost(UINT32_MAX);
	CU_ASSERT_EQUAL(incr(), PNYX_UNKNOWN);
	uint64_t last_gap = 0;
	for (uint32_t k = from + 2; k < fake.seen_count && fake.seen[k].kind == EP_CMD_UPDATE;
	     k += 2) {
		uint64_t gap = fake.seen[k].at_ns - fake.seen[k - 2].at_ns;
		CU_ASSERT(gap > last_gap);
		last_gap = gap;
	}
	CU_ASSERT(last_gap > 100 * FAKE_MS);
	kill_all(true);
	stop();
}

static void copies_of_answers_are_ignored(void)
{
	start();
	for (int k = 0; k < FAKE_SERVERS; k++)
		fake.server[k].copies = 2;
	for (int k = 1; k <= 20; k++) {
		CU_ASSERT_EQUAL(incr(), PNYX_OK);
		CU_ASSERT_EQUAL(done.number, k);
	}
	CU_ASSERT(pnyx_counters(client)->late >= 38);
	CU_ASSERT_EQUAL(fake.updates, 20);
	stop();
}

static void a_late_answer_still_counts(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	fake.server[0].delay_ns = 30 * FAKE_MS; // longer than the timeout
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 2);
	CU_ASSERT_EQUAL(done.server, 0);
	rest(100);
	CU_ASSERT_EQUAL(fake.updates, 2);
	CU_ASSERT(pnyx_counters(client)->late > 0);
	stop();
}

static void noise_is_counted_and_forgotten(void)
{
	start();
	uint8_t noise[256];
	uint64_t state = 5;
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	for (int round = 0; round < 2000; round++) {
		uint32_t len = (uint32_t)(ep_random(&state) % sizeof noise);
		for (uint32_t k = 0; k < len; k++)
			noise[k] = (uint8_t)ep_random(&state);
		if (round % 2 == 0 &&
		    len >= 96) { // looks like an answer, of another cluster or with garbage inside
			uint64_t cluster = round % 4 == 0 ? FAKE_CLUSTER : 99;
			uint32_t used = ep_wire_begin(noise, EP_FRAME_REPLY, 0, cluster, 1);
			struct ep_msg *m =
			    ep_wire_append(noise, &used, len, EP_C_REPLY, len - used);
			m->type = (uint8_t)(EP_C_WELCOME + round % 6);
			m->i = ep_random(&state);
			for (uint32_t k = 88; k < len; k++)
				noise[k] = (uint8_t)ep_random(&state);
			ep_wire_seal(noise, len);
		}
		fake_send(round % 3, noise, len);
		if (round % 16 == 0)
			rest(1);
	}
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 2);
	CU_ASSERT(pnyx_counters(client)->dropped > 1000);
	CU_ASSERT_EQUAL(pnyx_cluster(client)->epoch, 1);
	stop();
}

// A frame in good order that says it is a WELCOME of epoch 9.
static void send_welcome(uint64_t cluster, int from)
{
	uint8_t frame[256];
	uint32_t used = ep_wire_begin(frame, EP_FRAME_REPLY, 0, cluster, 9);
	struct ep_wire_welcome *w;
	uint32_t len =
	    (uint32_t)(sizeof(struct ep_msg) + sizeof *w + sizeof(struct ep_wire_member));
	w = (struct ep_wire_welcome *)(void *)(ep_wire_append(frame, &used, sizeof frame,
							      EP_C_WELCOME, len) +
					       1);
	*w = (struct ep_wire_welcome){.n = 1,
				      .frame_max = EP_FRAME_MAX_DEFAULT,
				      .epoch = 9,
				      .command_max = 100,
				      .result_max = 100};
	ep_wire_seal(frame, used);
	fake_send(from, frame, used);
	rest(1);
}

static void another_cluster_is_not_believed(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	uint64_t dropped = pnyx_counters(client)->dropped;
	send_welcome(99, 0);
	CU_ASSERT_EQUAL(pnyx_cluster(client)->epoch, 1);
	CU_ASSERT_EQUAL(pnyx_counters(client)->dropped, dropped + 1);
	send_welcome(FAKE_CLUSTER, 0); // the same of this cluster is
	CU_ASSERT_EQUAL(pnyx_cluster(client)->epoch, 9);
	kill_all(true);
	stop();
}

// ---- BUSY ----

static void busy_waits_as_long_as_told(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	fake.server[0].busy = 3;
	fake.server[0].busy_ns = 40 * FAKE_MS;
	uint32_t from = fake.seen_count;
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 2);
	CU_ASSERT_EQUAL(done.busy, 3);
	CU_ASSERT_EQUAL(done.server, 0);
	CU_ASSERT_EQUAL_FATAL(fake_count(from, EP_CMD_UPDATE), 4);
	for (uint32_t k = from + 1; k < from + 4; k++) {
		uint64_t gap = fake.seen[k].at_ns - fake.seen[k - 1].at_ns;
		uint64_t least =
		    k - from <= 2 ? 40 * FAKE_MS : 80 * FAKE_MS; // doubled after every second
		CU_ASSERT(gap >= least && gap <= least + least / 4 + FAKE_MS);
	}
	CU_ASSERT_EQUAL(pnyx_counters(client)->failovers, 0); // a busy member lives
	stop();
}

static void busy_for_ever_ends_at_the_deadline(void)
{
	start();
	fake.server[0].busy = UINT32_MAX;
	fake.server[0].busy_ns = 10 * FAKE_MS;
	uint64_t from = fake.now;
	CU_ASSERT_EQUAL(pnyx_get(client, B("n"), &done), PNYX_TIMEOUT);
	CU_ASSERT(fake.now - from >= 1000 * FAKE_MS && fake.now - from < 1010 * FAKE_MS);
	CU_ASSERT_EQUAL(incr(), PNYX_TIMEOUT); // no session: certainly not executed
	CU_ASSERT_EQUAL(fake.updates, 0);
	fake.server[0].busy = 0;
	stop();
}

static void a_redirected_request_goes_elsewhere(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	fake.server[0].redirect = 1;
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.server, 1);
	CU_ASSERT_EQUAL(done.number, 2);
	stop();
}

// ---- dead members ----

static void a_dead_member_is_left(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	fake.server[0].is_dead = true;
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.server, 1);
	CU_ASSERT_EQUAL(done.tries, 3); // two there, one here
	CU_ASSERT_EQUAL(done.number, 2);
	CU_ASSERT(pnyx_cluster(client)->members[0].is_suspected);
	CU_ASSERT_EQUAL(incr(), PNYX_OK); // the next ones do not ask it any more
	CU_ASSERT_EQUAL(done.tries, 1);
	CU_ASSERT_EQUAL(pnyx_get(client, B("n"), &done), PNYX_OK);
	CU_ASSERT_EQUAL(done.tries, 1);
	CU_ASSERT_EQUAL(done.server, 1);

	fake.server[0].is_dead = false; // it is asked for a sign of life, and used again
	rest(500);
	CU_ASSERT(!pnyx_cluster(client)->members[0].is_suspected);
	CU_ASSERT_EQUAL(pnyx_get(client, B("n"), &done), PNYX_OK);
	CU_ASSERT_EQUAL(done.server, 0);
	stop();
}

static void the_effect_is_one_when_the_leader_dies_after_it(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	fake.server[0].drop_replies = UINT32_MAX; // executes, never answers
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.server, 1);
	CU_ASSERT_EQUAL(done.number, 2);
	CU_ASSERT_EQUAL(fake.updates, 2);
	stop();
}

static void connecting_needs_one_living_server(void)
{
	fake_start();
	fake.server[0].is_dead = fake.server[1].is_dead = true;
	struct pnyx_options o = fake_options();
	client = fake_connect(&o);
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.server, 2);
	stop();
}

// ---- deadlines ----

static void an_update_without_answer_is_unknown(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	kill_all(true);
	uint64_t from = fake.now;
	CU_ASSERT_EQUAL(incr(), PNYX_UNKNOWN);
	CU_ASSERT(fake.now - from >= 1000 * FAKE_MS && fake.now - from < 1001 * FAKE_MS);
	CU_ASSERT_EQUAL(done.server, -1);
	CU_ASSERT(strlen(pnyx_error(client)) > 0);
	CU_ASSERT_EQUAL(pnyx_counters(client)->sessions_abandoned, 1);
	CU_ASSERT_EQUAL(pnyx_get(client, B("n"), &done), PNYX_TIMEOUT);
	CU_ASSERT_EQUAL(incr(), PNYX_TIMEOUT); // its session could not even be opened: not executed

	kill_all(false);
	rest(2000); // the abandoned session is ended meanwhile; one may have been opened for later
	CU_ASSERT_EQUAL(fake.sessions, pnyx_counters(client)->sessions_open);
	CU_ASSERT(fake_count(0, EP_CMD_EXPIRE) > 0);
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 2);
	stop();
}

static void an_abandoned_session_is_never_used_again(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	answers_are_lost(UINT32_MAX);
	CU_ASSERT_EQUAL(incr(), PNYX_UNKNOWN); // it was executed, though nobody said so
	CU_ASSERT_EQUAL(fake.updates, 2);
	answers_are_lost(0);
	uint32_t from = fake.seen_count;
	struct ep_session_id lost = fake.seen[1].session;
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 3);
	for (uint32_t k = from; k < fake.seen_count; k++)
		CU_ASSERT(fake.seen[k].kind != EP_CMD_UPDATE || fake.seen[k].session.i != lost.i);
	rest(3000);
	CU_ASSERT_EQUAL(fake.sessions, 1);
	stop();
}

static void a_late_answer_to_an_unknown_update_is_ignored(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	for (int k = 0; k < FAKE_SERVERS; k++)
		fake.server[k].delay_ns = 1500 * FAKE_MS;
	CU_ASSERT_EQUAL(incr(), PNYX_UNKNOWN);
	for (int k = 0; k < FAKE_SERVERS; k++)
		fake.server[k].delay_ns = 0;
	rest(3000);
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 3);
	stop();
}

static const struct unit_test tests[] = {
    {"a lost request is sent again", a_lost_request_is_sent_again},
    {"a lost answer does not repeat the effect", a_lost_answer_does_not_repeat_the_effect},
    {"retries are farther and farther apart", retries_are_farther_and_farther_apart},
    {"copies of answers are ignored", copies_of_answers_are_ignored},
    {"a late answer still counts", a_late_answer_still_counts},
    {"noise is counted and forgotten", noise_is_counted_and_forgotten},
    {"another cluster is not believed", another_cluster_is_not_believed},
    {"BUSY waits as long as told", busy_waits_as_long_as_told},
    {"BUSY for ever ends at the deadline", busy_for_ever_ends_at_the_deadline},
    {"a redirected request goes elsewhere", a_redirected_request_goes_elsewhere},
    {"a dead member is left", a_dead_member_is_left},
    {"the effect is one when the leader dies after it",
     the_effect_is_one_when_the_leader_dies_after_it},
    {"connecting needs one living server", connecting_needs_one_living_server},
    {"an update without answer is unknown", an_update_without_answer_is_unknown},
    {"an abandoned session is never used again", an_abandoned_session_is_never_used_again},
    {"a late answer to an unknown update is ignored",
     a_late_answer_to_an_unknown_update_is_ignored},
};
UNIT_MAIN("client_faults", tests)
