// What the replica's page says of its epochs, in the core's own words.
#include <string.h>
#include "control/control.h"

void ctl_page_offer(const struct mb_snapshot *page, struct ctl_offer *ret)
{
	ret->now.epoch = 0;
	ret->arena[0] = 0;
	(void)page;
}

void ctl_page_list(const struct mb_snapshot *page, struct ep_membership *ret)
{
	memset(ret, 0, sizeof *ret);
	(void)page;
}

void ctl_page_arena(const struct mb_snapshot *page, char *ret, size_t size)
{
	(void)page, (void)size;
	ret[0] = 0;
}

void ctl_propose(struct ctl *c, const struct ep_membership *list)
{
	(void)c, (void)list;
}

bool ctl_page_is_retired(const struct mb_snapshot *page)
{
	(void)page;
	return false;
}
