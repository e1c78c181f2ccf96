// Three real replicas behind net_ring ports: they find each other by ARP, agree, and copy no byte too many.
#include <rte_launch.h>
#include <rte_lcore.h>
#include "consensus/base/rng.h"
#include "tests/dpdk/eal.h"
#include "tests/dpdk/frame.h"
#include "tests/dpdk/lab_kv.h"
#include "tests/unit/unit.h"

#define below(rng, n) (ep_random(rng) % (n))

static struct lab lab;

static void start(bool is_split)
{
	lab_start(&lab, is_split);
	CU_ASSERT_FATAL(lab_open(&lab));
}

// Two counters may move in good order: ARP requests are broadcast and meet those who are not asked (drop_ether), and answers
// beyond the quorum come late (unexpected).
static uint64_t sum_drops(void)
{
	uint64_t sum = 0;
	for (uint32_t k = 0; k < LAB_MEMBERS; k++) {
		const struct ep_shell_counters *s = lab.nodes[k].net.counters;
		sum += s->drop_ip + s->drop_udp + s->drop_checksum + s->drop_echo + s->drop_ring + s->drop_ring_out + s->no_mbuf + s->tx_failed;
		sum += s->drop_ether > s->rx_arp;
		for (uint32_t d = 0; d < EP_DROP_REASONS; d++)
			sum += d == EP_DROP_UNEXPECTED ? 0 : ep_drops(lab.nodes[k].loop.consensus.now.replica)[d];
	}
	return sum;
}

// Status and late Commits take their time; then all bytes are equal.
static void check_equal(void)
{
	struct ep_wire_digest digests[LAB_MEMBERS];
	bool is_equal = false;
	for (uint32_t tries = 0; tries < 1000 && !is_equal; tries++) {
		lab_run(&lab, 100);
		is_equal = true;
		for (uint32_t k = 0; k < LAB_MEMBERS; k++) {
			ep_digest_now(lab.nodes[k].loop.consensus.now.replica, &digests[k]);
			is_equal = is_equal && memcmp(&digests[0], &digests[k], sizeof digests[0]) == 0;
		}
	}
	CU_ASSERT(is_equal);
}

static void put_and_get(bool is_split)
{
	start(is_split);
	for (uint32_t k = 0; k < 30; k++) {
		char key[16], value[16];
		snprintf(key, sizeof key, "key-%u", k);
		snprintf(value, sizeof value, "value-%u", k);
		CU_ASSERT(lab_put(&lab, k % 3, k + 1, key, value));
		CU_ASSERT(lab_get(&lab, (k + 1) % 3, key, value));
	}
	check_equal();
	CU_ASSERT_EQUAL(sum_drops(), 0);
	CU_ASSERT_EQUAL(lab_end(&lab), 0);
}

static void test_fused(void)
{
	put_and_get(false);
}

static void test_split(void)
{
	put_and_get(true);
}

// An update's payload is copied once into each arena (three) and once into each PreAccept (two); Accept and Commit name it.
static void test_copies(void)
{
	static const uint32_t sizes[] = { 1, 16, 100, 500 };
	start(false);
	CU_ASSERT(lab_put(&lab, 0, 1, "k", "first")); // all are warm
	lab_run(&lab, 500);
	for (uint64_t k = 0; k < 40; k++) {
		uint32_t size = sizes[k % 4], node = (uint32_t)k % 3;
		char value[512] = { 0 };
		uint64_t in[2] = { 0 }, out[2] = { 0 };
		memset(value, 'v', size);
		for (uint32_t when = 0; when < 2; when++) {
			for (uint32_t m = 0; m < LAB_MEMBERS; m++) {
				in[when] += ep_counters(lab.nodes[m].loop.consensus.now.replica)->bytes_in_copied;
				out[when] += ep_counters(lab.nodes[m].loop.consensus.now.replica)->bytes_out_copied;
			}
			if (when == 0)
				CU_ASSERT(lab_put(&lab, node, k + 2, "k", value));
			lab_run(&lab, 200);
		}
		uint32_t payload = (uint32_t)(sizeof(struct ep_wire_payload) + sizeof(struct ep_wire_command) +
					      sizeof(struct pnyx_kv_command) + sizeof(struct pnyx_kv_entry) + 1 + size);
		CU_ASSERT_EQUAL(in[1] - in[0], 3 * payload);
		CU_ASSERT_EQUAL(out[1] - out[0], 2 * payload);
	}
	CU_ASSERT_EQUAL(lab_end(&lab), 0);
}

