// The conflict index against the slow and obvious answer: look at every instance.
#include "consensus/base/rng.h"
#include "consensus/window.h"
#include "tests/unit/core.h"

#define LIVE 96
static struct core c;
static struct {
	uint8_t col;
	uint64_t i;
	struct ep_keys keys;
	bool is_there;
} model[3 * LIVE];

static struct ep_keys draw(uint64_t *rng, uint32_t keys_max)
{
	struct ep_keys keys = { .count = 1 + (uint32_t)(ep_random(rng) % keys_max) };
	for (uint32_t k = 0; k < keys.count; k++)
		keys.key[k] = (struct ep_key){ .hash = 1000 + ep_random(rng) % 8 * 10 + k, .is_write = ep_random(rng) % 2 };
	return keys;
}

static ep_slot insert(uint8_t col, uint64_t i, const struct ep_keys *keys)
{
	ep_slot slot;
	CU_ASSERT_FATAL(ep_window_place(c.r, col, i, &slot) == EP_PLACE_FREE);
	struct ep_record *rec = ep_window_claim(c.r, slot, col, i, 0);
	rec->st = st_make(EP_PREACCEPTED, 0, EP_ST_INIT | EP_ST_PAYLOAD);
	ep_index_insert(c.r, slot, keys);
	return slot;
}

static void compare(uint64_t *rng, uint32_t count, uint32_t keys_max)
{
	struct ep_keys asked = draw(rng, keys_max);
	uint64_t got[EP_MEMBERS_MAX], want[EP_MEMBERS_MAX] = { 0 };
	for (uint32_t m = 0; m < count; m++)
		if (model[m].is_there && model[m].i > want[model[m].col] && ep_keys_meet(&asked, &model[m].keys))
			want[model[m].col] = model[m].i;
	ep_index_conflicts(c.r, &asked, 0, LIVE + 1, got);
	CU_ASSERT_EQUAL(memcmp(got, want, 8 * 3), 0);
}

static void test_against_model(void)
{
	uint64_t rng = 11;
	core_start(&c, 3, 0, 0);
	for (uint32_t m = 0; m < 3 * LIVE; m++) {
		model[m].col = (uint8_t)(m % 3);
		model[m].i = m / 3 + 1;
		model[m].keys = draw(&rng, 4);
		model[m].is_there = true;
		insert(model[m].col, model[m].i, &model[m].keys);
		for (uint32_t q = 0; q < 4; q++)
			compare(&rng, m + 1, 4);
	}
	// Ordered instances are still depended on; recycled ones are not (the newest first, so that maxima stay exact).
	for (uint32_t m = 0; m < 3 * LIVE; m++)
		ep_index_unlist(c.r, ep_slot_of(c.r, model[m].col, model[m].i));
	compare(&rng, 3 * LIVE, 4);
	for (uint32_t m = 0; m < 3 * LIVE; m++)
		ep_index_remove(c.r, ep_slot_of(c.r, model[m].col, model[m].i));
	for (uint32_t k = 0; k < 8; k++) // nobody holds a key: every entry is free again
		CU_ASSERT_EQUAL(ep_index_find(c.r, 1000 + k * 10), EP_NIL);
	core_end(&c);
}

// The lists of one key and one column are in order, from either end, in whatever order their instances come and go.
static void check_list(uint64_t hash, uint32_t col, uint32_t expected)
{
	uint32_t at = ep_index_find(c.r, hash), count = 0, newer = EP_NIL;
	const struct ep_track *track = ep_track(ep_entry(c.r, at), col);
	for (uint32_t link = track->newest; link != EP_NIL; newer = link, link = ep_link(c.r, link)->older, count++) {
		CU_ASSERT_EQUAL(ep_link(c.r, link)->newer, newer);
		CU_ASSERT(newer == EP_NIL || ep_rec(c.r, ep_link_slot(c.r, newer))->i > ep_rec(c.r, ep_link_slot(c.r, link))->i);
	}
	CU_ASSERT_EQUAL(track->oldest, newer);
	CU_ASSERT_EQUAL(count, expected);
}

static void test_lists(void)
{
	static const uint32_t step[] = { 1, 127, 3, 45, 64 * 2 - 31 }; // forwards, backwards, from both ends, here and there
	struct ep_keys keys = { .count = 2, .key = { { .hash = 5, .is_write = true }, { .hash = 6, .is_write = false } } };
	for (uint32_t s = 0; s < 5; s++)
		for (uint32_t sparse = 0; sparse < 2; sparse++) { // all of them hold the key, or one in fifty
			core_start(&c, 3, 0, 0);
			uint32_t held = 0, gone = 0;
			for (uint32_t k = 0; k < 128; k++) {
				uint64_t i = 1 + (uint64_t)k * step[s] % 128;
				keys.key[0].hash = sparse && i % 50 != 0 ? 100 : 5;
				insert(1, i, &keys);
				held += keys.key[0].hash == 5;
				if (held > gone)
					check_list(5, 1, held - gone);
				check_list(6, 1, k + 1);
			}
			for (uint32_t k = 0; k < 127; k++) {
				uint64_t i = 1 + (uint64_t)k * 77 % 128;
				ep_index_unlist(c.r, ep_slot_of(c.r, 1, i));
				gone += !sparse || i % 50 == 0;
				check_list(5, 1, held - gone);
				check_list(6, 1, 127 - k);
			}
			core_end(&c);
		}
}

