// The client library where all goes well: connecting, operations, limits, parallelism, looking at
// members.
#include <string.h>
#include "consensus/counters.h"
#include "tests/unit/fake_cluster.h"
#include "tests/unit/unit.h"

#define B(text) ((struct pnyx_bytes){text, sizeof(text) - 1})

static bool is_bytes(struct pnyx_bytes b, const char *text)
{
	return b.len == strlen(text) && (b.len == 0 || memcmp(b.data, text, b.len) == 0);
}

// ---- connecting ----

static void connect_learns_the_cluster(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	struct pnyx *c = fake_connect(&o);
	const struct pnyx_cluster *k = pnyx_cluster(c);
	CU_ASSERT_EQUAL(k->id, FAKE_CLUSTER);
	CU_ASSERT_EQUAL(k->epoch, 1);
	CU_ASSERT_EQUAL(k->n, 3);
	CU_ASSERT_EQUAL(k->preferred, 0);
	CU_ASSERT_EQUAL(k->frame_max, EP_FRAME_MAX_DEFAULT);
	CU_ASSERT_EQUAL(k->command_max, ep_command_max(EP_FRAME_MAX_DEFAULT));
	CU_ASSERT_EQUAL(k->members[2].port, fake.server[2].port);
	CU_ASSERT_EQUAL(k->members[2].uuid[0], 3);
	CU_ASSERT_EQUAL(pnyx_find_member(c, fake_servers(2)), 2);
	CU_ASSERT_EQUAL(pnyx_find_member(c, "127.0.0.1:1"), -1);
	CU_ASSERT_EQUAL(pnyx_find_member(c, "127.0.0.1:x"), -1);
	pnyx_close(c);
	fake_stop();
}

static void the_first_named_server_is_preferred(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	o.servers = fake_servers(2);
	struct pnyx *c = fake_connect(&o);
	struct pnyx_completion done;
	CU_ASSERT_EQUAL(pnyx_cluster(c)->preferred, 2);
	CU_ASSERT_EQUAL(pnyx_put(c, B("k"), B("v"), &done), PNYX_OK);
	CU_ASSERT_EQUAL(done.server, 2);
	pnyx_prefer(c, 1);
	CU_ASSERT_EQUAL(pnyx_get(c, B("k"), &done), PNYX_OK);
	CU_ASSERT_EQUAL(done.server, 1);
	pnyx_close(c);
	fake_stop();
}

static void expect_no_connection(struct pnyx_options *o, const char *part)
{
	char error[PNYX_ERROR_MAX] = "";
	CU_ASSERT_PTR_NULL(pnyx_connect(o, error, sizeof error));
	if (strstr(error, part) == NULL)
		printf("\n\"%s\" lacks \"%s\"\n", error, part);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, part));
}

static void connect_says_what_is_wrong(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	o.cluster = 99;
	expect_no_connection(&o, "not to 99");
	o = fake_options();
	o.servers = "";
	expect_no_connection(&o, "no server");
	o.servers = NULL;
	expect_no_connection(&o, "no server");
	o.servers = " , ";
	expect_no_connection(&o, "names none");
	o.servers = "127.0.0.1:99999";
	expect_no_connection(&o, "1 to 65535");
	o.servers = "127.0.0.1:-5";
	expect_no_connection(&o, "1 to 65535");
	o.servers = ":7787";
	expect_no_connection(&o, "HOST");
	o = fake_options();
	o.ops_max = 0;
	expect_no_connection(&o, "ops_max");
	o.ops_max = 100000;
	expect_no_connection(&o, "ops_max");
	o = fake_options();
	o.deadline_ms = 0;
	expect_no_connection(&o, "deadline_ms");
	o = fake_options();
	o.bind = "nonsense";
	expect_no_connection(&o, "nonsense");
	for (int k = 0; k < FAKE_SERVERS; k++)
		fake.server[k].is_dead = true;
	o = fake_options();
	expect_no_connection(&o, "no answer from 127.0.0.1");
	pnyx_close(NULL);
	fake_stop();
}

// ---- operations ----

