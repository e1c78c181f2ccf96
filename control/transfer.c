// When this node gives a state, and when it needs one: what the replica's page says decides both.
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "control/control.h"
#include "control/log.h"
#include "control/need.h"

#define TAKEN_NS 10000000000ULL // a state that was brought has led to nothing: another one is asked for

// ---- giving
static void look(void *arg, struct ctl_offer *ret)
{
	const struct ctl *c = arg;
	if (c->replica.has_page)
		ctl_page_offer(&c->replica.page, ret);
}

static bool is_address(void *arg, const struct ep_member *member, const uint8_t ip[4])
{
	struct sockaddr_in at = ctl_address(arg, member);
	return memcmp(&at.sin_addr, ip, 4) == 0;
}

void ctl_transfer_asked(struct ctl *c, int fd, const uint8_t ip[4], const struct ctl_ask *ask)
{
	ctl_change_asked(c, ip, ask);
	ctl_donor_answer(&c->donor, fd, ip, c->file.cluster.id, ask);
}

// ---- asking
static void on_list(void *arg, const struct ep_membership *list)
{
	struct ctl *c = arg;
	const uint8_t *own = c->file.members[c->file.self].uuid;
	for (uint32_t m = 0; m < list->n; m++) {
		struct sockaddr_in at = ctl_address(c, &list->members[m]);
		if (memcmp(list->members[m].uuid, own, 16) != 0)
			ctl_asker_add(&c->asker, &at);
		else if (list->members[m].incarnation > c->told_incarnation)
			c->told_incarnation = list->members[m].incarnation;
	}
}

static void on_state(void *arg, const struct ep_handover *handover)
{
	struct ctl *c = arg;
	c->brought_ns = ctl_now();
	ctl_log(LOG_NOTICE, "state-brought", "epoch=%u bytes=%llu", handover->next.epoch, (unsigned long long)handover->bytes);
	if (c->replica.pidfd < 0 || c->replica.page.state != MB_WAITING)
		ctl_replica_renew(c);
}

static bool needs_state(const struct ctl *c, uint32_t *above)
{
	const struct ctl_replica *r = &c->replica;
	const struct mb_snapshot *page = &r->page;
	struct ctl_need need = { .is_dead = r->life == CTL_LIFE_DEAD, .is_running = r->has_page && r->pidfd >= 0 && !r->is_ending };
	uint64_t heard = 0;
	if (r->has_page) {
		for (uint32_t m = 0; m < page->n; m++)
			heard = page->columns[m].heard_ns > heard ? page->columns[m].heard_ns : heard;
		need.is_waiting = page->state == MB_WAITING;
		need.is_frozen = page->standing == EP_STANDING_FROZEN;
		need.is_retired = ctl_page_is_retired(page);
		need.epoch = (uint32_t)page->epoch;
		need.n = (uint32_t)page->n;
		need.alive_ns = ctl_now() - r->since_ns;
		need.silent_ns = page->core_ns - heard;
		need.pace = (uint32_t)page->pace;
	}
	return ctl_needs_state(&need, above);
}

// A joiner that was never a member waits for an operator.
static void say_wish(struct ctl *c)
{
	const struct ctl_replica *r = &c->replica;
	const struct pnyx_config_member *me = &c->file.members[c->file.self];
	struct ctl_ask *ask = &c->asker.ask;
	// One that waits and is no joiner has lost its arena; of which incarnation, only the others know.
	bool is_lost = r->has_page && r->page.state == MB_WAITING && !me->is_joiner;
	bool is_dead = r->life == CTL_LIFE_DEAD || is_lost, was_member = r->has_page && r->page.now.epoch != 0;
	ask->wants = !c->file.control.rejoin ? CTL_WANTS_STATE : is_dead ? CTL_WANTS_NEW_START : was_member ? CTL_WANTS_PLACE : CTL_WANTS_STATE;
	ask->incarnation = r->has_page && r->page.incarnation > me->incarnation ? r->page.incarnation : me->incarnation;
	if (is_lost && c->told_incarnation > ask->incarnation)
		ask->incarnation = c->told_incarnation;
}

void ctl_transfer_tend(struct ctl *c)
{
	char path[512];
	uint32_t above;
	uint64_t now = ctl_now();
	snprintf(path, sizeof path, "%s/state", c->run_dir);
	bool is_brought = c->brought_ns != 0 && now - c->brought_ns < TAKEN_NS && access(path, F_OK) == 0;
	say_wish(c);
	if (needs_state(c, &above) && !is_brought)
		ctl_asker_want(&c->asker, above);
	else if (c->asker.is_asking)
		ctl_asker_rest(&c->asker);
	ctl_donor_tend(&c->donor, now);
	ctl_asker_tend(&c->asker, now);
}

// ---- the whole
bool ctl_transfer_start(struct ctl *c)
{
	const struct pnyx_config_member *me = &c->file.members[c->file.self];
	struct ctl_asker *a = &c->asker;
	*a = (struct ctl_asker){ .event = c->event, .run_dir = c->run_dir, .from = { .sin_family = AF_INET }, .ask.cluster = c->file.cluster.id,
				 .on_state = on_state, .on_list = on_list, .arg = c };
	memcpy(&a->from.sin_addr, me->control.ip, 4);
	memcpy(a->ask.uuid, me->uuid, sizeof a->ask.uuid);
	ctl_asker_start(a);
	ctl_donor_start(&c->donor, c->event, (struct ctl_donor_of){ look, is_address, c });
	for (uint32_t m = 0; m < c->file.members_count; m++) {
		struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(c->file.members[m].control.port) };
		memcpy(&at.sin_addr, c->file.members[m].control.ip, 4);
		if (m != c->file.self)
			ctl_asker_add(a, &at);
	}
	return true;
}

void ctl_transfer_stop(struct ctl *c)
{
	if (c->asker.event) {
		ctl_asker_rest(&c->asker);
		ctl_donor_stop(&c->donor);
	}
}
