// Sessions that nobody uses any more: ended by an ordered EXPIRE, never by a clock alone (protocol.md D.5, E).
//
// Each replica remembers when it last executed an update of a session. One that was silent for session_idle_ns is proposed for
// expiry by the member that led its OPEN, later by the others in the order of their rank behind it, in case that one is dead.
// EXPIRE names the last number that was executed here and has no effect when another update came in between, so clocks decide only
// when it is proposed, and every member ends the session at the same place of the order.
#include "consensus/expire.h"
#include "consensus/hello.h"
#include "consensus/session.h"
#include "consensus/stage.h"

#define LOOKED_AT 64 // sessions a run: the words of four cache lines
#define PROPOSED 2   // of them at the most

static bool is_overdue(const struct ep_replica *r, const struct ep_session *s, uint32_t used)
{
	uint32_t rank = (r->self + r->n - (uint32_t)(s->origin & 0xff) % r->n) % r->n; // a column of another epoch: somebody is first
	uint64_t idle = (uint64_t)(ep_session_clock(r) - used) << EP_SESSION_CLOCK_SHIFT;
	return idle >= r->config.session_idle_ns / 2 * (2 + rank);
}

static bool propose(struct ep_replica *r, struct ep_effects *fx, const struct ep_session *s)
{
	struct ep_wire_command expire = { .len = sizeof expire, .kind = EP_CMD_EXPIRE, .seq = s->last,
					  .session = { .i = s->i, .epoch = (uint32_t)(s->origin >> 8), .col = (uint8_t)s->origin } };
	struct ep_request nobody = { 0 };
	return ep_stage(r, fx, &expire, &nobody) == EP_ADMIT;
}

void ep_expire_run(struct ep_replica *r, struct ep_effects *fx)
{
	if (r->config.session_idle_ns == 0 || !ep_is_member(r))
		return;
	uint32_t proposed = 0, looked_at = r->config.sessions_max < LOOKED_AT ? r->config.sessions_max : LOOKED_AT;
	for (; looked_at > 0 && proposed < PROPOSED && ep_has_frames(fx); looked_at--) {
		r->expire_cursor = r->expire_cursor + 1 < r->config.sessions_max ? r->expire_cursor + 1 : 0;
		uint32_t *used = ep_session_used(r, r->expire_cursor);
		const struct ep_session *s = ep_session(r, r->expire_cursor);
		if (*used == EP_SESSION_UNUSED)
			*used = ep_session_clock(r);
		if (*used == 0 || !is_overdue(r, s, *used))
			continue;
		if (!propose(r, fx, s))
			return; // no room now; the next round finds it again
		*used = ep_session_clock(r); // not again before another idle time
		r->counters.expiries++;
		proposed++;
	}
}
