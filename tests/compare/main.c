// compare-load: a closed loop of puts and gets against Redis or etcd, the mix of `pnyx bench`; prints one JSON object.
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "client/cli/histogram.h"
#include "consensus/base/rng.h"
#include "tests/compare/load.h"

#define CONNECTIONS_MAX 256
#define PATIENCE_MS 10000

static struct {
	uint64_t outstanding, seconds, keys, reads, connections;
	bool is_preloaded;
	const struct protocol *protocol;
	char *addresses;
} o = {.outstanding = 64, .seconds = 3, .keys = 10000, .connections = 1};

static struct connection *connections[CONNECTIONS_MAX];
static uint64_t count, turn, in_flight, preloaded, began, ended, failed, random_state = 1;
static struct histogram latency;
char load_value[VALUE_MAX];
size_t load_value_len = 64;

void load_die(const char *why)
{
	fprintf(stderr, "compare-load: %s\n", why);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

size_t load_key(const struct op *op, char key[KEY_MAX])
{
	return (size_t)snprintf(key, KEY_MAX, "k%" PRIu64, op->key);
}

void load_out(struct connection *c, const void *bytes, size_t len)
{
	if (len > sizeof c->out - c->out_len)
		load_die("the other side takes nothing");
	memcpy(c->out + c->out_len, bytes, len);
	c->out_len += len;
}

// What comes next: each key once, where that is asked for, then the mix until its time is over. False then.
static bool next(struct op *op)
{
	uint64_t start = now();
	*op = (struct op){.start = start, .is_open = true};
	if (o.is_preloaded && preloaded < o.keys) {
		op->key = preloaded++;
		return true;
	}
	began = began == 0 ? start : began;
	if (start - began >= o.seconds * 1000000000)
		return false;
	op->is_measured = true;
	op->is_get = ep_random(&random_state) % 100 < o.reads;
	op->key = ep_random(&random_state) % o.keys;
	return true;
}

static void issue(struct connection *c)
{
	struct op *op = &c->ops[c->asked % OPS_MAX];
	if (op->is_open)
		load_die("an operation stays without an answer");
	if (!next(op)) {
		op->is_open = false;
		return;
	}
	c->asked++;
	in_flight++;
	o.protocol->ask(c, op);
}

void load_done(struct connection *c, struct op *op, bool is_good)
{
	if (!op->is_open)
		load_die("an answer to nothing");
	op->is_open = false;
	in_flight--;
	failed += !is_good;
	if (op->is_measured && is_good) {
		ended = now();
		histogram_add(&latency, ended - op->start);
	}
	// Fewer operations than connections visit all of them in turn.
	issue(o.outstanding < count ? connections[turn++ % count] : c);
}

static struct connection *open_connection(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(o.protocol->port)};
	struct connection *c = calloc(1, sizeof *c);
	int one = 1;
	if (c == NULL || inet_pton(AF_INET, address, &to.sin_addr) != 1)
		load_die("no memory, or not an address");
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
		load_die(strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	o.protocol->greet(c);
	return c;
}

static void flush(struct connection *c)
{
	size_t sent = 0;
	while (sent < c->out_len) {
		ssize_t n = send(c->fd, c->out + sent, c->out_len - sent, MSG_NOSIGNAL);
		if (n < 0)
			load_die(strerror(errno));
		sent += (size_t)n;
	}
	c->out_len = 0;
}

static void receive(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		load_die(n == 0 ? "the server closed the connection" : strerror(errno));
	c->in_len += (size_t)n;
	size_t used = o.protocol->take(c, c->in, c->in_len);
	memmove(c->in, c->in + used, c->in_len - used);
	c->in_len -= used;
}

static void run(int ready)
{
	struct epoll_event events[64];
	for (uint64_t i = 0; i < o.outstanding; i++)
		issue(connections[turn++ % count]);
	while (in_flight > 0) {
		for (uint64_t i = 0; i < count; i++)
			if (connections[i]->out_len > 0)
				flush(connections[i]);
		int n = epoll_wait(ready, events, 64, PATIENCE_MS);
		if (n == 0)
			load_die("no answer for ten seconds");
		for (int i = 0; i < n; i++)
			receive(events[i].data.ptr);
	}
}

static const struct argp_option options[] = {
    {"outstanding", 'o', "N", 0, "operations in flight, 1 to 256, default 64", 0},
    {"connections", 'c', "N", 0, "connections to each address, default 1", 0},
    {"seconds", 'd', "N", 0, "default 3", 0},
    {"keys", 'k', "N", 0, "distinct keys, default 10000", 0},
    {"reads", 'R', "PERCENT", 0, "operations that read, default 0", 0},
    {"value-size", 'z', "BYTES", 0, "1 to 1024, default 64", 0},
    {"preload", 'P', NULL, 0, "write every key once first", 0},
    {0},
};

static void set_number(struct argp_state *state, const char *arg, uint64_t min, uint64_t max, uint64_t *to)
{
	char *end;
	*to = strtoull(arg, &end, 10);
	if (*end != 0 || *to < min || *to > max)
		argp_error(state, "a number from %" PRIu64 " to %" PRIu64 ", not '%s'", min, max, arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	uint64_t size = 0;
	switch (key) {
	case 'o':
		set_number(state, arg, 1, OUTSTANDING_MAX, &o.outstanding);
		return 0;
	case 'c':
		set_number(state, arg, 1, CONNECTIONS_MAX, &o.connections);
		return 0;
	case 'd':
		set_number(state, arg, 1, 3600, &o.seconds);
		return 0;
	case 'k':
		set_number(state, arg, 1, 100000000, &o.keys);
		return 0;
	case 'R':
		set_number(state, arg, 0, 100, &o.reads);
		return 0;
	case 'z':
		set_number(state, arg, 1, VALUE_MAX, &size);
		load_value_len = size;
		return 0;
	case 'P':
		o.is_preloaded = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			o.protocol = strcmp(arg, "redis") == 0  ? &redis_protocol
				     : strcmp(arg, "etcd") == 0 ? &etcd_protocol
								: NULL;
		else
			o.addresses = arg;
		return state->arg_num < 2 ? 0 : ARGP_ERR_UNKNOWN;
	case ARGP_KEY_END:
		if (o.protocol == NULL || o.addresses == NULL)
			argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {options, parse, "redis|etcd ADDRESS[,ADDRESS...]",
					 "Puts and gets in a closed loop, measured.", NULL, NULL, NULL};
	int ready = epoll_create1(EPOLL_CLOEXEC);
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	memset(load_value, 'x', load_value_len);
	histogram_reset(&latency);
	random_state = now();
	for (char *a = strtok(o.addresses, ","); a != NULL; a = strtok(NULL, ","))
		for (uint64_t i = 0; i < o.connections; i++) {
			if (count == CONNECTIONS_MAX)
				load_die("too many connections");
			struct connection *c = connections[count++] = open_connection(a);
			struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
			if (epoll_ctl(ready, EPOLL_CTL_ADD, c->fd, &event) != 0)
				load_die(strerror(errno));
		}
	run(ready);
	double seconds = (double)(ended - began) / 1e9;
	printf("{\"ops\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"seconds\": %.3f, \"ops_per_s\": %.1f, "
	       "\"p50_us\": %.1f, \"p99_us\": %.1f}\n",
	       latency.count, failed, seconds, (double)latency.count / seconds,
	       (double)histogram_quantile(&latency, 0.5) / 1e3, (double)histogram_quantile(&latency, 0.99) / 1e3);
	return latency.count > 0 && failed == 0 ? 0 : 1;
}