static void every_operation_gives_its_answer(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	struct pnyx *c = fake_connect(&o);
	struct pnyx_completion d;

	CU_ASSERT_EQUAL(pnyx_get(c, B("k"), &d), PNYX_NOT_FOUND);
	CU_ASSERT_EQUAL(pnyx_put(c, B("k"), B("v"), &d), PNYX_OK);
	CU_ASSERT(!d.existed);
	CU_ASSERT(d.is_fast);
	CU_ASSERT_EQUAL(d.tries, 1);
	CU_ASSERT(d.intended_ns <= d.sent_ns && d.sent_ns < d.received_ns);
	CU_ASSERT_EQUAL(pnyx_get(c, B("k"), &d), PNYX_OK);
	CU_ASSERT(is_bytes(d.value, "v"));
	CU_ASSERT_EQUAL(pnyx_append(c, B("k"), B("w"), &d), PNYX_OK);
	CU_ASSERT_EQUAL(d.number, 2);
	CU_ASSERT_EQUAL(pnyx_cas(c, B("k"), B("x"), B("y"), &d), PNYX_NO_MATCH);
	CU_ASSERT_EQUAL(pnyx_cas(c, B("k"), B("vw"), B("y"), &d), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_cas(c, B("k"), (struct pnyx_bytes){NULL, 0}, B("z"), &d),
			PNYX_NO_MATCH);
	CU_ASSERT(d.existed);
	CU_ASSERT_EQUAL(pnyx_cas(c, B("new"), (struct pnyx_bytes){NULL, 0}, B("z"), &d), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_incr(c, B("k"), 1, &d), PNYX_NOT_NUMBER);
	CU_ASSERT_EQUAL(pnyx_incr(c, B("n"), -5, &d), PNYX_OK);
	CU_ASSERT_EQUAL(d.number, -5);
	CU_ASSERT_EQUAL(pnyx_incr(c, B("n"), INT64_MIN, &d), PNYX_OVERFLOW);
	CU_ASSERT_EQUAL(pnyx_del(c, B("k"), &d), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_del(c, B("k"), &d), PNYX_NOT_FOUND);
	CU_ASSERT_EQUAL(pnyx_get(c, B("k"), NULL), PNYX_NOT_FOUND);
	pnyx_close(c);
	fake_stop();
}

static void bytes_are_not_text(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	struct pnyx *c = fake_connect(&o);
	struct pnyx_completion d;
	const struct pnyx_bytes key = {"\0a\xff", 3};
	CU_ASSERT_EQUAL(pnyx_put(c, key, (struct pnyx_bytes){"\0\0\n", 3}, NULL), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_get(c, key, &d), PNYX_OK);
	CU_ASSERT_EQUAL(d.value.len, 3);
	CU_ASSERT_EQUAL(memcmp(d.value.data, "\0\0\n", 3), 0);
	CU_ASSERT_EQUAL(pnyx_put(c, key, B(""), NULL), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_get(c, key, &d), PNYX_OK);
	CU_ASSERT_EQUAL(d.value.len, 0);
	pnyx_close(c);
	fake_stop();
}

static void several_keys_at_once(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	struct pnyx *c = fake_connect(&o);
	struct pnyx_item puts[2] = {{.key = B("a"), .value = B("1")},
				    {.key = B("b"), .value = B("22")}};
	struct pnyx_item gets[3] = {{.key = B("b")}, {.key = B("none")}, {.key = B("a")}};
	CU_ASSERT_EQUAL(pnyx_mput(c, puts, 2, NULL), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_mget(c, gets, 3, NULL), PNYX_OK);
	CU_ASSERT(gets[0].is_found && is_bytes(gets[0].value, "22"));
	CU_ASSERT(!gets[1].is_found);
	CU_ASSERT(gets[2].is_found && is_bytes(gets[2].value, "1"));
	CU_ASSERT_EQUAL(pnyx_mget(c, gets, 0, NULL), PNYX_INVALID);
	CU_ASSERT_EQUAL(pnyx_mget(c, gets, 17, NULL), PNYX_INVALID);
	pnyx_close(c);
	fake_stop();
}

static void raw_commands_pass_as_they_are(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	struct pnyx *c = fake_connect(&o);
	struct pnyx_completion d;
	const struct pnyx_op get = {.type = PNYX_RAW_READ, .value = B("\1\0\1\0\1\0\0\0\0\0\0\0k")};
	const struct pnyx_op noise = {.type = PNYX_RAW_UPDATE, .value = B("noise")};
	CU_ASSERT_EQUAL(pnyx_put(c, B("k"), B("v"), NULL), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_do(c, &get, &d), PNYX_OK);
	CU_ASSERT_EQUAL(d.value.len, 21); // head of a result, head of a value, "v"
	CU_ASSERT_EQUAL(pnyx_do(c, &noise, &d), PNYX_REFUSED);
	CU_ASSERT_EQUAL(pnyx_put(c, B("k"), B("w"), NULL), PNYX_OK); // the session is still good
	CU_ASSERT_EQUAL(fake_count(0, EP_CMD_OPEN), 1);
	pnyx_close(c);
	fake_stop();
}

