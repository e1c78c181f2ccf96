// The state of a frozen epoch, as another process looks at it and as it travels in a file (protocol.md F.1).
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "consensus/arena.h"
#include "consensus/epoch.h"
#include "tests/unit/core.h"

static struct core c;

// Epoch 1 of `config`, one member, ended by a RECONFIG to `members`; k is "v".
static void freeze(const struct ep_config *config, uint8_t members)
{
	uint8_t bytes[EP_RECONFIG_MAX];
	core_start_with(&c, config);
	struct ep_session_id session = core_open(&c);
	core_request(&c, EP_CMD_UPDATE, &session, 1, "k", "v");
	core_reconfig(members, bytes);
	CU_ASSERT_EQUAL(ep_propose(c.r, c.now, (const void *)bytes, &c.host.effects), EP_PROPOSED);
	core_wait(&c, 1);
	CU_ASSERT_EQUAL_FATAL(ep_standing(c.r), EP_STANDING_FROZEN);
}

static void freeze_one(uint8_t members)
{
	struct ep_config config = core_config(1, 0, EP_MODE_AUTO);
	config.cost_max = 256;
	config.app_capacity = 4096;
	freeze(&config, members);
}

// ---- looking ------------------------------------------------------------------------------------------------------------------------
static struct ep_handover seen;
static struct ep_state state;

// The arena's first `bytes` bytes, read-only, before memory that nobody may touch.
static const void *map(size_t bytes, void **base, size_t *size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page;
	*size = room + page;
	uint8_t *at = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CU_ASSERT_FATAL(at != MAP_FAILED);
	*base = at;
	at += (room - bytes) / 64 * 64; // as near to the end as its alignment allows
	memcpy(at, c.host.arena, bytes);
	mprotect(*base, room, PROT_READ);
	mprotect((uint8_t *)*base + room, page, PROT_NONE);
	return at;
}

static bool look(size_t bytes)
{
	void *base;
	size_t size;
	const uint8_t *arena = map(bytes, &base, &size);
	bool is_frozen = ep_frozen_look(arena, bytes, &seen, &state);
	if (is_frozen) {
		struct ep_state here = ep_state(c.r);
		CU_ASSERT_EQUAL(state.at - arena, here.at - (uint8_t *)c.r);
		CU_ASSERT(memcmp(state.at, here.at, here.bytes) == 0);
	}
	munmap(base, size);
	return is_frozen;
}

static void test_look(void)
{
	struct ep_handover own;
	freeze_one(3);
	CU_ASSERT_TRUE_FATAL(ep_handover(c.r, &own));
	CU_ASSERT_TRUE_FATAL(look(c.host.arena_bytes));
	CU_ASSERT_EQUAL(seen.cluster, own.cluster);
	CU_ASSERT_EQUAL(seen.bytes, own.bytes);
	CU_ASSERT_EQUAL(seen.sessions, 1);
	CU_ASSERT_EQUAL(seen.clock, own.clock);
	CU_ASSERT_EQUAL(seen.next.epoch, 2);
	CU_ASSERT_EQUAL(seen.next.chain, own.next.chain);
	CU_ASSERT_EQUAL(seen.next.n, 3);
	CU_ASSERT(memcmp(seen.next.members, own.next.members, sizeof own.next.members) == 0);
	core_end(&c);
}

static void test_look_not_frozen(void)
{
	core_start(&c, 1, 0, EP_MODE_AUTO);
	CU_ASSERT_FALSE(look(c.host.arena_bytes));
	core_end(&c);
}

// Sizes that end anywhere in the arena, and before it.
static void test_look_cut_short(void)
{
	freeze_one(3);
	for (size_t bytes = 0; bytes < sizeof *c.r + 4096; bytes += 64)
		CU_ASSERT_FALSE(look(bytes));
	for (size_t bytes = 4096; bytes < c.host.arena_bytes; bytes += c.host.arena_bytes / 19 / 64 * 64)
		CU_ASSERT_FALSE(look(bytes));
	CU_ASSERT_FALSE(look(c.r->bytes - 64));
	CU_ASSERT(look(c.r->bytes));
	core_end(&c);
}

