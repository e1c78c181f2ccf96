// A million packets in and a million out over net_null: every one counted under its reason, every buffer back.
#include "dataplane/agent.h"
#include "dataplane/port.h"
#include "tests/dpdk/eal.h"
#include "tests/unit/unit.h"

#define PACKETS 1000000u

static struct dp_port port;
static struct ep_shell_counters counters;
static struct dp_net net;
static struct dp_io io;

static void setup(void)
{
	char error[256];
	if (!port.pool)
		eal_need(dp_port_start(&port, 0, EP_FRAME_MAX_DEFAULT, error, sizeof error), error);
	counters = (struct ep_shell_counters){ 0 };
	net = (struct dp_net){ .port = EP_UDP_PORT, .ip = { 10, 0, 0, 1 }, .count = 3, .counters = &counters };
	net.neighbours[0] = (struct dp_neighbour){ .ip = { 10, 0, 0, 1 }, .port = EP_UDP_PORT }; // itself: never asked for
	net.neighbours[1] = (struct dp_neighbour){ .ip = { 10, 0, 0, 2 }, .port = EP_UDP_PORT, .is_resolved = true, .is_fixed = true };
	net.neighbours[2] = (struct dp_neighbour){ .ip = { 10, 0, 0, 3 }, .port = EP_UDP_PORT };
	io = (struct dp_io){ .port = 0, .net = &net, .pool = port.pool, .arp_interval = 1 };
}

// What net_null hands out is 64 zero bytes: no IPv4, no ARP.
static void test_receive(void)
{
	struct rte_mbuf *data[DP_BURST];
	setup();
	uint32_t free_before = rte_mempool_avail_count(port.pool), kept = 0;
	while (counters.rx_frames < PACKETS)
		kept += dp_io_receive(&io, data);
	CU_ASSERT_EQUAL(kept, 0);
	CU_ASSERT_EQUAL(counters.drop_ether, counters.rx_frames);
	CU_ASSERT_EQUAL(counters.rx_data + counters.rx_arp + counters.rx_echo, 0);
	CU_ASSERT_EQUAL(counters.drop_ip + counters.drop_udp + counters.drop_checksum, 0);
	CU_ASSERT_EQUAL(rte_mempool_avail_count(port.pool), free_before);
}

// Two in three go to a member whose MAC is known, the third has nowhere to go.
static void test_send(void)
{
	setup();
	uint32_t free_before = rte_mempool_avail_count(port.pool), unresolved = 0;
	for (uint32_t k = 0; k < PACKETS; k += DP_BURST) {
		struct rte_mbuf *frames[DP_BURST];
		eal_need(rte_pktmbuf_alloc_bulk(port.pool, frames, DP_BURST) == 0, "a buffer was lost");
		for (uint32_t f = 0; f < DP_BURST; f++) {
			memset(rte_pktmbuf_append(frames[f], 64), 0, 64);
			dp_meta(frames[f])->neighbour = (k + f) % 3 == 2 ? 2 : 1;
			unresolved += (k + f) % 3 == 2;
		}
		dp_io_send(&io, frames, DP_BURST);
	}
	CU_ASSERT_EQUAL(counters.drop_unresolved, unresolved);
	CU_ASSERT_EQUAL(counters.tx_frames + counters.tx_failed, PACKETS - unresolved);
	CU_ASSERT_EQUAL(counters.tx_failed, 0);
	CU_ASSERT_EQUAL(rte_mempool_avail_count(port.pool), free_before);
}

// The slow path asks for the unresolved member, and gives the buffer back when there is nobody to ask for.
static void test_tend(void)
{
	setup();
	uint32_t free_before = rte_mempool_avail_count(port.pool);
	dp_io_tend(&io);
	CU_ASSERT_EQUAL(counters.tx_frames, 1);
	net.neighbours[2].is_resolved = true;
	for (int k = 0; k < 1000; k++)
		dp_io_tend(&io);
	CU_ASSERT_EQUAL(counters.tx_frames, 1);
	CU_ASSERT_EQUAL(rte_mempool_avail_count(port.pool), free_before);
}

static const struct unit_test tests[] = {
	{ "a million packets received", test_receive },
	{ "a million packets sent", test_send },
	{ "ARP from the slow path", test_tend },
};

int main(int argc, char **argv)
{
	eal_start("test_null", "--vdev=net_null0,copy=1");
	return unit_run("null", tests, sizeof tests / sizeof tests[0], argc > 1 ? argv[1] : NULL);
}
