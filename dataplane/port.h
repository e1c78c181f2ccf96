// One DPDK port: whatever EAL's arguments made, configured for one receive and one transmit queue.
#pragma once
#include <rte_ethdev.h>
#include <rte_mempool.h>

struct dp_port {
	bool is_waited_for; // set before the start: a receive interrupt is wanted, where the port has one
	uint16_t id;
	char driver[32];
	struct rte_ether_addr mac;
	struct rte_mempool *pool;
	bool is_local_kernel;  // frames come from a kernel on this machine: their UDP checksums may be partial
	bool checks_udp;       // it verifies received UDP checksums itself
	uint64_t tx_offload;   // RTE_MBUF_F_TX_...: the checksums of sent frames that it makes itself
};

// Buffers hold `payload` bytes of UDP payload. False: `error` says what is wrong and what to do.
bool dp_port_start(struct dp_port *, uint16_t id, uint32_t payload, char *error, size_t error_size);
void dp_port_stop(struct dp_port *);