static void what_is_too_large_is_refused_here(void)
{
	static char big[4000];
	fake_start();
	struct pnyx_options o = fake_options();
	struct pnyx *c = fake_connect(&o);
	uint32_t before = fake.seen_count;
	struct pnyx_bytes key = {big, 256};
	CU_ASSERT_EQUAL(pnyx_get(c, key, NULL), PNYX_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(pnyx_error(c), "255"));
	key.len = 0;
	CU_ASSERT_EQUAL(pnyx_get(c, key, NULL), PNYX_INVALID);
	CU_ASSERT_EQUAL(pnyx_put(c, B("k"), (struct pnyx_bytes){big, sizeof big}, NULL),
			PNYX_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(pnyx_error(c), "4000"));
	struct pnyx_item items[16];
	for (int k = 0; k < 16; k++)
		items[k] = (struct pnyx_item){.key = {big, 200}};
	CU_ASSERT_EQUAL(pnyx_mget(c, items, 16, NULL), PNYX_INVALID);
	char limit[32];
	snprintf(limit, sizeof limit, "%u", pnyx_cluster(c)->command_max);
	CU_ASSERT_PTR_NOT_NULL(strstr(pnyx_error(c), limit));
	CU_ASSERT_EQUAL(fake.seen_count, before); // nothing was sent

	// The largest that is allowed goes there and comes back.
	uint32_t most = pnyx_cluster(c)->command_max - 4 - 8 - 255;
	struct pnyx_completion d;
	memset(big, 'x', sizeof big);
	key.len = 255;
	CU_ASSERT_EQUAL(pnyx_put(c, key, (struct pnyx_bytes){big, most}, NULL), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_get(c, key, &d), PNYX_OK);
	CU_ASSERT_EQUAL(d.value.len, most);
	CU_ASSERT_EQUAL(pnyx_put(c, key, (struct pnyx_bytes){big, most + 1}, NULL), PNYX_INVALID);
	snprintf(limit, sizeof limit, "limit of %u bytes", most); // and the error says what would have fitted
	CU_ASSERT_PTR_NOT_NULL(strstr(pnyx_error(c), limit));
	CU_ASSERT_EQUAL(pnyx_do(c, &(struct pnyx_op){.type = (enum pnyx_op_type)77}, NULL),
			PNYX_INVALID);
	pnyx_close(c);
	fake_stop();
}

// ---- many at once ----

static int poll_all(struct pnyx *c, enum pnyx_status expected)
{
	struct pnyx_completion d[16];
	int total = 0;
	int got;
	while ((got = pnyx_poll(c, -1, d, 16)) > 0) {
		for (int k = 0; k < got; k++)
			CU_ASSERT_EQUAL(d[k].status, expected);
		total += got;
	}
	CU_ASSERT_EQUAL(pnyx_outstanding(c), 0);
	return total;
}

static void updates_in_flight_have_a_session_each(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	o.ops_max = 8;
	struct pnyx *c = fake_connect(&o);
	const struct pnyx_op op = {.type = PNYX_INCR, .key = B("n"), .delta = 1};
	for (int round = 0; round < 10; round++) {
		for (uint64_t k = 0; k < 8; k++)
			CU_ASSERT_EQUAL(pnyx_submit(c, &op, PNYX_ANY, k), PNYX_OK);
		CU_ASSERT_EQUAL(pnyx_submit(c, &op, PNYX_ANY, 9), PNYX_AGAIN);
		CU_ASSERT_EQUAL(poll_all(c, PNYX_OK), 8);
	}
	CU_ASSERT_EQUAL(fake_count(0, EP_CMD_OPEN), 8);
	CU_ASSERT_EQUAL(fake.updates, 80);
	struct pnyx_completion d;
	CU_ASSERT_EQUAL(pnyx_incr(c, B("n"), 0, &d), PNYX_OK);
	CU_ASSERT_EQUAL(d.number, 80);
	pnyx_close(c);
	fake_stop();
}

static void few_sessions_take_turns(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	o.ops_max = 32;
	o.sessions_max = 2;
	struct pnyx *c = fake_connect(&o);
	const struct pnyx_op op = {.type = PNYX_INCR, .key = B("n"), .delta = 1};
	for (uint64_t k = 0; k < 32; k++)
		CU_ASSERT_EQUAL(pnyx_submit(c, &op, (int)(k % 3), k), PNYX_OK);
	CU_ASSERT_EQUAL(poll_all(c, PNYX_OK), 32);
	CU_ASSERT_EQUAL(fake_count(0, EP_CMD_OPEN), 2);
	CU_ASSERT_EQUAL(fake.updates, 32);
	CU_ASSERT_EQUAL(pnyx_counters(c)->sessions_open, 2);
	pnyx_close(c);
	fake_stop();
}

