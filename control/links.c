// TCP to the other control planes: each dials all others and speaks on what it dialed; it listens on what others dialed.
//
// Who is heard is bounded: a connection from an address that is no member's is closed at once, one that says nothing sensible soon,
// and of each member the newest one counts. Who does not read what we say loses the connection: a STATE holds all there is, so
// nothing has to be kept for him.
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "control/control.h"
#include "control/log.h"

#define DIAL_NS 200000000ULL    // between two attempts
#define CONNECT_NS 1000000000ULL
#define GUEST_NS 5000000000ULL  // to say HELLO
#define SILENT_NS 5000000000ULL // a member's connection without a STATE

static void close_watched(int *fd, sd_event_source **watch)
{
	sd_event_source_disable_unref(*watch);
	*watch = NULL;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static struct sockaddr_in address_of(const struct pnyx_config_address *a)
{
	struct sockaddr_in s = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	memcpy(&s.sin_addr, a->ip, 4);
	return s;
}

static void set_up(int fd)
{
	int one = 1;
	unsigned timeout_ms = 3000; // unacknowledged for so long: the host is gone
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
}

// ---- speaking
static void hang_up(struct ctl *c, uint32_t m, const char *why)
{
	struct ctl_link *l = &c->links[m];
	if (l->is_up)
		ctl_log(LOG_WARNING, "link-lost", "peer=%s direction=out why=\"%s\"", ctl_name(c, m), why);
	close_watched(&l->out, &l->out_watch);
	l->is_up = false;
	l->next_ns = ctl_now() + DIAL_NS;
}

static void say(struct ctl *c, uint32_t m, const uint8_t *frame, size_t len)
{
	ssize_t sent = send(c->links[m].out, frame, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent != (ssize_t)len)
		hang_up(c, m, sent < 0 ? strerror(errno) : "it does not read");
}

static void say_state(struct ctl *c, uint32_t m)
{
	uint8_t frame[CTL_FRAME_MAX];
	struct ctl_state state = ctl_state_of(c);
	if (c->links[m].is_up)
		say(c, m, frame, ctl_frame_state(frame, &state));
}

void ctl_links_say(struct ctl *c)
{
	c->said_ns = ctl_now();
	for (uint32_t m = 0; m < c->n; m++)
		say_state(c, m);
}

static void greet(struct ctl *c, uint32_t m)
{
	uint8_t frame[CTL_FRAME_MAX];
	const struct pnyx_config_member *me = &c->file.members[c->file.self];
	uint64_t incarnation = c->self < c->n ? c->list.members[c->self].incarnation : me->incarnation;
	struct ctl_hello hello = { .cluster = c->file.cluster.id, .incarnation = incarnation };
	memcpy(hello.uuid, me->uuid, sizeof hello.uuid);
	c->links[m].is_up = true;
	ctl_log(LOG_INFO, "link-up", "peer=%s direction=out", ctl_name(c, m));
	say(c, m, frame, ctl_frame_hello(frame, &hello));
	say_state(c, m);
}

// Connected, or an end; nothing is ever said to us here.
static int on_out(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct ctl *c = arg;
	uint32_t m = 0;
	int error = 0;
	socklen_t len = sizeof error;
	char byte;
	while (m < c->n && c->links[m].out_watch != s)
		m++;
	if (m == c->n)
		return 0;
	if (!c->links[m].is_up && events & EPOLLOUT) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
			hang_up(c, m, strerror(error));
			return 0;
		}
		sd_event_source_set_io_events(s, EPOLLIN);
		greet(c, m);
	} else if (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN) {
		hang_up(c, m, "closed by the peer");
	}
	return 0;
}

