// Received frames: each is checked whole, then each message goes to the request that its cookie
// names.
//
// Nothing here is trusted before ep_wire_check(): a datagram that is no answer of a member of this
// cluster is counted and forgotten. An answer that nobody waits for is a duplicate or late, and is
// counted as such.
#include <string.h>
#include "client/internal.h"

#define REDIRECT_NS CL_MS // between two members that send a request away
#define BUSY_MIN_NS (20 * 1000ULL)
#define BUSY_MAX_NS (100 * CL_MS) // unless the hint itself is longer

static int find_member(const struct pnyx *c, const struct sockaddr_in *from)
{
	for (int m = 0; m < c->cluster.n; m++) {
		if (cl_same_addr(&c->servers[m].addr, from))
			return m;
	}
	return -1;
}

static bool is_named(const struct pnyx *c, const struct sockaddr_in *from)
{
	for (uint32_t k = 0; k < c->named_count; k++) {
		if (cl_same_addr(&c->named[k], from))
			return true;
	}
	return false;
}

// Round trips of requests that were sent once only (Karn), smoothed as TCP does (RFC 6298).
static void measure(struct pnyx *c, const struct cl_request *r, uint8_t server)
{
	struct cl_server *s = &c->servers[server];
	if (r->tries != 1 || r->busy != 0 || r->server != server)
		return;
	uint64_t sample = c->now - r->last_ns;
	if (s->srtt_ns == 0) {
		s->srtt_ns = sample;
		s->rttvar_ns = sample / 2;
	} else {
		uint64_t off = sample > s->srtt_ns ? sample - s->srtt_ns : s->srtt_ns - sample;
		s->rttvar_ns += off / 4 - s->rttvar_ns / 4;
		s->srtt_ns += sample / 8 - s->srtt_ns / 8;
	}
	c->cluster.members[server].srtt_ns = s->srtt_ns;
}

static void send_elsewhere(struct pnyx *c, struct cl_request *r)
{
	if (!r->is_pinned)
		cl_request_fail_over(c, r);
	cl_request_pause(c, r, REDIRECT_NS);
}

// ---- REPLY -----------------------------------------------------------------------------

static void release(struct pnyx *c, struct cl_request *r)
{
	uint32_t session = r->session;
	r->session = CL_NONE;
	cl_session_release(c, session, (uint8_t)r->answered_by);
}

static enum pnyx_status refused(struct pnyx *c, uint8_t status)
{
	cl_error(c, status == EP_TOO_BIG
			? "the replica refused a key, a value or the command as too big"
			: "the replica does not understand the command");
	return PNYX_REFUSED;
}

// The update's session is unknown to the cluster. Sent once: it had no effect, another session may
// carry it. Sent more often: an earlier copy may have run before the session ended.
static void on_no_session(struct pnyx *c, struct cl_request *r)
{
	cl_session_forget(c, r->session);
	r->session = CL_NONE;
	if (r->tries > 1) {
		r->body_len = 0;
		cl_error(
		    c,
		    "the session ended while the update was repeated: it may have been executed");
		cl_request_end(c, r, PNYX_UNKNOWN);
		return;
	}
	r->cookie = ++c->serial << CL_SLOT_BITS | cl_slot(c, r);
	r->tries = r->tries_here = 0;
	r->server = cl_choose(c, r->server);
	cl_session_acquire(c, r);
}

static void on_update_reply(struct pnyx *c, struct cl_request *r, enum ep_status status)
{
	switch (status) {
	case EP_OK:
		release(c, r);
		cl_request_end(c, r, PNYX_OK);
		return;
	case EP_NO_SESSION:
		on_no_session(c, r);
		return;
	case EP_MISMATCH: // somebody else uses this session, or a bug
	case EP_STALE:
		cl_error(c, "the cluster has another update under this number of the session: "
			    "outcome unknown");
		cl_session_abandon(c, r->session);
		r->session = CL_NONE;
		r->body_len = 0;
		cl_request_end(c, r, PNYX_UNKNOWN);
		return;
	case EP_FULL:
	case EP_BAD_COMMAND:
	case EP_TOO_BIG:
		release(c, r);
		r->body_len = 0;
		cl_request_end(c, r, refused(c, (uint8_t)status));
		return;
	case EP_REDIRECT:
		send_elsewhere(c, r);
		return;
	}
}

