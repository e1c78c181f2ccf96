// What the parts of `pnyx bench` share: the parameters, the operations, the figures of a phase.
#pragma once
#include <stdio.h>
#include "client/cli/histogram.h"
#include "client/cli/members.h"

#define BENCH_OUTSTANDING_MAX 16384
#define BENCH_VALUE_MAX 8192
#define BENCH_KEY_MAX 32

enum workload { WORKLOAD_MIX, WORKLOAD_APPEND };

struct bench_options {
	uint64_t outstanding, sessions; // sessions 0 (before connecting): not given
	uint64_t seconds, warmup, latency_seconds;
	uint64_t keys, value_size, echo_size, seed;
	uint64_t rate;	   // operations a second, 0: as many as complete
	double hot, reads; // percent
	bool is_spread, is_echo, is_preloaded;
	enum workload workload;
	const char *record; // file, NULL: none
};

// One operation in flight: what the history must know when it ends.
struct slot {
	uint64_t process; // of the history; a new one after an unknown outcome
	uint64_t call_ns; // CLOCK_MONOTONIC before it was given to the library
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
	struct histogram latency, echo; // nanoseconds
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
// Keeps all slots busy for `seconds` (or until a signal), then waits for what is outstanding: each
// ends by its deadline.
void load_run(struct bench *, uint64_t seconds, struct phase *);
// Reads every key once after the load, for the history.
void load_final_reads(struct bench *);
// One operation at a time, each followed by an echo to the same replica.
void latency_run(struct bench *, uint64_t seconds);
// Puts a value under each key of the mix, so that reads find something.
void load_preload(struct bench *);

// ---- history.c (architecture: JSON lines, one object an operation)
void history_write(struct bench *, const struct slot *, const struct pnyx_completion *);
// Operations without any outcome when the run ends.
void history_write_open(struct bench *, const struct slot *, uint64_t now_ns);

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

// ---- report.c
// Prints everything; returns the exit code.
int bench_report(const struct bench *);
