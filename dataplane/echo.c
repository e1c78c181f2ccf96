// The raw echo: the round trip of the same path without the core, for comparison.
#include "dataplane/net.h"
#include "dataplane/checksum.h"

bool dp_echo_answer(struct dp_net *net, struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (void *)(eth + 1);
	struct rte_udp_hdr *udp = (void *)((uint8_t *)ip + (ip->version_ihl & 15u) * 4u);
	struct ep_wire_header *h = (void *)(udp + 1);
	uint32_t len = rte_be_to_cpu_16(udp->dgram_len) - (uint32_t)sizeof *udp;
	// Not for a member's address: two replicas would answer each other for ever.
	if (dp_meta(m)->source.member != EP_CLIENT || ep_wire_check((const uint8_t *)h, len) != EP_DROP_NONE) {
		net->counters->drop_echo++;
		return false;
	}
	h->kind = EP_FRAME_ECHO_REPLY;
	ep_wire_seal((uint8_t *)h, len);
	eth->dst_addr = eth->src_addr;
	eth->src_addr = net->mac;
	uint32_t ip_from = ip->src_addr;
	ip->src_addr = ip->dst_addr;
	ip->dst_addr = ip_from;
	ip->time_to_live = 64;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, (ip->version_ihl & 15u) * 4u);
	uint16_t port_from = udp->src_port;
	udp->src_port = udp->dst_port;
	udp->dst_port = port_from;
	udp->dgram_cksum = 0;
	udp->dgram_cksum = dp_udp_checksum(ip, udp);
	net->counters->rx_echo++;
	return true;
}
