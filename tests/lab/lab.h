// The laboratory: real replicas and their clients in one process, each behind a DPDK port, joined by an emulated wire.
#pragma once
#include <rte_ring.h>
#include <stdio.h>
#include "client/cli/histogram.h"
#include "dataplane/agent.h"
#include "dataplane/port.h"

#define LAB_CLIENTS_MAX 8
#define LAB_ENDS_MAX (EP_MEMBERS_MAX + LAB_CLIENTS_MAX)
#define LAB_LCORES_MAX 2
#define LAB_CLUSTER 77
#define LAB_RING 4096      // frames between two ends
#define LAB_SLICE 256      // commands
#define LAB_SLICES_MAX 65536
#define LAB_NOBODY UINT32_MAX

enum lab_clock {
	LAB_REAL,    // all ends take turns on the lcores at hand
	LAB_VIRTUAL, // each end has a processor of its own: measured cycles, put together in virtual time
};

struct lab_options {
	uint32_t n, lcores, clients, outstanding, per_frame, window, batch, value, wire_ns, silent, away, dies, cap_us;
	enum lab_clock clock;
	uint64_t keys, commands, seed;
	double hot, reads, loss, seconds, virtual_seconds, warmup;
	bool is_apart, is_echo, is_long, is_huge, is_offloaded;
	const char *json, *samples;
};

// A frame on its way, in virtual time.
struct lab_flight {
	uint64_t due; // cycles
	struct rte_mbuf *m;
};

// One end of the wire: a port, its addresses, and the clock of whoever polls it.
struct lab_end {
	struct rte_ring *in, *out; // behind the port: what it receives next, what it has sent
	struct rte_ring *line;     // real clock with a delay: frames in flight to this end
	struct dp_port port;
	struct dp_net net;
	struct ep_shell_counters *counters;
	uint32_t lcore;
	bool is_client;
	uint64_t bytes_sent, bytes_counted;
	uint64_t overflows; // frames for which the ring had no room
	uint64_t random, lost; // frames that the wire lost, by choice
	// virtual clock
	uint64_t began; // its present turn
	uint64_t now;   // its processor is free from then on
	uint64_t poll;  // cycles of a turn that finds nothing
	int64_t offset; // its time is TSC + offset
	struct lab_flight flights[LAB_RING];
	uint32_t flying;
};

struct lab_node {
	struct lab_end end;
	struct dp_loop loop;
	void *arena;
	size_t arena_bytes;
	struct ep_config config;
};

// One operation in flight. A slot stays with one replica and one session.
struct lab_slot {
	struct ep_session_id session;
	uint64_t seq; // of the update in flight
	uint64_t round; // of its use: an answer that came too late is told by it
	uint64_t sent;
	uint64_t again; // not 0: to be sent at this time (BUSY)
	uint32_t node;
	uint32_t len; // of the command's bytes
	uint8_t kind; // enum ep_command_kind; OPEN until the session is there
	bool is_out;
	uint8_t bytes[64]; // of the command, the value not included
};

struct lab_client {
	struct lab_end end;
	struct dp_io io;
	struct ep_shell_counters counters;
	struct lab_slot *slots;
	uint32_t slots_count;
	struct rte_mbuf *open[EP_MEMBERS_MAX]; // request frames being filled
	struct rte_mbuf *full[DP_BURST];
	uint32_t full_count;
	uint64_t random;
	uint64_t echo_sent, echo_next; // 0: none is out
	bool is_echo_due;              // one operation at a time: an echo comes after each
	bool is_stopping;
	// open loop: operations begin when they are meant to, whatever became of the others
	uint64_t period, due; // cycles between two of them on average, 0: closed loop; when the next is meant to begin
	uint32_t *free;       // slots without an operation
	uint32_t free_count, looked_at;
	// results
	uint64_t done, opened, not_fast, busy, failed, retries, unsent, lost, meant, cycles, turns;
	uint64_t answered, gap; // when the last answer came; the longest time without one
	struct histogram reply, echo, spared; // cycles; spared: of commands of whose instance the wire lost nothing
};

