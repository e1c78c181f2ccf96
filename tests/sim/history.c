// What clients asked and what they were told.
#include "tests/sim/history.h"
#include <stdlib.h>
#include <string.h>

static uint8_t *copy(const uint8_t *bytes, uint32_t len)
{
	uint8_t *to = malloc(len + 1); // never NULL, also for nothing
	if (len > 0)
		memcpy(to, bytes, len);
	return to;
}

uint32_t history_call(struct history *h, uint32_t client, uint64_t now, const uint8_t *command, uint32_t len)
{
	if (h->count == h->room) {
		h->room = h->room ? 2 * h->room : 256;
		h->ops = realloc(h->ops, h->room * sizeof *h->ops);
	}
	h->ops[h->count] = (struct history_op){
		.client = client, .call = now, .ret = HISTORY_NEVER, .command = copy(command, len), .command_len = len};
	return h->count++;
}

void history_return(struct history *h, uint32_t op, uint64_t now, const uint8_t *result, uint32_t len)
{
	struct history_op *o = &h->ops[op];
	o->is_answered = true;
	o->ret = now;
	o->result = copy(result, len);
	o->result_len = len;
}

void history_free(struct history *h)
{
	for (uint32_t o = 0; o < h->count; o++) {
		free(h->ops[o].command);
		free(h->ops[o].result);
	}
	free(h->ops);
	*h = (struct history){0};
}
