// Faults of a run: frames that the wire loses, a member that dies.
#include "tests/lab/lab.h"

#define LOST_MASK ((1u << 20) - 1)

static uint64_t lost[EP_MEMBERS_MAX][LOST_MASK + 1]; // by column and number: the newest instance of which something was lost

void lab_lose(const struct rte_mbuf *m)
{
	const uint32_t head = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr);
	const uint8_t *data = rte_pktmbuf_mtod_offset(m, const uint8_t *, head);
	uint32_t len = m->data_len - head;
	if (ep_wire_check(data, len) != EP_DROP_NONE)
		return;
	for (uint32_t at = sizeof(struct ep_wire_header); at < len; at += ep_wire_msg(data, at)->len) {
		const struct ep_msg *msg = ep_wire_msg(data, at);
		if (msg->type < EP_STATUS && msg->col < EP_MEMBERS_MAX)
			lost[msg->col][msg->i & LOST_MASK] = msg->i;
	}
}

bool lab_is_spared(const struct ep_session_id *instance)
{
	return instance->col < EP_MEMBERS_MAX && lost[instance->col][instance->i & LOST_MASK] != instance->i;
}

void lab_die_in_time(uint64_t done)
{
	if (lab.o.dies == LAB_NOBODY || lab.o.silent != LAB_NOBODY || done * 2 < lab.o.commands)
		return;
	lab.o.silent = lab.o.dies;
	for (uint32_t k = 0; k < lab.o.clients; k++)
		for (uint32_t s = 0; s < lab.clients[k].slots_count; s++)
			if (lab.clients[k].slots[s].node == lab.o.dies) {
				lab.clients[k].slots[s].is_out = false;
				lab.clients[k].slots[s].again = 0;
			}
}
