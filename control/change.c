// Changes of the list that need no operator: what the rules of membership.h wish for is proposed, and said.
#include <string.h>
#include "control/control.h"
#include "control/log.h"
#include "control/next.h"

void ctl_change_start(struct ctl *c)
{
	ctl_members_init(&c->members, c->file.control.eject_s * 1000000000ULL, c->file.control.rejoin);
}

static bool takes_part(const struct ctl *c)
{
	const struct ctl_replica *r = &c->replica;
	return r->life == CTL_LIFE_SERVING && r->has_page && r->page.standing == EP_STANDING_MEMBER && c->list.epoch != 0 && c->self < c->n;
}

static uint32_t live(const struct ctl *c)
{
	uint32_t bits = 0;
	for (uint32_t m = 0; m < c->n; m++)
		bits |= m == c->self || !c->suspicion.peers[m].is_suspect ? 1u << m : 0;
	return bits;
}

void ctl_change_tend(struct ctl *c, const struct ctl_alarm *alarm)
{
	struct ctl_absences a = { .at_ns = ctl_now(), .epoch = c->list.epoch, .n = c->n, .self = c->self, .pace = c->suspicion.pace };
	if (!takes_part(c))
		return;
	a.is_pressed = alarm->is_raised && !alarm->is_room;
	for (uint32_t m = 0; m < c->n; m++)
		a.silent_ns[m] = c->suspicion.peers[m].silent_ns;
	struct ctl_wish wish = ctl_members_see(&c->members, &a);
	if (wish.what != CTL_EJECT)
		return;
	struct ep_membership next = ctl_next_without(&c->list, wish.member);
	ctl_log(wish.is_alarm ? LOG_CRIT : LOG_WARNING, "eject", "peer=%s silent_s=%llu epoch=%u members_left=%u%s", ctl_name(c, wish.member),
		(unsigned long long)(a.silent_ns[wish.member] / 1000000000), c->list.epoch, next.n,
		wish.is_alarm ? " hint=\"too few are left to bear a failure: bring it back, or add another\"" : "");
	ctl_propose(c, &next);
}

// The member as the file has it, which asks from that address. NULL: nobody that could be let in.
static const struct pnyx_config_member *known_at(const struct ctl *c, const struct ctl_ask *ask, const uint8_t ip[4])
{
	const struct pnyx_config_member *m = ctl_configured(c, ask->uuid);
	return m && memcmp(m->control.ip, ip, 4) == 0 ? m : NULL;
}

// Whether to propose it now: for the first time, or again because that came to nothing.
static bool is_due(struct ctl *c, const uint8_t uuid[16], uint64_t now)
{
	struct ctl_let_in *last = &c->let_in;
	bool is_same = last->at_ns != 0 && last->epoch == c->list.epoch && memcmp(last->uuid, uuid, sizeof last->uuid) == 0;
	if (is_same ? now - last->at_ns < CTL_AGAIN_NS * c->suspicion.pace : ctl_members_return(&c->members, uuid, now) != 0)
		return false;
	*last = (struct ctl_let_in){ .epoch = c->list.epoch, .at_ns = now };
	memcpy(last->uuid, uuid, sizeof last->uuid);
	return true;
}

void ctl_change_asked(struct ctl *c, const uint8_t ip[4], const struct ctl_ask *ask)
{
	const struct pnyx_config_member *from = known_at(c, ask, ip);
	struct ep_membership next;
	// Whose epoch is later than ours knows more than we do.
	if (ask->wants == CTL_WANTS_STATE || ask->cluster != c->file.cluster.id || !from || !takes_part(c) || ask->epoch > c->list.epoch + 1)
		return;
	struct ep_member who = { .incarnation = ask->incarnation, .port = from->address.port, .control_port = from->control.port };
	memcpy(who.uuid, from->uuid, sizeof who.uuid);
	memcpy(who.ip, from->address.ip, sizeof who.ip);
	memcpy(who.name, from->name, strnlen(from->name, sizeof who.name));
	if (ctl_next_with(&c->list, &who, ask->wants == CTL_WANTS_NEW_START, live(c), &next) != CTL_ADMIT || !is_due(c, who.uuid, ctl_now()))
		return;
	ctl_log(LOG_WARNING, "let-in", "peer=%s why=%s incarnation=%llu epoch=%u members=%u", from->name,
		ask->wants == CTL_WANTS_NEW_START ? "lost" : "out", (unsigned long long)who.incarnation + 1, c->list.epoch, next.n);
	ctl_propose(c, &next);
}
