// Attach: every part of the arena that is damaged is refused by its name, and what a kill leaves is not.
#include <stdlib.h>
#include "consensus/app/kv_store.h"
#include "tests/unit/core.h"

static struct core c;

// A replica with something in every part: a session and a value, instances in each phase, one command in the order queue.
static void begin(void)
{
	core_start(&c, 1, 0, 0);
	struct ep_session_id session = core_open(&c);
	core_request(&c, EP_CMD_UPDATE, &session, 1, "key", "value");
	core_request(&c, EP_CMD_UPDATE, &session, 2, "long", "a value that does not fit into the first block of its item, so that it has a second one");
	host_kill(&c.host);
}

// Flips each bit of a piece of the arena: never OK.
static void refuses(void *piece, size_t bytes, enum ep_attach verdict)
{
	uint8_t *copy = malloc(c.host.arena_bytes);
	memcpy(copy, c.host.arena, c.host.arena_bytes);
	for (size_t bit = 0; bit < 8 * bytes; bit++) {
		((uint8_t *)piece)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		enum ep_attach is = host_attach(&c.host);
		if (is != verdict)
			printf("\nbit %zu: verdict %d, not %d\n", bit, is, verdict);
		CU_ASSERT_EQUAL(is, verdict);
		memcpy(c.host.arena, copy, c.host.arena_bytes);
	}
	free(copy);
}

static struct ep_replica *arena(void)
{
	return c.host.arena;
}

static void test_header(void)
{
	begin();
	refuses(&arena()->magic, 8, EP_ATTACH_MAGIC);
	refuses(&arena()->layout, 4, EP_ATTACH_LAYOUT);
	refuses(&arena()->identity, 8, EP_ATTACH_HEADER);
	refuses(&arena()->starts, 8, EP_ATTACH_HEADER);
	refuses(&arena()->config.cluster, 8, EP_ATTACH_HEADER);
	refuses(&arena()->config.boot_id, 16, EP_ATTACH_HEADER);
	refuses(&arena()->config.members[0].uuid, 16, EP_ATTACH_HEADER);
	refuses(&arena()->config.app_capacity, 8, EP_ATTACH_HEADER);
	uint64_t starts = arena()->starts, votes = arena()->votes;
	arena()->starts = ep_word_seal(UINT32_MAX, 32);
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_WORN); // the next start would be number 0
	arena()->starts = starts;
	arena()->votes = 1ULL << 48;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_WORN);
	arena()->votes = votes;
	ep_poison(arena());
	for (uint32_t bit = 0; bit < 32; bit++) { // one wrong bit does not make it well
		arena()->poison ^= 1u << bit;
		CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_POISONED);
		arena()->poison ^= 1u << bit;
	}
	core_end(&c);
}

static void test_executed(void)
{
	begin();
	refuses(ep_at(arena(), arena()->at_bitmap), 32, EP_ATTACH_EXECUTED);
	refuses(&arena()->columns[0].exec_prefix, 8, EP_ATTACH_EXECUTED);
	// Killed between the prefix and its complement.
	arena()->columns[0].exec_again = ~(arena()->columns[0].exec_prefix - 1);
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_OK);
	CU_ASSERT_EQUAL(arena()->columns[0].exec_again, ~arena()->columns[0].exec_prefix);
	core_end(&c);
}

static void test_records(void)
{
	uint64_t deps[EP_MEMBERS_MAX] = { 0 };
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 3);
	core_value(&c, 2, EP_ACCEPT, 1, 2, 3, NULL, "NOP");
	core_value(&c, 2, EP_COMMIT, 2, 2, 0, deps, "j"); // (2,1) is missing: it stays
	host_kill(&c.host);
	static const struct {
		uint8_t col, i;
	} instances[] = { { 1, 1 }, { 1, 2 }, { 2, 2 } };
	for (size_t k = 0; k < sizeof instances / sizeof instances[0]; k++) {
		struct ep_record *rec = ep_rec(arena(), ep_slot_of(arena(), instances[k].col, instances[k].i));
		refuses(rec, offsetof(struct ep_record, seq), EP_ATTACH_RECORDS); // st, joined, i
		refuses(&rec->order, 8 + sizeof rec->epoch, EP_ATTACH_RECORDS);
		refuses(rec_dep(rec, 3), 24, EP_ATTACH_RECORDS);
		if (rec_has_init(rec))
			refuses(rec_idep(rec), 24, EP_ATTACH_RECORDS);
		if (!rec_has_payload(rec))
			continue;
		refuses(&rec->seq, 8, EP_ATTACH_RECORDS);
		refuses(&rec->payload_len, 3, EP_ATTACH_RECORDS); // and fq
		refuses(ep_payload(arena(), ep_slot_of(arena(), instances[k].col, instances[k].i)), rec->payload_len, EP_ATTACH_RECORDS);
	}
	// A free slot is free, whatever lies in it.
	struct ep_record *gone = ep_rec(arena(), ep_slot_of(arena(), 1, 9));
	memset((uint8_t *)gone + 8, 0x5a, arena()->record_stride - 8);
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_OK);
	for (uint32_t bit = 0; bit < 64; bit++) {
		gone->st = 1ULL << bit;
		CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_RECORDS);
		gone->st = 0;
	}
	core_end(&c);
}

