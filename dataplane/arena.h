// The arena's file: one for each identity and epoch, on hugetlbfs where there is one, owned by one process at a time.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "consensus/epaxos.h"
#include "dataplane/places.h"

struct dp_arena {
	void *base;
	size_t bytes; // mapped
	size_t page;
	int fd;
	bool is_huge, was_there;
	char path[512], path_new[520]; // the second until it is whole
	struct dp_place place;         // as found at the start
};

enum dp_arena_may {
	DP_ARENA_KEEP = 0, // go on from what is there; without it, none
	DP_ARENA_NEW,      // begin empty when there is none
	DP_ARENA_FRESH,    // throw away what is there, and begin empty
};
// Opens the newest epoch's file of this member, or makes the first one's, and maps it. `where`: a directory, a file, or "" (where this
// identity's arena is; a new one on the first hugetlbfs mount that has room, else in /dev/shm). An epoch behind the first has its list of
// members in its arena: the configuration becomes that epoch's. False: `error` says what to do.
bool dp_arena_open(struct dp_arena *, struct ep_config *, const char *where, const char *uuid, enum dp_arena_may, char *error, size_t size);
void dp_arena_close(struct dp_arena *);
// Makes or attaches the replica in it. False: `error`.
bool dp_arena_replica(struct dp_arena *, const struct ep_config *, struct ep_replica **ret, char *error, size_t error_size);

// ---- epochs (epochs.c)
// Makes the configuration that of the list's epoch, for the member with this uuid. False: it is not in the list.
bool dp_arena_follow(struct ep_config *, const uint8_t *uuid, const struct ep_membership *);
// Opens one epoch's file that is there; the configuration as for dp_arena_open().
bool dp_arena_open_epoch(struct dp_arena *, struct ep_config *, const struct dp_place *, uint32_t epoch, char *error, size_t error_size);
// Makes the file of the configuration's epoch, zeroed, under another name until dp_arena_publish(); in the first place that has room. On failure
// a descriptor may be left open in `fd`, and of a lost one nothing is left.
bool dp_arena_make(struct dp_arena *, const struct ep_config *, const struct dp_place *, char *error, size_t error_size);
bool dp_arena_make_somewhere(struct dp_arena *, const struct ep_config *, const struct dp_place *, uint32_t count, char *error, size_t error_size);
// Gives it its name when the core found nothing wrong; else removes it, and `error` says why.
bool dp_arena_publish(struct dp_arena *, enum ep_attach verdict, char *error, size_t error_size);
// Removes every epoch's file that was found there. False: a living process has one.
bool dp_arena_discard(const struct dp_place *, char *error, size_t error_size);
