// All members of a configuration in one process over loopback sockets: a real core behind real UDP,
// for tests of clients.
//
// Usage: loopback FILE. Members need loopback addresses. Prints "ready" once and serves until it is
// killed.
#define _GNU_SOURCE // ppoll
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "client/config/config.h"
#include "consensus/epaxos.h"

#define FRAMES (4 * EP_STEP_FRAMES_MAX)

struct node {
	int fd;
	struct ep_replica *replica;
	struct ep_frame frames[FRAMES];
	struct ep_effects effects;
};

static struct pnyx_config config;
static struct node nodes[EP_MEMBERS_MAX];

static ep_time now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (ep_time)t.tv_sec * 1000000000u + (ep_time)t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static struct sockaddr_in socket_address(const uint8_t *ip, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	memcpy(&a.sin_addr, ip, 4);
	return a;
}

static void fill_config(struct ep_config *c, uint8_t self)
{
	*c = (struct ep_config){.n = (uint8_t)config.first_count};
	ep_config_defaults(c);
	c->cluster = config.cluster.id;
	c->epoch = 1;
	c->self = self;
	c->hash_seed = config.cluster.hash_seed;
	c->frame_max = config.cluster.frame_max;
	c->seed = self + 1u;
	if (config.replica.window != 0)
		c->window = config.replica.window;
	if (config.replica.own_max != 0)
		c->own_max = config.replica.own_max;
	if (config.replica.sessions_max != 0)
		c->sessions_max = config.replica.sessions_max;
	if (config.replica.app_capacity != 0)
		c->app_capacity = config.replica.app_capacity;
	for (uint32_t m = 0; m < config.first_count; m++) {
		const struct pnyx_config_member *from = &config.members[m];
		struct ep_member *to = &c->members[m];
		memcpy(to->uuid, from->uuid, sizeof to->uuid);
		memcpy(to->ip, from->address.ip, sizeof to->ip);
		to->port = from->address.port;
		to->incarnation = from->incarnation;
	}
}

static void start(struct node *node, uint8_t self)
{
	static struct ep_config c;
	fill_config(&c, self);
	const char *wrong = ep_config_check(&c);
	if (wrong != NULL) {
		fprintf(stderr, "loopback: %s\n", wrong);
		exit(2);
	}
	size_t size = (ep_replica_size(&c) + 63) / 64 * 64;
	void *arena = aligned_alloc(64, size);
	if (arena == NULL)
		die("arena");
	memset(arena, 0, size);
	enum ep_attach attach = ep_replica_init(arena, size, &c, &node->replica);
	if (attach != EP_ATTACH_OK) {
		fprintf(stderr, "loopback: init says %d\n", (int)attach);
		exit(2);
	}
	node->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in a = socket_address(c.members[self].ip, c.members[self].port);
	if (node->fd < 0 || bind(node->fd, (struct sockaddr *)&a, sizeof a) != 0)
		die("bind");
	for (int f = 0; f < FRAMES; f++) {
		node->frames[f].data = malloc(c.frame_max);
		if (node->frames[f].data == NULL)
			die("frame");
	}
	node->effects = (struct ep_effects){.frames = node->frames, .count = FRAMES};
	ep_effects_reset(&node->effects);
}

static void flush(struct node *node)
{
	for (uint32_t f = 0; f < node->effects.used; f++) {
		struct ep_frame *frame = &node->frames[f];
		const struct pnyx_config_address *m =
		    frame->member == EP_CLIENT ? NULL : &config.members[frame->member].address;
		struct sockaddr_in to = m != NULL ? socket_address(m->ip, m->port)
						  : socket_address(frame->to.ip, frame->to.port);
		ep_seal(node->replica, frame);
		ep_wire_seal(frame->data, frame->len);
		(void)sendto(node->fd, frame->data, frame->len, 0, (struct sockaddr *)&to,
			     sizeof to);
		frame->len = 0;
	}
	node->effects.used = 0;
	ep_effects_reset(&node->effects);
}

static uint8_t member_at(const struct sockaddr_in *from)
{
	for (uint32_t m = 0; m < config.first_count; m++) {
		const struct pnyx_config_address *a = &config.members[m].address;
		if (memcmp(&from->sin_addr, a->ip, 4) == 0 && ntohs(from->sin_port) == a->port)
			return (uint8_t)m;
	}
	return EP_CLIENT;
}

static bool answer_echo(struct node *node, uint8_t *data, uint32_t len,
			const struct sockaddr_in *from)
{
	struct ep_wire_header *h = (struct ep_wire_header *)(void *)data;
	if (ep_wire_check(data, len) != EP_DROP_NONE || h->kind != EP_FRAME_ECHO)
		return false;
	h->kind = EP_FRAME_ECHO_REPLY;
	ep_wire_seal(data, len);
	(void)sendto(node->fd, data, len, 0, (const struct sockaddr *)from, sizeof *from);
	return true;
}

static bool receive(struct node *node)
{
	static uint8_t data[EP_FRAME_MAX_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	ssize_t len = recvfrom(node->fd, data, sizeof data, 0, (struct sockaddr *)&from, &from_len);
	if (len < 0)
		return false;
	if (answer_echo(node, data, (uint32_t)len, &from))
		return true;
	struct ep_source source = {.addr.port = ntohs(from.sin_port), .member = member_at(&from)};
	struct ep_view view = {.data = data, .len = (uint32_t)len};
	memcpy(source.addr.ip, &from.sin_addr, 4);
	while (!ep_receive(node->replica, now_ns(), &source, &view, &node->effects))
		flush(node);
	flush(node);
	return true;
}

static bool turn(struct node *node)
{
	bool is_busy = false;
	uint64_t start_ns = now_ns();
	for (int i = 0; i < 32 && receive(node); i++)
		is_busy = true;
	if (ep_deadline(node->replica) <= now_ns()) {
		ep_tick(node->replica, now_ns(), &node->effects);
		flush(node);
	}
	struct ep_shell_counters *shell = ep_shell(node->replica);
	shell->turns++;
	shell->turns_busy += is_busy;
	shell->cycles_busy += is_busy ? now_ns() - start_ns : 0; // nanoseconds stand for cycles
	shell->tsc_hz = 1000000000;
	return is_busy;
}

int main(int argc, char **argv)
{
	char error[PNYX_CONFIG_ERROR_MAX];
	if (argc != 2 || !pnyx_config_load(argv[1], NULL, &config, error, sizeof error)) {
		fprintf(stderr, "loopback: %s\n", argc != 2 ? "usage: loopback FILE" : error);
		return 2;
	}
	for (uint8_t m = 0; m < config.first_count; m++)
		start(&nodes[m], m);
	puts("ready");
	fflush(stdout);
	for (;;) {
		bool is_busy = false;
		struct pollfd waits[EP_MEMBERS_MAX];
		for (uint32_t m = 0; m < config.first_count; m++) {
			is_busy = turn(&nodes[m]) || is_busy;
			waits[m] = (struct pollfd){.fd = nodes[m].fd, .events = POLLIN};
		}
		struct timespec pause = {0, 200000};
		if (!is_busy)
			ppoll(waits, config.first_count, &pause, NULL);
	}
}
