// Attach: what carries a valid check and is wrong all the same was not left by this code. It is refused, part by part.
#include <stdlib.h>
#include "consensus/arena.h"
#include "tests/unit/core.h"

#define FIRST 1000u // numbers start here: there is something below a window

static struct core c;
static uint8_t *copy;

static struct ep_replica *arena(void)
{
	return c.host.arena;
}

static struct ep_record *at(uint8_t col, uint64_t i)
{
	return ep_rec(arena(), ep_slot_of(arena(), col, i));
}

// Three instances: (1, first) pre-accepted and joined at 3, (1, second) accepted Nop at 3, (2, second) committed and waiting for
// the first.
static struct ep_record *preaccepted, *accepted, *committed;
static void begin(void)
{
	struct ep_config config = core_config(3, 0, 0);
	config.first = FIRST;
	core_start_with(&c, &config);
	core_preaccept(&c, 1, FIRST + 1, 0, NULL, "k");
	core_ballot(&c, 2, EP_RECOVER, 1, FIRST + 1, 3);
	core_value(&c, 2, EP_ACCEPT, 1, FIRST + 2, 3, NULL, "NOP");
	uint64_t deps[EP_MEMBERS_MAX] = { 0, FIRST + 1, 0 };
	core_value(&c, 2, EP_COMMIT, 2, FIRST + 2, 0, deps, "k");
	host_kill(&c.host);
	preaccepted = at(1, FIRST + 1), accepted = at(1, FIRST + 2), committed = at(2, FIRST + 2);
	copy = malloc(c.host.arena_bytes);
	memcpy(copy, c.host.arena, c.host.arena_bytes);
}

static void end(void)
{
	free(copy);
	core_end(&c);
}

// What stands there now gets this verdict; then everything is as it was.
static enum ep_attach verdict(void)
{
	enum ep_attach is = host_attach(&c.host);
	memcpy(c.host.arena, copy, c.host.arena_bytes);
	return is;
}
#define IS(why) CU_ASSERT_EQUAL(verdict(), why)

static enum ep_attach published(struct ep_record *rec, uint64_t st)
{
	rec_publish(rec, 3, st);
	return verdict();
}
#define LIES(rec, st) CU_ASSERT_EQUAL(published(rec, st), EP_ATTACH_RECORDS)

// A record that says what no record may say (record.h).
static void test_combinations(void)
{
	begin();
	rec_join(accepted, 1); // its value is from ballot 3
	IS(EP_ATTACH_RECORDS);
	LIES(preaccepted, st_make(EP_PREACCEPTED, 0, EP_ST_INIT));
	LIES(preaccepted, st_make(EP_PREACCEPTED, 0, EP_ST_PAYLOAD));
	LIES(preaccepted, st_make(EP_PREACCEPTED, 0, EP_ST_INIT | EP_ST_PAYLOAD | EP_ST_NOP));
	LIES(preaccepted, st_make(EP_PREACCEPTED, 3, EP_ST_INIT | EP_ST_PAYLOAD));
	LIES(preaccepted, st_make(EP_INITIAL, 0, EP_ST_NOP));
	LIES(preaccepted, st_make(EP_INITIAL, 3, 0));
	LIES(accepted, st_make(EP_ACCEPTED, 3, 0));
	LIES(committed, st_make(EP_COMMITTED, 0, 0));
	LIES(committed, committed->st & ~EP_ST_LIVE);
	end();
}

// A record of another slot, lap, epoch or window.
static void test_places(void)
{
	begin();
	static const int64_t shifts[] = { 1, 128, -256 };
	for (size_t k = 0; k < sizeof shifts / sizeof shifts[0]; k++) {
		accepted->i += (uint64_t)shifts[k];
		LIES(accepted, accepted->st);
	}
	accepted->epoch++;
	LIES(accepted, accepted->st);
	for (uint32_t d = 0; d < 3; d++) {
		rec_dep(committed, 3)[d] = FIRST + 128 + 1;
		LIES(committed, committed->st);
		rec_idep(preaccepted)[d] = FIRST + 128 + 1;
		LIES(preaccepted, preaccepted->st);
	}
	rec_dep(committed, 3)[1] = FIRST + 128; // just inside
	rec_publish(committed, 3, committed->st);
	IS(EP_ATTACH_OK);
	end();
}

