// The checkers' common state.
#include "tests/sim/check.h"
#include <stdlib.h>
#include <string.h>

void check_init(struct check *k, const struct ep_config *config)
{
	memset(k, 0, sizeof *k);
	log_init(&k->log, config);
	for (uint32_t p = 0; p < EP_MEMBERS_MAX; p++)
		for (uint32_t c = 0; c < EP_MEMBERS_MAX; c++)
			k->open[p].base[c] = config->first;
}

void check_free(struct check *k)
{
	log_free(&k->log);
	for (uint32_t key = 0; key < k->keys_room; key++)
		free(k->keys[key].writes);
	for (uint32_t p = 0; p < EP_MEMBERS_MAX; p++)
		free(k->queue[p].items);
	free(k->keys);
	free(k->digests);
}

void check_forget(struct check *k)
{
	log_forget(&k->log);
	for (uint32_t key = 0; key < k->keys_room; key++) {
		struct check_key *at = &k->keys[key];
		at->count = 0;
		memset(at->done, 0, sizeof at->done);
		memset(at->queued, 0, sizeof at->queued);
	}
	memset(k->digests, 0, k->digests_room * sizeof *k->digests);
	k->digests_count = 0;
	k->sessions_open = 0;
}
