// The polling loops. This is the architecture: a turn takes a burst, runs the core, sends, and asks nobody.
#include <rte_cycles.h>
#include <sched.h>
#include "dataplane/agent.h"

void dp_idle(const struct dp_idle *idle, uint32_t *empty_turns)
{
	rte_pause();
	if (idle->kind == DP_IDLE_BUSY || ++*empty_turns < 64)
		return;
	*empty_turns = 0;
	if (idle->kind == DP_IDLE_YIELD || dp_pollers_crowded(idle->pollers))
		sched_yield();
}

static void count_turn(struct ep_shell_counters *c, uint64_t began, uint32_t work)
{
	c->turns++;
	if (work == 0)
		return;
	uint64_t cycles = rte_rdtsc() - began;
	c->turns_busy++;
	c->cycles_busy += cycles;
	if (cycles > c->turn_longest)
		c->turn_longest = cycles;
}

uint32_t dp_turn_fused(struct dp_loop *l)
{
	struct rte_mbuf *data[DP_BURST];
	uint64_t began = rte_rdtsc();
	uint32_t count = dp_io_receive(&l->io, data);
	uint32_t work = dp_consensus_poll(&l->consensus, data, count);
	l->io.is_shedding = dp_backlog_is_full(&l->consensus.backlog);
	dp_io_tend(&l->io);
	count_turn(l->consensus.counters, began, work);
	return work;
}

uint32_t dp_turn_io(struct dp_loop *l)
{
	struct rte_mbuf *data[DP_BURST], *out[DP_BURST];
	l->io.is_shedding = rte_ring_free_count(l->to_core) < DP_RING / 2; // the other half is the members'
	uint32_t count = dp_io_receive(&l->io, data);
	uint32_t taken = count > 0 ? rte_ring_sp_enqueue_burst(l->to_core, (void **)data, count, NULL) : 0;
	for (uint32_t k = taken; k < count; k++) {
		l->io.net->counters->drop_ring++;
		rte_pktmbuf_free(data[k]);
	}
	if (taken > 0 && l->idle.kind == DP_IDLE_SLEEP)
		dp_wait_wake(&l->wait_core);
	uint32_t ready = rte_ring_sc_dequeue_burst(l->from_core, (void **)out, DP_BURST, NULL);
	if (ready > 0)
		dp_io_send(&l->io, out, ready);
	dp_io_tend(&l->io);
	return count + ready;
}

uint32_t dp_turn_consensus(struct dp_loop *l)
{
	struct rte_mbuf *data[DP_BURST];
	uint64_t began = rte_rdtsc();
	uint32_t count = rte_ring_sc_dequeue_burst(l->to_core, (void **)data, DP_BURST, NULL);
	uint32_t work = dp_consensus_poll(&l->consensus, data, count);
	if (l->idle.kind == DP_IDLE_SLEEP && !rte_ring_empty(l->from_core))
		dp_wait_wake(&l->wait);
	count_turn(l->consensus.counters, began, work);
	return work;
}

// Only who runs the core knows when it must be back.
static void rest(struct dp_loop *l, bool has_core, struct dp_wait *wait)
{
	uint64_t patience = has_core ? dp_consensus_patience(&l->consensus) : DP_WAIT_IO_NS_MAX;
	dp_wait(wait, has_core ? RTE_MIN(patience, (uint64_t)DP_WAIT_NS_MAX) : patience);
	if (has_core)
		l->consensus.is_rested = true;
}

// Inlined with a constant `turn`: the loop costs what it would if written out.
static inline __attribute__((always_inline)) void loop(struct dp_loop *l, uint32_t (*turn)(struct dp_loop *), struct dp_wait *wait)
{
	uint32_t empty = 0;
	while (!*l->stop) {
		if (turn(l) != 0)
			empty = 0;
		else if (l->idle.kind != DP_IDLE_SLEEP)
			dp_idle(&l->idle, &empty);
		else if (++empty >= wait->spin) {
			rest(l, turn != dp_turn_io, wait);
			empty = 0;
		} else
			rte_pause();
	}
}

void dp_loop_fused(struct dp_loop *l)
{
	loop(l, dp_turn_fused, &l->wait);
}

void dp_loop_split_io(struct dp_loop *l)
{
	loop(l, dp_turn_io, &l->wait);
}

void dp_loop_split_consensus(struct dp_loop *l)
{
	loop(l, dp_turn_consensus, &l->wait_core);
}
