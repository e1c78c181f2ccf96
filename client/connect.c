// From options to a connected client and back: names, HELLO, members, memory, the end of sessions.
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "client/internal.h"

#define HELLO_NS (50 * CL_MS) // between two HELLOs; doubled each time, up to a second

void pnyx_options_init(struct pnyx_options *o)
{
	*o = (struct pnyx_options){
	    .deadline_ms = 5000, .rto_min_ms = 20, .tries_max = 2, .ops_max = 64};
}

__attribute__((format(printf, 3, 4))) static bool fail(char *error, size_t size, const char *format,
						       ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return false;
}

// ---- addresses -------------------------------------------------------------------------

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != 0 || value < 1 || value > 65535 || text[0] == '-')
		return false;
	*port = (uint16_t)value;
	return true;
}

// Reads "host[:port]".
static bool parse_address(const char *text, struct sockaddr_in *ret, char *error, size_t size)
{
	char host[256];
	uint16_t port = EP_UDP_PORT;
	const char *colon = strchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);

	if (len == 0 || len >= sizeof host)
		return fail(error, size, "server \"%s\": expected HOST or HOST:PORT", text);
	memcpy(host, text, len);
	host[len] = 0;
	if (colon != NULL && !parse_port(colon + 1, &port))
		return fail(error, size, "server \"%s\": the port must be a number from 1 to 65535",
			    text);

	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	int rc = getaddrinfo(host, NULL, &hints, &found);
	if (rc != 0)
		return fail(error, size, "server \"%s\": %s", text, gai_strerror(rc));
	memcpy(ret, found->ai_addr, sizeof *ret);
	ret->sin_port = htons(port);
	freeaddrinfo(found);
	return true;
}

static bool parse_servers(struct pnyx *c, const char *list, char *error, size_t size)
{
	char text[2048];
	if (list == NULL || strlen(list) == 0)
		return fail(error, size, "no server is named: give at least one as HOST[:PORT]");
	if (strlen(list) >= sizeof text)
		return fail(error, size, "the list of servers is longer than %zu bytes",
			    sizeof text - 1);
	strcpy(text, list);
	char *rest = NULL;
	for (char *one = strtok_r(text, ", ", &rest); one != NULL;
	     one = strtok_r(NULL, ", ", &rest)) {
		if (c->named_count == CL_SERVERS_MAX)
			return fail(error, size, "more than %d servers are named", CL_SERVERS_MAX);
		if (!parse_address(one, &c->named[c->named_count], error, size))
			return false;
		c->named_count++;
	}
	return c->named_count > 0 ||
	       fail(error, size, "the list of servers \"%s\" names none", list);
}

int pnyx_find_member(const struct pnyx *c, const char *address)
{
	struct sockaddr_in addr;
	char error[PNYX_ERROR_MAX];
	if (!parse_address(address, &addr, error, sizeof error))
		return -1;
	for (int m = 0; m < c->cluster.n; m++) {
		if (cl_same_addr(&c->servers[m].addr, &addr))
			return m;
	}
	return -1;
}

// ---- members ---------------------------------------------------------------------------

static const struct ep_wire_member *member_at(const struct ep_wire_welcome *w, uint32_t k)
{
	return (const struct ep_wire_member *)(const void *)((const uint8_t *)(w + 1) +
							     k * sizeof(struct ep_wire_member));
}

// The column of the first named server that is a member.
static uint8_t first_named(const struct pnyx *c, uint8_t otherwise)
{
	for (uint32_t k = 0; k < c->named_count; k++) {
		for (uint8_t m = 0; m < c->cluster.n; m++) {
			if (cl_same_addr(&c->named[k], &c->servers[m].addr))
				return m;
		}
	}
	return otherwise;
}

void pnyx_prefer(struct pnyx *c, int server)
{
	if (server < c->cluster.n)
		c->cluster.preferred = server >= 0 ? (uint8_t)server : first_named(c, 0);
}

