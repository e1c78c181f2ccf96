// Echoes beside the load: what the path alone costs while the cluster works. A socket of its own,
// one echo at a time.
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client/cli/bench.h"

#define PROBE_LOST_NS 200000000ULL // an echo is given up after this
#define PROBE_PAUSE_NS 1000000ULL  // between two echoes

bool probe_open(struct probe *p, const struct bench *b)
{
	*p = (struct probe){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
			    .size = (uint32_t)b->o.echo_size};
	if (p->fd < 0)
		return false;
	struct sockaddr_in local = {.sin_family = AF_INET};
	if (b->cli->bind != NULL && (inet_pton(AF_INET, b->cli->bind, &local.sin_addr) != 1 ||
				     bind(p->fd, (struct sockaddr *)&local, sizeof local) != 0)) {
		probe_close(p);
		return false;
	}
	return true;
}

static void send_echo(struct probe *p, const struct bench *b)
{
	static uint8_t frame[EP_FRAME_MAX_MAX];
	const struct pnyx_cluster *cluster = pnyx_cluster(b->cli->client);
	int member =
	    b->o.is_spread || b->cli->server == PNYX_ANY ? p->turn++ % b->n : b->cli->server;
	const struct pnyx_member *m = &cluster->members[member];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(m->port)};
	memcpy(&to.sin_addr, m->ip, 4);
	memset(frame, 0, p->size);
	ep_wire_begin(frame, EP_FRAME_ECHO, EP_SENDER_CLIENT, cluster->id, cluster->epoch);
	struct ep_wire_header *h = (struct ep_wire_header *)(void *)frame;
	h->frame_seq = ++p->number;
	ep_wire_seal(frame, p->size);
	p->sent_ns = bench_now_ns();
	p->is_out =
	    sendto(p->fd, frame, p->size, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)p->size;
}

// Takes all answers; one to the echo that is out ends it.
static void receive(struct probe *p, struct phase *phase)
{
	static uint8_t frame[EP_FRAME_MAX_MAX];
	for (;;) {
		ssize_t len = recv(p->fd, frame, sizeof frame, 0);
		if (len < 0)
			return;
		if (len != (ssize_t)p->size || ep_wire_check(frame, (uint32_t)len) != EP_DROP_NONE)
			continue;
		const struct ep_wire_header *h = (const struct ep_wire_header *)(const void *)frame;
		if (h->kind != EP_FRAME_ECHO_REPLY || h->frame_seq != p->number || !p->is_out)
			continue;
		histogram_add(&phase->echo, bench_now_ns() - p->sent_ns);
		p->is_out = false;
	}
}

void probe_turn(struct probe *p, const struct bench *b, struct phase *phase)
{
	if (p->fd < 0)
		return;
	receive(p, phase);
	uint64_t age = bench_now_ns() - p->sent_ns;
	if (p->is_out && age < PROBE_LOST_NS)
		return;
	phase->echoes_lost += p->is_out;
	p->is_out = false;
	if (age >= PROBE_PAUSE_NS)
		send_echo(p, b);
}

void probe_close(struct probe *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}
