// Where an identity's arenas lie: a file for each epoch (docs/decisions/0010), PATH for the first one, PATH.eN for the others.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DP_PLACES_MAX 16

struct dp_place {
	char base[480];          // PATH
	uint32_t newest, before; // the newest epoch that has a file here, and the newest before it; 0 = none
};

// Every place to look in, the one to prefer for a new arena first. `where`: a directory, a file, or "" (every hugetlbfs mount that may be
// written, at last /dev/shm).. Returns how many, at most DP_PLACES_MAX.
uint32_t dp_places(const char *where, const char *uuid, struct dp_place *ret);
// The path of one epoch's arena: where it is, or where it should be made.
void dp_place_path(const struct dp_place *, uint32_t epoch, char *ret, size_t size);
// Its path in shared memory, for an epoch that began when no hugepages were left.
void dp_place_ordinary(const struct dp_place *, uint32_t epoch, char *ret, size_t size);
