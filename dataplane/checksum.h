// The Internet checksum over a UDP datagram, eight bytes at a time (RFC 1071: the order of the sums does not matter).
#pragma once
#include <rte_ip.h>
#include <rte_udp.h>

// One's complement sum of `len` bytes as 16-bit words in memory order, not folded.
static inline uint64_t dp_sum(const void *data, uint32_t len)
{
	const uint8_t *p = (const uint8_t *)data;
	unsigned __int128 sum = 0;
	uint64_t w[4], last = 0;
	for (; len >= sizeof w; p += sizeof w, len -= (uint32_t)sizeof w) {
		memcpy(w, p, sizeof w);
		sum += w[0];
		sum += w[1];
		sum += w[2];
		sum += w[3];
	}
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(w, p, 8);
		sum += w[0];
	}
	memcpy(&last, p, len);
	sum += last;
	// 128 bits, of which few above 64 are used: to 33.
	uint64_t high = (uint64_t)(sum >> 64), low = (uint64_t)sum;
	return (low >> 32) + (low & 0xffffffff) + high;
}

static inline uint16_t dp_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)((sum >> 16) + (sum & 0xffff));
}

// Sum over pseudo header, UDP header and payload as they lie there: 0xffff when the checksum in it is right.
static inline uint16_t dp_udp_sum(const struct rte_ipv4_hdr *ip, const struct rte_udp_hdr *udp)
{
	uint32_t len = rte_be_to_cpu_16(udp->dgram_len);
	uint64_t pseudo = (uint64_t)udp->dgram_len + rte_cpu_to_be_16(IPPROTO_UDP);
	return dp_fold(dp_sum(&ip->src_addr, 8) + dp_sum(udp, len) + pseudo);
}

// What belongs into its checksum field, which must be 0 now.
static inline uint16_t dp_udp_checksum(const struct rte_ipv4_hdr *ip, const struct rte_udp_hdr *udp)
{
	uint16_t sum = (uint16_t)~dp_udp_sum(ip, udp);
	return sum == 0 ? 0xffff : sum; // 0 says: no checksum
}