static void requests_share_frames(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	struct pnyx *c = fake_connect(&o);
	const struct pnyx_op op = {.type = PNYX_GET, .key = B("k")};
	uint64_t before = fake.server[1].frames;
	for (uint64_t k = 0; k < 12; k++)
		CU_ASSERT_EQUAL(pnyx_submit(c, &op, 1, k), PNYX_OK);
	CU_ASSERT_EQUAL(poll_all(c, PNYX_NOT_FOUND), 12);
	CU_ASSERT_EQUAL(fake.server[1].frames - before, 1);
	CU_ASSERT_EQUAL(fake_count(0, EP_CMD_READ), 12);
	pnyx_close(c);
	fake_stop();
}

static void hints_choose_the_member(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	struct pnyx *c = fake_connect(&o);
	for (int round = 0; round < 2; round++) {
		for (int m = 0; m < 3; m++) {
			struct pnyx_completion d;
			const struct pnyx_op op = {
			    .type = PNYX_PUT, .key = B("k"), .value = B("v"), .intended_ns = 17};
			CU_ASSERT_EQUAL(pnyx_submit(c, &op, m, 70 + (uint64_t)m), PNYX_OK);
			CU_ASSERT_EQUAL(pnyx_poll(c, -1, &d, 1), 1);
			CU_ASSERT_EQUAL(d.server, m);
			CU_ASSERT_EQUAL(d.token, 70 + (uint64_t)m);
			CU_ASSERT_EQUAL(d.type, PNYX_PUT);
			CU_ASSERT_EQUAL(d.intended_ns, 17);
		}
	}
	CU_ASSERT_EQUAL(fake_count(0, EP_CMD_OPEN), 3); // one at home with each member
	const struct pnyx_op get = {.type = PNYX_GET, .key = B("k")};
	CU_ASSERT_EQUAL(pnyx_submit(c, &get, 3, 0), PNYX_INVALID);
	CU_ASSERT_EQUAL(pnyx_submit(c, &get, -2, 0), PNYX_INVALID);
	pnyx_close(c);
	fake_stop();
}

static void answers_stay_while_successors_fly(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	o.ops_max = 4;
	struct pnyx *c = fake_connect(&o);
	struct pnyx_completion d[4];
	const struct pnyx_op get = {.type = PNYX_GET, .key = B("k")};
	CU_ASSERT_EQUAL(pnyx_put(c, B("k"), B("value"), NULL), PNYX_OK);
	for (uint64_t k = 0; k < 4; k++)
		CU_ASSERT_EQUAL(pnyx_submit(c, &get, PNYX_ANY, k), PNYX_OK);
	int got = 0;
	while (got < 4)
		got += pnyx_poll(c, -1, d + got, 4 - got);
	for (uint64_t k = 0; k < 4; k++)
		CU_ASSERT_EQUAL(pnyx_submit(c, &get, PNYX_ANY, k), PNYX_OK);
	CU_ASSERT(is_bytes(d[3].value, "value"));
	CU_ASSERT_EQUAL(poll_all(c, PNYX_OK), 4);
	pnyx_close(c);
	fake_stop();
}

static void a_poll_may_return_nothing(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	struct pnyx *c = fake_connect(&o);
	struct pnyx_completion d;
	uint64_t start = fake.now;
	CU_ASSERT_EQUAL(pnyx_poll(c, -1, &d, 1), 0); // nothing is outstanding
	CU_ASSERT_EQUAL(pnyx_poll(c, 0, &d, 1), 0);
	CU_ASSERT_EQUAL(pnyx_poll(c, 5000, &d, 1), 0);
	CU_ASSERT(fake.now - start >= 5 * FAKE_MS);
	pnyx_close(c);
	fake_stop();
}

static void a_busy_client_never_sleeps(void)
{
	fake_start();
	fake.serves_in_clock = true;
	struct pnyx_options o = fake_options();
	o.is_busy = true;
	struct pnyx *c = fake_connect(&o);
	CU_ASSERT_EQUAL(pnyx_put(c, B("k"), B("v"), NULL), PNYX_OK);
	pnyx_close(c);
	CU_ASSERT_EQUAL(fake.sessions, 0);
	fake_stop();
}

// ---- looking ----

