// From the configuration file's terms to the core's and the network's.
#include "dataplane/convert.h"
#include <string.h>
#include "tests/unit/unit.h"

static struct pnyx_config from;
static struct ep_config core, plain;
static struct dp_net net;

static void setup(uint32_t n, uint32_t self)
{
	memset(&from, 0, sizeof from);
	from.cluster.id = 77;
	from.cluster.frame_max = 1400;
	from.cluster.hash_seed = 5;
	from.members_count = from.first_count = n;
	from.self = self;
	from.replica.prefix = 24;
	for (uint32_t m = 0; m < n; m++) {
		from.members[m].uuid[15] = (uint8_t)(m + 1);
		from.members[m].incarnation = m + 1;
		from.members[m].address.port = (uint16_t)(7787 + m);
		memcpy(from.members[m].address.ip, (uint8_t[4]){ 10, 77, 0, (uint8_t)(m + 1) }, 4);
	}
	plain = (struct ep_config){ .n = (uint8_t)n };
	ep_config_defaults(&plain);
}

static void test_defaults(void)
{
	for (uint32_t n = 1; n <= 7; n++) {
		setup(n, n - 1);
		dp_convert_core(&from, &core);
		CU_ASSERT_PTR_NULL(ep_config_check(&core));
		CU_ASSERT_EQUAL(core.cluster, 77);
		CU_ASSERT_EQUAL(core.n, n);
		CU_ASSERT_EQUAL(core.self, n - 1);
		CU_ASSERT_EQUAL(core.frame_max, 1400);
		CU_ASSERT_EQUAL(core.window, plain.window);
		CU_ASSERT_EQUAL(core.app_capacity, plain.app_capacity);
		CU_ASSERT_EQUAL(core.open_min_ns, plain.open_min_ns);
		CU_ASSERT_EQUAL(core.hello, EP_HELLO_ALWAYS); // in service an arena is never just believed
		CU_ASSERT_EQUAL(core.members[n - 1].incarnation, n);
		CU_ASSERT_EQUAL(core.members[n - 1].port, 7786 + n);
	}
}

// A window of its own brings sizes that fit it, whichever it is.
static void test_window(void)
{
	for (uint32_t window = 128; window <= 1u << 20; window *= 2) {
		setup(3, 0);
		from.replica.window = window;
		dp_convert_core(&from, &core);
		CU_ASSERT_PTR_NULL(ep_config_check(&core));
		CU_ASSERT_EQUAL(core.window, window);
		CU_ASSERT(core.own_max <= window - 64);
		CU_ASSERT_EQUAL(core.app_capacity, ep_config_app_capacity(core.cost_max)); // whoever may join later
	}
}

static void test_settings(void)
{
	setup(3, 1);
	from.replica.window = 1024;
	from.replica.own_max = 7;
	from.replica.sessions_max = 9;
	from.replica.session_idle_s = 11;
	from.replica.keys_max = 8;
	from.replica.index_keys = 999;
	from.replica.cost_max = 5000;
	from.replica.exec_budget = 17;
	from.replica.timers = (struct pnyx_config_timers){ 1, 2, 3, 4, 5, 6, 7 };
	dp_convert_core(&from, &core);
	CU_ASSERT_PTR_NULL(ep_config_check(&core));
	CU_ASSERT_EQUAL(core.own_max, 7);
	CU_ASSERT_EQUAL(core.sessions_max, 9);
	CU_ASSERT_EQUAL(core.session_idle_ns, 11000000000);
	CU_ASSERT_EQUAL(core.keys_max, 8);
	CU_ASSERT_EQUAL(core.index_keys, 999);
	CU_ASSERT_EQUAL(core.cost_max, 5000);
	CU_ASSERT_EQUAL(core.app_capacity, ep_config_app_capacity(5000));
	CU_ASSERT_EQUAL(core.exec_budget, 17);
	CU_ASSERT_EQUAL(core.fast_min_ns, 1000);
	CU_ASSERT_EQUAL(core.resend_min_ns, 2000);
	CU_ASSERT_EQUAL(core.open_min_ns, 3000);
	CU_ASSERT_EQUAL(core.status_ns, 4000);
	CU_ASSERT_EQUAL(core.fast_rtts, 5);
	CU_ASSERT_EQUAL(core.resend_rtts, 6);
	CU_ASSERT_EQUAL(core.open_rtts, 7);
	from.replica.app_capacity = 40000;
	dp_convert_core(&from, &core);
	CU_ASSERT_EQUAL(core.app_capacity, 40000);
}

