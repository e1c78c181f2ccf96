// Asking for a state: one control plane after the other, until RUN-DIR/state is whole.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "consensus/base/bytes.h"
#include "control/log.h"
#include "control/now.h"
#include "control/transfer.h"

static void path_of(const struct ctl_asker *a, const char *name, char *ret, size_t size)
{
	snprintf(ret, size, "%s/%s", a->run_dir, name);
}

// Ends the conversation; half of a state is worth nothing.
static void hang_up(struct ctl_asker *a)
{
	char draft[512];
	sd_event_source_disable_unref(a->watch);
	a->watch = NULL;
	if (a->fd >= 0)
		close(a->fd);
	if (a->file >= 0) {
		close(a->file);
		path_of(a, "state.new", draft, sizeof draft);
		unlink(draft);
	}
	a->fd = a->file = -1;
	a->is_connected = a->is_receiving = false;
	a->in_len = 0;
}

static void next_donor(struct ctl_asker *a)
{
	hang_up(a);
	if (++a->next < a->donors_count)
		return;
	a->next = 0;
	a->next_ns = ctl_now() + CTL_ASK_EVERY_NS;
}

// This donor is of no use; the next one may be.
static void give_up(struct ctl_asker *a, const char *why)
{
	const uint8_t *ip = (const uint8_t *)&a->donors[a->next].sin_addr;
	if (a->is_receiving) {
		a->failures++;
		ctl_log(LOG_WARNING, "transfer-broken", "from=%u.%u.%u.%u got=%llu of=%llu why=\"%s\"", ip[0], ip[1], ip[2], ip[3],
			(unsigned long long)a->got, (unsigned long long)a->handover.bytes, why);
	}
	next_donor(a);
}

// ---- the file
static bool has_room(const struct ctl_asker *a, uint64_t bytes)
{
	struct statvfs fs;
	return fstatvfs(a->file, &fs) != 0 || fs.f_bavail >= bytes / fs.f_frsize + 2;
}

// NULL, or why not.
static const char *begin(struct ctl_asker *a, const struct ep_handover *handover)
{
	char draft[512];
	const uint8_t *ip = (const uint8_t *)&a->donors[a->next].sin_addr;
	bool is_listed = false;
	for (uint32_t m = 0; m < handover->next.n; m++)
		is_listed = is_listed || memcmp(handover->next.members[m].uuid, a->ask.uuid, sizeof a->ask.uuid) == 0;
	if (handover->cluster != a->ask.cluster || !is_listed || handover->next.epoch <= a->ask.epoch || handover->bytes > CTL_STATE_MOST)
		return "what it offers was not asked for";
	path_of(a, "state.new", draft, sizeof draft);
	a->file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (a->file < 0)
		return strerror(errno);
	if (!has_room(a, handover->bytes))
		return "no room for it in the run directory";
	a->handover = *handover;
	a->got = a->crc = 0;
	a->began_ns = a->moved_ns = ctl_now();
	a->is_receiving = true;
	ctl_log(LOG_NOTICE, "transfer-begins", "from=%u.%u.%u.%u bytes=%llu epoch=%u", ip[0], ip[1], ip[2], ip[3],
		(unsigned long long)handover->bytes, handover->next.epoch);
	return NULL;
}

static const char *keep(struct ctl_asker *a, const uint8_t *bytes, size_t len)
{
	ssize_t n = pwrite(a->file, bytes, len, (off_t)(EP_STATE_OFFSET + a->got));
	if (n != (ssize_t)len)
		return n < 0 ? strerror(errno) : "no room for it in the run directory";
	a->crc = ep_crc32c(a->crc, bytes, (uint32_t)len);
	a->got += len;
	a->moved_ns = ctl_now();
	return NULL;
}

// All of it is there and as it was sent: it gets its head and its name.
static const char *finish(struct ctl_asker *a, uint32_t crc)
{
	static union {
		struct ep_state_head head;
		uint8_t bytes[EP_STATE_OFFSET];
	} first;
	char draft[512], name[512];
	if (!a->is_receiving || a->got != a->handover.bytes || a->crc != crc)
		return "its check does not hold";
	memset(&first, 0, sizeof first);
	ep_state_seal(&first.head, &a->handover, crc);
	path_of(a, "state.new", draft, sizeof draft);
	path_of(a, "state", name, sizeof name);
	if (pwrite(a->file, &first, sizeof first, 0) != sizeof first || rename(draft, name) != 0)
		return strerror(errno);
	close(a->file);
	a->file = -1;
	uint64_t took = ctl_now() - a->began_ns + 1;
	ctl_log(LOG_NOTICE, "transfer-whole", "bytes=%llu epoch=%u ms=%llu mb_per_s=%llu", (unsigned long long)a->got, a->handover.next.epoch,
		(unsigned long long)(took / 1000000), (unsigned long long)(a->got * 1000 / took));
	struct ep_handover handover = a->handover;
	ctl_asker_rest(a);
	a->on_state(a->arg, &handover);
	return NULL;
}

