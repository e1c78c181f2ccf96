// A port with other abilities than any that this machine has: net_ring, with the linker's --wrap in front of what it says of itself.
#include "dataplane/port.h"
#include "dataplane/agent.h"
#include "tests/dpdk/eal.h"
#include "tests/unit/unit.h"

#define JUMBO 8972u
#define RX_SUMS (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define TX_SUMS (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

static struct {
	uint64_t rx, tx;                // offloads that it has
	uint16_t descriptors_max, mtu, mtu_max;
	bool has_no_queue, has_no_start;
	struct rte_eth_conf asked;      // as configured
	uint16_t mtu_asked, descriptors_asked;
	uint16_t takes;                 // frames of a burst
	uint16_t refuses;               // index of a frame that is refused before it is sent; else UINT16_MAX
	uint64_t seen[64];              // ol_flags of what was sent
	uint32_t sent;
} fake;

int __real_rte_eth_dev_info_get(uint16_t, struct rte_eth_dev_info *);
int __real_rte_eth_dev_configure(uint16_t, uint16_t, uint16_t, const struct rte_eth_conf *);
int __wrap_rte_eth_dev_info_get(uint16_t, struct rte_eth_dev_info *);
int __wrap_rte_eth_dev_configure(uint16_t, uint16_t, uint16_t, const struct rte_eth_conf *);
int __wrap_rte_eth_dev_get_mtu(uint16_t, uint16_t *);
int __wrap_rte_eth_dev_set_mtu(uint16_t, uint16_t);
int __wrap_rte_eth_dev_adjust_nb_rx_tx_desc(uint16_t, uint16_t *, uint16_t *);
int __wrap_rte_eth_dev_start(uint16_t);
int __real_rte_eth_dev_start(uint16_t);

int __wrap_rte_eth_dev_info_get(uint16_t id, struct rte_eth_dev_info *info)
{
	int code = __real_rte_eth_dev_info_get(id, info);
	info->rx_offload_capa = fake.rx;
	info->tx_offload_capa = fake.tx;
	return code;
}

int __wrap_rte_eth_dev_configure(uint16_t id, uint16_t rx, uint16_t tx, const struct rte_eth_conf *conf)
{
	static const struct rte_eth_conf none;
	fake.asked = *conf;
	return fake.has_no_queue ? -EINVAL : __real_rte_eth_dev_configure(id, rx, tx, &none);
}

int __wrap_rte_eth_dev_get_mtu(uint16_t id, uint16_t *mtu)
{
	(void)id;
	*mtu = fake.mtu;
	return 0;
}

int __wrap_rte_eth_dev_set_mtu(uint16_t id, uint16_t mtu)
{
	(void)id;
	fake.mtu_asked = mtu;
	return mtu > fake.mtu_max ? -EINVAL : 0;
}

int __wrap_rte_eth_dev_adjust_nb_rx_tx_desc(uint16_t id, uint16_t *rx, uint16_t *tx)
{
	(void)id;
	*rx = *tx = fake.descriptors_asked = *rx < fake.descriptors_max ? *rx : fake.descriptors_max;
	return 0;
}

int __wrap_rte_eth_dev_start(uint16_t id)
{
	return fake.has_no_start ? -EIO : __real_rte_eth_dev_start(id);
}

static uint16_t prepare(void *queue, struct rte_mbuf **frames, uint16_t count)
{
	(void)queue, (void)frames;
	if (fake.refuses >= count)
		return count;
	uint16_t good = fake.refuses;
	fake.refuses = UINT16_MAX;
	return good;
}

static uint16_t burst(void *queue, struct rte_mbuf **frames, uint16_t count)
{
	(void)queue;
	uint16_t taken = count < fake.takes ? count : fake.takes;
	fake.takes = (uint16_t)(fake.takes - taken);
	for (uint16_t k = 0; k < taken; k++) {
		fake.seen[fake.sent++ % 64] = frames[k]->ol_flags;
		rte_pktmbuf_free(frames[k]);
	}
	return taken;
}

static struct dp_port port;
static char error[256];

