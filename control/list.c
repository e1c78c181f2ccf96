// Who the members are: those of the epoch that our replica is in, as its page says; before the first page, those of the file.
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "control/control.h"
#include "control/log.h"

const struct pnyx_config_member *ctl_configured(const struct ctl *c, const uint8_t uuid[16])
{
	for (uint32_t m = 0; m < c->file.members_count; m++)
		if (memcmp(c->file.members[m].uuid, uuid, 16) == 0)
			return &c->file.members[m];
	return NULL;
}

struct sockaddr_in ctl_address(const struct ctl *c, const struct ep_member *m)
{
	const struct pnyx_config_member *known = ctl_configured(c, m->uuid);
	uint16_t port = m->control_port != 0 ? m->control_port : PNYX_CONFIG_CONTROL_PORT;
	struct sockaddr_in s = { .sin_family = AF_INET, .sin_port = htons(known ? known->control.port : port) };
	memcpy(&s.sin_addr, known ? known->control.ip : m->ip, 4);
	return s;
}

// As the file calls it, else as the list does; that text came from another machine.
static void name_of(const struct ctl *c, const struct ep_member *m, char ret[PNYX_CONFIG_NAME_MAX])
{
	const struct pnyx_config_member *known = ctl_configured(c, m->uuid);
	snprintf(ret, PNYX_CONFIG_NAME_MAX, "%.*s", known ? PNYX_CONFIG_NAME_MAX - 1 : (int)sizeof m->name, known ? known->name : m->name);
	for (char *p = ret; *p; p++)
		*p = isalnum((unsigned char)*p) || *p == '-' ? *p : '_';
	if (ret[0] == 0)
		snprintf(ret, PNYX_CONFIG_NAME_MAX, "%u.%u.%u.%u", m->ip[0], m->ip[1], m->ip[2], m->ip[3]);
}

const char *ctl_name(const struct ctl *c, uint32_t member)
{
	return member < c->n ? c->names[member] : c->file.members[c->file.self].name;
}

static void take(struct ctl *c, const struct ep_membership *list)
{
	const uint8_t *own = c->file.members[c->file.self].uuid;
	c->list = *list;
	c->n = c->self = list->n;
	for (uint32_t m = 0; m < list->n; m++) {
		name_of(c, &list->members[m], c->names[m]);
		if (memcmp(list->members[m].uuid, own, 16) == 0)
			c->self = m;
	}
}

// A new list: columns mean other members, and what was known of them starts anew.
static void judge_anew(struct ctl *c)
{
	uint64_t number = c->suspicion.number;
	ctl_suspicion_init(&c->suspicion, c->n, c->self, c->file.control.suspect_ms * 1000000ULL, c->file.control.trust_ms * 1000000ULL);
	c->suspicion.number = number;
	for (uint32_t m = 0; m < c->n; m++) // who is down stays down
		if (c->links[m].has_state && c->links[m].state.life >= CTL_LIFE_STOPPED)
			ctl_suspicion_hear_down(&c->suspicion, m, c->links[m].state.run);
	ctl_gauge_restart(&c->gauge);
}

void ctl_list_start(struct ctl *c)
{
	struct ep_membership list = { .n = (uint8_t)c->file.first_count, .e = (uint8_t)c->file.cluster.e };
	for (uint32_t m = 0; m < list.n; m++) {
		const struct pnyx_config_member *from = &c->file.members[m];
		struct ep_member *to = &list.members[m];
		memcpy(to->uuid, from->uuid, sizeof to->uuid);
		memcpy(to->ip, from->address.ip, sizeof to->ip);
		to->port = from->address.port;
		to->control_port = from->control.port;
		to->incarnation = from->incarnation;
	}
	take(c, &list);
	judge_anew(c);
}

bool ctl_list_is_ours(const struct ctl *c, const struct mb_snapshot *page)
{
	const struct pnyx_config_member *me = &c->file.members[c->file.self];
	if (page->cluster != c->file.cluster.id)
		return false;
	if (page->now.epoch == 0) // it has not begun: all it can say comes from its file
		return page->state == MB_WAITING || (page->n == c->file.first_count && (page->self == c->file.self || me->is_joiner));
	return page->now.n == page->n && memcmp(page->now.members[page->self].uuid, me->uuid, 16) == 0;
}

void ctl_list_follow(struct ctl *c, const struct mb_snapshot *page)
{
	struct ep_membership list;
	ctl_page_list(page, &list);
	if (list.epoch == 0 || (list.epoch == c->list.epoch && list.chain == c->list.chain))
		return;
	ctl_links_follow(c, &list);
	take(c, &list);
	judge_anew(c);
	ctl_log(LOG_NOTICE, "epoch", "epoch=%u members=%u column=%u", list.epoch, list.n, c->self);
}
