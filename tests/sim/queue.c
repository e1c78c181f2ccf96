// A binary heap of events.
#include "tests/sim/queue.h"
#include <stdlib.h>

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

void queue_push(struct queue *q, ep_time at, enum event_type type, uint32_t who, struct packet *packet)
{
	if (q->count == q->room) {
		q->room = q->room ? 2 * q->room : 256;
		q->heap = realloc(q->heap, q->room * sizeof *q->heap);
	}
	struct event e = {at, q->serial++, type, who, packet};
	uint32_t hole = q->count++;
	while (hole > 0 && is_before(&e, &q->heap[(hole - 1) / 2])) {
		q->heap[hole] = q->heap[(hole - 1) / 2];
		hole = (hole - 1) / 2;
	}
	q->heap[hole] = e;
}

bool queue_pop(struct queue *q, struct event *out)
{
	if (q->count == 0)
		return false;
	*out = q->heap[0];
	struct event last = q->heap[--q->count];
	uint32_t hole = 0;
	for (uint32_t child = 1; child < q->count; child = 2 * hole + 1) {
		if (child + 1 < q->count && is_before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (!is_before(&q->heap[child], &last))
			break;
		q->heap[hole] = q->heap[child];
		hole = child;
	}
	q->heap[hole] = last;
	return true;
}

void queue_free(struct queue *q)
{
	for (uint32_t e = 0; e < q->count; e++)
		free(q->heap[e].packet);
	free(q->heap);
	*q = (struct queue){0};
}
