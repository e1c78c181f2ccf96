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
};
static uint32_t visitors;

static void leave(struct visitor *v)
{
	sd_event_source_disable_unref(v->watch);
	sd_event_source_disable_unref(v->timer);
	close(v->fd);
	free(v);
	visitors--;
}

static int on_late(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s, (void)usec;
	leave(arg);
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
	return json_pack("{s:s}", "error", "unknown command; known are status, stop, start, restart");
}

// The socket's buffer takes an answer whole; a visitor that does not read loses it.
static void answer(struct visitor *v)
{
	json_t *asked = json_loadb(v->line, v->len, 0, NULL);
	const char *command = json_string_value(json_object_get(asked, "command"));
	json_t *said = command ? obey(v, command) : json_pack("{s:s}", "error", "one line is expected: {\"command\": \"status\"}");
	char *text = said ? json_dumps(said, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9)) : NULL;
	if (text) {
		(void)!send(v->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);
		(void)!send(v->fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	free(text);
	json_decref(said);
	json_decref(asked);
}

static int on_bytes(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct visitor *v = arg;
	(void)s, (void)events;
	ssize_t got = recv(fd, v->line + v->len, sizeof v->line - v->len, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	v->len += got > 0 ? (size_t)got : 0;
	bool is_line = memchr(v->line, '\n', v->len) != NULL;
	if (is_line)
		answer(v);
	if (is_line || got <= 0 || v->len == sizeof v->line)
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
