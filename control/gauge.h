// Rates and room, from one page of the replica to the next: a pure machine.
//
// What fills up: the instance window of a column, while somebody has not executed what others have; and the application's room.
// Both are measured as "at the present rate, full in so long".
#pragma once
#include <stdbool.h>
#include "mailbox/layout.h"

#define CTL_GAUGE_NS 1000000000ULL // at least so long between two measurements
#define CTL_NEVER UINT64_MAX

struct ctl_gauge {
	struct mb_snapshot last;
	bool has_last, has_rates;
	// per second, smoothed over about three measurements
	double commands, commits, recoveries, refused;
	double fast;  // share of own commits that took one round trip, 0..1; 1 when there was none
	double busy;  // share of time in turns with work, 0..1
	double window_growth, room_growth;
	double conflicts; // executions per second that met an undecided instance or a cycle
	// of now
	double window_used;     // the fullest column, 0..1
	uint32_t window_column;
	uint64_t window_left_ns; // until it is full; 0 = it is, CTL_NEVER = it does not fill
	double room_used;
	uint64_t room_left_ns;
	uint64_t behind[EP_MEMBERS_MAX]; // instances that this replica has executed and the member has not reported
};

// Another process of the replica: what was counted before does not count.
void ctl_gauge_restart(struct ctl_gauge *);
// True when it measured: CTL_GAUGE_NS had passed.
bool ctl_gauge_see(struct ctl_gauge *, const struct mb_snapshot *);

// Whom the operator must hear about: the member that is furthest behind while a window fills, and how long that may go on.
struct ctl_alarm {
	bool is_raised;
	uint32_t member;
	uint64_t left_ns;
	bool is_room; // the application's room, not a member: `member` means nothing
};
// suspects: bit per column, of our own replica.
struct ctl_alarm ctl_gauge_alarm(const struct ctl_gauge *);
