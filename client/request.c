// The life of one request: a slot is taken, sent, sent again, moved to another member, ended,
// handed out, freed.
//
//   FREE -> QUEUED -> FLYING <-> PAUSED -> DONE -> HANDED -> FREE      (reads start as FLYING)
//
// A repeated request keeps its cookie, session and sequence number, so that it has one effect
// whatever arrives twice.
#include <errno.h>
#include <string.h>
#include "client/internal.h"

// ---- lists and slots -------------------------------------------------------------------

void cl_list_push(struct pnyx *c, struct cl_list *list, struct cl_request *r)
{
	uint32_t slot = cl_slot(c, r);
	r->next = CL_NONE;
	if (list->count++ == 0)
		list->first = slot;
	else
		c->requests[list->last].next = slot;
	list->last = slot;
}

struct cl_request *cl_list_pop(struct pnyx *c, struct cl_list *list)
{
	if (list->count == 0)
		return NULL;
	struct cl_request *r = &c->requests[list->first];
	list->first = r->next;
	list->count--;
	return r;
}

// O(length); used for requests that time out while they wait, and by the blocking calls.
void cl_list_remove(struct pnyx *c, struct cl_list *list, struct cl_request *r)
{
	uint32_t slot = cl_slot(c, r);
	uint32_t before = CL_NONE;
	uint32_t at = list->first;
	for (uint32_t k = 0; k < list->count; k++, before = at, at = c->requests[at].next) {
		if (at != slot)
			continue;
		if (before == CL_NONE)
			list->first = r->next;
		else
			c->requests[before].next = r->next;
		if (list->last == slot)
			list->last = before;
		list->count--;
		return;
	}
}

struct cl_request *cl_request_take(struct pnyx *c, enum cl_kind kind, int server, bool is_small)
{
	uint32_t *head = is_small ? &c->free_small : &c->free_big;
	if (*head == CL_NONE)
		return NULL;
	struct cl_request *r = &c->requests[*head];
	*head = r->next;

	c->small_used += is_small;
	uint8_t *body = r->body;
	uint32_t cap = r->body_cap;
	uint32_t slot = cl_slot(c, r);
	*r = (struct cl_request){.body = body, .body_cap = cap, .kind = kind, .is_small = is_small};
	r->cookie = ++c->serial << CL_SLOT_BITS | slot;
	r->heap_at = CL_NONE;
	r->session = CL_NONE;
	r->next = CL_NONE;
	r->answered_by = -1;
	r->is_internal = is_small;
	r->server = cl_choose(c, server);
	r->intended_ns = c->now;
	r->deadline_ns = c->now + c->deadline_ns;
	return r;
}

void cl_request_free(struct pnyx *c, struct cl_request *r)
{
	uint32_t *head = r->is_small ? &c->free_small : &c->free_big;
	cl_timer_clear(c, r);
	c->small_used -= r->is_small;
	r->state = CL_FREE;
	r->cookie = 0;
	r->next = *head;
	*head = cl_slot(c, r);
}

void cl_reclaim(struct pnyx *c)
{
	for (struct cl_request *r; (r = cl_list_pop(c, &c->handed)) != NULL;)
		cl_request_free(c, r);
}

// ---- members ---------------------------------------------------------------------------

uint8_t cl_choose(const struct pnyx *c, int hint)
{
	uint8_t base = hint >= 0 && hint < c->cluster.n ? (uint8_t)hint : c->cluster.preferred;
	for (uint8_t k = 0; k < c->cluster.n; k++) {
		uint8_t m = (uint8_t)((base + k) % c->cluster.n);
		if (!c->cluster.members[m].is_suspected)
			return m;
	}
	return base;
}

void cl_request_fail_over(struct pnyx *c, struct cl_request *r)
{
	struct pnyx_member *old = &c->cluster.members[r->server];
	if (c->servers[r->server].heard_ns < r->here_ns && !old->is_suspected) {
		old->is_suspected = true;
		c->probe_ns = cl_min(c->probe_ns, c->now + CL_PROBE_NS);
	}
	r->server = cl_choose(c, (r->server + 1) % c->cluster.n);
	r->tries_here = 0;
	r->rounds++;
	c->counters.failovers++;
}

// Asks suspected members for a sign of life, so that requests need not find out.
void cl_probe(struct pnyx *c)
{
	if (c->now < c->probe_ns)
		return;
	c->probe_ns = UINT64_MAX;
	for (uint8_t m = 0; m < c->cluster.n; m++) {
		if (!c->cluster.members[m].is_suspected)
			continue;
		cl_net_append(c, m, EP_C_HELLO,
			      sizeof(struct ep_msg)); // cookie 0: no request waits
		c->probe_ns = c->now + CL_PROBE_NS;
	}
}

// ---- sending ---------------------------------------------------------------------------

void cl_command(struct cl_request *r, enum ep_command_kind kind, uint32_t bytes)
{
	struct ep_wire_command *w = (struct ep_wire_command *)(void *)r->body;
	memset(w, 0, sizeof *w);
	w->kind = (uint8_t)kind;
	w->len = (uint16_t)(sizeof *w + bytes);
	r->body_len = w->len;
}