// An instance with too many keys, or without room for its keys, is depended on by everything: a superset.
static void test_unindexed(void)
{
	struct ep_keys many = { .count = 17 }, one = { .count = 1, .key = { { .hash = 5, .is_write = false } } };
	uint64_t deps[EP_MEMBERS_MAX];
	core_start(&c, 3, 0, 0);
	for (uint32_t k = 0; k < many.count; k++)
		many.key[k] = (struct ep_key){ .hash = 100 + k, .is_write = true };
	ep_slot slot = insert(1, 4, &many);
	ep_index_conflicts(c.r, &one, 0, 1, deps);
	CU_ASSERT_EQUAL(deps[1], 4);
	CU_ASSERT_EQUAL(deps[2], 0);
	CU_ASSERT_EQUAL(c.r->counters.unindexed, 1);
	CU_ASSERT_EQUAL(c.r->columns[1].unindexed, slot);
	ep_index_unlist(c.r, slot);
	CU_ASSERT_EQUAL(c.r->columns[1].unindexed, EP_NIL);
	core_end(&c);
}

static void test_full_pool(void)
{
	struct ep_keys keys = { .count = 16 }, other = { .count = 1, .key = { { .hash = 1, .is_write = true } } };
	uint64_t deps[EP_MEMBERS_MAX];
	core_start(&c, 3, 0, 0);
	for (uint64_t i = 1; i <= 17; i++) { // 256 entries of 16 keys each, and one instance more
		for (uint32_t k = 0; k < 16; k++)
			keys.key[k] = (struct ep_key){ .hash = i * 100 + k, .is_write = true };
		insert(1, i, &keys);
	}
	CU_ASSERT_EQUAL(c.r->counters.unindexed, 1);
	ep_index_conflicts(c.r, &other, 0, 1, deps);
	CU_ASSERT_EQUAL(deps[1], 17);
	core_end(&c);
}

static void test_barrier(void)
{
	struct ep_keys barrier = { .is_barrier = true }, one = { .count = 1, .key = { { .hash = 5, .is_write = false } } };
	uint64_t deps[EP_MEMBERS_MAX];
	core_start(&c, 3, 0, 0);
	insert(1, 2, &one);
	ep_index_conflicts(c.r, &barrier, 0, 1, deps);
	CU_ASSERT_EQUAL(deps[1], 2);
	insert(2, 9, &barrier);
	barrier.count = 1; // of too many keys some are listed: none is looked at
	barrier.key[0] = (struct ep_key){ .hash = 5 };
	ep_index_conflicts(c.r, &barrier, 0, 1, deps);
	CU_ASSERT_EQUAL(deps[1], 2);
	CU_ASSERT_EQUAL(barrier.key[0].entry, 0);
	ep_index_tops(c.r, &barrier, deps);
	CU_ASSERT_EQUAL(deps[1], c.r->columns[1].known);
	ep_index_conflicts(c.r, &one, 0, 1, deps);
	CU_ASSERT_EQUAL(deps[2], 9);
	CU_ASSERT_EQUAL(deps[1], 0);
	core_end(&c);
}

// Only its command leader sets an instance's dependency on its own column (B.2).
static void test_own_column(void)
{
	struct ep_keys one = { .count = 1, .key = { { .hash = 5, .is_write = true } } };
	uint64_t deps[EP_MEMBERS_MAX];
	core_start(&c, 3, 0, 0);
	insert(0, 1, &one);
	insert(1, 1, &one);
	ep_index_conflicts(c.r, &one, 1, 2, deps);
	CU_ASSERT_EQUAL(deps[0], 1);
	CU_ASSERT_EQUAL(deps[1], 0);
	ep_index_conflicts(c.r, &one, 0, 2, deps);
	CU_ASSERT_EQUAL(deps[0], 1);
	CU_ASSERT_EQUAL(deps[1], 1);
	insert(0, 7, &one); // never on itself, nor on what comes behind it
	ep_index_conflicts(c.r, &one, 0, 5, deps);
	CU_ASSERT_EQUAL(deps[0], 4);
	core_end(&c);
}

static const struct unit_test tests[] = { { "against a model", test_against_model }, { "lists", test_lists },
					  { "unindexed", test_unindexed },
					  { "full pool", test_full_pool }, { "barrier", test_barrier }, { "own column", test_own_column } };
UNIT_MAIN("index", tests)
