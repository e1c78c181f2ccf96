// Suspicion with hysteresis, from ages and announcements.
#include "control/suspicion.h"

void ctl_suspicion_init(struct ctl_suspicion *s, uint32_t n, uint32_t self, uint64_t suspect_ns, uint64_t trust_ns)
{
	*s = (struct ctl_suspicion){ .suspect_ns = suspect_ns, .trust_ns = trust_ns, .n = n, .self = self, .pace = 1 };
}

void ctl_suspicion_restart(struct ctl_suspicion *s)
{
	s->seen_at = 0;
	s->core = 0;
	for (uint32_t m = 0; m < s->n; m++) {
		struct ctl_suspect *p = &s->peers[m];
		p->stamp = p->silent_ns = p->fresh_ns = 0;
		p->told_at = 0;
	}
}

static void suspect(struct ctl_suspicion *s, struct ctl_suspect *p, enum ctl_cause cause)
{
	p->cause = cause;
	p->fresh_ns = 0;
	p->is_up = false;
	if (p->is_suspect)
		return;
	p->is_suspect = true;
	p->told_at = 0;
	if (p->trusted_at == 0 || s->seen_at - p->trusted_at >= CTL_CALM_NS)
		p->flaps = 0;
	else if (p->flaps < CTL_FLAPS_MAX)
		p->flaps++;
}

static void trust(struct ctl_suspicion *s, struct ctl_suspect *p)
{
	p->is_suspect = p->is_up = false;
	p->cause = CTL_HEARD;
	p->trusted_at = s->seen_at;
	p->told_at = 0;
}

// How long a suspect must be heard. A restart that was announced, the first for a while, needs no proof but a frame.
static uint64_t proof(const struct ctl_suspicion *s, const struct ctl_suspect *p)
{
	return p->is_up && p->flaps == 0 ? 1 : (s->trust_ns * s->pace) << p->flaps;
}

static void judge(struct ctl_suspicion *s, struct ctl_suspect *p, uint64_t stamp, uint64_t lived)
{
	uint64_t patience = s->suspect_ns * s->pace;
	if (stamp != p->stamp) {
		p->stamp = stamp;
		p->silent_ns = 0;
		p->fresh_ns += lived > 0 ? lived : 1;
	} else {
		p->silent_ns += lived;
		p->fresh_ns = p->silent_ns > patience / 2 || p->fresh_ns == 0 ? 0 : p->fresh_ns + lived;
	}
	if (!p->is_suspect && p->silent_ns >= patience)
		suspect(s, p, CTL_SILENT);
	else if (p->is_suspect && p->fresh_ns >= proof(s, p))
		trust(s, p);
}

void ctl_suspicion_see(struct ctl_suspicion *s, const struct ctl_sight *sight)
{
	uint64_t most = s->suspect_ns * sight->pace / 4; // of one step: who stands still himself has not waited
	uint64_t lived = s->seen_at != 0 && sight->at_ns > s->seen_at ? sight->at_ns - s->seen_at : 0;
	lived = lived < most ? lived : most;
	s->seen_at = sight->at_ns;
	s->core = sight->suspects;
	s->pace = sight->pace;
	for (uint32_t m = 0; m < s->n; m++)
		if (m != s->self)
			judge(s, &s->peers[m], sight->heard[m], lived);
}

void ctl_suspicion_hear_down(struct ctl_suspicion *s, uint32_t member, uint64_t run)
{
	if (member >= s->n || member == s->self || run == 0 || s->peers[member].run == run)
		return;
	s->peers[member].run = run;
	suspect(s, &s->peers[member], CTL_DIED);
}

void ctl_suspicion_hear_up(struct ctl_suspicion *s, uint32_t member)
{
	if (member < s->n && member != s->self && s->peers[member].is_suspect)
		s->peers[member].is_up = true;
}

uint32_t ctl_suspicion_orders(struct ctl_suspicion *s, uint64_t now, struct ctl_verdict *ret)
{
	uint32_t count = 0;
	for (uint32_t m = 0; m < s->n; m++) {
		struct ctl_suspect *p = &s->peers[m];
		bool is_due = p->told_at == 0 || now - p->told_at >= CTL_REPEAT_NS * s->pace;
		if (m == s->self || p->is_suspect == (s->core >> m & 1) || !is_due)
			continue;
		ret[count++] = (struct ctl_verdict){ .member = m, .is_suspect = p->is_suspect, .cause = p->cause, .silent_ns = p->silent_ns,
						     .number = ++s->number, .is_repeat = p->told_at != 0 };
		p->told_at = now;
	}
	return count;
}
