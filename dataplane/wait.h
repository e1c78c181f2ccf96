// What an idle poller sleeps on: the port's descriptor where it has one, else the clock.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define DP_SPIN_MAX 256        // empty turns before it sleeps, while frames come quickly
#define DP_WAIT_NS_MAX 2000000 // the mailbox is looked at so often
#define DP_NAP_NS_MAX 200000   // without a descriptor: what a frame may have to wait

// Belongs to one agent.
struct dp_wait {
	int fd;        // -1: none, naps only
	uint16_t port; // of the interrupt to be armed
	bool is_armed_each_time;
	uint32_t spin;   // empty turns before the next sleep: doubled after a short one, halved after a long one
	uint32_t nap_ns; // of the next nap: doubled by each, up to the maximum; work makes it small again
};

// For a port that was started for it. `driver` as DPDK calls it.
void dp_wait_init(struct dp_wait *, uint16_t port, const char *driver);
// For an agent without a port.
void dp_wait_init_nap(struct dp_wait *);
// Sleeps until a frame comes, at most `ns` nanoseconds.
void dp_wait(struct dp_wait *, uint64_t ns);
