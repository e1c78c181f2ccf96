// Sessions: each carries one update at a time, so as many updates fly as there are sessions.
//
// A session is at home with the member that led its last command and is used for that member's
// updates first: then its commands stay in one column and the fast path is untouched. Sessions are
// opened when an update finds none.
#include <string.h>
#include "client/internal.h"

static struct ep_wire_command *command_of(struct cl_request *r)
{
	return (struct ep_wire_command *)(void *)r->body;
}

static bool same_id(const struct ep_session_id *a, const struct ep_session_id *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

// ---- opening ---------------------------------------------------------------------------

static uint32_t opens_flying(const struct pnyx *c)
{
	uint32_t count = 0;
	for (uint8_t m = 0; m < c->cluster.n; m++)
		count += c->servers[m].opening;
	return count;
}

// Starts OPENs until each update that waits at `server` has one, as far as there is room. All OPENs
// write one common key, so a crowd of them would only wait for each other in the cluster.
static void open_for_waiting(struct pnyx *c, uint8_t server)
{
	struct cl_server *s = &c->servers[server];
	if (c->now >= c->full_ns)
		c->sessions_cap = c->options.sessions_max;
	while (s->opening < s->waiting.count && c->sessions_used < c->sessions_cap &&
	       opens_flying(c) < CL_FLIGHT_MAX) {
		struct cl_request *r = cl_request_take(c, CL_OPEN, server, true);
		if (r == NULL)
			return;
		r->session = c->vacant;
		struct cl_session *session = &c->sessions[r->session];
		c->vacant = session->next;
		*session =
		    (struct cl_session){.state = CL_OPENING, .home = server, .next = CL_NONE};
		c->sessions_used++;
		s->opening++;
		cl_command(r, EP_CMD_OPEN, 0);
		cl_request_send(c, r);
	}
}

// Another member goes first each time.
static void open_for_all(struct pnyx *c)
{
	c->open_turn++;
	for (uint8_t m = 0; m < c->cluster.n; m++)
		open_for_waiting(c, (uint8_t)((c->open_turn + m) % c->cluster.n));
}

void cl_session_forget(struct pnyx *c, uint32_t index)
{
	struct cl_session *s = &c->sessions[index];
	if (s->state != CL_OPENING)
		c->counters.sessions_open--;
	s->state = CL_VACANT;
	s->next = c->vacant;
	c->vacant = index;
	c->sessions_used--;
	open_for_all(c);
}

// Remembers what an OPEN made, because repeated OPENs may have made more.
static void note_opened(struct pnyx *c, const struct cl_request *r, const struct ep_session_id *id)
{
	if (r->tries < 2 && id != NULL)
		return;
	struct cl_opened *o = &c->opened[c->opened_at++ % CL_OPENED_MAX];
	o->cookie = r->cookie;
	o->id = id != NULL ? *id : (struct ep_session_id){0};
}

void cl_session_on_stray(struct pnyx *c, uint64_t cookie, const struct ep_session_id *id)
{
	for (uint32_t k = 0; k < CL_OPENED_MAX; k++) {
		if (c->opened[k].cookie == cookie && !same_id(&c->opened[k].id, id))
			cl_session_expire(c, id, 0, CL_EXPIRE_NS);
	}
}

static void no_room(struct pnyx *c)
{
	cl_error(c, "the cluster has no room for one more session: others must end theirs first");
	for (uint8_t m = 0; m < c->cluster.n; m++) {
		for (struct cl_request *r; (r = cl_list_pop(c, &c->servers[m].waiting)) != NULL;) {
			r->body_len = 0;
			cl_request_end(c, r, PNYX_NO_ROOM);
		}
	}
}

static void opening_ended(struct pnyx *c, uint32_t session)
{
	struct cl_server *s = &c->servers[c->sessions[session].home];
	if (s->opening > 0)
		s->opening--;
}

void cl_session_on_open(struct pnyx *c, struct cl_request *r, uint8_t status,
			const struct ep_session_id *id)
{
	uint32_t index = r->session;
	opening_ended(c, index);
	if (status == EP_OK) {
		struct cl_session *s = &c->sessions[index];
		s->id = *id;
		s->seq = 0;
		s->state = CL_IN_USE;
		c->counters.sessions_open++;
		note_opened(c, r, id);
		uint8_t home = r->answered_by >= 0 ? (uint8_t)r->answered_by : r->server;
		cl_request_end(c, r, PNYX_OK);
		cl_session_release(c, index, home);
		open_for_all(c);
		return;
	}
	uint32_t others = c->sessions_used - 1;
	c->sessions_cap = others > 0 ? others : 1;
	c->full_ns = c->now + CL_FULL_NS;
	cl_request_end(c, r, PNYX_NO_ROOM);
	if (others == 0)
		no_room(c);
	cl_session_forget(c, index);
}

void cl_session_open_lost(struct pnyx *c, struct cl_request *r)
{
	uint32_t index = r->session;
	opening_ended(c, index);
	note_opened(c, r, NULL);
	cl_request_end(c, r, PNYX_TIMEOUT);
	cl_session_forget(c, index);
}

// ---- using -----------------------------------------------------------------------------

static void use(struct pnyx *c, uint32_t index, struct cl_request *r)
{
	struct cl_session *s = &c->sessions[index];
	s->state = CL_IN_USE;
	r->session = index;
	command_of(r)->session = s->id;
	command_of(r)->seq = ++s->seq;
	cl_request_send(c, r);
}

static uint32_t pop_idle(struct pnyx *c, uint8_t server)
{
	uint32_t index = c->servers[server].idle;
	if (index != CL_NONE)
		c->servers[server].idle = c->sessions[index].next;
	return index;
}

void cl_session_acquire(struct pnyx *c, struct cl_request *r)
{
	uint32_t index = pop_idle(c, r->server);
	if (c->now >= c->full_ns)
		c->sessions_cap = c->options.sessions_max;
	if (index == CL_NONE &&
	    c->sessions_used >= c->sessions_cap) { // none to open: borrow from another member
		for (uint8_t k = 1; k < c->cluster.n && index == CL_NONE; k++)
			index = pop_idle(c, (uint8_t)((r->server + k) % c->cluster.n));
	}
	if (index != CL_NONE) {
		use(c, index, r);
		return;
	}
	r->state = CL_QUEUED;
	cl_timer_set(c, r, r->deadline_ns);
	cl_list_push(c, &c->servers[r->server].waiting, r);
	open_for_waiting(c, r->server);
}

void cl_session_release(struct pnyx *c, uint32_t index, uint8_t home)
{
	struct cl_session *s = &c->sessions[index];
	s->home = home;
	for (uint8_t k = 0; k < c->cluster.n; k++) {
		struct cl_request *r =
		    cl_list_pop(c, &c->servers[(home + k) % c->cluster.n].waiting);
		if (r != NULL) {
			use(c, index, r);
			return;
		}
	}
	s->state = CL_IDLE;
	s->next = c->servers[home].idle;
	c->servers[home].idle = index;
}

// ---- ending ----------------------------------------------------------------------------

bool cl_session_expire(struct pnyx *c, const struct ep_session_id *id, uint64_t seq,
		       uint64_t wait_ns)
{
	struct cl_request *r =
	    cl_request_take(c, CL_EXPIRE, id->col < c->cluster.n ? id->col : PNYX_ANY, true);
	if (r == NULL)
		return false;
	r->deadline_ns = c->now + wait_ns;
	cl_command(r, EP_CMD_EXPIRE, 0);
	command_of(r)->session = *id;
	command_of(r)->seq = seq;
	cl_request_send(c, r);
	return true;
}

// EXPIRE names the last sequence number that was executed. Nobody knows whether that is seq or seq
// - 1, so both are asked: one of them ends the session, before the lost update (which then has no
// effect) or after it.
void cl_session_abandon(struct pnyx *c, uint32_t index)
{
	struct cl_session s = c->sessions[index];
	c->counters.sessions_abandoned++;
	cl_session_forget(c, index);
	(void)cl_session_expire(c, &s.id, s.seq, CL_EXPIRE_NS);
	(void)cl_session_expire(c, &s.id, s.seq - 1, CL_EXPIRE_NS);
}

void cl_session_remap(struct pnyx *c, const uint8_t map[EP_MEMBERS_MAX])
{
	struct cl_list waiting[EP_MEMBERS_MAX];
	for (uint8_t m = 0; m < EP_MEMBERS_MAX; m++) {
		waiting[m] = c->servers[m].waiting;
		c->servers[m].waiting = (struct cl_list){0};
		c->servers[m].idle = CL_NONE;
		c->servers[m].opening = 0;
	}
	for (uint8_t m = 0; m < EP_MEMBERS_MAX; m++) {
		for (struct cl_request *r; (r = cl_list_pop(c, &waiting[m])) != NULL;) {
			r->server = map[m];
			cl_list_push(c, &c->servers[map[m]].waiting, r);
		}
	}
	for (uint32_t k = 0; k < c->options.sessions_max; k++) {
		struct cl_session *s = &c->sessions[k];
		s->home = map[s->home];
		switch (s->state) {
		case CL_OPENING:
			c->servers[s->home].opening++;
			break;
		case CL_IDLE:
			s->next = c->servers[s->home].idle;
			c->servers[s->home].idle = k;
			break;
		case CL_VACANT:
		case CL_IN_USE:
			break;
		}
	}
}
