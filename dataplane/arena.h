// The arena's file: one for each identity, on hugetlbfs where there is one, owned by one process at a time.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "consensus/epaxos.h"

struct dp_arena {
	void *base;
	size_t bytes; // mapped
	size_t page;
	int fd;
	bool is_huge, was_there;
	char path[512], path_new[520]; // the second until it is whole
};

enum dp_arena_may {
	DP_ARENA_KEEP = 0, // go on from what is there; without it, none
	DP_ARENA_NEW,      // begin empty when there is none
	DP_ARENA_FRESH,    // throw away what is there, and begin empty
};
// Opens or makes the file for this member and maps it. `where`: a directory, a file, or "" (where this identity's arena is; a new one on
// the first hugetlbfs mount that has room, else in /dev/shm). False: `error` says what to do.
bool dp_arena_open(struct dp_arena *, const struct ep_config *, const char *where, const char *uuid, enum dp_arena_may, char *error, size_t size);
void dp_arena_close(struct dp_arena *);
// Makes or attaches the replica in it. False: `error`.
bool dp_arena_replica(struct dp_arena *, const struct ep_config *, struct ep_replica **ret, char *error, size_t error_size);
