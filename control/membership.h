// Who leaves the cluster and who comes back without an operator: a pure machine. Silences and requests in, one wish out; no clock, no I/O.
//
// A member that was silent for eject_ns is left out of the next epoch, so that the windows do not fill behind it. Its absence needs no
// agreement beforehand: RECONFIG itself is decided by a quorum. The lowest living column proposes; the others follow later, each after its
// turn. A cluster of three keeps a dead member, whose return makes it whole again, unless room runs out; then the operator is told.
// A member that is out comes back under its uuid with a new incarnation. One that comes and goes waits, twice as long each time.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "consensus/wire.h"

#define CTL_TURN_NS 2000000000ULL          // between the proposal of one column and that of the next
#define CTL_AGAIN_NS 1000000000ULL         // a proposal that came to nothing is made again
#define CTL_RETURN_FIRST_NS 30000000000ULL // before the second return; doubles
#define CTL_RETURN_MOST_NS 3600000000000ULL
#define CTL_RETURNS_MAX 16                 // members whose returns are remembered

enum ctl_wish_what { CTL_KEEP = 0, CTL_EJECT };

struct ctl_absences { // what our replica knows, of the current epoch
	uint64_t at_ns; // any monotone clock
	uint32_t epoch, n, self, pace;
	uint64_t silent_ns[EP_MEMBERS_MAX]; // of time that counts; 0 = just heard
	bool is_pressed;                    // a window or the application's room will be full soon
};

struct ctl_wish {
	enum ctl_wish_what what;
	uint32_t member;
	bool is_alarm; // fewer than three members will be left: tell the operator
};

struct ctl_return {
	uint8_t uuid[16];
	uint64_t at_ns; // when it was let in last; 0 = free entry
	uint8_t times;
};

struct ctl_members {
	uint64_t eject_ns; // 0 = never
	bool may_rejoin;
	uint64_t wished_ns; // 0 = never in this epoch
	uint32_t epoch;
	struct ctl_return returns[CTL_RETURNS_MAX];
};

void ctl_members_init(struct ctl_members *, uint64_t eject_ns, bool may_rejoin);
// What to propose now. A wish that was given is given again after CTL_AGAIN_NS, while the epoch lasts.
struct ctl_wish ctl_members_see(struct ctl_members *, const struct ctl_absences *);
// A member that is out, or has lost its arena, asks to come back. 0: let it in now (that counts as a return); else nanoseconds to wait,
// UINT64_MAX: an operator must do it.
uint64_t ctl_members_return(struct ctl_members *, const uint8_t uuid[16], uint64_t now);