// More than three times as many commands as there is room for instances: what is executed everywhere makes room, the
// application's part of the arena is as large at the end as it was after a tenth, and nobody was ever told BUSY.
static void test_recycled(void)
{
	enum { COMMANDS = 10 * 1024 };
	uint64_t early[LAB_MEMBERS] = { 0 }, busy = 0;
	uint32_t failed = 0;
	start(false);
	for (uint64_t k = 1; k <= COMMANDS; k++) {
		char key[16], value[32];
		snprintf(key, sizeof key, "key-%02u", (unsigned)(k * 7 % 50));
		snprintf(value, sizeof value, "value-%020u", (unsigned)k);
		failed += !lab_put(&lab, (uint32_t)(k % 3), k, key, value);
		for (uint32_t m = 0; m < LAB_MEMBERS && k == COMMANDS / 10; m++)
			early[m] = ep_counters(lab.nodes[m].loop.consensus.now.replica)->arena_used;
	}
	CU_ASSERT_EQUAL(failed, 0);
	check_equal();
	for (uint32_t m = 0; m < LAB_MEMBERS; m++) {
		const struct ep_counters *c = ep_counters(lab.nodes[m].loop.consensus.now.replica);
		CU_ASSERT_EQUAL(c->arena_used, early[m]);
		CU_ASSERT(c->recycled > 3 * 3 * 1024);
		CU_ASSERT(c->live < 1024);
		busy += c->busy_window + c->busy_own + c->busy_room;
	}
	CU_ASSERT_EQUAL(busy, 0);
	CU_ASSERT_EQUAL(lab_end(&lab), 0);
}

// Garbage beside good requests: counted, and nobody is disturbed.
static void test_garbage(void)
{
	uint8_t payload[300];
	uint64_t rng = 3, dropped = 0;
	start(false);
	for (uint32_t k = 0; k < 500; k++) {
		uint32_t len = 1 + (uint32_t)below(&rng, 299);
		for (uint32_t b = 0; b < len; b++)
			payload[b] = (uint8_t)below(&rng, 256);
		lab_request(&lab, 0, payload, len);
		lab_run(&lab, 1);
	}
	for (uint32_t d = 0; d < EP_DROP_REASONS; d++)
		dropped += d == EP_DROP_UNEXPECTED ? 0 : ep_drops(lab.nodes[0].loop.consensus.now.replica)[d];
	CU_ASSERT_EQUAL(dropped, 500);
	CU_ASSERT(lab_put(&lab, 0, 1, "k", "still here"));
	CU_ASSERT(lab_get(&lab, 2, "k", "still here"));
	check_equal();
	CU_ASSERT_EQUAL(lab_end(&lab), 0);
}

// More at once than will be served: each is answered, refused or dropped, all of them counted, and the cluster goes on.
static void test_overload(void)
{
	uint8_t payload[600], bytes[600];
	start(false);
	uint32_t len = lab_kv(bytes, PNYX_KV_GET, "k", ""), before = lab.replies;
	for (uint32_t k = 0; k < 300; k++) {
		uint32_t used = ep_wire_begin(payload, EP_FRAME_REQUEST, EP_SENDER_CLIENT, LAB_CLUSTER, 1);
		struct ep_msg *msg = ep_wire_append(payload, &used, sizeof payload, EP_C_REQUEST, 16 + 32 + len);
		struct ep_wire_command *command = (void *)(msg + 1);
		*command = (struct ep_wire_command){ .len = (uint16_t)(32 + len), .kind = EP_CMD_READ };
		memcpy(command + 1, bytes, len);
		ep_wire_seal(payload, used);
		lab_request(&lab, 0, payload, used);
	}
	const struct ep_counters *core = ep_counters(lab.nodes[0].loop.consensus.now.replica);
	uint64_t taken = core->frames_in;
	dp_turn_fused(&lab.nodes[0].loop); // a full burst: what members said may lie behind it
	CU_ASSERT_EQUAL(core->frames_in, taken);
	CU_ASSERT_EQUAL(lab.nodes[0].loop.consensus.backlog.count, DP_BURST);
	for (uint32_t k = 0; k < 20; k++) { // the port has them all before the next turn
		dp_turn_fused(&lab.nodes[0].loop);
		CU_ASSERT(lab.nodes[0].loop.consensus.backlog.count <= DP_BACKLOG);
	}
	lab_run(&lab, 10000);
	uint64_t shed = lab.nodes[0].net.counters->drop_shed, refused = ep_counters(lab.nodes[0].loop.consensus.now.replica)->busy_late;
	CU_ASSERT(shed > 0);
	CU_ASSERT(refused > 0);
	CU_ASSERT_EQUAL(lab.replies - before + shed, 300);
	CU_ASSERT(lab_put(&lab, 0, 1, "k", "after"));
	CU_ASSERT(lab_get(&lab, 2, "k", "after"));
	check_equal();
	CU_ASSERT_EQUAL(lab_end(&lab), 0);
}

