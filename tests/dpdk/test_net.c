// Ethernet, ARP, IPv4 and UDP as strangers send them: each damage is one drop under its own reason.
#include <rte_arp.h>
#include "consensus/base/rng.h"
#include "dataplane/checksum.h"
#include "dataplane/net.h"
#include "tests/dpdk/eal.h"
#include "tests/dpdk/frame.h"
#include "tests/unit/unit.h"

#define below(rng, n) (ep_random(rng) % (n))

static struct rte_mempool *pool;
static struct ep_shell_counters counters;
static struct dp_net net;
static uint8_t frame[1600];
static uint32_t frame_len;
static const struct frame_ends ends = {
	.mac_from = { { 2, 0, 0, 0, 0, 9 } }, .mac_to = { { 2, 0, 0, 0, 0, 1 } }, .ip_from = { 10, 0, 0, 9 }, .ip_to = { 10, 0, 0, 1 },
	.port_from = 4000, .port_to = EP_UDP_PORT };

static void setup(void)
{
	static uint8_t payload[200] = "not of Pnyx";
	counters = (struct ep_shell_counters){ 0 };
	net = (struct dp_net){ .mac = { { 2, 0, 0, 0, 0, 1 } }, .ip = { 10, 0, 0, 1 }, .port = EP_UDP_PORT, .count = 3, .checks_udp = true,
			       .mask = UINT32_MAX >> 8, .counters = &counters };
	for (uint8_t m = 0; m < 3; m++)
		net.neighbours[m] = (struct dp_neighbour){ .ip = { 10, 0, 0, (uint8_t)(m + 1) }, .port = EP_UDP_PORT };
	frame_len = frame_udp(frame, &ends, payload, sizeof payload);
}

static uint64_t drops(void)
{
	return counters.drop_ether + counters.drop_ip + counters.drop_udp + counters.drop_checksum + counters.drop_echo;
}

static enum dp_verdict parse(uint32_t len)
{
	struct rte_mbuf *m = frame_mbuf(pool, frame, len);
	enum dp_verdict verdict = dp_net_parse(&net, m);
	rte_pktmbuf_free(m);
	return verdict;
}

static void test_good(void)
{
	setup();
	struct rte_mbuf *m = frame_mbuf(pool, frame, frame_len);
	CU_ASSERT_EQUAL(dp_net_parse(&net, m), DP_DATA);
	CU_ASSERT_EQUAL(m->data_len, 200);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), frame + 42, 200), 0);
	const struct ep_source *source = &dp_meta(m)->source;
	CU_ASSERT_EQUAL(source->member, EP_CLIENT);
	CU_ASSERT_EQUAL(source->addr.port, 4000);
	CU_ASSERT_EQUAL(memcmp(source->addr.ip, ends.ip_from, 4), 0);
	CU_ASSERT_EQUAL(memcmp(source->addr.mac, &ends.mac_from, 6), 0);
	CU_ASSERT_EQUAL(counters.rx_data, 1);
	CU_ASSERT_EQUAL(drops(), 0);
	rte_pktmbuf_free(m);
}

// A frame in two buffers is put together where the first has room for all of it.
static void test_two_buffers(void)
{
	setup();
	for (uint32_t cut = 1; cut < frame_len; cut++) {
		struct rte_mbuf *m = frame_mbuf(pool, frame, cut), *rest = frame_mbuf(pool, frame + cut, frame_len - cut);
		CU_ASSERT_EQUAL(rte_pktmbuf_chain(m, rest), 0);
		CU_ASSERT_EQUAL(dp_net_parse(&net, m), DP_DATA);
		CU_ASSERT_EQUAL(m->nb_segs, 1);
		CU_ASSERT_EQUAL(m->data_len, 200);
		CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), frame + 42, 200), 0);
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(drops(), 0);
	struct rte_mbuf *m = frame_mbuf(pool, frame, frame_len - 4), *rest = frame_mbuf(pool, frame + frame_len - 4, 4);
	m->data_off = (uint16_t)(m->buf_len - m->data_len - 3); // room for three bytes, not four
	CU_ASSERT_EQUAL(rte_pktmbuf_chain(m, rest), 0);
	CU_ASSERT_EQUAL(dp_net_parse(&net, m), DP_DROP);
	CU_ASSERT_EQUAL(counters.drop_ether, 1);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

