// What the replica's page says of its epochs, in the core's own words; and proposals for the next one.
#include <stdio.h>
#include <string.h>
#include "control/control.h"

static void read_list(const struct mb_list *from, struct ep_membership *to)
{
	*to = (struct ep_membership){ .epoch = (uint32_t)from->epoch, .chain = (uint32_t)from->chain, .n = (uint8_t)from->n, .e = (uint8_t)from->e,
				      .mode = (uint8_t)from->mode };
	for (uint32_t m = 0; from->epoch != 0 && m < from->n; m++) {
		const struct ep_wire_new_member *listed = &from->members[m];
		struct ep_member *member = &to->members[m];
		member->incarnation = listed->incarnation;
		member->port = listed->port;
		member->control_port = listed->control_port;
		memcpy(member->uuid, listed->uuid, sizeof member->uuid);
		memcpy(member->ip, listed->ip, sizeof member->ip);
		memcpy(member->name, listed->name, sizeof member->name);
	}
}

void ctl_page_list(const struct mb_snapshot *page, struct ep_membership *ret)
{
	read_list(&page->now, ret);
}

void ctl_page_arena(const struct mb_snapshot *page, char *ret, size_t size)
{
	snprintf(ret, size, "%s", (const char *)page->arena); // it ends within its words: mb_look() saw to that
}

void ctl_page_offer(const struct mb_snapshot *page, struct ctl_offer *ret)
{
	ret->arena[0] = 0;
	if (page->frozen_epoch != 0)
		snprintf(ret->arena, sizeof ret->arena, "%s", (const char *)page->frozen_arena);
	read_list(page->next.epoch > page->now.epoch ? &page->next : &page->now, &ret->now);
}

bool ctl_page_is_retired(const struct mb_snapshot *page)
{
	if (page->standing != EP_STANDING_FROZEN || page->next.epoch == 0)
		return false;
	const struct ep_wire_new_member *me = &page->now.members[page->self];
	for (uint32_t m = 0; m < page->next.n; m++)
		if (memcmp(page->next.members[m].uuid, me->uuid, sizeof me->uuid) == 0)
			return false;
	return true;
}

_Static_assert(EP_RECONFIG_MAX <= 8 * MB_PROPOSAL_WORDS, "the mailbox has room for it");

void ctl_propose(struct ctl *c, const struct ep_membership *list)
{
	uint8_t bytes[EP_RECONFIG_MAX];
	if (c->replica.mailbox.shared)
		mb_propose(&c->replica.mailbox, bytes, ep_reconfig(list->epoch, list, bytes), ++c->proposals, ctl_now());
}
