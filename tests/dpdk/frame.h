// Whole Ethernet frames made by hand, as a client or a stranger would send them.
#pragma once
#include "dataplane/net.h"

struct frame_ends {
	struct rte_ether_addr mac_from, mac_to;
	uint8_t ip_from[4], ip_to[4];
	uint16_t port_from, port_to;
};

// Ethernet, IPv4 (20 bytes) and UDP around `len` bytes; all checksums right. Returns the frame's length.
uint32_t frame_udp(uint8_t *frame, const struct frame_ends *, const void *payload, uint32_t len);
// Both checksums once more, after bytes were changed.
void frame_reseal(uint8_t *frame);
// A buffer of the pool that holds a copy.
struct rte_mbuf *frame_mbuf(struct rte_mempool *, const uint8_t *frame, uint32_t len);