static void on_reply(struct pnyx *c, struct cl_request *r, const struct ep_msg *m, uint8_t server)
{
	const struct ep_wire_reply *reply = (const struct ep_wire_reply *)(const void *)(m + 1);
	uint32_t len = m->len - (uint32_t)(sizeof *m + sizeof *reply);

	measure(c, r, server);
	if (reply->status == EP_REDIRECT) {
		send_elsewhere(c, r);
		return;
	}
	r->answered_by = (int8_t)server;
	r->is_fast = (m->flags & EP_MSG_FAST) != 0;
	bool keeps_body =
	    r->kind == CL_UPDATE && reply->status == EP_NO_SESSION; // the command may go again
	if (!keeps_body && (r->kind == CL_READ || r->kind == CL_UPDATE)) {
		memcpy(r->body, reply + 1, len);
		r->body_len = len;
	}
	switch (r->kind) {
	case CL_READ:
		cl_request_end(c, r, reply->status == EP_OK ? PNYX_OK : refused(c, reply->status));
		return;
	case CL_UPDATE:
		on_update_reply(c, r, (enum ep_status)reply->status);
		return;
	case CL_OPEN:
		cl_session_on_open(c, r, reply->status, &reply->instance);
		return;
	case CL_EXPIRE: // whatever it says: the session is gone, or its last number is another one
	case CL_STATS:
	case CL_DIGEST:
		cl_request_end(c, r, PNYX_OK);
		return;
	}
}

// ---- messages --------------------------------------------------------------------------

static const struct ep_wire_welcome *welcome_of(const struct ep_msg *m)
{
	return (const struct ep_wire_welcome *)(const void *)(m + 1);
}

static struct cl_request *find_request(struct pnyx *c, uint64_t cookie)
{
	uint32_t slot = (uint32_t)(cookie & ((1u << CL_SLOT_BITS) - 1));
	if (slot >= c->requests_count)
		return NULL;
	struct cl_request *r = &c->requests[slot];
	bool is_waiting = r->state == CL_FLYING || r->state == CL_PAUSED;
	return r->cookie == cookie && is_waiting ? r : NULL;
}

// True when an answer of this type can end such a request, and fits its slot.
static bool is_answer(const struct cl_request *r, const struct ep_msg *m)
{
	if (m->len - sizeof *m > r->body_cap && r->kind != CL_OPEN && r->kind != CL_EXPIRE)
		return false;
	switch (r->kind) {
	case CL_READ:
	case CL_UPDATE:
	case CL_OPEN:
	case CL_EXPIRE:
		return m->type == EP_C_REPLY;
	case CL_STATS:
		return m->type == EP_C_STATS_REPLY && m->arg == r->page;
	case CL_DIGEST:
		return m->type == EP_C_DIGEST_REPLY;
	}
	return false;
}

// Waits as long as told, and after every second BUSY twice as long: one replica's hint does not
// know how many wait.
static void on_busy(struct pnyx *c, struct cl_request *r, const struct ep_msg *m)
{
	const struct ep_wire_busy *busy = (const struct ep_wire_busy *)(const void *)(m + 1);
	uint64_t hint = cl_min(cl_max(busy->retry_ns, BUSY_MIN_NS), CL_SECOND);
	uint64_t wait = cl_min(hint << cl_min(r->busy / 2, 10), cl_max(hint, BUSY_MAX_NS));
	if (r->busy < UINT16_MAX)
		r->busy++;
	c->counters.busy++;
	cl_request_pause(c, r,
			 wait + ep_random(&c->random) % (wait / 4 + 1)); // apart from the others
}