// A member is who sends from a member's address and port; the same host from another port is a client.
static void test_members(void)
{
	setup();
	for (uint8_t last = 1; last <= 4; last++)
		for (uint16_t port = EP_UDP_PORT; port <= EP_UDP_PORT + 1; port++) {
			struct frame_ends from = ends;
			from.ip_from[3] = last;
			from.port_from = port;
			struct rte_mbuf *m = frame_mbuf(pool, frame, frame_udp(frame, &from, "x", 1));
			CU_ASSERT_EQUAL(dp_net_parse(&net, m), DP_DATA);
			bool is_member = last <= 3 && port == EP_UDP_PORT;
			CU_ASSERT_EQUAL(dp_meta(m)->source.member, is_member ? last - 1 : EP_CLIENT);
			rte_pktmbuf_free(m);
		}
}

static void test_padding(void)
{
	setup();
	struct rte_mbuf *m = frame_mbuf(pool, frame, frame_udp(frame, &ends, "tiny", 4) + 18); // Ethernet pads to 60
	CU_ASSERT_EQUAL(dp_net_parse(&net, m), DP_DATA);
	CU_ASSERT_EQUAL(m->data_len, 4);
	rte_pktmbuf_free(m);
}

static void test_options(void)
{
	setup();
	memmove(frame + 14 + 24, frame + 14 + 20, 208); // four bytes of IPv4 options: no operation
	memset(frame + 34, 1, 4);
	frame[14] = 0x46;
	frame[17] = (uint8_t)(frame[17] + 4);
	frame_reseal(frame);
	struct rte_mbuf *m = frame_mbuf(pool, frame, frame_len + 4);
	CU_ASSERT_EQUAL(dp_net_parse(&net, m), DP_DATA);
	CU_ASSERT_EQUAL(m->data_len, 200);
	rte_pktmbuf_free(m);
}

// Where a byte is changed, whether the checksums are made right again, and the counter that must say so.
static const struct damage {
	const char *what;
	uint32_t at;
	uint8_t to;
	bool is_resealed;
	uint64_t *counter;
} damages[] = {
	{ "IPv6", 12, 0x86, false, &counters.drop_ether },
	{ "VLAN", 12, 0x81, false, &counters.drop_ether },
	{ "IP version 6", 14, 0x65, false, &counters.drop_ip },
	{ "IP header of 16 bytes", 14, 0x44, false, &counters.drop_ip },
	{ "IP header beyond the frame", 14, 0x4f, false, &counters.drop_checksum },
	{ "IP longer than the frame", 16, 0xff, false, &counters.drop_ip },
	{ "IP total below its header", 17, 19, false, &counters.drop_ip },
	{ "more fragments", 20, 0x20, true, &counters.drop_ip },
	{ "a later fragment", 21, 1, true, &counters.drop_ip },
	{ "for another host", 33, 2, true, &counters.drop_ip },
	{ "TCP", 23, 6, true, &counters.drop_udp },
	{ "another port", 37, 1, true, &counters.drop_udp },
	{ "UDP longer than IP", 38, 1, false, &counters.drop_udp },
	{ "UDP shorter than its head", 39, 7, false, &counters.drop_udp },
	{ "IP checksum", 24, 0x11, false, &counters.drop_checksum },
	{ "UDP checksum", 41, 0x11, false, &counters.drop_checksum },
	{ "a byte of the payload", 100, 0x11, false, &counters.drop_checksum },
};

