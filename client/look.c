// Looking at one member: raw echo, counters, digest. Blocking; asks exactly that member.
#include <string.h>
#include "client/internal.h"

#define DIGEST_PAUSE_NS (200 * 1000ULL) // between two questions: the member computes meanwhile

static bool is_member(struct pnyx *c, int server)
{
	if (server >= 0 && server < c->cluster.n)
		return true;
	cl_error(c, "no member %d: the cluster has %u", server, c->cluster.n);
	return false;
}

enum pnyx_status pnyx_echo(struct pnyx *c, int server, uint32_t size, uint64_t *rtt_ns)
{
	if (!is_member(c, server))
		return PNYX_INVALID;
	if (size < sizeof(struct ep_wire_header) || size > c->cluster.frame_max) {
		cl_error(c, "echo of %u bytes: allowed are %zu to %u", size,
			 sizeof(struct ep_wire_header), c->cluster.frame_max);
		return PNYX_INVALID;
	}
	cl_reclaim(c);
	cl_net_flush(c); // alone in its system call
	struct cl_tx *tx = cl_net_frame(c, EP_FRAME_ECHO, &c->servers[server].addr);
	memset(tx->frame + tx->len, 0, size - tx->len);
	tx->len = size;
	c->echo_seq = ++c->echo_last;
	((struct ep_wire_header *)(void *)tx->frame)->frame_seq = c->echo_seq;
	c->now = c->echo_sent_ns = cl_clock();
	uint64_t end = c->now + c->deadline_ns;
	while (c->echo_seq != 0 && c->now < end)
		cl_turn(c, end);
	if (c->echo_seq != 0) {
		c->echo_seq = 0;
		cl_error(c, "no echo from member %d within %u ms", server, c->options.deadline_ms);
		return PNYX_TIMEOUT;
	}
	*rtt_ns = c->echo_rtt_ns;
	return PNYX_OK;
}

// Sends one question and waits for its end; the answer is in the request's body until the next
// call.
static enum pnyx_status ask(struct pnyx *c, int server, enum cl_kind kind, uint8_t page,
			    struct cl_request **ret)
{
	cl_reclaim(c);
	c->now = cl_clock();
	struct cl_request *r = cl_request_take(c, kind, server, false);
	if (r == NULL) {
		cl_error(c, "all slots are in use: poll first");
		return PNYX_AGAIN;
	}
	r->server = (uint8_t)server;
	r->is_pinned = true;
	r->page = page;
	r->body_len = 0;
	cl_request_send(c, r);
	while (r->state != CL_DONE)
		cl_turn(c, UINT64_MAX);
	cl_list_remove(c, &c->done, r);
	r->state = CL_HANDED;
	cl_list_push(c, &c->handed, r);
	*ret = r;
	return r->status;
}

enum pnyx_status pnyx_stats(struct pnyx *c, int server, unsigned page, uint64_t *values,
			    uint32_t max, uint32_t *count)
{
	struct cl_request *r;
	if (!is_member(c, server))
		return PNYX_INVALID;
	if (page > EP_STATS_FRONTIER) {
		cl_error(c, "no page %u of counters: the last is %d", page, EP_STATS_FRONTIER);
		return PNYX_INVALID;
	}
	enum pnyx_status status = ask(c, server, CL_STATS, (uint8_t)page, &r);
	if (status != PNYX_OK)
		return status;
	*count = (uint32_t)cl_min(max, r->body_len / sizeof(uint64_t));
	memcpy(values, r->body, *count * sizeof(uint64_t));
	return PNYX_OK;
}

static void copy_digest(const uint8_t *body, struct pnyx_digest *to)
{
	struct ep_wire_digest d;
	memcpy(&d, body, sizeof d);
	*to = (struct pnyx_digest){.application = d.application,
				   .sessions = d.sessions,
				   .executed_set = d.executed_set,
				   .executed = d.executed,
				   .n = d.n};
	memcpy(to->exec_prefix, body + sizeof d,
	       d.n * sizeof(uint64_t)); // d.n was checked with the length
}

static void pause_until(struct pnyx *c, uint64_t until)
{
	do
		cl_turn(c, until);
	while (c->now < until);
}

enum pnyx_status pnyx_digest(struct pnyx *c, int server, struct pnyx_digest *digest)
{
	struct cl_request *r;
	if (!is_member(c, server))
		return PNYX_INVALID;
	uint64_t end = cl_clock() + c->deadline_ns;
	for (;;) {
		enum pnyx_status status = ask(c, server, CL_DIGEST, 0, &r);
		if (status != PNYX_OK)
			return status;
		if (((const struct ep_wire_digest *)(const void *)r->body)->is_complete) {
			copy_digest(r->body, digest);
			return PNYX_OK;
		}
		if (c->now >= end) {
			cl_error(c,
				 "member %d did not complete its digest within %u ms: its state "
				 "keeps changing",
				 server, c->options.deadline_ms);
			return PNYX_TIMEOUT;
		}
		pause_until(c, c->now + DIGEST_PAUSE_NS);
	}
}
