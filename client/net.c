// The socket and the frames: several requests to one member share a datagram, several datagrams a
// system call.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "client/internal.h"

#define SOCKET_BUFFER (4 << 20) // bytes; the kernel may grant less

bool cl_net_open(struct pnyx *c, const char *bind_ip, char *error, size_t size)
{
	struct sockaddr_in local = {.sin_family = AF_INET};
	int want = SOCKET_BUFFER;

	if (bind_ip != NULL && inet_pton(AF_INET, bind_ip, &local.sin_addr) != 1) {
		snprintf(error, size, "bind address \"%s\" is not an IPv4 address", bind_ip);
		return false;
	}
	c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		snprintf(error, size, "cannot make a UDP socket: %s", strerror(errno));
		return false;
	}
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof want);
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof want);
	if (bind(c->fd, (const struct sockaddr *)&local, sizeof local) != 0) {
		snprintf(error, size, "cannot send from %s: %s",
			 bind_ip != NULL ? bind_ip : "any address", strerror(errno));
		return false;
	}
	return true;
}

bool cl_same_addr(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

const char *cl_addr_text(const struct sockaddr_in *a, char *text, size_t size)
{
	char ip[INET_ADDRSTRLEN];
	snprintf(text, size, "%s:%u", inet_ntop(AF_INET, &a->sin_addr, ip, sizeof ip),
		 ntohs(a->sin_port));
	return text;
}

struct cl_tx *cl_net_frame(struct pnyx *c, enum ep_frame_kind kind, const struct sockaddr_in *to)
{
	if (c->tx_count == CL_BURST)
		cl_net_flush(c);
	struct cl_tx *tx = &c->tx[c->tx_count++];
	tx->to = *to;
	tx->len = ep_wire_begin(tx->frame, kind, EP_SENDER_CLIENT, c->cluster.id, c->cluster.epoch);
	((struct ep_wire_header *)(void *)tx->frame)->incarnation = c->incarnation;
	return tx;
}

struct ep_msg *cl_net_append(struct pnyx *c, uint8_t server, enum ep_msg_type type, uint32_t len)
{
	struct cl_server *s = &c->servers[server];
	if (s->open_frame != CL_NONE) {
		struct cl_tx *tx = &c->tx[s->open_frame];
		struct ep_msg *m =
		    ep_wire_append(tx->frame, &tx->len, c->cluster.frame_max, type, len);
		if (m != NULL)
			return m;
	}
	struct cl_tx *tx = cl_net_frame(c, EP_FRAME_REQUEST, &s->addr);
	((struct ep_wire_header *)(void *)tx->frame)->frame_seq = ++s->frame_seq;
	s->open_frame = (uint32_t)(tx - c->tx);
	return ep_wire_append(tx->frame, &tx->len, c->cluster.frame_max, type, len);
}

void cl_net_flush(struct pnyx *c)
{
	struct mmsghdr messages[CL_BURST];
	struct iovec parts[CL_BURST];

	if (c->tx_count == 0)
		return;
	for (uint32_t k = 0; k < c->tx_count; k++) {
		struct cl_tx *tx = &c->tx[k];
		ep_wire_seal(tx->frame, tx->len);
		parts[k] = (struct iovec){tx->frame, tx->len};
		messages[k] = (struct mmsghdr){.msg_hdr = {.msg_name = &tx->to,
							   .msg_namelen = sizeof tx->to,
							   .msg_iov = &parts[k],
							   .msg_iovlen = 1}};
	}
	for (uint32_t sent = 0; sent < c->tx_count;) {
		int count = sendmmsg(c->fd, messages + sent, c->tx_count - sent, 0);
		if (count > 0) {
			sent += (uint32_t)count;
			c->counters.frames_out += (uint64_t)count;
			continue;
		}
		if (errno == EINTR)
			continue;
		c->send_errno = errno; // the datagram counts as lost: its requests are sent again
		c->counters.send_failed++;
		sent++;
	}
	c->tx_count = 0;
	for (uint32_t m = 0; m < EP_MEMBERS_MAX; m++)
		c->servers[m].open_frame = CL_NONE;
}

uint32_t cl_net_receive(struct pnyx *c)
{
	const uint32_t room = EP_FRAME_MAX_MAX + 1; // one more: a longer datagram shows as too long
	struct mmsghdr messages[CL_BURST];
	struct iovec parts[CL_BURST];
	struct sockaddr_in from[CL_BURST];
	uint32_t total = 0;
	int count;

	do {
		for (uint32_t k = 0; k < CL_BURST; k++) {
			parts[k] = (struct iovec){c->rx + (size_t)k * room, room};
			messages[k] = (struct mmsghdr){.msg_hdr = {.msg_name = &from[k],
								   .msg_namelen = sizeof from[k],
								   .msg_iov = &parts[k],
								   .msg_iovlen = 1}};
		}
		count = recvmmsg(c->fd, messages, CL_BURST, MSG_DONTWAIT, NULL);
		if (count <= 0)
			break;
		c->now = cl_clock();
		for (int k = 0; k < count; k++)
			cl_on_frame(c, parts[k].iov_base, messages[k].msg_len, &from[k]);
		total += (uint32_t)count;
	} while (count == CL_BURST && total < 8 * CL_BURST); // timers get their turn
	return total;
}

void cl_net_wait(const struct pnyx *c, uint64_t until_ns)
{
	struct pollfd fd = {.fd = c->fd, .events = POLLIN};
	uint64_t now = cl_clock();

	if (c->options.is_busy || until_ns <= now)
		return;
	uint64_t wait = cl_min(until_ns - now, 3600 * CL_SECOND);
	struct timespec t = {(time_t)(wait / CL_SECOND), (long)(wait % CL_SECOND)};
	(void)ppoll(&fd, 1, &t, NULL);
}
