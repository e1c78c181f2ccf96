// Whole Ethernet frames made by hand. Written from the RFCs, not with the code under test.
#include "tests/dpdk/frame.h"
#include <string.h>
#include "tests/dpdk/eal.h"

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t sum16(const uint8_t *p, uint32_t len, uint32_t sum)
{
	for (uint32_t k = 0; k < len; k++)
		sum += k % 2 ? p[k] : (uint32_t)p[k] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void frame_reseal(uint8_t *frame)
{
	uint8_t *ip = frame + 14, *udp = ip + (ip[0] & 15) * 4;
	uint32_t udp_len = (uint32_t)udp[4] << 8 | udp[5];
	put16(ip + 10, 0);
	put16(ip + 10, fold(sum16(ip, (ip[0] & 15u) * 4, 0)));
	put16(udp + 6, 0);
	uint16_t sum = fold(sum16(udp, udp_len, sum16(ip + 12, 8, 17 + udp_len)));
	put16(udp + 6, sum ? sum : 0xffff);
}

uint32_t frame_udp(uint8_t *frame, const struct frame_ends *ends, const void *payload, uint32_t len)
{
	uint8_t *ip = frame + 14, *udp = ip + 20;
	memset(frame, 0, 42);
	memcpy(frame, &ends->mac_to, 6);
	memcpy(frame + 6, &ends->mac_from, 6);
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, 28 + len);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, ends->ip_from, 4);
	memcpy(ip + 16, ends->ip_to, 4);
	put16(udp, ends->port_from);
	put16(udp + 2, ends->port_to);
	put16(udp + 4, 8 + len);
	memcpy(udp + 8, payload, len);
	frame_reseal(frame);
	return 42 + len;
}

struct rte_mbuf *frame_mbuf(struct rte_mempool *pool, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	eal_need(m != NULL, "the pool is empty");
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	return m;
}
