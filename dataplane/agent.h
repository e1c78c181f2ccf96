// The two agents: io (port, headers, ARP, echo) and consensus (the core). Fused on one lcore, or split over two.
#pragma once
#include <rte_ring.h>
#include "dataplane/backlog.h"
#include "dataplane/mailbox.h"
#include "dataplane/net.h"
#include "dataplane/pollers.h"
#include "dataplane/wait.h"

#define DP_BURST 32
#define DP_TRAY 96      // blank frames lent to the core: six steps of its worst case
#define DP_RING 2048    // mbufs between split agents, each way

struct dp_io {
	uint16_t port;
	struct dp_net *net;
	struct rte_mempool *pool;
	uint64_t arp_interval; // cycles
	uint64_t arp_checked;
	uint64_t link_checked;
	bool has_no_link; // what was said last; a start expects one
	bool is_shedding; // more clients' frames wait than can be served soon: most of those to come are dropped
};

// One epoch: its replica, and where its columns are on the network.
struct dp_epoch {
	struct ep_replica *replica; // NULL: none
	uint32_t number;
	uint8_t neighbour_of[EP_MEMBERS_MAX]; // by column
	uint8_t column_of[DP_NEIGHBOURS];     // by neighbour; EP_CLIENT: no member of this epoch
};

struct dp_consensus {
	struct dp_epoch now;
	struct dp_epoch old; // frozen, kept for those who have not ended it yet
	struct dp_epochs *epochs; // NULL: the epoch never ends (tests)
	struct rte_mempool *pool;
	const struct dp_pollers *pollers;
	struct dp_mailbox *mailbox; // NULL: no control plane, ever (tests)
	struct ep_effects fx;
	struct ep_frame frames[DP_TRAY];
	struct rte_mbuf *mbufs[DP_TRAY]; // behind frames[k].data
	struct ep_shell_counters *counters;
	uint64_t tsc_start;
	struct dp_backlog backlog;
	uint64_t backlog_patience; // cycles that a client's frame waits at the most
	bool is_crowded; // what the core was told last
	bool is_rested;  // the loop has slept since the last turn: what is looked at now and then is looked at
	volatile bool *stop; // set when the identity turns out to be dead
	uint64_t ns_mult; // nanoseconds per cycle, 32 bits of fraction
	// Where frames go: the io agent of this lcore, or a ring to another one.
	struct dp_io *io;
	struct rte_ring *ring;
};

// ---- io.c
// Takes a burst; answers ARP and echo itself; returns the payloads for the core.
uint32_t dp_io_receive(struct dp_io *, struct rte_mbuf **data);
// Puts headers on frames and transmits them; frees what cannot be sent.
void dp_io_send(struct dp_io *, struct rte_mbuf **frames, uint32_t count);
// Slow path of a turn: ARP requests.
void dp_io_tend(struct dp_io *);

// ---- consensus.c
// The replica that this thread's calls are into; NULL: none. For a failed check, which ends the process.
extern _Thread_local struct ep_replica *dp_speaking;
// Whose columns are where, from the replica's configuration. False: the network has no place left for its members.
bool dp_epoch_set(struct dp_epoch *, struct dp_net *, struct ep_replica *, const struct ep_config *);
bool dp_consensus_init(struct dp_consensus *);
// Handles a burst of payloads (frees them), those of members first; clients' when nothing more seems to lie behind the port. Runs the core's
// clockwork, sends what it says. Returns the work done.
uint32_t dp_consensus_poll(struct dp_consensus *, struct rte_mbuf **data, uint32_t count);
// Nanoseconds until the core has something to do by itself.
uint64_t dp_consensus_patience(const struct dp_consensus *);
void dp_consensus_fini(struct dp_consensus *);

// What a poller does after a turn without work. AUTO: yields while the machine has more pollers than cores.
// SLEEP: waits for a frame or the core's next deadline.
enum dp_idle_kind { DP_IDLE_AUTO, DP_IDLE_BUSY, DP_IDLE_YIELD, DP_IDLE_SLEEP };
struct dp_idle {
	enum dp_idle_kind kind;
	const struct dp_pollers *pollers;
};
void dp_idle(const struct dp_idle *, uint32_t *empty_turns); // not SLEEP

// ---- loop.c: turns, and loops of turns that run until *stop.
struct dp_loop {
	struct dp_io io;
	struct dp_consensus consensus;
	struct rte_ring *to_core, *from_core; // split only
	struct dp_idle idle;
	struct dp_wait wait, wait_core; // SLEEP: of the agent with the port, of the split consensus agent
	volatile bool *stop;
};
// One turn of each shape; the work done, 0 = none.
uint32_t dp_turn_fused(struct dp_loop *);
uint32_t dp_turn_io(struct dp_loop *);
uint32_t dp_turn_consensus(struct dp_loop *);
void dp_loop_fused(struct dp_loop *);
void dp_loop_split_io(struct dp_loop *);
void dp_loop_split_consensus(struct dp_loop *);
