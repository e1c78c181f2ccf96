// The client library under loss, copies, reordering and a member that comes and goes: what it says
// must be what happened.
#include "tests/unit/fake_cluster.h"
#include "tests/unit/unit.h"

#define B(text) ((struct pnyx_bytes){text, sizeof(text) - 1})

// Each operation's answer is one of what it can be, and the counter is what the answers say.
static void run_chaos(uint64_t seed)
{
	struct pnyx_completion done;
	fake_start();
	fake.random = seed; // also the source of what the client draws
	struct pnyx_options o = fake_options();
	o.deadline_ms = 300;
	o.ops_max = 16;
	o.sessions_max = 12;
	struct pnyx *client = fake_connect(&o);
	fake.loss = 20;
	fake.duplication = 20;
	fake.jitter_ns = 30 * FAKE_MS;
	const struct pnyx_op op = {.type = PNYX_INCR, .key = B("n"), .delta = 1};
	uint64_t submitted = 0, ok = 0, unknown = 0, refused = 0, reads = 0;
	while (ok + unknown + refused + reads < 1500) {
		if (submitted < 1500) {
			bool is_read = submitted % 7 == 0;
			const struct pnyx_op get = {.type = PNYX_GET, .key = B("n")};
			if (pnyx_submit(client, is_read ? &get : &op, (int)(submitted % 3),
					submitted) == PNYX_OK) {
				submitted++;
				continue;
			}
		}
		CU_ASSERT_FATAL(pnyx_poll(client, -1, &done, 1) == 1);
		fake.server[0].is_dead = ok % 400 > 300;
		if (done.type == PNYX_GET) {
			CU_ASSERT(done.status == PNYX_OK || done.status == PNYX_NOT_FOUND ||
				  done.status == PNYX_TIMEOUT);
			reads++;
		} else if (done.status == PNYX_OK) {
			ok++;
		} else if (done.status == PNYX_UNKNOWN) {
			unknown++;
		} else {
			CU_ASSERT_EQUAL(done.status, PNYX_TIMEOUT);
			refused++;
		}
	}
	fake.loss = fake.duplication = 0;
	fake.server[0].is_dead = false;
	CU_ASSERT(ok > 500);
	CU_ASSERT(fake.updates >= ok && fake.updates <= ok + unknown);
	CU_ASSERT_EQUAL(pnyx_poll(client, 5000000, &done, 1), 0);
	CU_ASSERT_EQUAL(pnyx_incr(client, B("n"), 0, &done), PNYX_OK);
	CU_ASSERT((uint64_t)done.number >= ok && (uint64_t)done.number <= ok + unknown);
	pnyx_close(client);
	fake_stop();
	CU_ASSERT(fake.sessions <= unknown + 12);
}

static void effects_match_answers_under_chaos(void)
{
	for (uint64_t seed = 1; seed <= 8; seed++)
		run_chaos(seed);
}

// The whole of one run, as a number.
static uint64_t trace(uint64_t seed)
{
	run_chaos(seed);
	return ep_hash64(fake.updates, fake.seen, fake.seen_count * (uint32_t)sizeof fake.seen[0]);
}

static void equal_seeds_give_equal_runs(void)
{
	CU_ASSERT_EQUAL(trace(1), trace(1));
	CU_ASSERT_NOT_EQUAL(trace(1), trace(2));
}

static const struct unit_test tests[] = {
    {"effects match answers under chaos", effects_match_answers_under_chaos},
    {"equal seeds give equal runs", equal_seeds_give_equal_runs},
};
UNIT_MAIN("client_chaos", tests)