static void on_wrong_epoch(struct pnyx *c, struct cl_request *r, uint64_t cluster,
			   const struct ep_msg *m)
{
	bool is_newer = welcome_of(m)->epoch > c->cluster.epoch;
	if (is_newer && cl_adopt(c, cluster, welcome_of(m)))
		cl_request_pause(c, r, 0);
	else
		send_elsewhere(c, r);
}

static void on_message(struct pnyx *c, uint64_t cluster, const struct ep_msg *m, uint8_t server)
{
	struct cl_request *r = find_request(c, m->i);
	const struct ep_wire_reply *reply = (const struct ep_wire_reply *)(const void *)(m + 1);

	if (m->type == EP_C_WELCOME) { // the answer to a probe
		if (welcome_of(m)->epoch > c->cluster.epoch)
			(void)cl_adopt(c, cluster, welcome_of(m));
		return;
	}
	if (r == NULL) {
		c->counters.late++;
		if (m->type == EP_C_REPLY && reply->status == EP_OK)
			cl_session_on_stray(c, m->i, &reply->instance);
	} else if (m->type == EP_C_BUSY) {
		on_busy(c, r, m);
	} else if (m->type == EP_C_WRONG_EPOCH) {
		on_wrong_epoch(c, r, cluster, m);
	} else if (!is_answer(r, m)) {
		c->counters.dropped++;
	} else if (m->type == EP_C_REPLY) {
		on_reply(c, r, m, server);
	} else { // counters, digest: the answer is the message's body
		measure(c, r, server);
		r->answered_by = (int8_t)server;
		r->body_len = m->len - (uint32_t)sizeof *m;
		memcpy(r->body, m + 1, r->body_len);
		cl_request_end(c, r, PNYX_OK);
	}
}

static void on_echo(struct pnyx *c, const struct ep_wire_header *h)
{
	if (h->frame_seq != c->echo_seq || c->echo_seq == 0 || h->incarnation != c->incarnation) {
		c->counters.late++;
		return;
	}
	c->echo_rtt_ns = c->now - c->echo_sent_ns;
	c->echo_seq = 0;
}

// Before the members are known, only a WELCOME from a named server counts.
static void on_hello(struct pnyx *c, const struct ep_wire_header *h, const struct ep_msg *m)
{
	if (m->type == EP_C_WELCOME && !c->hello_done && cl_adopt(c, h->cluster, welcome_of(m)))
		c->hello_done = 1;
}

void cl_on_frame(struct pnyx *c, const uint8_t *data, uint32_t len, const struct sockaddr_in *from)
{
	const struct ep_wire_header *h = (const struct ep_wire_header *)(const void *)data;
	bool is_connected = c->hello_done;
	int server = find_member(c, from);

	c->counters.frames_in++;
	if (ep_wire_check(data, len) != EP_DROP_NONE ||
	    (is_connected && h->cluster != c->cluster.id) ||
	    (server < 0 && (is_connected || !is_named(c, from)))) {
		c->counters.dropped++;
		return;
	}
	if (is_connected) {
		c->servers[server].heard_ns = c->now;
		c->cluster.members[server].is_suspected = false;
	}
	if (h->kind == EP_FRAME_ECHO_REPLY) {
		on_echo(c, h);
		return;
	}
	if (h->kind != EP_FRAME_REPLY) {
		c->counters.dropped++;
		return;
	}
	uint32_t at = sizeof *h;
	for (uint32_t k = 0; k < h->count; k++) {
		const struct ep_msg *m = ep_wire_msg(data, at);
		uint32_t payload;
		at += m->len;
		if (ep_wire_kind_of(m->type) != EP_FRAME_REPLY ||
		    ep_wire_check_msg(m, EP_MEMBERS_MAX, &payload) != EP_DROP_NONE) {
			c->counters.dropped++;
			continue;
		}
		if (!is_connected) {
			on_hello(c, h, m);
			continue;
		}
		on_message(c, h->cluster, m, (uint8_t)server);
		server = find_member(c, from); // the members may have changed under it
		if (server < 0)
			return;
	}
}