// map[old column]: where that member is now, or some column when it is none any more.
static void map_columns(const struct pnyx *c, const struct ep_wire_welcome *w,
			uint8_t map[EP_MEMBERS_MAX])
{
	for (uint32_t old = 0; old < EP_MEMBERS_MAX; old++) {
		map[old] = (uint8_t)(old % w->n);
		for (uint8_t k = 0; old < c->cluster.n && k < w->n; k++) {
			if (memcmp(c->cluster.members[old].uuid, member_at(w, k)->uuid, 16) == 0)
				map[old] = k;
		}
	}
}

static void set_members(struct pnyx *c, const struct ep_wire_welcome *w)
{
	c->cluster.n = w->n;
	for (uint8_t k = 0; k < w->n; k++) {
		const struct ep_wire_member *from = member_at(w, k);
		struct pnyx_member *to = &c->cluster.members[k];
		*to = (struct pnyx_member){.port = from->port};
		memcpy(to->uuid, from->uuid, sizeof to->uuid);
		memcpy(to->ip, from->ip, sizeof to->ip);
		struct cl_server *s = &c->servers[k];
		s->addr =
		    (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(from->port)};
		memcpy(&s->addr.sin_addr, from->ip, sizeof from->ip);
		s->heard_ns = c->now;
		s->srtt_ns = s->rttvar_ns = 0;
	}
}

bool cl_adopt(struct pnyx *c, uint64_t cluster, const struct ep_wire_welcome *w)
{
	uint8_t map[EP_MEMBERS_MAX];
	uint32_t room =
	    w->frame_max - (uint32_t)(sizeof(struct ep_wire_header) + sizeof(struct ep_msg));

	if (c->options.cluster != 0 && cluster != c->options.cluster) {
		cl_error(c, "the server belongs to cluster %llu, not to %llu",
			 (unsigned long long)cluster, (unsigned long long)c->options.cluster);
		return false;
	}
	if (w->command_max + sizeof(struct ep_wire_command) > room || w->result_max > room) {
		cl_error(c, "the server's limits contradict its frame_max");
		return false;
	}
	if (c->hello_done && w->frame_max != c->cluster.frame_max) {
		cl_error(c, "epoch %u has another frame_max: connect again", w->epoch);
		return false;
	}
	cl_net_flush(c);
	map_columns(c, w, map);
	set_members(c, w);
	c->cluster.id = cluster;
	c->cluster.epoch = w->epoch;
	c->cluster.config_hash = w->config_hash;
	c->cluster.frame_max = w->frame_max;
	c->cluster.command_max = w->command_max;
	c->cluster.result_max = w->result_max;
	c->cluster.kept_max = w->kept_max;
	if (!c->hello_done) {
		c->cluster.preferred = first_named(c, w->self);
		return true;
	}
	c->cluster.preferred = map[c->cluster.preferred];
	for (uint32_t k = 0; k < c->requests_count; k++)
		c->requests[k].server = map[c->requests[k].server];
	cl_session_remap(c, map);
	return true;
}

// ---- connecting ------------------------------------------------------------------------

static bool check_options(struct pnyx_options *o, char *error, size_t size)
{
	if (o->ops_max < 1 || o->ops_max > CL_OPS_MAX)
		return fail(error, size, "ops_max is %u, allowed is 1 to %d", o->ops_max,
			    CL_OPS_MAX);
	if (o->sessions_max == 0)
		o->sessions_max = o->ops_max;
	if (o->sessions_max > CL_OPS_MAX)
		return fail(error, size, "sessions_max is %u, allowed is 1 to %d", o->sessions_max,
			    CL_OPS_MAX);
	if (o->deadline_ms < 1 || o->deadline_ms > 3600000)
		return fail(error, size, "deadline_ms is %u, allowed is 1 to 3600000",
			    o->deadline_ms);
	if (o->rto_min_ms < 1 || o->rto_min_ms > 60000)
		return fail(error, size, "rto_min_ms is %u, allowed is 1 to 60000", o->rto_min_ms);
	if (o->tries_max < 1 || o->tries_max > 100)
		return fail(error, size, "tries_max is %u, allowed is 1 to 100", o->tries_max);
	return true;
}

