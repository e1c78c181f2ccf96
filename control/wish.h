// What an operator may ask of the list of members: the next list, from the present one and the configuration file. Pure.
#pragma once
#include "client/config/config.h"
#include "consensus/epaxos.h"

// `wish`: "add NAME", "remove NAME" or "replace OLD NEW"; a NAME that is to come in is an entry of the file. NULL, and *next is the list to
// propose (its epoch and chain are the present ones); or why not, in `error`.
const char *ctl_wish_list(const struct pnyx_config *, const struct ep_membership *now, const char *wish, struct ep_membership *next, char *error,
			    size_t error_size);
// Whether two lists have the same members in the same columns, with the same incarnations.
bool ctl_wish_is_same(const struct ep_membership *, const struct ep_membership *);
