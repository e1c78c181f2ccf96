// The arena: a fresh start, going on after a kill, and what is refused.
#include "tests/unit/core.h"
#include <stdlib.h>

static struct core c;

static void test_size(void)
{
	struct ep_config config = core_config(3, 0, 0);
	struct ep_replica *r;
	size_t size = (ep_replica_size(&config) + 63) / 64 * 64;
	void *block = aligned_alloc(64, size);
	memset(block, 0, size);
	CU_ASSERT_EQUAL(ep_replica_init(block, ep_replica_size(&config) - 1, &config, &r), EP_ATTACH_SMALL);
	CU_ASSERT_EQUAL(ep_replica_attach(block, size, &config, &r), EP_ATTACH_MAGIC); // nobody was here
	config.window = 100;
	CU_ASSERT_EQUAL(ep_replica_init(block, size, &config, &r), EP_ATTACH_CONFIG);
	free(block);
	// Records: 192 bytes for up to four members, 256 for more.
	for (uint8_t n = 2; n <= 7; n++) {
		core_start(&c, n, 0, 0);
		CU_ASSERT_EQUAL(c.r->record_stride, n <= 4 ? 192 : 256);
		core_end(&c);
	}
}

static void test_refused(void)
{
	core_start(&c, 3, 0, 0);
	struct ep_config *own = &c.host.config, good = *own;
	own->cluster++;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_CLUSTER);
	*own = good;
	own->epoch++;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_CLUSTER);
	*own = good;
	own->self = 1;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_MEMBER);
	*own = good;
	own->members[0].uuid[15] = 9;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_MEMBER);
	*own = good;
	own->members[2].incarnation = 7;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_MEMBERS);
	*own = good;
	own->boot_id[0] = 1;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_BOOT);
	*own = good;
	own->keys_max = 8;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_SIZES);
	*own = good;
	own->hash_seed++;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_SIZES);
	*own = good;
	own->seed++; // what a restart may change
	own->open_min_ns *= 2;
	own->members[1].port = 99;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_OK);
	*own = good;
	((struct ep_replica *)c.host.arena)->layout++;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_LAYOUT);
	((struct ep_replica *)c.host.arena)->layout--;
	((struct ep_replica *)c.host.arena)->config.cluster++;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_HEADER);
	((struct ep_replica *)c.host.arena)->config.cluster--;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_OK);
	((struct ep_replica *)c.host.arena)->sessions_count = 5; // the table has none
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_SESSIONS);
	((struct ep_replica *)c.host.arena)->sessions_count = 0;
	ep_poison(c.host.arena);
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_POISONED);
	core_end(&c);
}

static uint32_t hash_of(const struct ep_config *config)
{
	core_start_with(&c, config);
	uint32_t hash = c.r->config_hash;
	core_end(&c);
	return hash;
}

// What members must have alike is in the hash that their frames carry: one that has it otherwise is not heard.
static void test_shared_settings(void)
{
	struct ep_config good = core_config(5, 0, 0), config = good;
	uint32_t hash = hash_of(&good);
#define DIFFERS(field, value) \
	config = good; \
	config.field = (value); \
	CU_ASSERT_NOT_EQUAL(hash_of(&config), hash)
	DIFFERS(cluster, good.cluster + 1);
	DIFFERS(epoch, good.epoch + 1);
	DIFFERS(e, 1);
	DIFFERS(hash_seed, good.hash_seed + 1);
	DIFFERS(frame_max, good.frame_max + 8);
	DIFFERS(window, 2 * good.window);
	DIFFERS(sessions_max, good.sessions_max + 1);
	DIFFERS(cost_max, good.cost_max - 1);
	DIFFERS(app_capacity, good.app_capacity + 64);
	DIFFERS(members[1].incarnation, 9);
	struct ep_config of_three = core_config(3, 0, EP_MODE_D), other = core_config(3, 0, EP_MODE_E);
	CU_ASSERT_NOT_EQUAL(hash_of(&of_three), hash_of(&other));
	other.mode = EP_MODE_AUTO; // means D: written out or not
	CU_ASSERT_EQUAL(hash_of(&of_three), hash_of(&other));
	config = good;
	config.self = 4;
	config.own_max = 1;
	config.index_keys = 16;
	CU_ASSERT_EQUAL(hash_of(&config), hash); // a member's own affair
	core_start_with(&c, &good);
	c.host.config.hash_seed++;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_SIZES);
	core_end(&c);
}

