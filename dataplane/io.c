// The io agent: bursts from and to the port.
#include <rte_ethdev.h>
#include <stdio.h>
#include "dataplane/agent.h"

// What the port refuses by itself is dropped alone; when it takes no more, so is the rest. The protocol sends again.
static void transmit(struct dp_io *io, struct rte_mbuf **frames, uint32_t count)
{
	while (count > 0) {
		uint32_t good = io->net->tx_offload == 0 ? count : rte_eth_tx_prepare(io->port, 0, frames, (uint16_t)count);
		uint32_t sent = rte_eth_tx_burst(io->port, 0, frames, (uint16_t)good);
		uint32_t done = sent == good && good < count ? sent + 1 : count;
		io->net->counters->tx_frames += sent;
		io->net->counters->tx_failed += done - sent;
		rte_pktmbuf_free_bulk(frames + sent, done - sent);
		frames += done;
		count -= done;
	}
}

uint32_t dp_io_receive(struct dp_io *io, struct rte_mbuf **data)
{
	struct rte_mbuf *burst[DP_BURST], *answers[DP_BURST];
	uint32_t count = rte_eth_rx_burst(io->port, 0, burst, DP_BURST), kept = 0, answered = 0;
	uint32_t spared = DP_REFUSED;
	io->net->counters->rx_frames += count;
	for (uint32_t k = 0; k < count; k++) {
		if (k + 4 < count)
			rte_prefetch0(rte_pktmbuf_mtod(burst[k + 4], void *));
		bool is_answer = false;
		if (io->is_shedding && dp_net_is_client(io->net, burst[k]) && (spared == 0 || spared-- == 0)) {
			io->net->counters->drop_shed++;
			rte_pktmbuf_free(burst[k]);
			continue;
		}
		switch (dp_net_parse(io->net, burst[k])) {
		case DP_DATA:
			data[kept++] = burst[k];
			continue;
		case DP_ARP:
			is_answer = dp_arp_answer(io->net, burst[k]);
			break;
		case DP_ECHO:
			is_answer = dp_echo_answer(io->net, burst[k]);
			break;
		case DP_DROP:
			break;
		}
		if (is_answer)
			answers[answered++] = burst[k];
		else
			rte_pktmbuf_free(burst[k]);
	}
	if (answered > 0)
		transmit(io, answers, answered);
	return kept;
}

void dp_io_send(struct dp_io *io, struct rte_mbuf **frames, uint32_t count)
{
	uint32_t ready = 0;
	for (uint32_t k = 0; k < count; k++) {
		if (dp_net_build(io->net, frames[k]))
			frames[ready++] = frames[k];
		else
			rte_pktmbuf_free(frames[k]);
	}
	if (ready > 0)
		transmit(io, frames, ready);
}

// The one line that the loop writes: without a link there is nothing that it could hold up.
static void watch_link(struct dp_io *io, uint64_t now)
{
	struct rte_eth_link link;
	if (now - io->link_checked < 2 * io->arp_interval)
		return;
	io->link_checked = now;
	if (rte_eth_link_get_nowait(io->port, &link) != 0 || io->has_no_link == (link.link_status == RTE_ETH_LINK_DOWN))
		return;
	io->has_no_link = !io->has_no_link;
	if (io->has_no_link)
		fprintf(stderr, "pnyx-replica: the port has no link: look at the cable, the switch, or the other end of a virtual port\n");
	else
		fprintf(stderr, "pnyx-replica: the port has a link again\n");
}

void dp_io_tend(struct dp_io *io)
{
	uint64_t now = rte_rdtsc();
	watch_link(io, now);
	if (now - io->arp_checked < io->arp_interval / 16)
		return;
	io->arp_checked = now;
	struct rte_mbuf *m = rte_pktmbuf_alloc(io->pool);
	if (!m)
		return; // the consensus agent counts that; this is tried again
	if (dp_arp_ask(io->net, m, now, io->arp_interval))
		transmit(io, &m, 1);
	else
		rte_pktmbuf_free(m);
}
