// Configuring and starting a port: what it offers is used, what it lacks is one line in the log.
#include "dataplane/port.h"
#include <rte_bus.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include "dataplane/net.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024
#define DRIVERS_ROOM 32 // what drivers reckon with beside the frame: VLAN tags, a CRC, virtio's own header
#define POOL_SPARE 4096 // rings between agents, the tray, bursts under way

static bool fail(char *error, size_t size, const char *what, int code)
{
	snprintf(error, size, "the port cannot be used: %s (%s)", what, rte_strerror(-code));
	return false;
}

static bool make_pool(struct dp_port *p, uint32_t payload, char *error, size_t size)
{
	// A frame has to fit into one buffer; cards fill them in steps of 1 KiB.
	uint32_t room = RTE_ALIGN_CEIL(payload + (uint32_t)DP_HEADERS + DRIVERS_ROOM, 1024) + RTE_PKTMBUF_HEADROOM;
	room = RTE_MAX(room, (uint32_t)RTE_MBUF_DEFAULT_BUF_SIZE);
	uint32_t priv = RTE_ALIGN_CEIL(sizeof(struct dp_meta), RTE_MBUF_PRIV_ALIGN);
	char name[32];
	snprintf(name, sizeof name, "pnyx-%u", p->id);
	p->pool = rte_pktmbuf_pool_create(name, RX_DESCRIPTORS + TX_DESCRIPTORS + POOL_SPARE - 1, 256, (uint16_t)priv,
					  (uint16_t)room, (int)rte_socket_id());
	if (!p->pool)
		snprintf(error, size, "no memory for %u packet buffers: give EAL more (-m 128 with --no-huge, or reserve hugepages)",
			 RX_DESCRIPTORS + TX_DESCRIPTORS + POOL_SPARE - 1);
	return p->pool != NULL;
}

bool dp_port_start(struct dp_port *p, uint16_t id, uint32_t payload, char *error, size_t size)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = { 0 };
	uint16_t rx = RX_DESCRIPTORS, tx = TX_DESCRIPTORS, mtu = 0;
	*p = (struct dp_port){ .id = id, .is_waited_for = p->is_waited_for };
	int code = rte_eth_dev_info_get(id, &info);
	if (code != 0)
		return fail(error, size, "it does not describe itself", code);
	snprintf(p->driver, sizeof p->driver, "%s", info.driver_name);
	p->is_local_kernel = strstr(p->driver, "af_packet") || strstr(p->driver, "af_xdp") || strstr(p->driver, "tap") ||
			     strstr(p->driver, "virtio_user");
	if (!make_pool(p, payload, error, size))
		return false;
	if (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE; // every frame is ours, from one pool
	conf.rxmode.offloads = info.rx_offload_capa & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
	p->checks_udp = conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	uint64_t made = info.tx_offload_capa & (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
	conf.txmode.offloads |= made;
	p->tx_offload = (made ? RTE_MBUF_F_TX_IPV4 : 0) | (made & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM ? RTE_MBUF_F_TX_IP_CKSUM : 0) |
			(made & RTE_ETH_TX_OFFLOAD_UDP_CKSUM ? RTE_MBUF_F_TX_UDP_CKSUM : 0);
	// The AF_ drivers have none and a socket instead (wait.c); null, ring, memif have neither.
	bool is_card = info.device && strcmp(rte_bus_name(rte_dev_bus(info.device)), "pci") == 0;
	conf.intr_conf.rxq = p->is_waited_for && (is_card || strstr(p->driver, "tap") || strstr(p->driver, "virtio_user"));
	if ((code = rte_eth_dev_configure(id, 1, 1, &conf)) != 0)
		return fail(error, size, "it refuses one queue each way", code);
	if (payload + 28 > RTE_ETHER_MTU && (rte_eth_dev_get_mtu(id, &mtu) != 0 || mtu < payload + 28)) {
		if ((code = rte_eth_dev_set_mtu(id, (uint16_t)(payload + 28))) != 0)
			return fail(error, size, "its MTU is below the cluster's frame_max: lower frame_max, or raise the MTU", code);
	}
	if ((code = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx)) != 0 ||
	    (code = rte_eth_rx_queue_setup(id, 0, rx, rte_socket_id(), NULL, p->pool)) != 0 ||
	    (code = rte_eth_tx_queue_setup(id, 0, tx, rte_socket_id(), NULL)) != 0)
		return fail(error, size, "its queues cannot be made; is another program using it, or are privileges missing?", code);
	if ((code = rte_eth_dev_start(id)) != 0)
		return fail(error, size, "it does not start; is the interface there, and is this program privileged enough?", code);
	rte_eth_promiscuous_enable(id);
	if ((code = rte_eth_macaddr_get(id, &p->mac)) != 0)
		return fail(error, size, "it has no MAC address", code);
	return true;
}

void dp_port_stop(struct dp_port *p)
{
	rte_eth_dev_stop(p->id);
	rte_eth_dev_close(p->id);
}