// Every promise and every effect is there again, and own open instances are driven on.
static void test_goes_on(void)
{
	uint64_t deps[EP_MEMBERS_MAX] = { 0 };
	core_start(&c, 3, 0, 0);
	core_preaccept(&c, 1, 1, 0, NULL, "k");
	core_ballot(&c, 2, EP_RECOVER, 1, 1, 3);
	core_value(&c, 2, EP_ACCEPT, 1, 2, 3, NULL, "NOP");
	core_value(&c, 2, EP_COMMIT, 2, 1, 0, deps, "j");
	core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
	uint32_t start = c.r->start;
	uint64_t votes = c.r->votes;
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	CU_ASSERT_EQUAL(c.r->start, start + 1);
	CU_ASSERT_EQUAL(c.r->votes, votes);
	CU_ASSERT_EQUAL(rec_bal(core_record(&c, 1, 1)), 3);
	CU_ASSERT_EQUAL(rec_phase(core_record(&c, 1, 1)), EP_PREACCEPTED);
	CU_ASSERT_EQUAL(rec_abal(core_record(&c, 1, 2)), 3);
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 2), 1);
	CU_ASSERT_EQUAL(c.r->next_i, 2);
	core_wait(&c, 1000000);
	CU_ASSERT_PTR_NOT_NULL(core_said(&c, 1, EP_PREACCEPT)); // of its own (0,1)
	core_end(&c);
}

static void test_journal(void)
{
	core_start(&c, 3, 0, 0);
	struct ep_txn txn = ep_txn(c.r);
	uint64_t votes = c.r->votes;
	ep_txn_set64(&txn, &c.r->votes, 99); // and the process dies
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	CU_ASSERT_EQUAL(c.r->votes, votes);
	txn = ep_txn(c.r);
	txn.journal->len = UINT32_MAX;
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_JOURNAL);
	core_end(&c);
}

// Room that executed commands turned out not to need stays free: with a dead member nothing becomes stable, and a restart that
// counted the upper bounds again would refuse updates long before the window is full.
static void test_settled_cost(void)
{
	struct ep_session_id session = { .i = 9, .epoch = 1, .col = 1 };
	core_start(&c, 3, 0, 0);
	core_request(&c, EP_CMD_UPDATE, &session, 1, "k", "v"); // of no session: it takes nothing
	CU_ASSERT(c.r->own_cost > 0);
	core_preaccept_ok(&c, 1, 1, NULL);
	core_request(&c, EP_CMD_UPDATE, &session, 2, "k", "v");
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 0), 1);
	uint64_t open = c.r->own_cost;
	CU_ASSERT_EQUAL(ep_own(c.r, 1)->cost, 0);
	CU_ASSERT_EQUAL(ep_own(c.r, 2)->cost, open);
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	CU_ASSERT_EQUAL(c.r->own_cost, open); // only of what has not run
	core_preaccept_ok(&c, core_record(&c, 0, 2)->fq, 2, NULL);
	core_wait(&c, 1000);
	CU_ASSERT_EQUAL(ep_exec_prefix(c.r, 0), 2);
	CU_ASSERT_EQUAL(c.r->own_cost, 0);
	core_end(&c);
}

static const struct unit_test tests[] = { { "size", test_size }, { "refused", test_refused }, { "shared settings", test_shared_settings }, { "goes on", test_goes_on },
					  { "journal", test_journal }, { "settled cost", test_settled_cost } };
UNIT_MAIN("arena", tests)
