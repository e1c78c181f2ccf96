// INV8 and INV13: where an instance stands among the writes of each of its keys. Every replica must agree, at two moments: when it
// puts the instance into its ORDER QUEUE, and when it executes it.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

static struct check_key *key_at(struct check *k, uint32_t key)
{
	if (key >= k->keys_room) {
		uint32_t room = k->keys_room ? k->keys_room : 64;
		while (room <= key)
			room *= 2;
		k->keys = realloc(k->keys, room * sizeof *k->keys);
		memset(k->keys + k->keys_room, 0, (room - k->keys_room) * sizeof *k->keys);
		k->keys_room = room;
	}
	return &k->keys[key];
}

static void place_write(struct check_key *key, uint8_t p, struct log_instance *x, bool is_queued)
{
	uint64_t at = is_queued ? key->queued[p]++ : key->done[p]++;
	if (at < key->count) {
		if (key->writes[at] != x)
			verdict_fail("%s %s as write %" PRIu64 " of a key at p%d, elsewhere %s stands there",
				     is_queued ? "INV13: the queue has" : "INV8: executed is", log_name(x), at, p, log_name(key->writes[at]));
		return;
	}
	if (key->count == key->room) {
		key->room = key->room ? 2 * key->room : 16;
		key->writes = realloc(key->writes, key->room * sizeof *key->writes);
	}
	key->writes[key->count++] = x;
}

void check_place(struct check *k, uint8_t p, struct log_instance *x, bool is_queued)
{
	for (uint32_t n = 0; n < x->keys_count; n++) {
		struct log_key *use = &x->keys[n];
		struct check_key *key = key_at(k, use->key);
		uint64_t before = is_queued ? key->queued[p] : key->done[p];
		if (use->is_write)
			place_write(key, p, x, is_queued);
		if (use->is_placed && use->position != before)
			verdict_fail("%s: %s comes after %" PRIu64 " writes of a key at p%d and after %" PRIu64 " elsewhere",
				     is_queued ? "INV13" : "INV8", log_name(x), before, p, use->position);
		use->is_placed = true;
		use->position = before;
	}
}
