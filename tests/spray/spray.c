// Sends garbage to a live replica at a steady rate and says what the replica must have counted.
//
// Usage: spray FRAMES RATE SEED IP [MEMBER-IP]. FRAMES in all, RATE a second; MEMBER-IP: the address of the member that some
// frames claim to come from (needs CAP_NET_ADMIN; without it none do). After each batch an echo is waited for, so that no
// frame is lost on the way to the port. Prints one JSON object; exit code 1 when the replica stopped answering.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "tests/spray/frames.h"

#define BATCH 64
#define TRIES 50
#define WAIT_MS 200

static struct sockaddr_in target_address;
static int client_fd, member_fd = -1;
static uint64_t answers; // to frames that should have had none

static void die(const char *what)
{
	fprintf(stderr, "spray: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct sockaddr_in address_of(const char *ip)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(EP_UDP_PORT)};
	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		fprintf(stderr, "spray: '%s' is no IPv4 address\n", ip);
		exit(2);
	}
	return a;
}

// A socket that sends from an address which is not ours.
static int open_as_member(const char *ip)
{
	struct sockaddr_in from = address_of(ip);
	int on = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on) != 0 ||
	    bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
		die("cannot send from a member's address");
	return fd;
}

static void send_frame(int fd, const uint8_t *data, uint32_t len)
{
	while (sendto(fd, data, len, 0, (struct sockaddr *)&target_address, sizeof target_address) < 0)
		if (errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
			die("send");
}

// Waits for a frame of this kind and (when not 0) sequence; counts others. False after WAIT_MS.
static bool wait_for(enum ep_frame_kind kind, uint64_t sequence, uint8_t *data, uint32_t *len)
{
	const struct ep_wire_header *h = (const struct ep_wire_header *)(void *)data;
	uint64_t end_ns = now_ns() + WAIT_MS * 1000000ull;
	struct pollfd p = {.fd = client_fd, .events = POLLIN};
	while (now_ns() < end_ns) {
		if (poll(&p, 1, 10) <= 0)
			continue;
		ssize_t got = recv(client_fd, data, FRAME_ROOM, 0);
		if (got < 0 || ep_wire_check(data, (uint32_t)got) != EP_DROP_NONE)
			continue;
		*len = (uint32_t)got;
		if (h->kind == kind && (sequence == 0 || h->frame_seq == sequence))
			return true;
		if (h->kind != EP_FRAME_ECHO_REPLY) // a late echo is no answer
			answers++;
	}
	return false;
}

static struct target ask_target(void)
{
	uint8_t data[FRAME_ROOM];
	for (int k = 0; k < TRIES; k++) {
		uint32_t len = ep_wire_begin(data, EP_FRAME_REQUEST, EP_SENDER_CLIENT, 0, 0);
		ep_wire_append(data, &len, FRAME_ROOM, EP_C_HELLO, sizeof(struct ep_msg));
		ep_wire_seal(data, len);
		send_frame(client_fd, data, len);
		if (!wait_for(EP_FRAME_REPLY, 0, data, &len))
			continue;
		const struct ep_wire_header *h = (const struct ep_wire_header *)(void *)data;
		const struct ep_msg *msg = ep_wire_msg(data, sizeof *h);
		const struct ep_wire_welcome *w = (const struct ep_wire_welcome *)(const void *)(msg + 1);
		if (msg->type == EP_C_WELCOME && msg->len >= sizeof *msg + sizeof *w)
			return (struct target){h->cluster, w->epoch, w->config_hash, w->n, w->self};
	}
	fprintf(stderr, "spray: nobody answers\n");
	exit(1);
}

// True when the replica has taken everything that was sent before.
static bool is_drained(const struct target *t, uint64_t sequence)
{
	uint8_t data[FRAME_ROOM];
	for (int k = 0; k < TRIES; k++) {
		uint32_t len = ep_wire_begin(data, EP_FRAME_ECHO, EP_SENDER_CLIENT, t->cluster, t->epoch);
		((struct ep_wire_header *)(void *)data)->frame_seq = sequence;
		ep_wire_seal(data, len);
		send_frame(client_fd, data, len);
		if (wait_for(EP_FRAME_ECHO_REPLY, sequence, data, &len))
			return true;
	}
	return false;
}

static void sleep_until(uint64_t when_ns)
{
	struct timespec t = {(time_t)(when_ns / 1000000000u), (long)(when_ns % 1000000000u)};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void print_result(const uint64_t *counts, uint64_t sent, bool is_alive, double seconds)
{
	printf("{\"sent\": %llu, \"alive\": %s, \"answers\": %llu, \"seconds\": %.3f, \"drops\": {", (unsigned long long)sent,
	       is_alive ? "true" : "false", (unsigned long long)answers, seconds);
	for (int why = 1; why < EP_DROP_REASONS; why++)
		printf("%s\"%s\": %llu", why > 1 ? ", " : "", ep_drop_names[why], (unsigned long long)counts[why]);
	puts("}}");
}

int main(int argc, char **argv)
{
	static struct garbage g;
	uint64_t counts[EP_DROP_REASONS] = {0}, sent = 0;
	if (argc < 5 || argc > 6) {
		fprintf(stderr, "Usage: spray FRAMES RATE SEED IP [MEMBER-IP]\n");
		return 2;
	}
	uint64_t frames = strtoull(argv[1], NULL, 10), rate = strtoull(argv[2], NULL, 10), random = strtoull(argv[3], NULL, 10);
	target_address = address_of(argv[4]);
	client_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (client_fd < 0 || rate == 0)
		die("socket, or a rate of 0");
	if (argc == 6)
		member_fd = open_as_member(argv[5]);
	struct target target = ask_target();
	uint64_t start_ns = now_ns();
	bool is_alive = true;
	while (sent < frames && is_alive) {
		garbage_next(&g, &target, &random);
		if (g.is_from_member && member_fd < 0)
			continue;
		send_frame(g.is_from_member ? member_fd : client_fd, g.data, g.len);
		counts[g.why]++;
		sent++;
		if (sent % BATCH != 0 && sent != frames)
			continue;
		is_alive = is_drained(&target, sent);
		sleep_until(start_ns + sent * 1000000000u / rate);
	}
	print_result(counts, sent, is_alive, (double)(now_ns() - start_ns) / 1e9);
	return is_alive ? 0 : 1;
}
