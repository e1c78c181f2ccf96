// What the bench asks for: a mix of reads and writes, or appends of unique elements that a checker
// can follow.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/bench.h"
#include "consensus/base/rng.h"

#define ELEMENT_MAX 21 // "18446744073709551615,"
#define APPEND_BYTES_MAX                                                                           \
	800 // of one key's value, then a fresh key takes its place; fits the smallest frame

// The keys in use; each is filled up and replaced, so that a read of it always fits a frame.
struct append_keys {
	uint64_t count, next; // next: number of the next fresh key; all below it were used
	struct append_key {
		uint64_t number;
		uint32_t bytes; // of all elements that were ever sent to it
	} keys[];
};

static uint64_t below(struct bench *b, uint64_t limit)
{
	return ep_random(&b->random) % limit;
}

// True in `percent` of all cases.
static bool chance(struct bench *b, double percent)
{
	return (double)(ep_random(&b->random) >> 11) * 0x1p-53 * 100 < percent;
}

static void append_next(struct bench *b, struct slot *s)
{
	uint64_t place = chance(b, b->o.hot) ? 0 : below(b, b->append->count);
	struct append_key *k = &b->append->keys[place];
	s->type = chance(b, b->o.reads) ? PNYX_GET : PNYX_APPEND;
	if (s->type == PNYX_APPEND && k->bytes + ELEMENT_MAX > APPEND_BYTES_MAX)
		*k = (struct append_key){.number = b->append->next++};
	snprintf(s->key, sizeof s->key, "a%" PRIx64 "-%" PRIu64, b->o.seed & 0xffffff, k->number);
	s->value_len = 0;
	if (s->type == PNYX_APPEND) {
		s->value_len =
		    (size_t)snprintf(s->value, sizeof s->value, "%" PRIu64 ",", b->unique++);
		k->bytes += (uint32_t)s->value_len;
	}
}

// A value that nobody else writes in this run, where its size allows it.
static void unique_value(struct bench *b, struct slot *s)
{
	char text[32];
	size_t len = (size_t)snprintf(text, sizeof text, "%" PRIx64 "-%" PRIu64 "-",
				      b->o.seed & 0xffffff, b->unique++);
	s->value_len = b->o.value_size;
	memset(s->value, 'x', s->value_len);
	memcpy(s->value, text, len < s->value_len ? len : s->value_len);
}

// Key number `keys` is the hot one. A recorded run has keys of its own: nobody knows what older
// ones hold.
static void mix_key(const struct bench *b, uint64_t number, struct slot *s)
{
	char run[16] = "";
	if (b->history != NULL)
		snprintf(run, sizeof run, "%06" PRIx64 "-", b->o.seed & 0xffffff);
	if (number == b->o.keys)
		snprintf(s->key, sizeof s->key, "%shot", run);
	else
		snprintf(s->key, sizeof s->key, "%sk%" PRIu64, run, number);
}

static void mix_next(struct bench *b, struct slot *s)
{
	s->type = chance(b, b->o.reads) ? PNYX_GET : PNYX_PUT;
	if (chance(b, b->o.hot))
		mix_key(b, b->o.keys, s);
	else
		mix_key(b, b->o.skew > 0 ? skew_next(&b->skew, &b->random) : below(b, b->o.keys), s);
	s->value_len = 0;
	if (s->type == PNYX_PUT)
		unique_value(b, s);
}

void workload_next(struct bench *b, struct slot *s)
{
	switch (b->o.workload) {
	case WORKLOAD_MIX:
		mix_next(b, s);
		break;
	case WORKLOAD_APPEND:
		append_next(b, s);
		break;
	}
}

struct pnyx_op workload_op(const struct slot *s)
{
	return (struct pnyx_op){
	    .type = s->type,
	    .key = {s->key, strlen(s->key)},
	    .value = {s->value, s->value_len},
	};
}

bool workload_init(struct bench *b)
{
	b->random = b->o.seed;
	b->unique = 1;
	skew_init(&b->skew, b->o.skew, b->o.keys);
	if (b->o.workload != WORKLOAD_APPEND)
		return true;
	b->append = calloc(1, sizeof *b->append + b->o.keys * sizeof b->append->keys[0]);
	if (b->append == NULL)
		return false;
	b->append->count = b->o.keys;
	b->append->next = b->o.keys;
	for (uint64_t i = 0; i < b->o.keys; i++)
		b->append->keys[i].number = i;
	return true;
}

void workload_end(struct bench *b)
{
	free(b->append);
	b->append = NULL;
}

bool workload_preload(const struct bench *b, uint64_t nth, struct slot *s)
{
	if (nth > b->o.keys)
		return false;
	s->type = PNYX_PUT;
	s->value_len = b->o.value_size;
	memset(s->value, 'p', s->value_len);
	mix_key(b, nth, s);
	return true;
}

bool workload_final(const struct bench *b, uint64_t nth, struct slot *s)
{
	if (b->o.workload != WORKLOAD_APPEND || nth >= b->append->next)
		return false;
	s->type = PNYX_GET;
	s->value_len = 0;
	snprintf(s->key, sizeof s->key, "a%" PRIx64 "-%" PRIu64, b->o.seed & 0xffffff, nth);
	return true;
}