static void members_can_be_looked_at(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	struct pnyx *c = fake_connect(&o);
	uint64_t values[2] = {0};
	uint64_t rtt = 0;
	uint32_t count = 0;
	struct pnyx_digest digest;

	CU_ASSERT_EQUAL(pnyx_stats(c, 2, EP_STATS_SHELL, values, 2, &count), PNYX_OK);
	CU_ASSERT_EQUAL(count, 2); // three came, two fit
	CU_ASSERT_EQUAL(values[1], 301);
	CU_ASSERT_EQUAL(pnyx_stats(c, 2, 99, values, 2, &count), PNYX_INVALID);
	CU_ASSERT_EQUAL(pnyx_stats(c, 3, 0, values, 2, &count), PNYX_INVALID);

	fake.digest_rounds = 3;
	CU_ASSERT_EQUAL(pnyx_digest(c, 1, &digest), PNYX_OK);
	CU_ASSERT_EQUAL(digest.application, 11);
	CU_ASSERT_EQUAL(digest.executed, 14);
	CU_ASSERT_EQUAL(digest.n, 3);
	CU_ASSERT_EQUAL(digest.exec_prefix[1], 55);
	fake.digest_rounds = UINT32_MAX;
	CU_ASSERT_EQUAL(pnyx_digest(c, 1, &digest), PNYX_TIMEOUT);

	CU_ASSERT_EQUAL(pnyx_echo(c, 0, 64, &rtt), PNYX_OK);
	CU_ASSERT(rtt >= FAKE_MS / 10 && rtt < FAKE_MS);
	CU_ASSERT_EQUAL(pnyx_echo(c, 0, EP_FRAME_MAX_DEFAULT, &rtt), PNYX_OK);
	CU_ASSERT_EQUAL(pnyx_echo(c, 0, 63, &rtt), PNYX_INVALID);
	CU_ASSERT_EQUAL(pnyx_echo(c, 0, EP_FRAME_MAX_DEFAULT + 1, &rtt), PNYX_INVALID);
	fake.server[0].is_dead = true;
	CU_ASSERT_EQUAL(pnyx_echo(c, 0, 64, &rtt), PNYX_TIMEOUT);
	CU_ASSERT_EQUAL(pnyx_stats(c, 0, 0, values, 2, &count),
			PNYX_TIMEOUT); // never another member
	CU_ASSERT_EQUAL(fake.server[1].is_dead, false);
	pnyx_close(c);
	fake_stop();
}

static void close_ends_the_sessions(void)
{
	fake_start();
	struct pnyx_options o = fake_options();
	o.ops_max = 200;
	struct pnyx *c = fake_connect(&o);
	const struct pnyx_op op = {.type = PNYX_INCR, .key = B("n"), .delta = 1};
	for (uint64_t k = 0; k < 200; k++)
		CU_ASSERT_EQUAL(pnyx_submit(c, &op, (int)(k % 3), k), PNYX_OK);
	CU_ASSERT_EQUAL(poll_all(c, PNYX_OK), 200);
	CU_ASSERT(fake.sessions > 16);
	pnyx_close(c);
	CU_ASSERT_EQUAL(fake.sessions, 0);
	fake_stop();
}

static void every_status_has_a_text(void)
{
	for (int s = 0; s < PNYX_STATUSES; s++)
		CU_ASSERT_PTR_NOT_NULL(pnyx_status_text((enum pnyx_status)s));
	CU_ASSERT(pnyx_is_executed(PNYX_NO_MATCH));
	CU_ASSERT(!pnyx_is_executed(PNYX_UNKNOWN));
}

static const struct unit_test tests[] = {
    {"connect learns the cluster", connect_learns_the_cluster},
    {"the first named server is preferred", the_first_named_server_is_preferred},
    {"connect says what is wrong", connect_says_what_is_wrong},
    {"every operation gives its answer", every_operation_gives_its_answer},
    {"bytes are not text", bytes_are_not_text},
    {"several keys at once", several_keys_at_once},
    {"raw commands pass as they are", raw_commands_pass_as_they_are},
    {"what is too large is refused here", what_is_too_large_is_refused_here},
    {"updates in flight have a session each", updates_in_flight_have_a_session_each},
    {"few sessions take turns", few_sessions_take_turns},
    {"requests share frames", requests_share_frames},
    {"hints choose the member", hints_choose_the_member},
    {"answers stay while successors fly", answers_stay_while_successors_fly},
    {"a poll may return nothing", a_poll_may_return_nothing},
    {"a busy client never sleeps", a_busy_client_never_sleeps},
    {"members can be looked at", members_can_be_looked_at},
    {"close ends the sessions", close_ends_the_sessions},
    {"every status has a text", every_status_has_a_text},
};
UNIT_MAIN("client", tests)
