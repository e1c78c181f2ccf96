// Ethernet, IPv4 and UDP: looking at what came in, and headers for what goes out.
#include "dataplane/net.h"
#include "dataplane/checksum.h"

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static enum dp_verdict drop(uint64_t *counter)
{
	(*counter)++;
	return DP_DROP;
}

static uint8_t neighbour_at(const struct dp_net *net, const uint8_t *ip, uint16_t port)
{
	uint32_t count = dp_net_count(net);
	for (uint8_t k = 0; k < count; k++)
		if (memcmp(net->neighbours[k].ip, ip, 4) == 0 && net->neighbours[k].port == port)
			return k;
	return DP_NOBODY;
}

uint8_t dp_net_meet(struct dp_net *net, const uint8_t *ip, uint16_t port)
{
	uint8_t k = neighbour_at(net, ip, port);
	if (k != DP_NOBODY || net->count == DP_NEIGHBOURS)
		return k;
	struct dp_neighbour *new = &net->neighbours[net->count];
	*new = (struct dp_neighbour){ .port = port };
	memcpy(new->ip, ip, 4);
	__atomic_store_n(&net->count, net->count + 1, __ATOMIC_RELEASE);
	return (uint8_t)(net->count - 1);
}

static bool is_echo(const uint8_t *payload, uint32_t len)
{
	const struct ep_wire_header *h = (const void *)payload;
	return len >= sizeof *h && h->magic == EP_WIRE_MAGIC && h->kind == EP_FRAME_ECHO;
}

static enum dp_verdict parse_udp(struct dp_net *net, struct rte_mbuf *m, const struct rte_ether_hdr *eth,
				 const struct rte_ipv4_hdr *ip, uint32_t ip_len, uint32_t total)
{
	struct ep_shell_counters *c = net->counters;
	const struct rte_udp_hdr *udp = (const void *)((const uint8_t *)ip + ip_len);
	if (ip->next_proto_id != IPPROTO_UDP || total < ip_len + sizeof *udp)
		return drop(&c->drop_udp);
	uint32_t len = rte_be_to_cpu_16(udp->dgram_len);
	if (rte_be_to_cpu_16(udp->dst_port) != net->port || len < sizeof *udp || len > total - ip_len)
		return drop(&c->drop_udp);
	bool is_bad = !net->ignores_udp && (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD;
	if (net->checks_udp && udp->dgram_cksum != 0 && dp_udp_sum(ip, udp) != 0xffff) // a correct sum cancels itself
		is_bad = true;
	if (is_bad)
		return drop(&c->drop_checksum);

	struct dp_meta *meta = dp_meta(m);
	memcpy(meta->source.addr.ip, &ip->src_addr, 4);
	meta->source.addr.port = rte_be_to_cpu_16(udp->src_port);
	memcpy(meta->source.addr.mac, eth->src_addr.addr_bytes, 6);
	meta->source.is_late = false;
	meta->source.member = neighbour_at(net, meta->source.addr.ip, meta->source.addr.port);
	uint32_t offset = (uint32_t)((const uint8_t *)(udp + 1) - rte_pktmbuf_mtod(m, const uint8_t *));
	if (is_echo((const uint8_t *)(udp + 1), len - (uint32_t)sizeof *udp)) {
		rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_pkt_len(m) - offset - (len - sizeof *udp)));
		return DP_ECHO;
	}
	rte_pktmbuf_adj(m, (uint16_t)offset);
	rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_pkt_len(m) - (len - sizeof *udp)));
	c->rx_data++;
	return DP_DATA;
}

enum dp_verdict dp_net_parse(struct dp_net *net, struct rte_mbuf *m)
{
	struct ep_shell_counters *c = net->counters;
	// Cards whose buffers come in powers of two (e1000) deliver the end of a jumbo frame in a second one: it is moved to the first.
	if (unlikely(m->nb_segs != 1) && rte_pktmbuf_linearize(m) != 0)
		return drop(&c->drop_ether);
	uint32_t len = rte_pktmbuf_data_len(m);
	if (len < sizeof(struct rte_ether_hdr)) // as long as an ARP frame without padding
		return drop(&c->drop_ether);
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP))
		return DP_ARP;
	if (eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
	    len < sizeof *eth + sizeof(struct rte_ipv4_hdr))
		return drop(&c->drop_ether);
	const struct rte_ipv4_hdr *ip = (const void *)(eth + 1);
	uint32_t ip_len = (ip->version_ihl & 15u) * 4u, total = rte_be_to_cpu_16(ip->total_length);
	bool is_fragment = ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
	if (ip->version_ihl >> 4 != 4 || ip_len < sizeof *ip || total < ip_len || total > len - sizeof *eth || is_fragment ||
	    memcmp(&ip->dst_addr, net->ip, 4) != 0)
		return drop(&c->drop_ip);
	if (rte_raw_cksum(ip, ip_len) != 0xffff)
		return drop(&c->drop_checksum);
	return parse_udp(net, m, eth, ip, ip_len, total);
}

// The Ethernet address for a destination; NULL when it has not been learned.
static const struct rte_ether_addr *next_hop(const struct dp_net *net, const struct dp_meta *meta)
{
	if (meta->neighbour != EP_CLIENT)
		return net->neighbours[meta->neighbour].is_resolved ? &net->neighbours[meta->neighbour].mac : NULL;
	uint32_t here = load32(net->ip) & net->mask, there = load32(meta->to.ip) & net->mask;
	if (here != there && net->has_gateway && net->gateway_at.is_resolved)
		return &net->gateway_at.mac;
	return (const struct rte_ether_addr *)(const void *)meta->to.mac; // whence the request came
}

// Checksums: left to the port as far as it makes them, else made here.
static void seal(uint64_t offload, struct rte_mbuf *m, struct rte_ipv4_hdr *ip, struct rte_udp_hdr *udp)
{
	m->ol_flags |= offload;
	m->l2_len = sizeof(struct rte_ether_hdr);
	m->l3_len = sizeof *ip;
	if (!(offload & RTE_MBUF_F_TX_IP_CKSUM))
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->dgram_cksum = 0;
	udp->dgram_cksum = offload & RTE_MBUF_F_TX_UDP_CKSUM ? rte_ipv4_phdr_cksum(ip, offload) : dp_udp_checksum(ip, udp);
}

bool dp_net_build(struct dp_net *net, struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	const struct rte_ether_addr *mac = next_hop(net, meta);
	if (!mac) {
		net->counters->drop_unresolved++;
		return false;
	}
	const uint8_t *ip_to = meta->neighbour == EP_CLIENT ? meta->to.ip : net->neighbours[meta->neighbour].ip;
	uint16_t port_to = meta->neighbour == EP_CLIENT ? meta->to.port : net->neighbours[meta->neighbour].port;
	uint16_t payload = (uint16_t)rte_pktmbuf_data_len(m);
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_prepend(m, DP_HEADERS);
	struct rte_ipv4_hdr *ip = (void *)(eth + 1);
	struct rte_udp_hdr *udp = (void *)(ip + 1);
	eth->dst_addr = *mac;
	eth->src_addr = net->mac;
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){ .version_ihl = RTE_IPV4_VHL_DEF, .time_to_live = 64, .next_proto_id = IPPROTO_UDP };
	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof *ip + sizeof *udp + payload));
	ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	memcpy(&ip->src_addr, net->ip, 4);
	memcpy(&ip->dst_addr, ip_to, 4);
	udp->src_port = rte_cpu_to_be_16(net->port);
	udp->dst_port = rte_cpu_to_be_16(port_to);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof *udp + payload));
	seal(net->tx_offload, m, ip, udp);
	return true;
}