// Buffers that are needed before the members are known.
static bool make_buffers(struct pnyx *c)
{
	uint8_t *tx = calloc(CL_BURST, EP_FRAME_MAX_MAX);
	c->rx = calloc(CL_BURST, EP_FRAME_MAX_MAX + 1);
	c->memory[0] = tx;
	c->memory[1] = c->rx;
	if (tx == NULL || c->rx == NULL)
		return false;
	for (uint32_t k = 0; k < CL_BURST; k++)
		c->tx[k].frame = tx + (size_t)k * EP_FRAME_MAX_MAX;
	return true;
}

static uint32_t thread_free(struct pnyx *c, uint32_t from, uint32_t to, uint8_t *bodies,
			    uint32_t cap, bool is_small)
{
	for (uint32_t k = from; k < to; k++) {
		struct cl_request *r = &c->requests[k];
		r->body = bodies + (size_t)(k - from) * cap;
		r->body_cap = cap;
		r->heap_at = CL_NONE;
		r->is_small = is_small;
		r->next = k + 1 < to ? k + 1 : CL_NONE;
	}
	return from;
}

// Slots for requests and sessions. Twice ops_max: an answer stays readable while its successor is
// in flight.
static bool make_slots(struct pnyx *c)
{
	uint32_t big = 2 * c->options.ops_max + CL_LOOK_SLOTS;
	uint32_t small = c->options.sessions_max + CL_SMALL_EXTRA;
	uint32_t count = big + small;

	c->requests = calloc(count, sizeof *c->requests);
	c->heap = calloc(count, sizeof *c->heap);
	c->sessions = calloc(c->options.sessions_max, sizeof *c->sessions);
	c->memory[2] = c->requests;
	c->memory[3] = c->heap;
	c->memory[4] = c->sessions;
	uint8_t *bodies =
	    calloc(1, (size_t)big * c->cluster.frame_max + (size_t)small * CL_SMALL_BODY);
	c->bodies = bodies;
	if (c->requests == NULL || c->heap == NULL || c->sessions == NULL || bodies == NULL)
		return false;
	c->requests_count = count;
	c->free_big = thread_free(c, 0, big, bodies, c->cluster.frame_max, false);
	c->free_small = thread_free(c, big, count, bodies + (size_t)big * c->cluster.frame_max,
				    CL_SMALL_BODY, true);
	for (uint32_t k = 0; k < c->options.sessions_max; k++)
		c->sessions[k].next = k + 1 < c->options.sessions_max ? k + 1 : CL_NONE;
	c->vacant = 0;
	c->sessions_cap = c->options.sessions_max;
	return true;
}

static void send_hello(struct pnyx *c)
{
	for (uint32_t k = 0; k < c->named_count; k++) {
		struct cl_tx *tx = cl_net_frame(c, EP_FRAME_REQUEST, &c->named[k]);
		struct ep_msg *m =
		    ep_wire_append(tx->frame, &tx->len, EP_FRAME_MAX_MIN, EP_C_HELLO, sizeof *m);
		m->i = ++c->serial << CL_SLOT_BITS;
	}
	cl_net_flush(c);
}

// Asks the named servers until one answers. The question names no cluster, so that a wrong one can
// say which it is.
static bool hello(struct pnyx *c, char *error, size_t size)
{
	uint64_t end = cl_clock() + c->deadline_ns;
	uint64_t wait = HELLO_NS;
	uint64_t next = 0;

	for (c->now = cl_clock(); !c->hello_done && c->now < end; c->now = cl_clock()) {
		if (c->now >= next) {
			send_hello(c);
			next = c->now + wait;
			wait = cl_min(2 * wait, CL_SECOND);
		}
		cl_net_wait(c, cl_min(next, end));
		cl_net_receive(c);
	}
	if (c->hello_done)
		return true;
	if (c->error[0] != 0)
		return fail(error, size, "%s", c->error);
	return fail(error, size, "no answer from %s within %u ms%s%s", c->options.servers,
		    c->options.deadline_ms, c->send_errno != 0 ? ": " : "",
		    c->send_errno != 0 ? strerror(c->send_errno) : "");
}

