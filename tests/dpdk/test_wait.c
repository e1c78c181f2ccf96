// Two agents that sleep until the other one rings: nothing handed over is left lying, and nobody is rung for who is awake.
#include "dataplane/wait.h"
#include <poll.h>
#include <pthread.h>
#include <rte_ring.h>
#include "tests/dpdk/eal.h"
#include "tests/unit/unit.h"

#define ROUNDS 20000u
#define LONG_NS 900000000u // a wake-up that is lost would take so long

static struct rte_ring *there, *back;
static struct dp_wait here, other;

static bool is_rung(const struct dp_wait *w)
{
	struct pollfd p = { .fd = w->bell, .events = POLLIN };
	return poll(&p, 1, 0) == 1;
}

static void setup(void)
{
	static bool is_made;
	if (!is_made) {
		there = rte_ring_create("there", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		back = rte_ring_create("back", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		eal_need(there && back, "no memory for rings");
		is_made = true;
	}
	dp_wait_init_nap(&here);
	dp_wait_init_nap(&other);
	CU_ASSERT_TRUE(here.is_blind);
	dp_wait_add_inbox(&here, back);
	dp_wait_add_inbox(&other, there);
}

static void test_awake(void)
{
	setup();
	CU_ASSERT_FALSE(here.is_blind);
	dp_wait_wake(&here);
	CU_ASSERT_FALSE(is_rung(&here));
	here.is_asleep = true; // as the other agent sees it
	dp_wait_wake(&here);
	dp_wait_wake(&here);
	CU_ASSERT_TRUE(is_rung(&here));
	CU_ASSERT_FALSE(here.is_asleep);
	rte_ring_sp_enqueue(back, &here);
	here.is_asleep = false;
	dp_wait(&here, LONG_NS); // something lies there: it does not sleep, and says so no more
	CU_ASSERT_FALSE(here.is_asleep);
	void *x;
	CU_ASSERT_EQUAL(rte_ring_sc_dequeue(back, &x), 0);
}

static void *answerer(void *x)
{
	for (uintptr_t k = 1, got; k <= ROUNDS; k++) {
		while (rte_ring_sc_dequeue(there, (void **)&got) != 0)
			dp_wait(&other, LONG_NS);
		rte_ring_sp_enqueue(back, (void *)(got + k));
		dp_wait_wake(&here);
	}
	return x;
}

static void test_rounds(void)
{
	pthread_t thread;
	uint32_t good = 0;
	setup();
	eal_need(pthread_create(&thread, NULL, answerer, NULL) == 0, "no thread");
	for (uintptr_t k = 1, got; k <= ROUNDS; k++) {
		rte_ring_sp_enqueue(there, (void *)k);
		dp_wait_wake(&other);
		while (rte_ring_sc_dequeue(back, (void **)&got) != 0)
			dp_wait(&here, LONG_NS);
		good += got == 2 * k;
	}
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(good, ROUNDS);
	CU_ASSERT_TRUE(rte_ring_empty(there) && rte_ring_empty(back));
}

static const struct unit_test tests[] = {
	{ "who is awake is not rung for", test_awake },
	{ "twenty thousand hand-overs", test_rounds },
};

int main(int argc, char **argv)
{
	eal_start("test_wait", NULL);
	return unit_run("wait", tests, sizeof tests / sizeof tests[0], argc > 1 ? argv[1] : NULL);
}
