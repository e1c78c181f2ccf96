// The admin socket: RUN-DIR/control.sock, one JSON object a line in, one out. Who may open it is decided by its permissions
// (0660: the user and the group of this process); who asked for a change is logged.
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/control.h"
#include "control/log.h"

#define LINE_MAX_BYTES 4096
#define VISITORS_MAX 16
#define VISIT_US 5000000 // for one line in and its answer out

struct visitor {
	struct ctl *c;
	int fd;
	sd_event_source *watch, *timer;
	char line[LINE_MAX_BYTES];
	size_t len;
	int passed;   // a descriptor that came with the line, -1: none
	bool is_kept; // its answer comes later
};
static uint32_t visitors;

static void leave(struct visitor *v)
{
	sd_event_source_disable_unref(v->watch);
	sd_event_source_disable_unref(v->timer);
	close(v->fd);
	if (v->passed >= 0)
		close(v->passed);
	free(v);
	visitors--;
}

static int on_late(sd_event_source *s, uint64_t usec, void *arg)
{
	struct visitor *v = arg;
	(void)s, (void)usec;
	if (!v->is_kept)
		leave(v);
	return 0;
}

static void log_who(const struct visitor *v, const char *command, const char *refusal)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof who;
	getsockopt(v->fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	const struct passwd *user = getpwuid(who.uid);
	ctl_log(LOG_NOTICE, "admin", "command=%s user=%s uid=%u pid=%d result=\"%s\"", command, user ? user->pw_name : "?", (unsigned)who.uid,
		(int)who.pid, refusal ? refusal : "done");
}

static void on_backup(void *visitor, const char *refusal, const struct ep_handover *h)
{
	json_t *answer = refusal ? json_pack("{s:s}", "error", refusal) : json_pack("{s:b, s:I, s:I}", "done", true, "epoch",
										    (json_int_t)h->next.epoch - 1, "bytes", (json_int_t)h->bytes);
	ctl_admin_answer(visitor, answer, "backup", refusal);
}

static void on_change(void *visitor, const char *refusal, uint32_t epoch)
{
	json_t *answer = refusal ? json_pack("{s:s}", "error", refusal) : json_pack("{s:b, s:I}", "done", true, "epoch", (json_int_t)epoch);
	ctl_admin_answer(visitor, answer, "members", refusal);
}

// "members": who they are; "members add NAME" and the like: the answer comes when it is so.
static json_t *obey_members(struct visitor *v, const char *wish)
{
	if (wish[0] == 0)
		return ctl_view(v->c);
	const char *refusal = ctl_order_start(v->c, wish, on_change, v);
	v->is_kept = refusal == NULL;
	if (refusal)
		log_who(v, "members", refusal);
	return refusal ? json_pack("{s:s}", "error", refusal) : NULL;
}

// NULL: the answer comes later.
static json_t *obey(struct visitor *v, const char *command)
{
	static const char *const changes[] = { "stop", "start", "restart" };
	if (strcmp(command, "status") == 0)
		return ctl_view(v->c);
	for (size_t k = 0; k < sizeof changes / sizeof changes[0]; k++) {
		if (strcmp(command, changes[k]) != 0)
			continue;
		const char *refusal = ctl_replica_ask(v->c, command);
		log_who(v, command, refusal);
		return refusal ? json_pack("{s:s}", "error", refusal) : json_pack("{s:b}", "done", true);
	}
	if (strncmp(command, "members", 7) == 0 && (command[7] == 0 || command[7] == ' '))
		return obey_members(v, command + 7 + (command[7] != 0));
	if (strcmp(command, "backup") == 0) {
		int fd = v->passed;
		v->passed = -1;
		const char *refusal = ctl_backup_start(v->c, fd, on_backup, v);
		v->is_kept = refusal == NULL;
		if (refusal)
			log_who(v, command, refusal);
		return refusal ? json_pack("{s:s}", "error", refusal) : NULL;
	}
	return json_pack("{s:s}", "error", "unknown command; known are status, members, stop, start, restart, backup");
}

