// What the parts of `pnyx bench` share: the parameters, the operations, the figures of a phase.
#pragma once
#include <stdio.h>
#include "client/cli/arrivals.h"
#include "client/cli/histogram.h"
#include "client/cli/members.h"
#include "client/cli/skew.h"

#define BENCH_OUTSTANDING_MAX 16384
#define BENCH_VALUE_MAX 8192
#define BENCH_KEY_MAX 32

enum workload { WORKLOAD_MIX, WORKLOAD_APPEND };
enum loop { LOOP_CLOSED, LOOP_CONSTANT, LOOP_POISSON };

struct bench_options {
	uint64_t outstanding, sessions; // sessions 0 (before connecting): not given
	uint64_t seconds, warmup, latency_seconds;
	uint64_t keys, value_size, echo_size, seed;
	uint64_t rate;	   // operations a second, 0: as many as complete
	double hot, reads; // percent
	double skew;	   // exponent of Zipf's law, 0: all keys alike
	enum loop loop;
	bool is_spread, is_echo, is_preloaded;
	enum workload workload;
	const char *record, *histogram; // files, NULL: none
};

// One operation in flight: what the history must know when it ends.
struct slot {
	uint64_t process; // of the history; a new one after an unknown outcome
	uint64_t call_ns; // CLOCK_MONOTONIC before it was given to the library
	uint64_t meant_ns; // when it was meant to begin: latency counts from then. Closed loop: call_ns
	int server;
	bool is_open;
	enum pnyx_op_type type;
	char key[BENCH_KEY_MAX];
	char value[BENCH_VALUE_MAX + 1];
	size_t value_len;
};

// What happened in one phase.
struct phase {
	uint64_t start_ns, end_ns;
	uint64_t executed, unknown, failed,
	    not_fast; // failed: surely not executed. not_fast: as the replies say
	uint64_t busy, retries;
	uint64_t echoes_lost;
	uint64_t meant, unsent; // open loop: operations that were to begin; of those, never begun
	struct histogram latency, echo; // nanoseconds
	struct histogram late;		// open loop: from when one was meant to begin until it did
};

struct bench {
	struct cli *cli;
	struct bench_options o;
	int n;
	uint64_t random, unique; // state of the generator; number of the next element
	uint64_t processes;	 // highest process number of the history
	FILE *history;
	struct append_keys *append; // WORKLOAD_APPEND
	struct slot *slots;	    // [outstanding]
	struct phase latency, load,
	    rest;	   // rest: preload, warm-up, final reads; only its troubles are reported
	struct phase *now; // where completions count
	double allowance;  // operations that --rate still lets go at `allowed_ns`
	uint64_t allowed_ns;
	uint64_t turn; // slot that is looked at first
	struct skew skew;
	struct arrivals arrivals; // open loop
	uint64_t *free;		  // its slots without an operation
	uint64_t free_count;
	struct cluster_counters before, after;
};

extern volatile bool bench_is_stopped; // by a signal
uint64_t bench_now_ns(void);

// ---- workload.c
// Chooses the next operation of a slot.
void workload_next(struct bench *, struct slot *);
// The operation as the library wants it; points into the slot.
struct pnyx_op workload_op(const struct slot *);
// Bytes of room or keys for the workload; false: out of memory.
bool workload_init(struct bench *);
void workload_end(struct bench *);
// Likewise the first write of every key of the mix.
bool workload_preload(const struct bench *, uint64_t nth, struct slot *slot);
// The n-th key that a final read must visit, in `slot`; false: there are no more.
bool workload_final(const struct bench *, uint64_t nth, struct slot *slot);

// ---- load.c
// Closed loop: keeps all slots busy for `seconds` (or until a signal). Open loop: begins operations when they are meant to. Then
// waits for what is outstanding: each ends by its deadline.
void load_run(struct bench *, uint64_t seconds, struct phase *);
// Reads every key once after the load, for the history.
void load_final_reads(struct bench *);
// One operation at a time, each followed by an echo to the same replica.
void latency_run(struct bench *, uint64_t seconds);
// Puts a value under each key of the mix, so that reads find something.
void load_preload(struct bench *);
// Parts for open.c. Gives the slot's operation to the library, meant to begin at meant_ns (0: now); false: it does not take it.
bool load_submit(struct bench *, uint64_t slot, uint64_t meant_ns);
// Waits up to wait_us for completions and takes what came.
void load_take(struct bench *, int64_t wait_us);

// ---- probe.c: echoes beside the load, from a socket of their own, one at a time
struct probe {
	int fd; // -1: none
	int turn;
	uint64_t number, sent_ns;
	bool is_out;
	uint32_t size;
};
bool probe_open(struct probe *, const struct bench *);
// Receives the answer when there is one, sends the next when it is time. Never waits.
void probe_turn(struct probe *, const struct bench *, struct phase *);
void probe_close(struct probe *);

// ---- open.c
// The open loop, until end_ns or a signal; what is outstanding then is left so.
void open_run(struct bench *, uint64_t end_ns, struct probe *);

// ---- history.c (architecture: JSON lines, one object an operation)
void history_write(struct bench *, const struct slot *, const struct pnyx_completion *);
// Operations without any outcome when the run ends.
void history_write_open(struct bench *, const struct slot *, uint64_t now_ns);

// ---- report.c
// Prints everything; returns the exit code.
int bench_report(const struct bench *);
