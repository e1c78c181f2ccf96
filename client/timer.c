// A binary heap of requests by the time of their next event, with each request knowing its place.
#include "client/internal.h"

static void place(struct pnyx *c, uint32_t at, uint32_t slot)
{
	c->heap[at] = slot;
	c->requests[slot].heap_at = at;
}

static uint64_t event_at(const struct pnyx *c, uint32_t at)
{
	return c->requests[c->heap[at]].event_ns;
}

static void sift_up(struct pnyx *c, uint32_t at)
{
	uint32_t slot = c->heap[at];
	uint64_t event = c->requests[slot].event_ns;
	for (; at > 0 && event < event_at(c, (at - 1) / 2); at = (at - 1) / 2)
		place(c, at, c->heap[(at - 1) / 2]);
	place(c, at, slot);
}

static void sift_down(struct pnyx *c, uint32_t at)
{
	uint32_t slot = c->heap[at];
	uint64_t event = c->requests[slot].event_ns;
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= c->heap_count)
			break;
		if (child + 1 < c->heap_count && event_at(c, child + 1) < event_at(c, child))
			child++;
		if (event <= event_at(c, child))
			break;
		place(c, at, c->heap[child]);
		at = child;
	}
	place(c, at, slot);
}

void cl_timer_set(struct pnyx *c, struct cl_request *r, uint64_t event_ns)
{
	r->event_ns = event_ns;
	if (r->heap_at == CL_NONE)
		place(c, c->heap_count++, cl_slot(c, r));
	sift_up(c, r->heap_at);
	sift_down(c, r->heap_at);
}

void cl_timer_clear(struct pnyx *c, struct cl_request *r)
{
	uint32_t at = r->heap_at;
	if (at == CL_NONE)
		return;
	r->heap_at = CL_NONE;
	uint32_t last = c->heap[--c->heap_count];
	if (at == c->heap_count)
		return;
	place(c, at, last);
	sift_up(c, at);
	sift_down(c, c->requests[last].heap_at);
}
