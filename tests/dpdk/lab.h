// Real replicas in one process: each a core, an arena and both agents behind a port of net_ring; a switch between them.
#pragma once
#include "dataplane/epochs.h"
#include "dataplane/port.h"

#define LAB_MEMBERS 3
#define LAB_CLUSTER 77

struct lab_node {
	struct rte_ring *wire_in, *wire_out; // what the port receives, and what it sent
	struct dp_port port;
	struct dp_net net;
	struct dp_loop loop;
	void *arena;
	char uuid_text[8];
	struct dp_epochs epochs; // of arenas in files
	struct ep_shell_counters shell;
	uint32_t pool_free; // before the agents took any buffer
};

struct lab {
	struct lab_node nodes[LAB_MEMBERS];
	struct dp_net client; // an ordinary UDP client at the same switch
	bool is_split, stop;
	const char *dir; // where the arenas' files lie; NULL: in memory, and the epoch never ends
	uint8_t asleep;      // bit per node: it has no turns, and what comes for it fills its ring
	struct ep_session_id session; // of the client
	uint8_t reply[1500]; // the last frame that the client got
	uint32_t replies;    // messages in all of them
};

void lab_start(struct lab *, bool is_split);
// With arenas in files, which are made when there are none. lab_end() leaves them there.
void lab_start_in(struct lab *, bool is_split, const char *dir);
// The agents end, all rings are emptied; every buffer must be back in its pool. Returns how many are not.
uint32_t lab_end(struct lab *);
// Rounds: a turn of each agent, one after the other, and the switch between them.
void lab_run(struct lab *, uint32_t rounds);
// The switch: moves what the ports have sent; frames for the client are looked at.
void lab_switch(struct lab *);
// A request frame (sealed UDP payload) from the client to a replica.
void lab_request(struct lab *, uint32_t node, const uint8_t *payload, uint32_t len);
// One command from the client; waits for its answer by lab_run(). NULL: none came.
const struct ep_msg *lab_command(struct lab *, uint32_t node, uint8_t kind, const struct ep_session_id *, uint64_t seq,
				 const void *bytes, uint32_t len);
