// Whom to suspect: a pure machine. What was heard and what was announced in, commands to the replica out; no clock, no I/O.
//
// A peer is suspected when its control plane says that its process died, or when nothing of it was heard for suspect_ns. It is
// trusted again when it was heard, without a gap of half of that, for trust_ns; twice as long each time that it comes and goes.
// Only time counts in which our own replica was seen to run: a replica that was stopped has heard nobody, and nobody died.
// A false suspicion costs time and nothing else, so nothing here has to be agreed with anyone.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "consensus/wire.h"

#define CTL_FLAPS_MAX 3               // trust_ns grows at most eight-fold: a living suspect is served badly
#define CTL_CALM_NS 60000000000ULL    // trusted for so long: its flapping is forgotten
#define CTL_REPEAT_NS 100000000ULL    // a command that the replica does not show yet is given again

// One page of our replica.
struct ctl_sight {
	uint64_t at_ns;                   // when it was published, any monotone clock
	uint64_t heard[EP_MEMBERS_MAX];   // a stamp that changes when the member is heard; 0 = never
	uint32_t suspects;                // whom the core suspects, a bit per column
	uint32_t pace;                    // all times are this many times longer
};

enum ctl_cause { CTL_HEARD, CTL_SILENT, CTL_DIED };

struct ctl_suspect {
	uint64_t stamp;
	uint64_t silent_ns, fresh_ns; // time without, and with, frames; of time that counts
	uint64_t run;                 // process whose death was announced last, 0 = none
	bool is_suspect;              // what we want the core to hold
	bool is_up;                   // its control plane said that a new process serves
	uint8_t flaps;
	enum ctl_cause cause;
	uint64_t trusted_at;
	uint64_t told_at; // when the last command went out, 0 = the state is new
};

struct ctl_suspicion {
	uint64_t suspect_ns, trust_ns;
	uint32_t n, self;
	uint32_t core; // whom the core suspected when it was seen last
	uint32_t pace;
	uint64_t seen_at; // last sight, 0 = none
	uint64_t number;  // of the last command
	struct ctl_suspect peers[EP_MEMBERS_MAX];
};

struct ctl_verdict {
	uint32_t member;
	bool is_suspect; // else trusted
	enum ctl_cause cause;
	uint64_t silent_ns;
	uint64_t number;
	bool is_repeat;
};

void ctl_suspicion_init(struct ctl_suspicion *, uint32_t n, uint32_t self, uint64_t suspect_ns, uint64_t trust_ns);
// Our own replica is a new process: it has heard nobody yet and suspects nobody.
void ctl_suspicion_restart(struct ctl_suspicion *);
void ctl_suspicion_see(struct ctl_suspicion *, const struct ctl_sight *);
// A control plane about its own replica. `run` names the process; a death counts once.
void ctl_suspicion_hear_down(struct ctl_suspicion *, uint32_t member, uint64_t run);
void ctl_suspicion_hear_up(struct ctl_suspicion *, uint32_t member);
// What to tell the replica now: where it differs from what is wanted. Returns how many of ret[EP_MEMBERS_MAX].
uint32_t ctl_suspicion_orders(struct ctl_suspicion *, uint64_t now, struct ctl_verdict *ret);
