// ARP, the slow path: answering for our address, asking for the members' and the gateway's.
#include <rte_arp.h>
#include "dataplane/net.h"

// Whoever may be asked for, one after the other; NULL behind the last one.
static struct dp_neighbour *nth(struct dp_net *net, uint32_t k)
{
	uint32_t count = dp_net_count(net);
	return k < count ? &net->neighbours[k] : k == count && net->has_gateway ? &net->gateway_at : NULL;
}

static void learn(struct dp_net *net, const uint8_t *ip, const struct rte_ether_addr *mac)
{
	struct dp_neighbour *peer;
	for (uint32_t k = 0; (peer = nth(net, k)); k++)
		if (!peer->is_fixed && memcmp(peer->ip, ip, 4) == 0) {
			peer->mac = *mac;
			peer->is_resolved = true;
		}
}

bool dp_arp_answer(struct dp_net *net, struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (void *)(eth + 1);
	net->counters->rx_arp++;
	if (rte_pktmbuf_data_len(m) < sizeof *eth + sizeof *arp || arp->arp_hardware != rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) ||
	    arp->arp_protocol != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) || arp->arp_hlen != 6 || arp->arp_plen != 4 ||
	    memcmp(&arp->arp_data.arp_tip, net->ip, 4) != 0) {
		net->counters->drop_ether++;
		return false;
	}
	learn(net, (const uint8_t *)&arp->arp_data.arp_sip, &arp->arp_data.arp_sha);
	if (arp->arp_opcode != rte_cpu_to_be_16(RTE_ARP_OP_REQUEST))
		return false;
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sha = net->mac;
	memcpy(&arp->arp_data.arp_sip, net->ip, 4);
	eth->dst_addr = eth->src_addr;
	eth->src_addr = net->mac;
	return true;
}

bool dp_arp_ask(struct dp_net *net, struct rte_mbuf *m, uint64_t now, uint64_t interval)
{
	struct dp_neighbour *peer;
	for (uint32_t k = 0; (peer = nth(net, k)); k++)
		if (!peer->is_resolved && memcmp(peer->ip, net->ip, 4) != 0 && now - peer->asked >= interval)
			break;
	if (!peer)
		return false;
	peer->asked = now;
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, sizeof *eth + sizeof(struct rte_arp_hdr));
	struct rte_arp_hdr *arp = (void *)(eth + 1);
	memset(&eth->dst_addr, 0xff, sizeof eth->dst_addr);
	eth->src_addr = net->mac;
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP);
	memset(arp, 0, sizeof *arp);
	arp->arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = 6;
	arp->arp_plen = 4;
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REQUEST);
	arp->arp_data.arp_sha = net->mac;
	memcpy(&arp->arp_data.arp_sip, net->ip, 4);
	memcpy(&arp->arp_data.arp_tip, peer->ip, 4);
	return true;
}