static void test_damages(void)
{
	for (size_t k = 0; k < sizeof damages / sizeof damages[0]; k++) {
		const struct damage *d = &damages[k];
		setup();
		frame[d->at] = frame[d->at] == d->to ? (uint8_t)(d->to + 1) : d->to;
		if (d->is_resealed)
			frame_reseal(frame);
		enum dp_verdict verdict = parse(frame_len);
		if (verdict != DP_DROP || *d->counter != 1 || drops() != 1)
			printf("\n%s: verdict %d, its counter %lu, all drops %lu\n", d->what, verdict, (unsigned long)*d->counter,
			       (unsigned long)drops());
		CU_ASSERT_EQUAL(verdict, DP_DROP);
		CU_ASSERT_EQUAL(*d->counter, 1);
		CU_ASSERT_EQUAL(drops(), 1);
	}
}

static void test_cut_short(void)
{
	setup();
	for (uint32_t len = 1; len < frame_len; len++) {
		uint64_t before = drops();
		CU_ASSERT_EQUAL(parse(len), DP_DROP);
		CU_ASSERT_EQUAL(drops(), before + 1);
	}
}

// Random bytes and single flips: one verdict, and what is not data is counted once.
static void test_noise(void)
{
	uint64_t rng = 7, seen = 0;
	setup();
	for (uint32_t k = 0; k < 200000; k++) {
		if (k % 2) {
			frame_udp(frame, &ends, "abcdefgh", 8);
			frame[below(&rng, 50)] = (uint8_t)below(&rng, 256);
		} else {
			for (uint32_t b = 0; b < 64; b++)
				frame[b] = (uint8_t)below(&rng, 256);
			frame[12] = 8;
			frame[13] = 0;
		}
		uint64_t before = drops() + counters.rx_data;
		enum dp_verdict verdict = parse(1 + (uint32_t)below(&rng, 64));
		seen += verdict == DP_ARP;
		CU_ASSERT_EQUAL(drops() + counters.rx_data, before + (verdict != DP_ARP));
	}
	CU_ASSERT(seen < 200000);
}

static void test_unchecked(void)
{
	setup();
	net.checks_udp = false;
	frame[100] ^= 1; // left to the frame's CRC32C
	CU_ASSERT_EQUAL(parse(frame_len), DP_DATA);
	setup();
	frame[40] = frame[41] = 0; // no checksum given
	frame[100] ^= 1;
	CU_ASSERT_EQUAL(parse(frame_len), DP_DATA);
}

static uint32_t echo_frame(const struct frame_ends *e)
{
	uint8_t payload[64];
	ep_wire_begin(payload, EP_FRAME_ECHO, EP_SENDER_CLIENT, 77, 0);
	ep_wire_seal(payload, sizeof payload);
	return frame_udp(frame, e, payload, sizeof payload);
}

static void test_echo(void)
{
	setup();
	struct rte_mbuf *m = frame_mbuf(pool, frame, echo_frame(&ends));
	CU_ASSERT_EQUAL(dp_net_parse(&net, m), DP_ECHO);
	CU_ASSERT(dp_echo_answer(&net, m));
	CU_ASSERT_EQUAL(counters.rx_echo, 1);
	uint8_t *got = rte_pktmbuf_mtod(m, uint8_t *), want[1600];
	struct frame_ends back = { ends.mac_to, ends.mac_from, { 10, 0, 0, 1 }, { 10, 0, 0, 9 }, ends.port_to, ends.port_from };
	uint8_t payload[64];
	ep_wire_begin(payload, EP_FRAME_ECHO_REPLY, EP_SENDER_CLIENT, 77, 0);
	ep_wire_seal(payload, sizeof payload);
	CU_ASSERT_EQUAL(m->data_len, frame_udp(want, &back, payload, sizeof payload));
	CU_ASSERT_EQUAL(memcmp(got, want, m->data_len), 0);
	rte_pktmbuf_free(m);

	struct frame_ends member = ends; // two replicas would answer each other for ever
	member.ip_from[3] = 2;
	member.port_from = EP_UDP_PORT;
	m = frame_mbuf(pool, frame, echo_frame(&member));
	CU_ASSERT_EQUAL(dp_net_parse(&net, m), DP_ECHO);
	CU_ASSERT_FALSE(dp_echo_answer(&net, m));
	CU_ASSERT_EQUAL(counters.drop_echo, 1);
	rte_pktmbuf_free(m);
}