static void dial(struct ctl *c, uint32_t m)
{
	struct ctl_link *l = &c->links[m];
	struct sockaddr_in to = ctl_address(c, &c->list.members[m]);
	struct sockaddr_in from = address_of(&c->file.members[c->file.self].control);
	from.sin_port = 0;
	l->out = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->out < 0)
		return;
	set_up(l->out);
	// From the address that the others know us by, if it is one of this host's.
	(void)!bind(l->out, (struct sockaddr *)&from, sizeof from);
	l->next_ns = ctl_now() + CONNECT_NS;
	if ((connect(l->out, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) ||
	    sd_event_add_io(c->event, &l->out_watch, l->out, EPOLLOUT, on_out, c) < 0)
		hang_up(c, m, "");
}

// ---- listening
static void deafen(struct ctl *c, uint32_t m, const char *why)
{
	struct ctl_link *l = &c->links[m];
	if (l->in >= 0)
		ctl_log(LOG_WARNING, "link-lost", "peer=%s direction=in why=\"%s\"", ctl_name(c, m), why);
	close_watched(&l->in, &l->in_watch);
	free(l->input);
	l->input = NULL;
	l->has_state = false;
}

static void on_state(struct ctl *c, uint32_t m, const struct ctl_state *state)
{
	struct ctl_link *l = &c->links[m];
	bool is_news = !l->has_state || l->state.life != state->life || l->state.run != state->run;
	l->state = *state;
	l->has_state = true;
	l->heard_ns = ctl_now();
	if (!is_news)
		return;
	if (state->life >= CTL_LIFE_STOPPED)
		ctl_suspicion_hear_down(&c->suspicion, m, state->run);
	else if (state->life == CTL_LIFE_SERVING)
		ctl_suspicion_hear_up(&c->suspicion, m);
	ctl_replica_order(c); // before the log
	ctl_log(LOG_NOTICE, "peer-state", "peer=%s life=%s restarts=%u at_ns=%llu", ctl_name(c, m), ctl_life_name(state->life), state->restarts,
		(unsigned long long)l->heard_ns);
}