static enum ep_msg_type message_type(enum cl_kind kind)
{
	switch (kind) {
	case CL_READ:
	case CL_UPDATE:
	case CL_OPEN:
	case CL_EXPIRE:
		return EP_C_REQUEST;
	case CL_STATS:
		return EP_C_STATS;
	case CL_DIGEST:
		return EP_C_DIGEST;
	}
	return EP_C_REQUEST;
}

// Time until the next try: the member's measured round trip with its variation, doubled for each
// try.
static uint64_t retry_ns(const struct pnyx *c, const struct cl_request *r)
{
	const struct cl_server *s = &c->servers[r->server];
	uint32_t doubled = (uint32_t)(r->tries_here - 1) + r->rounds;
	uint64_t rto = cl_max(c->options.rto_min_ms * CL_MS, s->srtt_ns + 4 * s->rttvar_ns);
	return cl_min(rto << (doubled < 10 ? doubled : 10), CL_RTO_MAX_NS);
}

void cl_request_send(struct pnyx *c, struct cl_request *r)
{
	struct ep_msg *m = cl_net_append(c, r->server, message_type(r->kind),
					 (uint32_t)sizeof(struct ep_msg) + r->body_len);
	m->i = r->cookie;
	m->arg = r->page;
	memcpy(m + 1, r->body, r->body_len);
	if (r->tries++ == 0) {
		r->sent_ns = c->now;
		c->counters.requests++;
	} else {
		c->counters.retries++;
	}
	if (r->tries_here++ == 0)
		r->here_ns = c->now;
	r->last_ns = c->now;
	r->state = CL_FLYING;
	cl_timer_set(c, r, cl_min(c->now + retry_ns(c, r), r->deadline_ns));
}

void cl_request_pause(struct pnyx *c, struct cl_request *r, uint64_t ns)
{
	r->state = CL_PAUSED;
	r->tries_here = 0; // the member lives
	r->rounds = 0;
	cl_timer_set(c, r, cl_min(c->now + ns, r->deadline_ns));
}

// ---- ending ----------------------------------------------------------------------------

void cl_request_end(struct pnyx *c, struct cl_request *r, enum pnyx_status status)
{
	cl_timer_clear(c, r);
	r->status = status;
	r->received_ns = c->now;
	if (r->is_internal) {
		cl_request_free(c, r);
		return;
	}
	r->state = CL_DONE;
	cl_list_push(c, &c->done, r);
}

static void explain_timeout(struct pnyx *c, const struct cl_request *r, const char *outcome)
{
	char text[32];
	const char *why =
	    c->counters.send_failed > 0 && c->send_errno != 0 ? strerror(c->send_errno) : NULL;
	cl_error(c,
		 "no answer within %u ms (%u tries%s, %u times busy, the last one to %s%s%s); %s",
		 c->options.deadline_ms, r->tries, r->rounds > 0 ? " to several members" : "",
		 r->busy, cl_addr_text(&c->servers[r->server].addr, text, sizeof text),
		 why != NULL ? "; sending failed: " : "", why != NULL ? why : "", outcome);
}

// The deadline has passed: the outcome is what can be said with certainty.
static void give_up(struct pnyx *c, struct cl_request *r)
{
	switch (r->kind) {
	case CL_OPEN:
		cl_session_open_lost(c, r);
		return;
	case CL_UPDATE:
		if (r->state == CL_QUEUED) {
			cl_list_remove(c, &c->servers[r->server].waiting, r);
			explain_timeout(c, r,
					"no session could be opened: the update was not sent");
			break;
		}
		explain_timeout(c, r, "the update may have been executed");
		cl_session_abandon(c, r->session);
		r->session = CL_NONE;
		cl_request_end(c, r, PNYX_UNKNOWN);
		return;
	case CL_READ:
	case CL_STATS:
	case CL_DIGEST:
		explain_timeout(c, r, "nothing was changed");
		break;
	case CL_EXPIRE:
		break;
	}
	r->body_len = 0;
	cl_request_end(c, r, PNYX_TIMEOUT);
}

// A timer of r ran out: retry, resume, or give up.
static void on_event(struct pnyx *c, struct cl_request *r)
{
	if (c->now >= r->deadline_ns) {
		give_up(c, r);
		return;
	}
	switch (r->state) {
	case CL_FLYING:
		if (!r->is_pinned && r->tries_here >= c->options.tries_max && c->cluster.n > 1)
			cl_request_fail_over(c, r);
		cl_request_send(c, r);
		break;
	case CL_PAUSED:
		cl_request_send(c, r);
		break;
	case CL_QUEUED:
	case CL_FREE:
	case CL_DONE:
	case CL_HANDED:
		break;
	}
}

void cl_request_events(struct pnyx *c)
{
	while (cl_timer_next(c) <= c->now)
		on_event(c, &c->requests[c->heap[0]]);
}
