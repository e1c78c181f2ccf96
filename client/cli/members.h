// The counters of all members at one time, asked page by page.
#pragma once
#include "client/cli/cli.h"
#include "consensus/counters.h"
#include "consensus/wire.h"

struct frontier { // of one column, as one member sees it
	uint64_t executed, committed, known, stable, srtt_ns, heard_ns_ago;
};

struct member_counters {
	bool is_asked; // --via leaves the others out
	bool is_there; // all pages came
	struct ep_counters core;
	uint64_t drops[EP_DROP_REASONS];
	struct ep_shell_counters shell;
	struct frontier frontiers[PNYX_MEMBERS_MAX];
};

struct cluster_counters {
	int n, asked, answered;
	struct member_counters members[PNYX_MEMBERS_MAX];
};

// Asks every member (member >= 0: only that one); one that does not answer within the deadline has
// is_there == false.
void ask_counters(struct cli *, int member, struct cluster_counters *);

// Instances that the member has not executed and some other that answered has.
uint64_t behind_others(const struct cluster_counters *, int member);
// Requests that got BUSY.
uint64_t refused(const struct ep_counters *);

// What the members that answered both times did in between, summed.
struct cluster_work {
	uint64_t fast, slow;  // own instances committed
	uint64_t commands;    // that were given an instance; several may share one
	uint64_t cycles_busy; // TSC cycles of turns with work
	uint64_t busy;	      // requests refused
	uint64_t tsc_hz;      // of the first member
	int members;
};
struct cluster_work work_between(const struct cluster_counters *before,
				 const struct cluster_counters *after);