// A component of two in the queue: every link, and what it must lead to.
static void test_order(void)
{
	uint64_t deps[2][EP_MEMBERS_MAX] = { { 0, 0, 1 }, { 0, 1, 0 } };
	core_start(&c, 3, 0, 0);
	c.r->config.exec_budget = 0;
	core_value(&c, 1, EP_COMMIT, 1, 1, 0, deps[0], "k");
	core_value(&c, 2, EP_COMMIT, 2, 1, 0, deps[1], "k");
	for (uint32_t steps = 0; c.r->order_head == 0 && steps < 100; steps++)
		ep_exec_run(c.r, &c.host.effects, 1);
	CU_ASSERT_NOT_EQUAL(c.r->order_head, 0);
	host_kill(&c.host);
	ep_slot first = order_next(arena()->order_head) - 1, second = order_next(ep_rec(arena(), first)->order) - 1;
	CU_ASSERT_EQUAL(ep_rec(arena(), second)->order, 0);
	refuses(&arena()->order_head, 8, EP_ATTACH_ORDER);
	refuses(&arena()->order_done, 8, EP_ATTACH_ORDER);
	uint64_t wrong[] = { order_link(first + 1), order_link(second + 1), order_link(1), order_link(UINT32_MAX), order_settled(1) };
	for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) { // a circle, nobody, nowhere, not a link
		ep_rec(arena(), second)->order = wrong[k];
		CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_ORDER);
	}
	ep_rec(arena(), second)->order = 0;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_OK);
	core_end(&c);
}

static void test_sessions(void)
{
	begin();
	struct ep_session *s = NULL;
	for (uint32_t k = 0; k < arena()->config.sessions_max; k++)
		if (ep_session(arena(), k)->last == 2)
			s = ep_session(arena(), k);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	refuses(s, offsetof(struct ep_session, kept) + ep_session_len(s), EP_ATTACH_SESSIONS);
	refuses(ep_at(arena(), arena()->at_session_buckets), 8 * arena()->session_buckets, EP_ATTACH_SESSIONS);
	refuses(&arena()->sessions_count, 8, EP_ATTACH_SESSIONS);
	core_end(&c);
}

static void test_application(void)
{
	begin();
	struct kv_store *s = ep_at(arena(), arena()->at_app);
	for (int k = 0; k < 2; k++) {
		struct kv_place place = kv_store_find(s, (const uint8_t *)(k ? "long" : "key"), k ? 4 : 3);
		CU_ASSERT_NOT_EQUAL_FATAL(place.index, 0);
		struct kv_item *item = &kv_block(s, place.index)->item;
		refuses(place.word, 8, EP_ATTACH_APPLICATION);
		refuses(item, k ? KV_BLOCK : 16 + 8, EP_ATTACH_APPLICATION);
		if (k)
			refuses(kv_block(s, kv_item_more(item)), 4 + 20, EP_ATTACH_APPLICATION);
	}
	refuses(&s->sum, 8, EP_ATTACH_APPLICATION);
	refuses(s, offsetof(struct kv_store, sum), EP_ATTACH_APPLICATION);
	core_end(&c);
}

static const struct unit_test tests[] = { { "header", test_header },	 { "executed", test_executed }, { "records", test_records },
					  { "order", test_order },	 { "sessions", test_sessions }, { "application", test_application } };
UNIT_MAIN("attach", tests)
