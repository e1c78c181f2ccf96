// The data plane's end of the mailbox: commands of the control plane in, events and a page of counters out.
#pragma once
#include "consensus/epaxos.h"
#include "mailbox/mailbox.h"
#include "xdp/attach.h"

#define DP_MAILBOX_TURNS 16 // turns between two looks
#define DP_PUBLISH_NS 1000000
#define DP_LEASE_NS 2000000000 // suspicions are dropped when control has been silent for so long (times the pace)

// Used by the consensus agent alone once the loop runs.
struct dp_mailbox {
	struct mb_end end;
	struct mb_snapshot snapshot; // what is published next
	ep_time due;                 // of the next snapshot
	uint64_t beat;               // control's, as last seen
	ep_time beat_at;
	struct ep_shell_counters *shell; // of this process, told to the core when published; NULL: the core's own
	const struct xdp_steer *steer; // NULL: no XDP program of ours
	const char *arena, *frozen_arena; // paths, told with the page; NULL: none
	uint64_t frozen_epoch;            // of the second
};

// DIR/mailbox; NULL: memory of our own, for telemetry. The control plane sees this process from now on. False: `error` says what to do.
bool dp_mailbox_open(struct dp_mailbox *, const char *dir, const struct ep_config *, char *error, size_t error_size);
// Before the loop and after it: what this process is doing. Without a core (it is not there yet, or failed a check) the rest of the
// page stays as it was.
void dp_mailbox_say(struct dp_mailbox *, struct ep_replica *, enum mb_state);
// Takes a few commands into the core, and publishes when it is time.
void dp_mailbox_work(struct dp_mailbox *, struct ep_replica *, ep_time now, struct ep_effects *);

// Two loads when there is nothing to do.
static inline void dp_mailbox_poll(struct dp_mailbox *m, struct ep_replica *r, ep_time now, struct ep_effects *fx)
{
	if (mb_is_waiting(&m->end.commands) || now >= m->due)
		dp_mailbox_work(m, r, now, fx);
}
