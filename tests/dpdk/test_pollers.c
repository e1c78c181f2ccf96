// The page of polling threads: entering, leaving, the dead; and what an idle poller does about a crowd.
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dataplane/agent.h"
#include "tests/unit/unit.h"

static char folder[64];
static uint32_t yields;

// In place of the C library's: counts.
int sched_yield(void)
{
	yields++;
	return 0;
}

static bool is_there(const struct dp_pollers *p)
{
	struct stat st;
	return stat(p->path, &st) == 0;
}

static void test_alone(void)
{
	struct dp_pollers p;
	dp_pollers_enter(&p, folder, 1);
	CU_ASSERT(p.slots != NULL && is_there(&p));
	CU_ASSERT_EQUAL(dp_pollers_crowded(&p), p.cores < 1);
	dp_pollers_leave(&p);
	CU_ASSERT_FALSE(is_there(&p)); // nothing is left behind
}

static void test_crowd(void)
{
	struct dp_pollers first, second;
	dp_pollers_enter(&first, folder, 1);
	dp_pollers_enter(&second, folder, first.cores);
	CU_ASSERT_NOT_EQUAL(first.own, second.own);
	CU_ASSERT(dp_pollers_crowded(&first));
	CU_ASSERT(dp_pollers_crowded(&second));
	dp_pollers_leave(&second);
	CU_ASSERT(is_there(&first)); // somebody is still on it
	CU_ASSERT_FALSE(dp_pollers_crowded(&first));
	dp_pollers_leave(&first);
	CU_ASSERT_FALSE(is_there(&first));
}

// A process that ends without leaving is counted until the next one enters.
static void test_killed(void)
{
	struct dp_pollers p, q;
	dp_pollers_enter(&p, folder, 1);
	pid_t child = fork();
	if (child == 0) {
		struct dp_pollers own;
		dp_pollers_enter(&own, folder, p.cores + 1);
		_exit(0);
	}
	CU_ASSERT_FATAL(child > 0 && waitpid(child, NULL, 0) == child);
	CU_ASSERT(dp_pollers_crowded(&p));
	dp_pollers_enter(&q, folder, 0);
	CU_ASSERT_FALSE(dp_pollers_crowded(&p));
	dp_pollers_leave(&q);
	dp_pollers_leave(&p);
}

// More replicas than slots: the last one knows of the others and is not counted.
static void test_full(void)
{
	static struct dp_pollers all[DP_POLLERS_SLOTS + 1];
	for (uint32_t k = 0; k <= DP_POLLERS_SLOTS; k++)
		dp_pollers_enter(&all[k], folder, 1);
	CU_ASSERT_EQUAL(all[DP_POLLERS_SLOTS].own, DP_POLLERS_SLOTS);
	CU_ASSERT(dp_pollers_crowded(&all[DP_POLLERS_SLOTS]) || all[0].cores >= DP_POLLERS_SLOTS);
	for (uint32_t k = 0; k <= DP_POLLERS_SLOTS; k++)
		dp_pollers_leave(&all[k]);
	CU_ASSERT_FALSE(is_there(&all[0]));
}

static void test_no_folder(void)
{
	struct dp_pollers p;
	dp_pollers_enter(&p, "/nonexistent", 1);
	CU_ASSERT(p.slots == NULL);
	CU_ASSERT_EQUAL(dp_pollers_crowded(&p), p.cores < 1);
	p.threads = p.cores + 1; // its own threads alone are too many
	CU_ASSERT(dp_pollers_crowded(&p));
	dp_pollers_leave(&p);
}

static uint32_t yields_of(enum dp_idle_kind kind, const struct dp_pollers *p, uint32_t turns)
{
	struct dp_idle idle = { kind, p };
	uint32_t empty = 0;
	yields = 0;
	for (uint32_t k = 0; k < turns; k++)
		dp_idle(&idle, &empty);
	return yields;
}

// Busy never gives its core away, yield does after 64 empty turns, auto only in a crowd.
static void test_idle(void)
{
	struct dp_pollers p, q;
	dp_pollers_enter(&p, folder, 1);
	CU_ASSERT_EQUAL(yields_of(DP_IDLE_BUSY, &p, 6400), 0);
	CU_ASSERT_EQUAL(yields_of(DP_IDLE_YIELD, &p, 6400), 100);
	CU_ASSERT_EQUAL(yields_of(DP_IDLE_AUTO, &p, 6400), 0);
	dp_pollers_enter(&q, folder, p.cores);
	CU_ASSERT_EQUAL(yields_of(DP_IDLE_BUSY, &p, 6400), 0);
	CU_ASSERT_EQUAL(yields_of(DP_IDLE_AUTO, &p, 6400), 100);
	dp_pollers_leave(&q);
	dp_pollers_leave(&p);
}

static const struct unit_test tests[] = {
	{ "alone", test_alone },
	{ "a crowd", test_crowd },
	{ "a killed process", test_killed },
	{ "a full page", test_full },
	{ "no folder to share", test_no_folder },
	{ "idle turns", test_idle },
};

int main(int argc, char **argv)
{
	snprintf(folder, sizeof folder, "/tmp/pnyx-pollers-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	int code = unit_run("pollers", tests, sizeof tests / sizeof tests[0], argc > 1 ? argv[1] : NULL);
	return rmdir(folder) == 0 ? code : 1; // not empty: a page was left behind
}
