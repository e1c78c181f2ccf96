// The client library's sessions when they expire, find no room or outlive their epoch.
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

// ---- sessions ----

static void an_expired_session_is_replaced(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	fake_forget_sessions(); // nobody used it for long
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 2);
	CU_ASSERT_EQUAL(fake_count(0, EP_CMD_OPEN), 2);
	stop();
}

static void a_session_lost_while_repeating_is_unknown(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	const struct pnyx_op op = {.type = PNYX_INCR, .key = B("n"), .delta = 1};
	fake.server[0].drop_replies = 1;
	CU_ASSERT_EQUAL(pnyx_submit(client, &op, PNYX_ANY, 1), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_poll(client, 10000, &done, 1),
			0); // executed by now, the answer is lost
	CU_ASSERT_EQUAL(fake.updates, 2);
	fake_forget_sessions();
	CU_ASSERT_EQUAL(pnyx_poll(client, -1, &done, 1), 1);
	CU_ASSERT_EQUAL(done.status, PNYX_UNKNOWN);
	CU_ASSERT_EQUAL(fake.updates, 2); // never again under a new session
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 3);
	stop();
}

static void no_room_for_sessions_is_told(void)
{
	start();
	fake.sessions_max = 0;
	CU_ASSERT_EQUAL(incr(), PNYX_NO_ROOM);
	CU_ASSERT_EQUAL(pnyx_get(client, B("n"), &done), PNYX_NOT_FOUND); // reads need none
	fake.sessions_max = 2;
	const struct pnyx_op op = {.type = PNYX_INCR, .key = B("n"), .delta = 1};
	rest(1100);
	for (uint64_t k = 0; k < 20; k++)
		CU_ASSERT_EQUAL(pnyx_submit(client, &op, PNYX_ANY, k), PNYX_OK);
	for (int k = 0; k < 20; k++) { // two sessions carry all
		CU_ASSERT_EQUAL(pnyx_poll(client, -1, &done, 1), 1);
		CU_ASSERT_EQUAL(done.status, PNYX_OK);
	}
	CU_ASSERT_EQUAL(fake.updates, 20);
	CU_ASSERT_EQUAL(fake.sessions, 2);
	stop();
}

static void a_repeated_open_leaves_no_session_behind(void)
{
	start();
	fake.server[0].delay_ns = 30 * FAKE_MS; // each OPEN is sent twice and makes two sessions
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	fake.server[0].delay_ns = FAKE_MS;
	rest(1000);
	CU_ASSERT(fake_count(0, EP_CMD_OPEN) >= 2);
	CU_ASSERT_EQUAL(fake.sessions, 1);
	pnyx_close(client);
	CU_ASSERT_EQUAL(fake.sessions, 0);
	fake_stop();
}

static void close_ends_what_is_in_flight(void)
{
	start();
	const struct pnyx_op op = {.type = PNYX_INCR, .key = B("n"), .delta = 1};
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	fake.server[0].drop_replies = 1;
	CU_ASSERT_EQUAL(pnyx_submit(client, &op, PNYX_ANY, 1), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_poll(client, 1000, &done, 1), 0);
	pnyx_close(client);
	CU_ASSERT_EQUAL(fake.sessions, 0);
	fake_stop();
}

static void close_does_not_wait_for_the_dead(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	kill_all(true);
	uint64_t from = fake.now;
	pnyx_close(client);
	CU_ASSERT(fake.now - from <= 260 * FAKE_MS);
	fake_stop();
}

// ---- epochs ----

static void another_epoch_is_adopted(void)
{
	start();
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	fake.epoch = 2;
	fake.n = 2; // the third one left
	CU_ASSERT_EQUAL(incr(), PNYX_OK);
	CU_ASSERT_EQUAL(done.number, 2);
	CU_ASSERT_EQUAL(pnyx_cluster(client)->epoch, 2);
	CU_ASSERT_EQUAL(pnyx_cluster(client)->n, 2);
	CU_ASSERT_EQUAL(pnyx_find_member(client, fake_servers(2)), -1);
	CU_ASSERT_EQUAL(pnyx_get(client, B("n"), &done), PNYX_OK);
	stop();
}

static void waiting_requests_survive_another_epoch(void)
{
	start();
	const struct pnyx_op op = {.type = PNYX_INCR, .key = B("n"), .delta = 1};
	for (uint64_t k = 0; k < 30; k++)
		CU_ASSERT_EQUAL(pnyx_submit(client, &op, (int)(k % 3), k), PNYX_OK);
	fake.epoch = 2;
	fake.n = 1;
	for (int k = 0; k < 30; k++) {
		CU_ASSERT_EQUAL_FATAL(pnyx_poll(client, -1, &done, 1), 1);
		CU_ASSERT_EQUAL(done.status, PNYX_OK);
	}
	CU_ASSERT_EQUAL(fake.updates, 30);
	stop();
}

static const struct unit_test tests[] = {
    {"an expired session is replaced", an_expired_session_is_replaced},
    {"a session lost while repeating is unknown", a_session_lost_while_repeating_is_unknown},
    {"no room for sessions is told", no_room_for_sessions_is_told},
    {"a repeated OPEN leaves no session behind", a_repeated_open_leaves_no_session_behind},
    {"close ends what is in flight", close_ends_what_is_in_flight},
    {"close does not wait for the dead", close_does_not_wait_for_the_dead},
    {"another epoch is adopted", another_epoch_is_adopted},
    {"waiting requests survive another epoch", waiting_requests_survive_another_epoch},
};
UNIT_MAIN("client_sessions", tests)