// Reads what is there and hands over whole frames. False: the connection is to be closed, *why says it.
static bool take_in(int fd, uint8_t *input, size_t *len, bool (*on_frame)(void *, const struct ctl_frame *), void *arg, const char **why)
{
	ssize_t got = recv(fd, input + *len, CTL_INPUT_MAX - *len, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	*why = got == 0 ? "closed by the peer" : got < 0 ? strerror(errno) : "what it says is no frame of ours";
	if (got <= 0)
		return false;
	*len += (size_t)got;
	for (size_t at = 0;;) {
		struct ctl_frame frame;
		size_t used = 0;
		enum ctl_parse parse = ctl_frame_parse(input + at, *len - at, &used, &frame);
		if (parse == CTL_PARSE_BAD || (parse == CTL_PARSE_OK && !on_frame(arg, &frame)))
			return false;
		if (parse == CTL_PARSE_MORE) {
			memmove(input, input + at, *len - at);
			*len -= at;
			return true; // a frame is at most half of the buffer: there is room for the rest
		}
		at += used;
	}
}

struct speaker {
	struct ctl *c;
	uint32_t member;
};

static bool on_member_frame(void *arg, const struct ctl_frame *frame)
{
	struct speaker *s = arg;
	if (frame->type == CTL_STATE)
		on_state(s->c, s->member, &frame->state);
	return frame->type == CTL_STATE;
}

static int on_in(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct speaker s = { .c = arg };
	const char *why = "";
	(void)events;
	while (s.member < s.c->n && s.c->links[s.member].in_watch != source)
		s.member++;
	if (s.member < s.c->n && !take_in(fd, s.c->links[s.member].input, &s.c->links[s.member].input_len, on_member_frame, &s, &why))
		deafen(s.c, s.member, why);
	return 0;
}

// ---- guests: connected, and not yet known
static void dismiss(struct ctl_guest *g)
{
	close_watched(&g->fd, &g->watch);
	free(g->input);
	g->input = NULL;
}

// A line a second at most: whoever dials in a loop must not fill the log.
static void refuse(struct ctl *c, struct ctl_guest *g, const char *why)
{
	uint64_t now = ctl_now();
	c->refused++;
	if (now - c->refused_ns >= 1000000000u) {
		ctl_log(LOG_WARNING, "guest-refused", "address=%u.%u.%u.%u why=\"%s\" refused=%llu", g->ip[0], g->ip[1], g->ip[2], g->ip[3], why,
			(unsigned long long)c->refused);
		c->refused_ns = now;
	}
	dismiss(g);
}

struct introduction {
	struct ctl *c;
	struct ctl_guest *guest;
	uint32_t member; // n: not yet introduced
	struct ctl_ask ask;
	bool is_asker; // it came for a state
};

// HELLO names the member; what follows it in the same bytes is the member's already.
static bool on_guest_frame(void *arg, const struct ctl_frame *frame)
{
	struct introduction *in = arg;
	struct ctl *c = in->c;
	if (in->member < c->n)
		return on_member_frame(&(struct speaker){ c, in->member }, frame);
	if (frame->type == CTL_ASK && !in->is_asker) {
		in->is_asker = true;
		in->ask = frame->ask;
		return true;
	}
	if (frame->type != CTL_HELLO || in->is_asker || frame->hello.cluster != c->file.cluster.id)
		return false;
	for (uint32_t m = 0; m < c->n; m++) {
		struct sockaddr_in at = ctl_address(c, &c->list.members[m]);
		if (m == c->self || memcmp(c->list.members[m].uuid, frame->hello.uuid, 16) != 0 || memcmp(&at.sin_addr, in->guest->ip, 4) != 0)
			continue;
		deafen(c, m, "it dialed again");
		in->member = m;
		return true;
	}
	return false;
}

// The guest's socket and buffer become the member's.
static void seat(struct ctl *c, struct ctl_guest *g, uint32_t m)
{
	struct ctl_link *l = &c->links[m];
	sd_event_source_disable_unref(g->watch);
	l->in = g->fd;
	l->input = g->input;
	l->input_len = g->input_len;
	l->heard_ns = ctl_now();
	*g = (struct ctl_guest){ .fd = -1 };
	ctl_log(LOG_INFO, "link-up", "peer=%s direction=in", ctl_name(c, m));
	if (sd_event_add_io(c->event, &l->in_watch, l->in, EPOLLIN, on_in, c) < 0)
		deafen(c, m, "no memory");
}

static int on_guest(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct introduction in = { .c = arg };
	const char *why = "";
	(void)events;
	in.member = in.c->n;
	for (uint32_t k = 0; k < CTL_GUESTS_MAX; k++)
		if (in.c->guests[k].watch == source)
			in.guest = &in.c->guests[k];
	if (!in.guest)
		return 0;
	if (!take_in(fd, in.guest->input, &in.guest->input_len, on_guest_frame, &in, &why)) {
		refuse(in.c, in.guest, why);
		if (in.member < in.c->n)
			in.c->links[in.member].has_state = false;
	} else if (in.is_asker) {
		int given = in.guest->fd;
		uint8_t ip[4];
		memcpy(ip, in.guest->ip, sizeof ip);
		sd_event_source_disable_unref(in.guest->watch);
		free(in.guest->input);
		*in.guest = (struct ctl_guest){ .fd = -1 };
		ctl_transfer_asked(in.c, given, ip, &in.ask);
	} else if (in.member < in.c->n) {
		seat(in.c, in.guest, in.member);
	}
	return 0;
}

// Joiners as well: they ask for states.
static bool is_known(const struct ctl *c, const uint8_t *ip)
{
	for (uint32_t m = 0; m < c->n; m++) {
		struct sockaddr_in at = ctl_address(c, &c->list.members[m]);
		if (m != c->self && memcmp(&at.sin_addr, ip, 4) == 0)
			return true;
	}
	for (uint32_t m = 0; m < c->file.members_count; m++)
		if (m != c->file.self && memcmp(c->file.members[m].control.ip, ip, 4) == 0)
			return true;
	return false;
}

static int on_dialed(sd_event_source *s, int listener, uint32_t events, void *arg)
{
	struct ctl *c = arg;
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	struct ctl_guest *g = NULL;
	(void)s, (void)events;
	int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return 0;
	for (uint32_t k = 0; k < CTL_GUESTS_MAX && !g; k++)
		g = c->guests[k].fd < 0 ? &c->guests[k] : NULL;
	if (!g || !is_known(c, (uint8_t *)&from.sin_addr)) {
		close(fd);
		return 0;
	}
	*g = (struct ctl_guest){ .fd = fd, .input = malloc(CTL_INPUT_MAX), .since_ns = ctl_now() };
	memcpy(g->ip, &from.sin_addr, 4);
	set_up(fd);
	if (!g->input || sd_event_add_io(c->event, &g->watch, fd, EPOLLIN, on_guest, c) < 0)
		dismiss(g);
	return 0;
}

// ---- the whole
bool ctl_links_start(struct ctl *c)
{
	const struct pnyx_config_address *at = c->file.control.has_listen ? &c->file.control.listen : &c->file.members[c->file.self].control;
	struct sockaddr_in here = address_of(at);
	int one = 1;
	for (uint32_t m = 0; m < EP_MEMBERS_MAX; m++)
		c->links[m].out = c->links[m].in = -1;
	for (uint32_t k = 0; k < CTL_GUESTS_MAX; k++)
		c->guests[k].fd = -1;
	c->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->listener >= 0)
		setsockopt(c->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (c->listener >= 0 && bind(c->listener, (struct sockaddr *)&here, sizeof here) == 0 && listen(c->listener, 16) == 0 &&
	    sd_event_add_io(c->event, NULL, c->listener, EPOLLIN, on_dialed, c) >= 0)
		return true;
	snprintf(c->error, sizeof c->error, "TCP %u.%u.%u.%u:%u cannot be listened on: %s; set `control` of this member, or `listen` in `control`",
		 at->ip[0], at->ip[1], at->ip[2], at->ip[3], at->port, strerror(errno));
	return false;
}

void ctl_links_tend(struct ctl *c)
{
	uint64_t now = ctl_now();
	for (uint32_t m = 0; m < c->n; m++) {
		struct ctl_link *l = &c->links[m];
		if (c->self < c->n && m != c->self && !l->is_up && now >= l->next_ns) { // a joiner is not known there yet
			if (l->out >= 0)
				hang_up(c, m, "no answer");
			else
				dial(c, m);
		}
		if (l->in >= 0 && now - l->heard_ns > SILENT_NS)
			deafen(c, m, "silent");
	}
	for (uint32_t k = 0; k < CTL_GUESTS_MAX; k++)
		if (c->guests[k].fd >= 0 && now - c->guests[k].since_ns > GUEST_NS)
			dismiss(&c->guests[k]);
	if (now - c->said_ns >= CTL_SAY_NS)
		ctl_links_say(c);
}

static void close_link(struct ctl_link *l)
{
	close_watched(&l->out, &l->out_watch);
	close_watched(&l->in, &l->in_watch);
	free(l->input);
}

void ctl_links_follow(struct ctl *c, const struct ep_membership *to)
{
	struct ctl_link old[EP_MEMBERS_MAX];
	memcpy(old, c->links, sizeof old);
	for (uint32_t m = 0; m < EP_MEMBERS_MAX; m++)
		c->links[m] = (struct ctl_link){ .out = -1, .in = -1 };
	for (uint32_t m = 0; m < c->n; m++) {
		const struct ep_member *was = &c->list.members[m];
		uint32_t k = 0;
		while (k < to->n && (memcmp(to->members[k].uuid, was->uuid, 16) != 0 || memcmp(to->members[k].ip, was->ip, 4) != 0))
			k++;
		if (k < to->n)
			c->links[k] = old[m];
		else
			close_link(&old[m]);
	}
}

void ctl_links_stop(struct ctl *c)
{
	for (uint32_t m = 0; m < c->n; m++)
		close_link(&c->links[m]);
	for (uint32_t k = 0; k < CTL_GUESTS_MAX; k++)
		dismiss(&c->guests[k]);
	if (c->listener >= 0)
		close(c->listener);
}