// A request of member 2 (.3) for us: answered in place, and its MAC is learned.
static void test_arp(void)
{
	setup();
	struct dp_net asker = net;
	asker.ip[3] = 3;
	asker.mac.addr_bytes[5] = 3;
	asker.neighbours[1].is_resolved = true;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	CU_ASSERT(dp_arp_ask(&asker, m, 1000, 10));
	CU_ASSERT_EQUAL(dp_net_parse(&net, m), DP_ARP);
	CU_ASSERT(dp_arp_answer(&net, m));
	CU_ASSERT(net.neighbours[2].is_resolved);
	CU_ASSERT_EQUAL(net.neighbours[2].mac.addr_bytes[5], 3);
	CU_ASSERT_FALSE(dp_arp_answer(&asker, m)); // a reply needs no answer
	CU_ASSERT(asker.neighbours[0].is_resolved);
	CU_ASSERT_EQUAL(asker.neighbours[0].mac.addr_bytes[5], 1);
	CU_ASSERT_FALSE(dp_arp_ask(&asker, m, 1005, 10)); // nobody is left
	rte_pktmbuf_free(m);
}

static void test_arp_damaged(void)
{
	setup();
	memset(frame, 0, 60);
	frame[12] = 8;
	frame[13] = 6;
	for (uint32_t len = 34; len <= 60; len++) { // a head of zeros, cut or whole
		struct rte_mbuf *m = frame_mbuf(pool, frame, len);
		CU_ASSERT_EQUAL(dp_net_parse(&net, m), DP_ARP);
		CU_ASSERT_FALSE(dp_arp_answer(&net, m));
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(counters.drop_ether, 60 - 34 + 1);
}

static void test_build(void)
{
	setup();
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	memcpy(rte_pktmbuf_append(m, 100), frame + 42, 100);
	*dp_meta(m) = (struct dp_meta){ .neighbour = EP_CLIENT, .to = { .ip = { 10, 0, 0, 9 }, .port = 4000, .mac = { 2, 0, 0, 0, 0, 9 } } };
	CU_ASSERT(dp_net_build(&net, m));
	uint8_t want[1600];
	struct frame_ends back = { ends.mac_to, ends.mac_from, { 10, 0, 0, 1 }, { 10, 0, 0, 9 }, ends.port_to, ends.port_from };
	frame_udp(want, &back, frame + 42, 100);
	want[20] = 0x40; // we set "do not fragment"
	frame_reseal(want);
	CU_ASSERT_EQUAL(m->data_len, 142);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, uint8_t *), want, 142), 0);
	rte_pktmbuf_free(m);
}

