// Giving a state: from a frozen arena that is mapped, in pieces, to whoever is in its next list.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "consensus/base/bytes.h"
#include "control/log.h"
#include "control/now.h"
#include "control/transfer.h"

static void end(struct ctl_gift *g)
{
	sd_event_source_disable_unref(g->watch);
	if (g->fd >= 0)
		close(g->fd);
	if (g->map)
		munmap(g->map, g->map_bytes);
	*g = (struct ctl_gift){ .fd = -1 };
}

static void give_up(struct ctl_gift *g, const char *why)
{
	if (g->map)
		ctl_log(LOG_WARNING, "transfer-broken", "to=%s sent=%llu of=%llu why=\"%s\"", g->name, (unsigned long long)g->sent,
			(unsigned long long)g->bytes, why);
	end(g);
}

// ---- sending
// What is left of the frame. False: the connection is of no use any more.
static bool send_frame(struct ctl_gift *g)
{
	ssize_t n = send(g->fd, g->out + g->out_sent, g->out_len - g->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	g->out_sent += n > 0 ? (size_t)n : 0;
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool send_piece(struct ctl_gift *g)
{
	uint64_t left = g->bytes - g->sent;
	ssize_t n = send(g->fd, g->state + g->sent, left < CTL_PIECE ? left : CTL_PIECE, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	g->crc = ep_crc32c(g->crc, g->state + g->sent, (uint32_t)n);
	g->sent += (uint64_t)n;
	g->moved_ns = ctl_now();
	return true;
}

static int on_room(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct ctl_gift *g = arg;
	(void)s, (void)fd, (void)events;
	uint64_t now = ctl_now();
	bool is_good = g->out_sent < g->out_len ? send_frame(g) : send_piece(g);
	if (!is_good) {
		give_up(g, strerror(errno));
		return 0;
	}
	if (g->out_sent < g->out_len || g->sent < g->bytes)
		return 0;
	if (g->map && !g->has_tail) {
		g->out_len = ctl_frame_tail(g->out, g->crc);
		g->out_sent = 0;
		g->has_tail = true;
		return 0;
	}
	if (g->map)
		ctl_log(LOG_NOTICE, "transfer-given", "to=%s bytes=%llu ms=%llu", g->name, (unsigned long long)g->bytes,
			(unsigned long long)((now - g->began_ns) / 1000000));
	end(g);
	return 0;
}

// ---- what there is to give
// Maps the arena that the offer names. False: there is none that could be looked at.
static bool map_arena(struct ctl_gift *g, const char *path)
{
	struct stat st;
	int fd = path[0] != 0 ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW) : -1;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		g->map = map != MAP_FAILED ? map : NULL;
		g->map_bytes = (size_t)st.st_size;
	}
	if (fd >= 0)
		close(fd);
	return g->map != NULL;
}

static const struct ep_member *listed(const struct ep_membership *list, const uint8_t uuid[16])
{
	for (uint32_t m = 0; m < list->n; m++)
		if (memcmp(list->members[m].uuid, uuid, 16) == 0)
			return &list->members[m];
	return NULL;
}

// The state that was asked for. False: there is none here for this asker.
static bool find_state(struct ctl_donor *d, struct ctl_gift *g, const char *path, const uint8_t ip[4], const struct ctl_ask *ask)
{
	struct ep_handover handover;
	struct ep_state state;
	if (!map_arena(g, path))
		return false;
	bool is_it = ep_frozen_look(g->map, g->map_bytes, &handover, &state) && handover.cluster == ask->cluster && handover.next.epoch > ask->epoch;
	const struct ep_member *asker = is_it ? listed(&handover.next, ask->uuid) : NULL;
	if (!asker || !d->of.is_address(d->of.arg, asker, ip)) {
		munmap(g->map, g->map_bytes);
		g->map = NULL;
		return false;
	}
	memcpy(g->name, asker->name, sizeof asker->name);
	g->state = state.at;
	g->bytes = state.bytes;
	g->out_len = ctl_frame_head(g->out, &handover);
	return true;
}

// Who asks again has given up what it asked for before. NULL: as many as may be are under way.
static struct ctl_gift *free_hand(struct ctl_donor *d, const uint8_t uuid[16])
{
	struct ctl_gift *g = NULL;
	for (uint32_t k = 0; k < CTL_GIFTS_MAX; k++)
		if (d->gifts[k].fd >= 0 && memcmp(d->gifts[k].uuid, uuid, 16) == 0)
			give_up(&d->gifts[k], "it asked again");
	for (uint32_t k = 0; k < CTL_GIFTS_MAX && !g; k++)
		g = d->gifts[k].fd < 0 ? &d->gifts[k] : NULL;
	return g;
}

void ctl_donor_answer(struct ctl_donor *d, int fd, const uint8_t ip[4], uint64_t cluster, const struct ctl_ask *ask)
{
	struct ctl_offer offer = { .arena = "" };
	struct ctl_gift *g = free_hand(d, ask->uuid);
	if (!g || ask->cluster != cluster) { // it asks again
		close(fd);
		return;
	}
	d->of.look(d->of.arg, &offer);
	*g = (struct ctl_gift){ .fd = fd, .began_ns = ctl_now(), .moved_ns = ctl_now() };
	memcpy(g->uuid, ask->uuid, sizeof g->uuid);
	if (!find_state(d, g, offer.arena, ip, ask)) {
		g->out_len = ctl_frame_none(g->out, &offer.now);
		send_frame(g); // into a new socket: there is room
		end(g);
		return;
	}
	ctl_log(LOG_NOTICE, "transfer-begins", "to=%s bytes=%llu arena=%s", g->name, (unsigned long long)g->bytes, offer.arena);
	if (sd_event_add_io(d->event, &g->watch, fd, EPOLLOUT, on_room, g) < 0)
		end(g);
	else
		sd_event_source_set_priority(g->watch, SD_EVENT_PRIORITY_IDLE); // deaths and links first
}

// ---- the whole
void ctl_donor_start(struct ctl_donor *d, sd_event *event, struct ctl_donor_of of)
{
	*d = (struct ctl_donor){ .event = event, .of = of };
	for (uint32_t k = 0; k < CTL_GIFTS_MAX; k++)
		d->gifts[k].fd = -1;
}

void ctl_donor_tend(struct ctl_donor *d, uint64_t now)
{
	for (uint32_t k = 0; k < CTL_GIFTS_MAX; k++)
		if (d->gifts[k].fd >= 0 && ctl_transfer_is_stuck(now, d->gifts[k].began_ns, d->gifts[k].moved_ns, d->gifts[k].sent))
			give_up(&d->gifts[k], "it does not read");
}

void ctl_donor_stop(struct ctl_donor *d)
{
	for (uint32_t k = 0; k < CTL_GIFTS_MAX; k++)
		end(&d->gifts[k]);
}
