// The wire: moves frames from the ports that sent them to the ports they are addressed to, at once or after a fixed delay.
//
// Nothing is copied: the buffer that a replica filled is the one that its peer reads. Frames carry the time of their arrival.
#include <rte_mbuf_dyn.h>
#include "consensus/base/rng.h"
#include "tests/dpdk/eal.h"
#include "tests/lab/lab.h"

static int arrival_at; // offset in struct rte_mbuf

static uint64_t *arrival(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, arrival_at, uint64_t *);
}

uint64_t lab_wire_arrival(const struct rte_mbuf *m)
{
	return *RTE_MBUF_DYNFIELD(m, arrival_at, const uint64_t *);
}

// Virtual clock: a frame leaves when the driver is called, not when the turn ends.
static uint16_t stamp(uint16_t port, uint16_t queue, struct rte_mbuf *frames[], uint16_t count, void *unused)
{
	uint64_t now = rte_rdtsc();
	(void)port, (void)queue, (void)unused;
	for (uint16_t k = 0; k < count; k++)
		*arrival(frames[k]) = now;
	return count;
}

void lab_wire_init(void)
{
	for (uint32_t e = 0; e < lab.ends_count; e++)
		lab.ends[e]->random = lab.o.seed << 8 | e;
	static const struct rte_mbuf_dynfield field = { .name = "lab_arrival", .size = sizeof(uint64_t), .align = sizeof(uint64_t) };
	arrival_at = rte_mbuf_dynfield_register(&field);
	eal_need(arrival_at >= 0, "no room in a buffer's head for a time");
	if (lab.o.clock == LAB_VIRTUAL)
		for (uint32_t e = 0; e < lab.ends_count; e++)
			eal_need(rte_eth_add_tx_callback(lab.ends[e]->port.id, 0, stamp, NULL) != NULL, "the port takes no callback");
}

// ---- frames in flight, a binary heap by time of arrival -----------------------------------------------------------
static void fly(struct lab_end *to, struct rte_mbuf *m, uint64_t due)
{
	struct lab_flight *f = to->flights;
	if (to->flying == LAB_RING) {
		to->overflows++;
		rte_pktmbuf_free(m);
		return;
	}
	uint32_t at = to->flying++;
	for (; at > 0 && f[(at - 1) / 2].due > due; at = (at - 1) / 2)
		f[at] = f[(at - 1) / 2];
	f[at] = (struct lab_flight){ due, m };
	*arrival(m) = due;
}

static struct rte_mbuf *land(struct lab_end *to)
{
	struct lab_flight *f = to->flights, last = f[--to->flying];
	struct rte_mbuf *first = f[0].m;
	uint32_t at = 0;
	for (uint32_t child; (child = 2 * at + 1) < to->flying; at = child) {
		if (child + 1 < to->flying && f[child + 1].due < f[child].due)
			child++;
		if (f[child].due >= last.due)
			break;
		f[at] = f[child];
	}
	f[at] = last;
	return first;
}

uint64_t lab_wire_next(const struct lab_end *to)
{
	return to->flying == 0 ? UINT64_MAX : to->flights[0].due;
}

// ---- sending and handing over --------------------------------------------------------------------------------------
static struct lab_end *end_of(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	uint32_t k = eth->dst_addr.addr_bytes[5] - 1u;
	return eth->dst_addr.addr_bytes[0] == 2 && k < lab.ends_count ? lab.ends[k] : NULL;
}

// What a port that makes checksums would do with the frame: the receiver's one has verified UDP's, IP's is looked at again.
static void offload(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	m->ol_flags = 0;
}

static bool is_lost(struct lab_end *from, const struct lab_end *to)
{
	if (lab.o.loss == 0 || from->is_client || to->is_client || (double)(ep_random(&from->random) >> 11) * 0x1p-53 * 100 >= lab.o.loss)
		return false;
	from->lost++;
	return true;
}

static void into(struct lab_end *to, struct rte_ring *ring, struct rte_mbuf *m)
{
	if (rte_ring_enqueue(ring, m) == 0)
		return;
	to->overflows++;
	rte_pktmbuf_free(m);
}

void lab_wire_send(struct lab_end *from)
{
	struct rte_mbuf *frames[DP_BURST];
	uint32_t count;
	while ((count = rte_ring_dequeue_burst(from->out, (void **)frames, DP_BURST, NULL)) > 0) {
		for (uint32_t k = 0; k < count; k++) {
			struct rte_mbuf *m = frames[k];
			struct lab_end *to = end_of(m);
			from->bytes_sent += m->data_len;
			if (lab.o.is_offloaded)
				offload(m);
			bool is_gone = to && is_lost(from, to);
			if (is_gone)
				lab_lose(m);
			if (!to || is_gone || (lab.o.silent != LAB_NOBODY && to == lab.ends[lab.o.silent])) {
				rte_pktmbuf_free(m);
			} else if (lab.o.clock == LAB_VIRTUAL) {
				uint64_t left = *arrival(m) + (uint64_t)from->offset;
				fly(to, m, (left < from->now ? left : from->now) + lab.wire); // `now`: of a turn that was interrupted
			} else if (lab.wire > 0) {
				*arrival(m) = rte_rdtsc() + lab.wire;
				into(to, to->line, m);
			} else {
				into(to, to->in, m);
			}
		}
	}
}

void lab_wire_deliver(struct lab_end *to, uint64_t now)
{
	if (lab.o.clock == LAB_VIRTUAL) {
		while (to->flying > 0 && to->flights[0].due <= now)
			into(to, to->in, land(to));
		return;
	}
	struct rte_mbuf *m;
	while (lab.wire > 0 && rte_ring_dequeue(to->line, (void **)&m) == 0)
		fly(to, m, *arrival(m));
	while (to->flying > 0 && to->flights[0].due <= now)
		into(to, to->in, land(to));
}