struct lab {
	struct lab_options o;
	struct lab_node nodes[EP_MEMBERS_MAX];
	struct lab_client clients[LAB_CLIENTS_MAX];
	struct lab_end *ends[LAB_ENDS_MAX];
	uint32_t ends_count;
	uint64_t hz, wire; // cycles a second; cycles one way
	uint64_t preloaded; // keys that were given their first value
	uint8_t value[EP_FRAME_MAX_DEFAULT];
	uint64_t disturbed; // turns that the machine interrupted (virtual clock)
	uint64_t stamp_cost;
	uint64_t began, ended; // of the measured part, in the run's own clock
	uint64_t began_real, ended_real;
	double slices[LAB_SLICES_MAX]; // cycles a command, a slice of the run each
	uint32_t slices_count;
	volatile bool stop;
};

extern struct lab lab;

// The time of an end within its turn; in virtual time a turn that the machine interrupts does not last longer than --cap.
static inline uint64_t lab_time(const struct lab_end *end)
{
	uint64_t now = rte_rdtsc() + (uint64_t)end->offset, last = end->began + lab.hz / 1000000 * lab.o.cap_us;
	return lab.o.clock == LAB_REAL || now < last ? now : last;
}

// ---- A program that measures something else has a main part of its own. Returns the exit status.
int lab_main(void) __attribute__((weak));

// ---- options.c
void lab_parse(int argc, char **argv, struct lab_options *);

// ---- ends.c: ports, replicas, and their end
void lab_start(void);
void lab_end(void);
// Whether all living replicas have executed the same instances, and all that they know of.
bool lab_is_settled(void);
// Whether they hold the same bytes.
bool lab_is_equal(void);

// ---- wire.c
void lab_wire_init(void);
// Takes what an end has sent and lets it travel. `offset`: from TSC to the sender's time.
void lab_wire_send(struct lab_end *from);
// Hands over what has arrived by `now`.
void lab_wire_deliver(struct lab_end *to, uint64_t now);
// When the next frame arrives, UINT64_MAX = none is in flight (virtual clock).
uint64_t lab_wire_next(const struct lab_end *to);
// When a frame reached its present end; of the time of that end.
uint64_t lab_wire_arrival(const struct rte_mbuf *);

// ---- client.c: clients that speak the wire format, as libpnyx does
// Open loop: from now on operations begin at this rate (a second, over all clients). None may be in flight. Virtual clock.
void lab_client_pace(double rate);
void lab_client_start(struct lab_client *, uint32_t index);
// Answers taken, requests sent. Returns the work done.
uint32_t lab_client_turn(struct lab_client *);
bool lab_client_is_idle(const struct lab_client *);
void lab_client_reset(struct lab_client *);
uint64_t lab_done(void);

// ---- faults.c: what is lost
// Remembers the instances that a frame speaks of, which the wire loses.
void lab_lose(const struct rte_mbuf *);
bool lab_is_spared(const struct ep_session_id *instance);
// --dies, when half of the commands are done: the member says nothing from now on, its clients' operations have ended.
void lab_die_in_time(uint64_t done);

// ---- run.c
// Opens all sessions and writes every key once.
void lab_begin(void);
// Commands until `count` of them are done since the last reset, or `seconds` or `virtual_seconds` have passed, whichever is first (0: no
// such limit).
void lab_run(uint64_t count, double seconds, double virtual_seconds);
// Lets everything in flight end.
void lab_drain(void);
// No more operations begin; until none is in flight and all living replicas have executed the same.
void lab_settle(void);

// ---- away.c: a member that is away for a while
bool lab_is_away(uint32_t end);
void lab_away_watch(uint64_t done);
uint32_t lab_away_turn(uint32_t end, uint32_t (*turn)(struct dp_loop *));
void lab_away_report(void);

// ---- samples.c: use of memory over a run
void lab_sample(void);
// Into the report; false when it grew.
bool lab_samples_report(void);
bool lab_is_recycled(void);

// ---- report.c
// Remembers all counters: figures are differences to them.
void lab_report_begin(void);
void lab_report_end(void);
// One figure of the table and of the JSON object; `name` is the key in it.
void lab_figure(const char *name, double value, const char *unit, const char *text);
// Its quantiles, from cycles to microseconds.
void lab_distribution(const char *name, const struct histogram *, const char *text);
// Prints everything; false when a claim does not hold.
bool lab_report(bool is_equal);

// ---- Stamps inside a turn; programs that are linked without them have empty ones.
// The sum of what was found, into the report.
void lab_stages_reset(void);
void lab_stages_report(uint64_t commands);
void lab_stages_switch(bool is_on);