// What the port makes is left to it, with the part of the sum that it asks for; the rest is made here.
static void test_offload(void)
{
	static const uint64_t offloads[] = { RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM,
					     RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM };
	for (size_t k = 0; k < sizeof offloads / sizeof offloads[0]; k++) {
		setup();
		net.tx_offload = offloads[k];
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		memcpy(rte_pktmbuf_append(m, 100), frame + 42, 100);
		*dp_meta(m) = (struct dp_meta){ .neighbour = EP_CLIENT, .to = { .ip = { 10, 0, 0, 9 }, .port = 4000 } };
		CU_ASSERT(dp_net_build(&net, m));
		CU_ASSERT_EQUAL(m->ol_flags & offloads[k], offloads[k]);
		CU_ASSERT_EQUAL(m->l2_len, 14);
		CU_ASSERT_EQUAL(m->l3_len, 20);
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
		struct rte_udp_hdr *udp = (void *)(ip + 1);
		bool ip_left = offloads[k] & RTE_MBUF_F_TX_IP_CKSUM, udp_left = offloads[k] & RTE_MBUF_F_TX_UDP_CKSUM;
		CU_ASSERT_EQUAL(ip->hdr_checksum == 0, ip_left);
		if (udp_left) { // as the port does it: the sum over header and payload, begun with that of the addresses
			CU_ASSERT_EQUAL(udp->dgram_cksum, rte_ipv4_phdr_cksum(ip, m->ol_flags));
			udp->dgram_cksum = (uint16_t)~rte_raw_cksum(udp, rte_be_to_cpu_16(udp->dgram_len));
		}
		CU_ASSERT_EQUAL(rte_ipv4_udptcp_cksum(ip, udp), 0xffff);
		rte_pktmbuf_free(m);
	}
}

// The port says that a checksum is bad: it is believed, unless the configuration says otherwise.
static void test_verdict_of_port(void)
{
	setup();
	net.checks_udp = false;
	for (int ignores = 0; ignores <= 1; ignores++) {
		net.ignores_udp = ignores;
		struct rte_mbuf *m = frame_mbuf(pool, frame, frame_len);
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
		CU_ASSERT_EQUAL(dp_net_parse(&net, m), ignores ? DP_DATA : DP_DROP);
		CU_ASSERT_EQUAL(counters.drop_checksum, 1);
		rte_pktmbuf_free(m);
	}
}

// Against the definition: 16-bit words, one after the other.
static void test_sum(void)
{
	static uint8_t bytes[1600];
	uint64_t rng = 7;
	for (uint32_t k = 0; k < sizeof bytes; k++)
		bytes[k] = below(&rng, 4) == 0 ? 0xff : (uint8_t)below(&rng, 256);
	for (uint32_t len = 0; len < 1500; len += len < 100 ? 1 : 31) {
		uint32_t sum = 0;
		for (uint32_t k = 0; k < len; k++)
			sum += k % 2 ? (uint32_t)bytes[len % 7 + k] << 8 : bytes[len % 7 + k];
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		CU_ASSERT_EQUAL(dp_fold(dp_sum(bytes + len % 7, len)), sum);
	}
	memset(bytes, 0xff, sizeof bytes); // carries everywhere
	CU_ASSERT_EQUAL(dp_fold(dp_sum(bytes, 1472)), 0xffff);
	CU_ASSERT_EQUAL(dp_fold(UINT64_MAX), 0xffff);
}

static const struct unit_test tests[] = {
	{ "sums of any length", test_sum },
	{ "a good frame", test_good },
	{ "members and strangers", test_members },
	{ "padding", test_padding },
	{ "IPv4 options", test_options },
	{ "one damage, one counter", test_damages },
	{ "in two buffers", test_two_buffers },
	{ "cut short anywhere", test_cut_short },
	{ "noise", test_noise },
	{ "checksums left to the frame's own", test_unchecked },
	{ "echo", test_echo },
	{ "ARP", test_arp },
	{ "ARP, damaged", test_arp_damaged },
	{ "headers that we write", test_build },
	{ "checksums left to the port", test_offload },
	{ "the port's verdict", test_verdict_of_port },
};

int main(int argc, char **argv)
{
	eal_start("test_net", NULL);
	pool = rte_pktmbuf_pool_create("net", 63, 0, RTE_ALIGN_CEIL(sizeof(struct dp_meta), RTE_MBUF_PRIV_ALIGN),
				       RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());
	eal_need(pool != NULL, "no memory for a pool");
	int rc = unit_run("net", tests, sizeof tests / sizeof tests[0], argc > 1 ? argv[1] : NULL);
	if (rte_mempool_avail_count(pool) != 63)
		return printf("a buffer was lost\n"), 1;
	return rc;
}
