// Keys of a payload, and which payloads interfere.
#include "tests/unit/core.h"

static struct ep_config config;
static uint8_t a[KV_BYTES_MAX], b[KV_BYTES_MAX];
static const struct ep_session_id s1 = { .i = 1, .epoch = 1 }, s2 = { .i = 2, .epoch = 1 };

static bool meet(uint32_t a_len, uint32_t b_len)
{
	bool one = ep_interfere(&config, a, a_len, b, b_len);
	CU_ASSERT_EQUAL(one, ep_interfere(&config, b, b_len, a, a_len)); // symmetric
	return one;
}

static uint32_t bare(uint8_t *out, uint8_t kind, const struct ep_session_id *session)
{
	struct ep_wire_payload head = { .len = 8 + 32, .count = 1 };
	struct ep_wire_command command = { .len = 32, .kind = kind };
	if (session)
		command.session = *session;
	memcpy(out, &head, sizeof head);
	memcpy(out + sizeof head, &command, sizeof command);
	return head.len;
}

static void test_modes(void)
{
	config = core_config(3, 0, 0);
	CU_ASSERT(meet(core_payload(a, &s1, 1, "k", "v"), core_payload(b, &s2, 1, "k", "w")));  // write, write
	CU_ASSERT(meet(core_payload(a, &s1, 1, "k", "v"), core_payload(b, NULL, 0, "k", NULL))); // write, read
	CU_ASSERT_FALSE(meet(core_payload(a, NULL, 0, "k", NULL), core_payload(b, NULL, 0, "k", NULL)));
	CU_ASSERT_FALSE(meet(core_payload(a, &s1, 1, "k", "v"), core_payload(b, &s2, 1, "j", "v")));
}

// D.5: updates of one session interfere; opening and ending sessions interfere with each other.
static void test_sessions(void)
{
	config = core_config(3, 0, 0);
	CU_ASSERT(meet(core_payload(a, &s1, 1, "k", "v"), core_payload(b, &s1, 2, "j", "v")));
	CU_ASSERT(meet(bare(a, EP_CMD_OPEN, NULL), bare(b, EP_CMD_OPEN, NULL)));
	CU_ASSERT(meet(bare(a, EP_CMD_OPEN, NULL), bare(b, EP_CMD_EXPIRE, &s2)));
	CU_ASSERT(meet(bare(a, EP_CMD_EXPIRE, &s1), core_payload(b, &s1, 9, "k", "v")));
	CU_ASSERT_FALSE(meet(bare(a, EP_CMD_EXPIRE, &s1), core_payload(b, &s2, 9, "k", "v")));
}

// The end of an epoch comes before or after everything else; of another epoch, or with a list that cannot be, it is refused.
static void test_reconfig(void)
{
	config = core_config(3, 0, 0);
	struct ep_wire_payload head = { .len = (uint16_t)(sizeof head + core_reconfig(2, a + sizeof head)), .count = 1 };
	memcpy(a, &head, sizeof head);
	CU_ASSERT(meet(head.len, core_payload(b, NULL, 0, "k", NULL)));
	config.epoch = 2;
	CU_ASSERT_FALSE(meet(head.len, core_payload(b, NULL, 0, "k", NULL)));
	config.epoch = 1;
	config.app_capacity = 3 * config.cost_max; // no room for what two members may have in flight
	CU_ASSERT_FALSE(meet(head.len, core_payload(b, NULL, 0, "k", NULL)));
}

// An OPEN writes the key of the session that it makes: an update that names it comes after it.
static void test_own_session(void)
{
	struct ep_keys open, update;
	struct ep_session_id made = { .i = 7, .epoch = 1, .col = 2 };
	config = core_config(3, 0, 0);
	bare(a, EP_CMD_OPEN, NULL);
	core_payload(b, &made, 1, "k", "v");
	CU_ASSERT(ep_keys_collect(&config, 2, 7, a, &open));
	CU_ASSERT(ep_keys_collect(&config, 0, 1, b, &update));
	CU_ASSERT(ep_keys_meet(&open, &update));
	CU_ASSERT(ep_keys_collect(&config, 1, 7, a, &open));
	CU_ASSERT_FALSE(ep_keys_meet(&open, &update));
}

static void test_refused(void)
{
	struct ep_keys keys;
	config = core_config(3, 0, 0);
	uint32_t len = core_payload(a, &s1, 1, "k", "v");
	struct ep_wire_command *command = (void *)(a + sizeof(struct ep_wire_payload));
	command->kind = EP_CMD_READ; // a READ that writes
	CU_ASSERT_FALSE(ep_keys_collect(&config, 0, 1, a, &keys));
	command->kind = EP_CMD_UPDATE;
	a[sizeof(struct ep_wire_payload) + sizeof *command] = 99; // no such operation
	CU_ASSERT_FALSE(ep_keys_collect(&config, 0, 1, a, &keys));
	CU_ASSERT_FALSE(ep_interfere(&config, a, len, a, len));
	CU_ASSERT_FALSE(ep_interfere(&config, a, 3, a, 3));
	CU_ASSERT_FALSE(ep_interfere(&config, a, len, b, core_payload(b, &s2, 1, "k", "v"))); // one of them is enough
	CU_ASSERT_FALSE(ep_interfere(&config, b, core_payload(b, &s2, 1, "k", "v"), a, len));
	CU_ASSERT_FALSE(ep_interfere(&config, b, core_payload(b, &s2, 1, "k", "v"), a, 3));
}

// More keys than an instance can list: it interferes with everything, at every member alike.
static void test_too_many(void)
{
	struct ep_keys keys = { 0 }, one;
	config = core_config(3, 0, 0);
	for (uint32_t k = 0; k < EP_KEYS_MAX + 1; k++) {
		char name[8];
		snprintf(name, sizeof name, "k%u", k);
		core_payload(a, NULL, 0, name, NULL);
		CU_ASSERT(ep_keys_collect(&config, 0, 1, a, &one));
		CU_ASSERT_FALSE(keys.is_barrier);
		ep_keys_join(&keys, &one);
	}
	CU_ASSERT(keys.is_barrier);
	CU_ASSERT_EQUAL(keys.count, EP_KEYS_MAX);
	core_payload(a, NULL, 0, "elsewhere", NULL);
	CU_ASSERT(ep_keys_collect(&config, 0, 1, a, &one));
	CU_ASSERT(ep_keys_meet(&keys, &one));
	CU_ASSERT(ep_keys_meet(&one, &keys));
}

static const struct unit_test tests[] = { { "modes", test_modes },	 { "sessions", test_sessions }, { "reconfig", test_reconfig },
					  { "own session", test_own_session }, { "refused", test_refused }, { "too many", test_too_many } };
UNIT_MAIN("keys", tests)
