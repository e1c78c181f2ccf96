// What an idle poller sleeps on: the port's descriptor where it has one, else the clock.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct rte_ring;

#define DP_SPIN_MAX 256        // empty turns before it sleeps, while frames come quickly
#define DP_WAIT_NS_MAX 2000000 // the mailbox is looked at so often
#define DP_WAIT_IO_NS_MAX 20000000 // of an agent that hands all to another one: ARP requests go out so often
#define DP_NAP_NS_MAX 200000   // without a descriptor: what a frame may have to wait

// Belongs to one agent; `is_asleep` is shared with the agent that hands it work.
struct dp_wait {
	int fd;        // -1: the port has none, or there is no port
	int bell;      // of another agent that hands over work; -1: there is none
	bool is_blind; // nothing announces all that it waits for: naps
	bool is_asleep; // set by the sleeper, cleared by either
	const struct rte_ring *inbox; // what the bell is rung for
	uint16_t port; // of the interrupt to be armed
	bool is_armed_each_time;
	uint32_t spin;   // empty turns before the next sleep: doubled after a short one, halved after a long one
	uint32_t nap_ns; // of the next nap: doubled by each, up to the maximum; work makes it small again
};

// For a port that was started for it. `driver` as DPDK calls it.
void dp_wait_init(struct dp_wait *, uint16_t port, const char *driver);
// For an agent without a port.
void dp_wait_init_nap(struct dp_wait *);
// Work comes through `inbox` as well, from an agent that calls dp_wait_wake behind it. Where there is no bell to be had it stays with naps.
void dp_wait_add_inbox(struct dp_wait *, const struct rte_ring *inbox);
// Sleeps until a frame comes, at most `ns` nanoseconds (less than a second).
void dp_wait(struct dp_wait *, uint64_t ns);
// By the other agent, after it has put something into the inbox. No system call unless the owner sleeps.
void dp_wait_wake(struct dp_wait *);