static void test_payloads(void)
{
	begin();
	ep_slot slot = ep_slot_of(arena(), 2, FIRST + 2);
	committed->payload_len = UINT16_MAX;
	LIES(committed, committed->st);
	committed->fq = 3;
	LIES(committed, committed->st);
	// One that does not parse, and one that parses and that the application does not understand.
	struct ep_wire_payload *payload = (void *)ep_payload(arena(), slot);
	payload->count = 7;
	ep_payload_seal(arena(), slot, committed->i, committed->payload_len);
	IS(EP_ATTACH_RECORDS);
	struct ep_wire_command *command = (void *)(payload + 1);
	((uint8_t *)(command + 1))[0] = 0xee;
	ep_payload_seal(arena(), slot, committed->i, committed->payload_len);
	IS(EP_ATTACH_RECORDS);
	end();
}

static void test_header(void)
{
	begin();
	arena()->config.self = 9; // its identity agrees
	arena()->identity = ep_arena_identity(arena());
	IS(EP_ATTACH_HEADER);
	arena()->columns[1].exec_prefix = FIRST - 1;
	arena()->columns[1].exec_again = ~(uint64_t)(FIRST - 1);
	IS(EP_ATTACH_EXECUTED);
	c.host.config.members[1].uuid[0] ^= 0x40; // another one at our side
	IS(EP_ATTACH_MEMBERS);
	c.host.config.members[1].uuid[0] ^= 0x40;
	c.host.config.epoch = 0;
	IS(EP_ATTACH_CONFIG);
	c.host.config.epoch = 1;
	struct ep_replica *r;
	CU_ASSERT_EQUAL(ep_replica_attach(c.host.arena, 4096, &c.host.config, &r), EP_ATTACH_SMALL);
	IS(EP_ATTACH_OK);
	end();
}

// A file of another size: its first page tells whose it is, and how large it was made.
static void test_look(void)
{
	begin();
	uint64_t bytes = 7, made = arena()->bytes;
	size_t len = offsetof(struct ep_replica, columns);
	CU_ASSERT_EQUAL(ep_arena_look(arena(), len, &c.host.config, &bytes), EP_ATTACH_OK);
	CU_ASSERT_EQUAL(bytes, made);
	struct ep_config other = c.host.config;
	other.cluster++;
	CU_ASSERT_EQUAL(ep_arena_look(arena(), len, &other, &bytes), EP_ATTACH_CLUSTER);
	CU_ASSERT_EQUAL(bytes, made);
	CU_ASSERT_EQUAL(ep_arena_look(arena(), len - 1, &c.host.config, &bytes), EP_ATTACH_MAGIC);
	CU_ASSERT_EQUAL(bytes, 0);
	static const enum ep_attach verdicts[] = { EP_ATTACH_MAGIC, EP_ATTACH_LAYOUT, EP_ATTACH_HEADER };
	for (size_t k = 0; k < sizeof verdicts / sizeof verdicts[0]; k++) {
		bytes = 7;
		arena()->magic ^= k == 0;
		arena()->layout ^= k == 1;
		arena()->bytes += k == 2;
		CU_ASSERT_EQUAL(ep_arena_look(arena(), len, &c.host.config, &bytes), verdicts[k]);
		CU_ASSERT_EQUAL(bytes, 0);
		memcpy(c.host.arena, copy, c.host.arena_bytes);
	}
	end();
}

// What a peer was seen to have is forgotten when its check fails, and nothing else is.
static void test_peers(void)
{
	begin();
	arena()->peers[1].votes = ep_word_seal(70, EP_VOTES_BITS);
	arena()->peers[1].start = ep_word_seal(4, 32);
	arena()->peers[2].votes = ep_word_seal(70, EP_VOTES_BITS) ^ 1;
	arena()->peers[2].start = ep_word_seal(4, 32) ^ 1;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_OK);
	CU_ASSERT_EQUAL(ep_word_value(arena()->peers[1].votes, EP_VOTES_BITS), 70);
	CU_ASSERT_EQUAL(ep_word_value(arena()->peers[1].start, 32), 4);
	CU_ASSERT_EQUAL(arena()->peers[2].votes, 0);
	CU_ASSERT_EQUAL(arena()->peers[2].start, 0);
	end();
}