static void plain(void)
{
	memset(&fake, 0, sizeof fake);
	fake.descriptors_max = 4096;
	fake.mtu = 1500;
	fake.mtu_max = 9000;
	fake.takes = fake.refuses = UINT16_MAX;
	error[0] = 0;
}

static bool start(uint32_t payload)
{
	port.is_waited_for = false;
	return dp_port_start(&port, 0, payload, error, sizeof error);
}

static void stop(void)
{
	rte_eth_dev_stop(0);
	rte_mempool_free(port.pool);
}

// What a port has is used, and nothing else is asked for.
static void test_offloads(void)
{
	static const struct {
		uint64_t rx, tx, asked_rx, asked_tx, flags;
		bool checks_udp;
	} cases[] = {
		{ 0, 0, 0, 0, 0, false },
		{ UINT64_MAX, UINT64_MAX, RX_SUMS, TX_SUMS | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE,
		  RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM, true },
		{ RX_SUMS, TX_SUMS, RX_SUMS, TX_SUMS, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM, true },
		{ RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
		  RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM, false },
		{ RTE_ETH_RX_OFFLOAD_UDP_CKSUM, RTE_ETH_TX_OFFLOAD_UDP_CKSUM, RTE_ETH_RX_OFFLOAD_UDP_CKSUM, RTE_ETH_TX_OFFLOAD_UDP_CKSUM,
		  RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM, true },
		{ RTE_ETH_RX_OFFLOAD_RSS_HASH | RTE_ETH_RX_OFFLOAD_TIMESTAMP, RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_TCP_TSO, 0, 0, 0, false },
	};
	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		plain();
		fake.rx = cases[k].rx;
		fake.tx = cases[k].tx;
		CU_ASSERT_TRUE_FATAL(start(EP_FRAME_MAX_DEFAULT));
		CU_ASSERT_EQUAL(fake.asked.rxmode.offloads, cases[k].asked_rx);
		CU_ASSERT_EQUAL(fake.asked.txmode.offloads, cases[k].asked_tx);
		CU_ASSERT_EQUAL(fake.asked.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
		CU_ASSERT_EQUAL(port.tx_offload, cases[k].flags);
		CU_ASSERT_EQUAL(port.checks_udp, cases[k].checks_udp);
		CU_ASSERT_EQUAL(fake.mtu_asked, 0); // 1,472 bytes fit as it is
		stop();
	}
}

// The cluster's frame_max is checked against every port at its start.
static void test_mtu(void)
{
	plain();
	CU_ASSERT_TRUE(start(JUMBO));
	CU_ASSERT_EQUAL(fake.mtu_asked, JUMBO + 28);
	uint32_t room = rte_pktmbuf_data_room_size(port.pool) - (uint32_t)RTE_PKTMBUF_HEADROOM;
	CU_ASSERT_TRUE(room >= JUMBO + DP_HEADERS + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN && room % 1024 == 0);
	stop();
	plain();
	fake.mtu = 9600; // it is wide enough already, and stays as it is
	CU_ASSERT_TRUE(start(JUMBO));
	CU_ASSERT_EQUAL(fake.mtu_asked, 0);
	stop();
	plain();
	fake.mtu_max = 3542; // net_af_xdp
	CU_ASSERT_FALSE(start(JUMBO));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "lower frame_max"));
	rte_mempool_free(port.pool);
}

static void test_refusals(void)
{
	plain();
	fake.descriptors_max = 256;
	CU_ASSERT_TRUE(start(EP_FRAME_MAX_DEFAULT));
	CU_ASSERT_EQUAL(fake.descriptors_asked, 256);
	stop();
	plain();
	fake.has_no_queue = true;
	CU_ASSERT_FALSE(start(EP_FRAME_MAX_DEFAULT));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "refuses one queue each way"));
	rte_mempool_free(port.pool);
	plain();
	fake.has_no_start = true;
	CU_ASSERT_FALSE(start(EP_FRAME_MAX_DEFAULT));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "does not start"));
	rte_mempool_free(port.pool);
}

static struct ep_shell_counters counters;
static struct dp_net net;
static struct dp_io io;

