// INV13: a replica's ORDER QUEUE only grows at its end and is taken from at its head, whatever kills lie between two looks, and what
// interferes stands in it in the same order everywhere. A component that was cut in two by a kill and searched anew would break it.
#include <inttypes.h>
#include <stdlib.h>
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

static void append(struct check *k, uint8_t p, struct log_instance *x)
{
	struct check_queue *q = &k->queue[p];
	if (q->first + q->count == q->room) {
		if (q->first > 0) {
			for (uint32_t at = 0; at < q->count; at++)
				q->items[at] = q->items[q->first + at];
			q->first = 0;
		} else {
			q->room = q->room ? 2 * q->room : 64;
			q->items = realloc(q->items, q->room * sizeof(struct log_instance *));
		}
	}
	q->items[q->first + q->count++] = x;
	if (!x->is_committed)
		verdict_fail("INV13: p%d has put %s into its queue, which nobody committed", p, log_name(x));
	if (!x->is_nop)
		check_place(k, p, x, true);
}

void check_queued(struct check *k, uint8_t p, uint32_t at, struct log_instance *x)
{
	struct check_queue *q = &k->queue[p];
	if (at < q->count) {
		if (q->items[q->first + at] != x)
			verdict_fail("INV13: the queue of p%d has changed: %s stands where %s was", p, log_name(x),
				     log_name(q->items[q->first + at]));
		return;
	}
	k->queued++;
	append(k, p, x);
}

void check_queue_end(struct check *k, uint8_t p, uint32_t count)
{
	const struct check_queue *q = &k->queue[p];
	if (count < q->count)
		verdict_fail("INV13: %s is gone from the queue of p%d and was not executed", log_name(q->items[q->first + count]), p);
}

void check_queue_taken(struct check *k, uint8_t p, struct log_instance *x)
{
	struct check_queue *q = &k->queue[p];
	if (q->count == 0)
		append(k, p, x); // queued and executed since the last look
	if (q->items[q->first] != x)
		verdict_fail("INV13: p%d executes %s, the head of its queue was %s", p, log_name(x), log_name(q->items[q->first]));
	q->first++;
	q->count--;
}
