// What the replica's page says of its epochs, in the core's own words.
#include <string.h>
#include "control/control.h"

void ctl_page_offer(const struct mb_snapshot *page, struct ctl_offer *ret)
{
	ret->now.epoch = 0;
	ret->arena[0] = 0;
	(void)page;
}

bool ctl_page_is_retired(const struct mb_snapshot *page)
{
	(void)page;
	return false;
}