static void send_frames(uint32_t count)
{
	struct rte_mbuf *frames[DP_BURST];
	eal_need(rte_pktmbuf_alloc_bulk(port.pool, frames, count) == 0, "a buffer was lost");
	for (uint32_t k = 0; k < count; k++) {
		memset(rte_pktmbuf_append(frames[k], 64), 0, 64);
		dp_meta(frames[k])->neighbour = 1;
	}
	dp_io_send(&io, frames, count);
}

// Frames carry the flags of what the port makes. A refused one is lost alone; a full port loses the rest; no buffer is.
static void test_send(void)
{
	plain();
	fake.tx = UINT64_MAX;
	CU_ASSERT_TRUE_FATAL(start(EP_FRAME_MAX_DEFAULT));
	net = (struct dp_net){ .port = EP_UDP_PORT, .ip = { 10, 0, 0, 1 }, .count = 3, .counters = &counters, .tx_offload = port.tx_offload };
	net.neighbours[1] = (struct dp_neighbour){ .ip = { 10, 0, 0, 2 }, .port = EP_UDP_PORT, .is_resolved = true, .is_fixed = true };
	io = (struct dp_io){ .port = 0, .net = &net, .pool = port.pool, .arp_interval = 1 };
	rte_eth_fp_ops[0].tx_pkt_prepare = prepare;
	rte_eth_fp_ops[0].tx_pkt_burst = burst;
	uint32_t available = rte_mempool_avail_count(port.pool);
	for (uint16_t at = 0; at < 10; at++) {
		counters = (struct ep_shell_counters){ 0 };
		fake.refuses = at;
		send_frames(10);
		CU_ASSERT_EQUAL(counters.tx_frames, 9);
		CU_ASSERT_EQUAL(counters.tx_failed, 1);
	}
	CU_ASSERT_EQUAL(fake.sent, 90);
	for (uint32_t k = 0; k < 64; k++)
		CU_ASSERT_EQUAL(fake.seen[k], port.tx_offload);
	counters = (struct ep_shell_counters){ 0 };
	fake.takes = 4;
	send_frames(10);
	CU_ASSERT_EQUAL(counters.tx_frames, 4);
	CU_ASSERT_EQUAL(counters.tx_failed, 6);
	CU_ASSERT_EQUAL(rte_mempool_avail_count(port.pool), available);
	stop();
}

// A link that goes and comes is noticed, each time once.
static void test_link(void)
{
	plain();
	CU_ASSERT_TRUE_FATAL(start(EP_FRAME_MAX_DEFAULT));
	counters = (struct ep_shell_counters){ 0 };
	net = (struct dp_net){ .count = 1, .counters = &counters };
	io = (struct dp_io){ .port = 0, .net = &net, .pool = port.pool, .arp_interval = 1 };
	dp_io_tend(&io);
	CU_ASSERT_FALSE(io.has_no_link);
	CU_ASSERT_EQUAL(rte_eth_dev_set_link_down(0), 0);
	dp_io_tend(&io);
	CU_ASSERT_TRUE(io.has_no_link);
	dp_io_tend(&io);
	CU_ASSERT_TRUE(io.has_no_link);
	CU_ASSERT_EQUAL(rte_eth_dev_set_link_up(0), 0);
	dp_io_tend(&io);
	CU_ASSERT_FALSE(io.has_no_link);
	io.arp_interval = UINT64_MAX / 4; // not asked at every turn
	rte_eth_dev_set_link_down(0);
	dp_io_tend(&io);
	CU_ASSERT_FALSE(io.has_no_link);
	stop();
}

static const struct unit_test tests[] = {
	{ "offloads", test_offloads },
	{ "frame_max and the MTU", test_mtu },
	{ "what a port may refuse", test_refusals },
	{ "sending", test_send },
	{ "the link", test_link },
};

int main(int argc, char **argv)
{
	eal_start("test_port", "--vdev=net_ring0");
	return unit_run("port", tests, sizeof tests / sizeof tests[0], argc > 1 ? argv[1] : NULL);
}