static void destroy(struct pnyx *c)
{
	if (c->fd >= 0)
		close(c->fd);
	for (size_t k = 0; k < sizeof c->memory / sizeof c->memory[0]; k++)
		free(c->memory[k]);
	free(c->bodies);
	free(c);
}

static bool start(struct pnyx *c, char *error, size_t size)
{
	uint64_t seeds[3];
	if (getrandom(seeds, sizeof seeds, 0) != (ssize_t)sizeof seeds)
		return fail(error, size, "no random numbers: %s", strerror(errno));
	c->incarnation = seeds[0] | 1;
	c->random = seeds[1];
	c->serial = seeds[2] >> (CL_SLOT_BITS + 1); // never wraps, never 0 for long
	c->probe_ns = UINT64_MAX;
	c->free_big = c->free_small = c->vacant = CL_NONE;
	for (uint32_t m = 0; m < EP_MEMBERS_MAX; m++)
		c->servers[m].open_frame = c->servers[m].idle = CL_NONE;

	if (!check_options(&c->options, error, size) ||
	    !parse_servers(c, c->options.servers, error, size) ||
	    !cl_net_open(c, c->options.bind, error, size))
		return false;
	c->deadline_ns = c->options.deadline_ms * CL_MS;
	if (!make_buffers(c))
		return fail(error, size, "out of memory");
	if (!hello(c, error, size))
		return false;
	c->error[0] = 0;
	return make_slots(c) || fail(error, size, "out of memory");
}

struct pnyx *pnyx_connect(const struct pnyx_options *options, char *error, size_t size)
{
	struct pnyx *c = calloc(1, sizeof *c);
	if (c == NULL) {
		fail(error, size, "out of memory");
		return NULL;
	}
	c->fd = -1;
	c->options = *options;
	if (!start(c, error, size)) {
		destroy(c);
		return NULL;
	}
	c->options.servers = c->options.bind = NULL; // the caller's memory
	return c;
}

// ---- closing ---------------------------------------------------------------------------

// What the user did not wait for is forgotten; its sessions stay in use, as nobody knows what the
// update did.
static void drop_requests(struct pnyx *c)
{
	c->done = c->handed = (struct cl_list){0};
	for (uint8_t m = 0; m < EP_MEMBERS_MAX; m++)
		c->servers[m].waiting = (struct cl_list){0};
	for (uint32_t k = 0; k < c->requests_count; k++) {
		if (!c->requests[k].is_small && c->requests[k].state != CL_FREE)
			cl_request_free(c, &c->requests[k]);
	}
}

// Starts to end sessions as far as slots are free; false when none is left.
static bool expire_more(struct pnyx *c, uint64_t end)
{
	uint64_t wait = end > c->now ? end - c->now : 0;
	for (uint32_t k = 0; k < c->options.sessions_max; k++) {
		struct cl_session *s = &c->sessions[k];
		if (s->state != CL_IDLE && s->state != CL_IN_USE)
			continue;
		if (c->small_used >= CL_FLIGHT_MAX)
			return true;
		if (s->state == CL_IN_USE && !cl_session_expire(c, &s->id, s->seq - 1, wait))
			return true;
		s->state = CL_IDLE;
		if (!cl_session_expire(c, &s->id, s->seq, wait))
			return true;
		s->state = CL_VACANT;
	}
	return false;
}

void pnyx_close(struct pnyx *c)
{
	if (c == NULL)
		return;
	c->now = cl_clock();
	uint64_t end = c->now + CL_CLOSE_NS + c->sessions_used * CL_MS;
	drop_requests(c);
	while (c->now < end) {
		bool is_more = expire_more(c, end);
		cl_net_flush(c);
		if (!is_more && c->small_used == 0)
			break;
		cl_turn(c, end);
	}
	destroy(c);
}