// ---- what the donor says
static const char *on_frame(struct ctl_asker *a, const struct ctl_frame *frame)
{
	if (frame->type == CTL_TAIL)
		return finish(a, frame->tail.crc);
	if (a->is_receiving)
		return "what it says is no frame of ours";
	if (frame->type == CTL_HEAD)
		return begin(a, &frame->handover);
	if (frame->type == CTL_NONE && frame->list.epoch != 0)
		a->on_list(a->arg, &frame->list);
	return "it has none";
}

// Bytes of the state that came in one piece with the head.
static const char *take_rest(struct ctl_asker *a)
{
	uint64_t left = a->handover.bytes - a->got;
	size_t n = left < a->in_len ? (size_t)left : a->in_len;
	const char *why = keep(a, a->in, n);
	memmove(a->in, a->in + n, a->in_len - n);
	a->in_len -= n;
	return why;
}

static const char *read_frames(struct ctl_asker *a)
{
	ssize_t n = recv(a->fd, a->in + a->in_len, sizeof a->in - a->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? NULL : strerror(errno);
	if (n == 0)
		return "closed by the donor";
	a->in_len += (size_t)n;
	const char *why = NULL;
	while (!why && a->is_asking) {
		struct ctl_frame frame;
		size_t used = 0;
		enum ctl_parse parse = ctl_frame_parse(a->in, a->in_len, &used, &frame);
		if (parse == CTL_PARSE_MORE)
			return NULL;
		if (parse == CTL_PARSE_BAD)
			return "what it says is no frame of ours";
		memmove(a->in, a->in + used, a->in_len - used);
		a->in_len -= used;
		if (parse == CTL_PARSE_OK)
			why = on_frame(a, &frame);
		if (!why && a->is_receiving && a->got < a->handover.bytes)
			why = take_rest(a);
	}
	return why;
}

static const char *read_state(struct ctl_asker *a)
{
	static uint8_t piece[CTL_PIECE];
	uint64_t left = a->handover.bytes - a->got;
	ssize_t n = recv(a->fd, piece, left < sizeof piece ? left : sizeof piece, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? NULL : strerror(errno);
	return n == 0 ? "closed by the donor" : keep(a, piece, (size_t)n);
}

static const char *say_ask(struct ctl_asker *a)
{
	uint8_t frame[CTL_FRAME_MAX];
	int error = 0;
	socklen_t size = sizeof error;
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
		return strerror(error);
	size_t len = ctl_frame_ask(frame, &a->ask);
	if (send(a->fd, frame, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
		return strerror(errno);
	a->is_connected = true;
	sd_event_source_set_io_events(a->watch, EPOLLIN);
	return NULL;
}

static int on_donor(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct ctl_asker *a = arg;
	const char *why;
	(void)s, (void)fd, (void)events;
	if (!a->is_connected)
		why = say_ask(a);
	else if (a->is_receiving && a->got < a->handover.bytes)
		why = read_state(a);
	else
		why = read_frames(a);
	if (why && a->is_asking)
		give_up(a, why);
	return 0;
}

// ---- whom to ask, and when
static void dial(struct ctl_asker *a)
{
	const struct sockaddr_in *to = &a->donors[a->next];
	a->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	a->moved_ns = ctl_now();
	if (a->fd < 0)
		return;
	(void)!bind(a->fd, (const struct sockaddr *)&a->from, sizeof a->from);
	if ((connect(a->fd, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS) ||
	    sd_event_add_io(a->event, &a->watch, a->fd, EPOLLOUT, on_donor, a) < 0)
		give_up(a, strerror(errno));
	else
		sd_event_source_set_priority(a->watch, SD_EVENT_PRIORITY_IDLE);
}

void ctl_asker_start(struct ctl_asker *a)
{
	a->fd = a->file = -1;
	a->donors_count = 0;
	a->is_asking = false;
}

void ctl_asker_add(struct ctl_asker *a, const struct sockaddr_in *donor)
{
	for (uint32_t k = 0; k < a->donors_count; k++)
		if (a->donors[k].sin_addr.s_addr == donor->sin_addr.s_addr && a->donors[k].sin_port == donor->sin_port)
			return;
	if (a->donors_count < CTL_DONORS_MAX)
		a->donors[a->donors_count++] = *donor;
}

void ctl_asker_want(struct ctl_asker *a, uint32_t epoch)
{
	if (!a->is_asking)
		a->next = 0, a->next_ns = 0;
	a->is_asking = true;
	a->ask.epoch = epoch;
}

void ctl_asker_rest(struct ctl_asker *a)
{
	hang_up(a);
	a->is_asking = false;
}

void ctl_asker_tend(struct ctl_asker *a, uint64_t now)
{
	if (!a->is_asking || a->donors_count == 0)
		return;
	bool is_late = a->is_receiving ? ctl_transfer_is_stuck(now, a->began_ns, a->moved_ns, a->got) : now - a->moved_ns > CTL_ANSWER_NS;
	if (a->fd >= 0 && is_late)
		give_up(a, "it says nothing");
	if (a->fd < 0 && now >= a->next_ns)
		dial(a);
}