// The socket's buffer takes an answer whole; a visitor that does not read loses it.
static void say(struct visitor *v, json_t *said)
{
	char *text = said ? json_dumps(said, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9)) : NULL;
	if (text) {
		(void)!send(v->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);
		(void)!send(v->fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	free(text);
	json_decref(said);
}

void ctl_admin_answer(struct visitor *v, json_t *said, const char *command, const char *refusal)
{
	log_who(v, command, refusal);
	say(v, said);
	v->is_kept = false;
	leave(v);
}

static void answer(struct visitor *v)
{
	json_t *asked = json_loadb(v->line, v->len, 0, NULL);
	const char *command = json_string_value(json_object_get(asked, "command"));
	json_t *said = command ? obey(v, command) : json_pack("{s:s}", "error", "one line is expected: {\"command\": \"status\"}");
	if (!v->is_kept)
		say(v, said);
	json_decref(asked);
}

// What is there, and a descriptor that came with it: the newest is kept.
static ssize_t receive(struct visitor *v, int fd)
{
	char control[CMSG_SPACE(4 * sizeof(int))] __attribute__((aligned(sizeof(struct cmsghdr))));
	struct iovec room = { v->line + v->len, v->is_kept ? 0 : sizeof v->line - v->len };
	struct msghdr message = { .msg_iov = &room, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	for (struct cmsghdr *m = got >= 0 ? CMSG_FIRSTHDR(&message) : NULL; m; m = CMSG_NXTHDR(&message, m)) {
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t k = 0; k < (m->cmsg_len - CMSG_LEN(0)) / sizeof(int); k++) {
			if (v->passed >= 0)
				close(v->passed);
			memcpy(&v->passed, CMSG_DATA(m) + k * sizeof(int), sizeof(int));
		}
	}
	return got;
}

static int on_bytes(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct visitor *v = arg;
	(void)s, (void)events;
	ssize_t got = receive(v, fd);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (v->is_kept) { // it says more, or is gone: its answer goes nowhere then
		sd_event_source_set_enabled(v->watch, SD_EVENT_OFF);
		return 0;
	}
	v->len += got > 0 ? (size_t)got : 0;
	bool is_line = memchr(v->line, '\n', v->len) != NULL;
	if (is_line)
		answer(v);
	if (!v->is_kept && (is_line || got <= 0 || v->len == sizeof v->line))
		leave(v);
	return 0;
}

static int on_visitor(sd_event_source *s, int listener, uint32_t events, void *arg)
{
	(void)s, (void)events;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return 0;
	struct visitor *v = visitors < VISITORS_MAX ? calloc(1, sizeof *v) : NULL;
	if (!v) {
		close(fd);
		return 0;
	}
	visitors++;
	v->c = arg;
	v->passed = -1;
	v->fd = fd;
	if (sd_event_add_io(v->c->event, &v->watch, fd, EPOLLIN, on_bytes, v) < 0 ||
	    sd_event_add_time_relative(v->c->event, &v->timer, CLOCK_MONOTONIC, VISIT_US, 0, on_late, v) < 0)
		leave(v);
	return 0;
}

bool ctl_admin_start(struct ctl *c)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	if (snprintf(here.sun_path, sizeof here.sun_path, "%s/control.sock", c->run_dir) >= (int)sizeof here.sun_path) {
		snprintf(c->error, sizeof c->error, "the path %.200s/control.sock is too long for a socket; choose a shorter --run-dir", c->run_dir);
		return false;
	}
	unlink(here.sun_path); // ours: the run directory is locked
	c->admin = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t old = umask(0117);
	bool is_bound = c->admin >= 0 && bind(c->admin, (struct sockaddr *)&here, sizeof here) == 0;
	umask(old);
	if (is_bound && listen(c->admin, 8) == 0 && sd_event_add_io(c->event, NULL, c->admin, EPOLLIN, on_visitor, c) >= 0)
		return true;
	snprintf(c->error, sizeof c->error, "%.200s: %s; the run directory must be this user's", here.sun_path, strerror(errno));
	return false;
}

void ctl_admin_stop(struct ctl *c)
{
	char path[512];
	snprintf(path, sizeof path, "%s/control.sock", c->run_dir);
	if (c->admin >= 0) {
		close(c->admin);
		unlink(path);
	}
}