static int consensus_lcore(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&lab.stop, __ATOMIC_ACQUIRE))
		for (uint32_t k = 0; k < LAB_MEMBERS; k++)
			dp_turn_consensus(&lab.nodes[k].loop);
	return 0;
}

// The io agents on this thread, all consensus agents on another: the rings between them really cross.
static void test_two_threads(void)
{
	uint8_t payload[600], bytes[600];
	start(true);
	CU_ASSERT_FATAL(rte_eal_remote_launch(consensus_lcore, NULL, rte_get_next_lcore(rte_lcore_id(), 1, 0)) == 0);
	uint32_t answered = 0;
	for (uint32_t seq = 1; seq <= 200; seq++) {
		uint32_t used = ep_wire_begin(payload, EP_FRAME_REQUEST, EP_SENDER_CLIENT, LAB_CLUSTER, 1);
		uint32_t len = lab_kv(bytes, PNYX_KV_APPEND, "log", "x");
		struct ep_msg *msg = ep_wire_append(payload, &used, sizeof payload, EP_C_REQUEST, 16 + 32 + len);
		struct ep_wire_command *command = (void *)(msg + 1);
		*command = (struct ep_wire_command){ .len = (uint16_t)(32 + len), .kind = EP_CMD_UPDATE, .session = lab.session, .seq = seq };
		memcpy(command + 1, bytes, len);
		ep_wire_seal(payload, used);
		uint32_t before = lab.replies;
		lab_request(&lab, seq % 3, payload, used);
		for (uint64_t turns = 0; lab.replies == before && turns < 100000000; turns++) {
			for (uint32_t k = 0; k < LAB_MEMBERS; k++)
				dp_turn_io(&lab.nodes[k].loop);
			lab_switch(&lab);
		}
		const struct ep_msg *reply = ep_wire_msg(lab.reply, sizeof(struct ep_wire_header));
		answered += lab.replies != before && reply->type == EP_C_REPLY && ((const struct ep_wire_reply *)(reply + 1))->status == EP_OK;
	}
	__atomic_store_n(&lab.stop, true, __ATOMIC_RELEASE);
	rte_eal_mp_wait_lcore();
	CU_ASSERT_EQUAL(answered, 200);
	char all[201] = { 0 };
	memset(all, 'x', 200);
	CU_ASSERT(lab_get(&lab, 1, "log", all));
	check_equal();
	CU_ASSERT_EQUAL(sum_drops(), 0);
	CU_ASSERT_EQUAL(lab_end(&lab), 0);
}

static const struct unit_test tests[] = {
	{ "fused agents", test_fused },
	{ "split agents", test_split },
	{ "bytes copied", test_copies },
	{ "recycled", test_recycled },
	{ "garbage", test_garbage },
	{ "overload", test_overload },
	{ "split agents on two threads", test_two_threads },
};

int main(int argc, char **argv)
{
	eal_start("test_ring", NULL);
	return unit_run("ring", tests, sizeof tests / sizeof tests[0], argc > 1 ? argv[1] : NULL);
}