static void refuses(void *word, size_t size)
{
	uint8_t *at = word;
	for (size_t bit = 0; bit < 8 * size; bit++) {
		at[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_FALSE(ep_frozen_look(c.host.arena, c.host.arena_bytes, &seen, &state));
		at[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
#define REFUSES(field) refuses(&(field), sizeof(field))

// Nothing of a header is believed that would lead out of the arena or to another state.
static void test_look_damaged(void)
{
	freeze_one(3);
	ep_slot slot = (ep_slot)ep_word_value(c.r->closed, 32) - 1;
	struct ep_record *rec = ep_rec(c.r, slot);
	REFUSES(c.r->magic);
	REFUSES(c.r->layout);
	REFUSES(c.r->poison);
	REFUSES(c.r->identity);
	REFUSES(c.r->closed);
	REFUSES(c.r->config.n);
	REFUSES(c.r->config.window);
	REFUSES(c.r->config.app_capacity);
	REFUSES(c.r->config.sessions_max);
	REFUSES(c.r->config_hash);
	REFUSES(c.r->bytes);
	REFUSES(c.r->at_journal);
	REFUSES(c.r->at_records);
	REFUSES(c.r->at_sessions);
	REFUSES(c.r->at_app);
	REFUSES(c.r->record_stride);
	REFUSES(c.r->n);
	REFUSES(c.r->window_shift);
	REFUSES(rec->st);
	REFUSES(rec->i);
	REFUSES(rec->payload_len);
	refuses(ep_payload(c.r, slot), rec->payload_len);
	CU_ASSERT(ep_frozen_look(c.host.arena, c.host.arena_bytes, &seen, &state));
	c.r->sessions_count = c.r->config.sessions_max + 1;
	CU_ASSERT_FALSE(ep_frozen_look(c.host.arena, c.host.arena_bytes, &seen, &state));
	core_end(&c);
}

// What `closed` may name: a RECONFIG that was executed, in a transaction that has ended.
static void test_look_closed(void)
{
	freeze_one(3);
	uint64_t closed = c.r->closed, value = ep_word_value(closed, 32);
	const uint64_t wrong[] = { value - 1, value + 1, 1ull << c.r->window_shift, (1ull << c.r->window_shift) + 1, UINT32_MAX };
	for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
		c.r->closed = ep_word_seal(wrong[k], 32);
		CU_ASSERT_FALSE(ep_frozen_look(c.host.arena, c.host.arena_bytes, &seen, &state));
	}
	c.r->closed = closed;
	struct ep_journal *journal = ep_at(c.r, c.r->at_journal);
	journal->len = ep_journal_word(1);
	CU_ASSERT_FALSE(ep_frozen_look(c.host.arena, c.host.arena_bytes, &seen, &state));
	journal->len = 0;
	CU_ASSERT(ep_frozen_look(c.host.arena, c.host.arena_bytes, &seen, &state));
	core_end(&c);
}

// ---- the file's head ------------------------------------------------------------------------------------------------------------------
static struct ep_state_head sealed(const struct ep_handover *from)
{
	struct ep_state_head head;
	memset(&head, 0x5a, sizeof head);
	ep_state_seal(&head, from, 0xdecaf);
	return head;
}

static void test_head(void)
{
	struct ep_handover h;
	struct ep_state_head head, back;
	freeze_one(3);
	CU_ASSERT_TRUE_FATAL(ep_handover(c.r, &h));
	head = sealed(&h);
	struct ep_state_head again;
	memset(&again, 0xa5, sizeof again);
	ep_state_seal(&again, &h, 0xdecaf);
	CU_ASSERT(memcmp(&head, &again, sizeof head) == 0); // no byte is left as it was
	CU_ASSERT_TRUE_FATAL(ep_state_check(&head, sizeof head, &back));
	CU_ASSERT_EQUAL(back.state_crc, 0xdecaf);
	CU_ASSERT_EQUAL(back.handover.bytes, h.bytes);
	CU_ASSERT_EQUAL(back.handover.clock, h.clock);
	CU_ASSERT_EQUAL(back.handover.sessions, h.sessions);
	CU_ASSERT_EQUAL(back.handover.cluster, h.cluster);
	CU_ASSERT_EQUAL(back.handover.next.chain, h.next.chain);
	CU_ASSERT(memcmp(back.handover.next.members, h.next.members, sizeof h.next.members) == 0);
	for (size_t len = 0; len < sizeof head; len++)
		CU_ASSERT_FALSE(ep_state_check(&head, len, &back));
	uint8_t *at = (uint8_t *)&head;
	for (size_t bit = 0; bit < 8 * sizeof head; bit++) {
		at[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_FALSE(ep_state_check(&head, sizeof head, &back));
		at[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	core_end(&c);
}

// Whole, and yet nothing that an epoch could start with.
static void test_head_wrong_list(void)
{
	struct ep_handover good, h;
	struct ep_state_head head, back;
	freeze_one(3);
	CU_ASSERT_TRUE_FATAL(ep_handover(c.r, &good));
#define WRONG(change) \
	do { \
		h = good; \
		change; \
		head = sealed(&h); \
		CU_ASSERT_FALSE(ep_state_check(&head, sizeof head, &back)); \
	} while (0)
	WRONG(h.next.n = 0);
	WRONG(h.next.n = EP_MEMBERS_MAX + 1);
	WRONG(h.next.n = 255);
	WRONG(h.next.n = 4); // the fourth has no identity
	WRONG(h.next.epoch = 0);
	WRONG(h.next.epoch = 1);
	WRONG(h.bytes = 0);
	WRONG(h.next.members[1] = h.next.members[0]);
	head = sealed(&good);
	CU_ASSERT(ep_state_check(&head, sizeof head, &back));
	core_end(&c);
}

// ---- sizes ------------------------------------------------------------------------------------------------------------------------------
// Any number of members may follow any other: with default sizes the state is as large for each.
static void test_default_sizes(void)
{
	for (uint8_t n = 1; n <= EP_MEMBERS_MAX; n++) {
		struct ep_config one = { .n = 1 }, other = { .n = n };
		ep_config_defaults(&one);
		ep_config_defaults(&other);
		CU_ASSERT_EQUAL(other.app_capacity, one.app_capacity);
		CU_ASSERT_EQUAL(other.sessions_max, one.sessions_max);
		CU_ASSERT_EQUAL(other.frame_max, one.frame_max);
	}
}

static void test_one_to_seven(void)
{
	struct ep_config config = core_config(1, 0, EP_MODE_AUTO), plain = { .n = 1 };
	ep_config_defaults(&plain);
	config.window = plain.window;
	config.own_max = plain.own_max;
	config.sessions_max = plain.sessions_max;
	config.cost_max = plain.cost_max;
	config.app_capacity = plain.app_capacity;
	freeze(&config, EP_MEMBERS_MAX);
	CU_ASSERT_TRUE_FATAL(ep_frozen_look(c.host.arena, c.host.arena_bytes, &seen, &state));
	CU_ASSERT_TRUE_FATAL(ep_config_follow(&config, &seen.next));
	CU_ASSERT_EQUAL(config.n, EP_MEMBERS_MAX);
	struct ep_replica *next;
	size_t size = ep_replica_size(&config);
	void *arena = aligned_alloc(64, size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	memset(arena, 0, size);
	CU_ASSERT_EQUAL_FATAL(ep_epoch_begin(arena, size, &config, &seen, &next), EP_ATTACH_OK);
	memcpy(ep_state(next).at, state.at, state.bytes);
	CU_ASSERT_EQUAL(ep_epoch_finish(next, &seen, true), EP_ATTACH_OK);
	struct ep_wire_digest before, after;
	ep_digest_now(c.r, &before);
	ep_digest_now(next, &after);
	CU_ASSERT_EQUAL(before.application, after.application);
	CU_ASSERT_EQUAL(before.sessions, after.sessions);
	free(arena);
	core_end(&c);
}

static const struct unit_test tests[] = {
	{ "look", test_look },
	{ "look, not frozen", test_look_not_frozen },
	{ "look, cut short", test_look_cut_short },
	{ "look, damaged", test_look_damaged },
	{ "look, closed", test_look_closed },
	{ "head", test_head },
	{ "head, wrong list", test_head_wrong_list },
	{ "default sizes", test_default_sizes },
	{ "one to seven", test_one_to_seven },
};
UNIT_MAIN("handover", tests)