// Members differ in what must differ, and agree in what must be equal.
static void test_members(void)
{
	struct ep_config other;
	setup(3, 0);
	dp_convert_core(&from, &core);
	from.self = 2;
	dp_convert_core(&from, &other);
	CU_ASSERT_NOT_EQUAL(core.seed, other.seed);
	CU_ASSERT_EQUAL(memcmp(core.members, other.members, sizeof core.members), 0);
	CU_ASSERT(dp_convert_boot(core.boot_id) && dp_convert_boot(other.boot_id));
	CU_ASSERT_EQUAL(memcmp(core.boot_id, other.boot_id, 16), 0);
	static const uint8_t zero[16];
	CU_ASSERT_NOT_EQUAL(memcmp(core.boot_id, zero, 16), 0);
}

// Who joins later is no member of epoch 1, wherever it looks from.
static void test_joiner(void)
{
	struct ep_config other;
	setup(5, 1);
	from.first_count = 3;
	from.members[3].is_joiner = from.members[4].is_joiner = true;
	dp_convert_core(&from, &core);
	CU_ASSERT_PTR_NULL(ep_config_check(&core));
	CU_ASSERT_FALSE(dp_convert_is_joiner(&from));
	CU_ASSERT(core.n == 3 && core.self == 1);
	CU_ASSERT_EQUAL(core.members[3].incarnation, 0);
	from.self = 4;
	dp_convert_core(&from, &other);
	CU_ASSERT_PTR_NULL(ep_config_check(&other));
	CU_ASSERT_TRUE(dp_convert_is_joiner(&from));
	CU_ASSERT(other.n == 3 && other.self == 0);
	CU_ASSERT_EQUAL(other.members[0].uuid[15], 5);
	CU_ASSERT_EQUAL(other.members[0].port, 7791);
	CU_ASSERT_EQUAL(other.cost_max, core.cost_max); // the sizes that all members must have alike
	CU_ASSERT_EQUAL(other.app_capacity, core.app_capacity);
}

static void test_net(void)
{
	setup(3, 1);
	from.members[2].has_mac = true;
	from.members[2].mac[5] = 9;
	dp_convert_net(&from, &net);
	CU_ASSERT_EQUAL(net.count, 3);
	CU_ASSERT_EQUAL(net.port, 7788);
	CU_ASSERT_EQUAL(net.ip[3], 2);
	CU_ASSERT_EQUAL(net.mask, rte_cpu_to_be_32(0xffffff00));
	CU_ASSERT_FALSE(net.has_gateway);
	CU_ASSERT_FALSE(net.neighbours[0].is_resolved);
	CU_ASSERT(net.neighbours[2].is_resolved && net.neighbours[2].is_fixed);
	CU_ASSERT_EQUAL(net.neighbours[2].mac.addr_bytes[5], 9);
	CU_ASSERT_EQUAL(net.neighbours[2].port, 7789);
	from.replica.prefix = 30;
	from.replica.has_gateway = true;
	memcpy(from.replica.gateway, (uint8_t[4]){ 10, 77, 0, 3 }, 4);
	dp_convert_net(&from, &net);
	CU_ASSERT_EQUAL(net.mask, rte_cpu_to_be_32(0xfffffffc));
	CU_ASSERT(net.has_gateway);
	CU_ASSERT_EQUAL(net.gateway_at.ip[3], 3);
}

static const struct unit_test tests[] = {
	{ "defaults", test_defaults },
	{ "a window of its own", test_window },
	{ "every setting", test_settings },
	{ "one cluster, several members", test_members },
	{ "members that join later", test_joiner },
	{ "the network", test_net },
};

UNIT_MAIN("convert", tests)
