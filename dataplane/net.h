// Who is where on the network: this replica's addresses, the members', and the headers between them.
#pragma once
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>
#include "consensus/epaxos.h"

#define DP_HEADERS (sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))

#define DP_NEIGHBOURS 32 // members of all epochs that this process has seen, by address
#define DP_NOBODY 0xff
_Static_assert(DP_NOBODY == EP_CLIENT, "who is no neighbour is a client");

// One agent (io) reads and writes this after start-up; the other one appends neighbours (dp_net_meet).
struct dp_net {
	struct rte_ether_addr mac;
	uint8_t ip[4];
	uint16_t port; // UDP, host order
	uint32_t mask; // of the subnet, network order as loaded
	bool has_gateway;
	uint8_t gateway[4];
	bool checks_udp;  // verify UDP checksums of received frames in software
	bool ignores_udp; // not even the port's own verdict on them counts
	uint64_t tx_offload; // RTE_MBUF_F_TX_... that the port does itself; 0: all checksums are made in software
	// Each address that is or was a member's has a place here for as long as the process lives. Which column it has is the epoch's
	// affair (epochs.h).
	uint32_t count; // released by who appends
	struct dp_neighbour {
		uint8_t ip[4];
		uint16_t port;
		struct rte_ether_addr mac;
		bool is_resolved, is_fixed;
		uint64_t asked; // TSC of the last request
	} neighbours[DP_NEIGHBOURS], gateway_at;
	struct ep_shell_counters *counters;
};
static inline uint32_t dp_net_count(const struct dp_net *net)
{
	return __atomic_load_n(&net->count, __ATOMIC_ACQUIRE);
}
// The neighbour at this address, which becomes one if it was none. DP_NOBODY: there is no place left.
uint8_t dp_net_meet(struct dp_net *, const uint8_t *ip, uint16_t port);

// What the io agent tells the consensus agent about a received payload, and back about a frame to send. Lies in the
// private area of the mbuf.
struct dp_meta {
	struct ep_source source; // RX; its `member` is a neighbour until the consensus agent puts a column there
	uint64_t arrived;        // RX, of a client: TSC
	uint8_t neighbour;       // TX, or EP_CLIENT
	struct ep_addr to;       // TX, when neighbour == EP_CLIENT
};
static inline struct dp_meta *dp_meta(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

enum dp_verdict {
	DP_DATA, // payload for the core: the mbuf starts at it
	DP_ARP,
	DP_ECHO, // an echo request: the mbuf still starts at Ethernet
	DP_DROP, // counted
};

// Whether this looks like a datagram from somebody who is not a member, by its address alone: for deciding what to drop first.
static inline bool dp_net_is_client(const struct dp_net *net, const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	bool is_client = m->data_len >= RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) && frame[12] == 0x08 && frame[13] == 0x00;
	for (uint32_t k = 0; is_client && k < dp_net_count(net); k++)
		is_client = memcmp(frame + RTE_ETHER_HDR_LEN + 12, net->neighbours[k].ip, 4) != 0;
	return is_client;
}

// net.c: looks at one received frame. Total over any bytes. For DP_DATA the mbuf is trimmed to the UDP payload and
// its meta is filled.
enum dp_verdict dp_net_parse(struct dp_net *, struct rte_mbuf *);
// Puts Ethernet, IPv4 and UDP in front of a payload by its meta. False: the peer's MAC is not known (counted).
bool dp_net_build(struct dp_net *, struct rte_mbuf *);

// arp.c: answers a request for us in place and learns from replies. True: the mbuf is an answer to be sent.
bool dp_arp_answer(struct dp_net *, struct rte_mbuf *);
// Fills `m` with a request for the next unresolved neighbour that has not been asked for `interval` cycles. False: none.
bool dp_arp_ask(struct dp_net *, struct rte_mbuf *m, uint64_t now, uint64_t interval);

// echo.c: turns an echo request into its answer in place. False: damaged or not welcome (counted).
bool dp_echo_answer(struct dp_net *, struct rte_mbuf *);
