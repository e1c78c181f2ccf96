// The next epoch's list from the present one: without a member, or with one that returns. Pure.
#pragma once
#include <stdbool.h>
#include <string.h>
#include "consensus/epaxos.h"

#define CTL_FAST_LEAST 5 // members that e = 1 needs

static inline struct ep_membership ctl_next_without(const struct ep_membership *now, uint32_t member)
{
	struct ep_membership next = *now;
	next.n--;
	memmove(&next.members[member], &next.members[member + 1], (next.n - member) * sizeof next.members[0]);
	memset(&next.members[next.n], 0, sizeof next.members[0]);
	if (next.n < CTL_FAST_LEAST)
		next.e = 0;
	return next;
}

enum ctl_admission {
	CTL_ADMIT,          // *next is to be proposed
	CTL_ADMIT_THERE,    // it is in the list, and of use
	CTL_ADMIT_FULL,     // there is no place for one more
	CTL_ADMIT_MINORITY, // without it no majority lives: nothing could be decided, and nothing must be
};
// `who` asks to be taken in; its incarnation is the last one that it knows of itself. `is_lost`: what it promised is lost, else it is only
// out of the list. `live`: a bit for each column that is heard, and our own.
static inline enum ctl_admission ctl_next_with(const struct ep_membership *now, const struct ep_member *who, bool is_lost, uint32_t live,
					       struct ep_membership *next)
{
	uint32_t at = 0, others = 0;
	while (at < now->n && memcmp(now->members[at].uuid, who->uuid, sizeof who->uuid) != 0)
		at++;
	bool is_there = at < now->n;
	// Of an older incarnation: the newer one waits for it, and if that is lost too it learns so from its peers and asks again.
	if (is_there && !(is_lost && who->incarnation >= now->members[at].incarnation))
		return CTL_ADMIT_THERE;
	if (!is_there && now->n == EP_MEMBERS_MAX)
		return CTL_ADMIT_FULL;
	for (uint32_t m = 0; m < now->n; m++)
		others += m != at && (live >> m & 1);
	if (2 * others <= now->n)
		return CTL_ADMIT_MINORITY;
	*next = *now;
	next->members[at] = *who;
	next->members[at].incarnation++;
	next->n = (uint8_t)(now->n + !is_there);
	return CTL_ADMIT;
}
