// The rules of membership.h.
#include "control/membership.h"
#include <string.h>

#define LEAST 3 // members that are kept unless room runs out

void ctl_members_init(struct ctl_members *m, uint64_t eject_ns, bool may_rejoin)
{
	*m = (struct ctl_members){ .eject_ns = eject_ns, .may_rejoin = may_rejoin };
}

static bool is_silent(const struct ctl_members *m, const struct ctl_absences *a, uint32_t member)
{
	return member != a->self && a->silent_ns[member] >= m->eject_ns * a->pace;
}

struct ctl_wish ctl_members_see(struct ctl_members *m, const struct ctl_absences *a)
{
	struct ctl_wish none = { CTL_KEEP, 0, false };
	uint32_t longest = a->self, living = 0, before = 0;
	if (a->epoch != m->epoch) {
		m->epoch = a->epoch;
		m->wished_ns = 0;
	}
	for (uint32_t k = 0; m->eject_ns != 0 && k < a->n; k++) {
		bool is_gone = is_silent(m, a, k);
		living += !is_gone;
		before += !is_gone && k < a->self;
		if (is_gone && (longest == a->self || a->silent_ns[k] > a->silent_ns[longest]))
			longest = k;
	}
	// Without a majority nothing would be decided; and who hears few may be the one that is cut off.
	if (longest == a->self || 2 * living <= a->n || (a->n <= LEAST && !a->is_pressed))
		return none;
	if (a->silent_ns[longest] < (m->eject_ns + before * CTL_TURN_NS) * a->pace)
		return none;
	if (m->wished_ns != 0 && a->at_ns - m->wished_ns < CTL_AGAIN_NS * a->pace)
		return none;
	m->wished_ns = a->at_ns;
	return (struct ctl_wish){ CTL_EJECT, longest, a->n <= LEAST };
}

// Its entry, or a free one, or that of the member whose last return is the oldest.
static struct ctl_return *entry_of(struct ctl_members *m, const uint8_t uuid[16])
{
	struct ctl_return *oldest = &m->returns[0];
	for (uint32_t k = 0; k < CTL_RETURNS_MAX; k++) {
		struct ctl_return *e = &m->returns[k];
		if (e->at_ns != 0 && memcmp(e->uuid, uuid, sizeof e->uuid) == 0)
			return e;
		if (e->at_ns < oldest->at_ns)
			oldest = e;
	}
	*oldest = (struct ctl_return){ .at_ns = 0 };
	memcpy(oldest->uuid, uuid, sizeof oldest->uuid);
	return oldest;
}

static uint64_t wait_of(const struct ctl_return *e)
{
	uint64_t wait = CTL_RETURN_FIRST_NS << (e->times < 8 ? e->times - 1 : 7);
	return wait < CTL_RETURN_MOST_NS ? wait : CTL_RETURN_MOST_NS;
}

uint64_t ctl_members_return(struct ctl_members *m, const uint8_t uuid[16], uint64_t now)
{
	if (!m->may_rejoin)
		return UINT64_MAX;
	struct ctl_return *e = entry_of(m, uuid);
	uint64_t wait = e->at_ns == 0 ? 0 : wait_of(e), since = now - e->at_ns;
	if (e->at_ns != 0 && since < wait)
		return wait - since;
	if (e->at_ns != 0 && since > 2 * wait) // it stayed: its flapping is forgotten
		e->times = 0;
	e->at_ns = now > 0 ? now : 1;
	if (e->times < UINT8_MAX)
		e->times++;
	return 0;
}
