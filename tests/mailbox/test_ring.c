// The ring between two honest sides, and one honest side against one that writes anything.
#include <stdlib.h>
#include "consensus/base/rng.h"
#include "mailbox/ring.h"
#include "tests/unit/unit.h"

static struct {
	uint64_t before[8], head, between[8], tail, after[8];
	struct mb_message slots[MB_RING];
	uint64_t end[8];
} m;

static struct mb_ring in, out;

static void start(uint64_t at)
{
	memset(&m, 0, sizeof m);
	m.head = m.tail = at;
	mb_ring_produce(&in, m.slots, &m.head, &m.tail);
	mb_ring_consume(&out, m.slots, &m.head, &m.tail);
}

static struct mb_message message(uint64_t k)
{
	return (struct mb_message){ k, k + 1, k + 2, k + 3, { k + 4, k + 5, k + 6, k + 7 } };
}

static void test_order(void)
{
	struct mb_message got;
	uint64_t given = 0, taken = 0;
	start(UINT64_MAX - 100); // positions wrap round
	CU_ASSERT_FALSE(mb_pop(&out, &got));
	CU_ASSERT_FALSE(mb_is_waiting(&out));
	for (uint32_t round = 0; round < 1000; round++) {
		for (uint32_t k = 0; k < 1 + round % MB_RING; k++) {
			struct mb_message one = message(given);
			given += mb_push(&in, &one);
		}
		CU_ASSERT(mb_is_waiting(&out));
		while (mb_pop(&out, &got)) {
			struct mb_message one = message(taken++);
			CU_ASSERT(memcmp(&got, &one, sizeof got) == 0);
		}
		CU_ASSERT_EQUAL(given, taken);
	}
	CU_ASSERT_EQUAL(in.lost, 0);
	CU_ASSERT_EQUAL(out.garbage, 0);
}

static void test_full(void)
{
	struct mb_message one = message(1), got;
	start(0);
	for (uint32_t k = 0; k < MB_RING; k++)
		CU_ASSERT(mb_push(&in, &one));
	CU_ASSERT_FALSE(mb_push(&in, &one));
	CU_ASSERT_EQUAL(in.lost, 1);
	CU_ASSERT(mb_pop(&out, &got));
	CU_ASSERT(mb_push(&in, &one));
	CU_ASSERT_FALSE(mb_push(&in, &one));
}

// A side that died and came again: the producer goes on, the consumer takes nothing that was meant for its predecessor.
static void test_restart(void)
{
	struct mb_message one = message(1), two = message(2), got;
	start(7);
	mb_push(&in, &one);
	mb_ring_consume(&out, m.slots, &m.head, &m.tail);
	CU_ASSERT_FALSE(mb_pop(&out, &got));
	mb_ring_produce(&in, m.slots, &m.head, &m.tail);
	CU_ASSERT(mb_push(&in, &two));
	CU_ASSERT(mb_pop(&out, &got));
	CU_ASSERT_EQUAL(got.type, 2);
	CU_ASSERT_EQUAL(out.garbage, 0);
}

// A producer that writes anything: the consumer ends, stays in its own words, and is well again when the producer is.
static void test_hostile_producer(void)
{
	uint64_t rng = 1;
	struct mb_message got, one = message(9);
	start(0);
	uint64_t garbage = 0;
	for (uint32_t round = 0; round < 200000; round++) {
		m.head = ep_random(&rng) % 4 == 0 ? ep_random(&rng) : m.tail + ep_random(&rng) % (2 * MB_RING);
		m.slots[ep_random(&rng) % MB_RING].type = ep_random(&rng);
		uint64_t head = m.head;
		uint32_t popped = 0;
		while (mb_pop(&out, &got))
			popped++;
		CU_ASSERT_FATAL(popped <= MB_RING);
		CU_ASSERT_FATAL(m.head == head && m.tail == head); // it wrote its own word only, and has caught up
		garbage += popped == 0;
	}
	CU_ASSERT(out.garbage > 1000 && garbage >= out.garbage);
	for (uint32_t k = 0; k < 8; k++)
		CU_ASSERT(m.before[k] == 0 && m.between[k] == 0 && m.after[k] == 0 && m.end[k] == 0);
	mb_ring_produce(&in, m.slots, &m.head, &m.tail);
	CU_ASSERT(mb_push(&in, &one) && mb_pop(&out, &got) && got.type == 9);
}

// A consumer that writes anything: the producer writes into slots and its own word only, and never more than a ring full unread.
static void test_hostile_consumer(void)
{
	uint64_t rng = 2;
	struct mb_message one = message(3);
	uint64_t accepted = 0, refused = 0;
	start(0);
	for (uint32_t round = 0; round < 200000; round++) {
		m.tail = ep_random(&rng) % 4 == 0 ? ep_random(&rng) : m.head - ep_random(&rng) % (2 * MB_RING);
		uint64_t tail = m.tail, head = m.head;
		bool is_in = mb_push(&in, &one);
		CU_ASSERT_FATAL(m.tail == tail && m.head == head + is_in);
		CU_ASSERT_FATAL(is_in == (head - tail < MB_RING));
		accepted += is_in;
		refused += !is_in;
	}
	CU_ASSERT(accepted > 1000 && refused > 1000 && in.lost == refused);
	for (uint32_t k = 0; k < 8; k++)
		CU_ASSERT(m.before[k] == 0 && m.between[k] == 0 && m.after[k] == 0 && m.end[k] == 0);
}

static const struct unit_test tests[] = { { "order", test_order }, { "full", test_full }, { "restart", test_restart },
					  { "hostile producer", test_hostile_producer }, { "hostile consumer", test_hostile_consumer } };
UNIT_MAIN("mailbox ring", tests)