static void test_journal(void)
{
	begin();
	struct ep_txn txn = ep_txn(arena());
	struct ep_journal *j = txn.journal;
	j->len = ep_journal_word(EP_JOURNAL_MAX + 1);
	IS(EP_ATTACH_JOURNAL);
	static const uint64_t offsets[] = { 12, 1ull << 39 }; // between two words, far behind the arena
	for (size_t k = 0; k < sizeof offsets / sizeof offsets[0]; k++) {
		j->undo[0].place = ep_undo_place(offsets[k], 0);
		j->undo[0].old = 0;
		j->len = ep_journal_word(1);
		IS(EP_ATTACH_JOURNAL);
	}
	uint64_t offset = (uint64_t)((uint8_t *)&arena()->votes - (uint8_t *)arena());
	j->undo[0].place = ep_undo_place(offset, 77);
	j->undo[0].old = 78; // of another word
	j->len = ep_journal_word(1);
	IS(EP_ATTACH_JOURNAL);
	j->undo[0].place = ep_undo_place(offset, 77);
	j->undo[0].old = 77;
	j->len = ep_journal_word(1);
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_OK);
	CU_ASSERT_EQUAL(arena()->votes, 77);
	end();
}

// The first of the ORDER QUEUE must be committed, and can have run in part only when it has a payload of several commands.
static void test_order(void)
{
	begin();
	arena()->order_head = order_link(ep_slot_of(arena(), 1, FIRST + 2) + 1); // accepted only
	IS(EP_ATTACH_ORDER);
	arena()->order_head = order_link(ep_slot_of(arena(), 1, FIRST + 7) + 1); // a free slot
	IS(EP_ATTACH_ORDER);
	uint64_t link = order_link(ep_slot_of(arena(), 2, FIRST + 2) + 1);
	arena()->order_head = link;
	arena()->order_done = ep_word_seal(1, 32); // all of it
	IS(EP_ATTACH_ORDER);
	arena()->order_done = ep_word_seal(1, 32); // of nothing
	IS(EP_ATTACH_ORDER);
	arena()->order_head = link;
	rec_publish(committed, 3, st_make(EP_COMMITTED, 0, EP_ST_NOP | EP_ST_PAYLOAD));
	arena()->order_done = ep_word_seal(1, 32); // a Nop
	IS(EP_ATTACH_ORDER);
	arena()->order_head = link;
	IS(EP_ATTACH_OK);
	end();
}

static void test_sessions(void)
{
	core_start(&c, 1, 0, 0);
	core_open(&c);
	core_open(&c);
	host_kill(&c.host);
	copy = malloc(c.host.arena_bytes);
	memcpy(copy, c.host.arena, c.host.arena_bytes);
	uint64_t *buckets = ep_at(arena(), arena()->at_session_buckets);
	uint32_t count = arena()->session_buckets, full = 0;
	while (buckets[full] == 0)
		full++;
	uint32_t empty = full;
	while (buckets[empty] != 0)
		empty = (empty + 1) % count;
	uint32_t index = (uint32_t)buckets[full] - 1;

	buckets[full] = ep_word_seal(arena()->config.sessions_max + 1, 32); // behind the table
	IS(EP_ATTACH_SESSIONS);
	buckets[empty] = buckets[full]; // twice
	IS(EP_ATTACH_SESSIONS);
	buckets[empty] = buckets[full]; // in a bucket that is not its own
	buckets[full] = 0;
	IS(EP_ATTACH_SESSIONS);
	struct ep_session *s = ep_session(arena(), index);
	s->origin |= 1ULL << 40; // no such epoch
	s->reply = ep_session_reply(s, EP_OK, 0);
	IS(EP_ATTACH_SESSIONS);
	s->reply = EP_KEPT_MAX + 1; // a reply longer than there is room for
	IS(EP_ATTACH_SESSIONS);
	IS(EP_ATTACH_OK);
	end();
}

static const struct unit_test tests[] = { { "combinations", test_combinations }, { "places", test_places },	 { "payloads", test_payloads },
					  { "header", test_header },		 { "look", test_look },		 { "peers", test_peers },	 { "journal", test_journal },
					  { "order", test_order },		 { "sessions", test_sessions } };
UNIT_MAIN("attach: sealed lies", tests)
