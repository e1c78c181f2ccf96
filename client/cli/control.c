// This machine's control planes: asking one over its admin socket, and showing what it knows.
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "client/cli/cli.h"

#define ANSWER_MAX (1u << 20)

void control_folder(const struct cli *cli, char *ret, size_t size)
{
	const char *own = getenv("XDG_RUNTIME_DIR");
	if (cli->control != NULL)
		snprintf(ret, size, "%s", cli->control);
	else
		snprintf(ret, size, "%s/pnyx", getuid() == 0 || own == NULL ? "/run" : own);
}

// The line, and with it a descriptor unless that is -1.
static bool send_line(int fd, char *text, size_t len, int passed)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(sizeof(struct cmsghdr)))) = {0};
	struct iovec line = {text, len};
	struct msghdr message = {.msg_iov = &line, .msg_iovlen = 1};
	if (passed >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof control;
		struct cmsghdr *m = CMSG_FIRSTHDR(&message);
		m->cmsg_level = SOL_SOCKET;
		m->cmsg_type = SCM_RIGHTS;
		m->cmsg_len = CMSG_LEN(sizeof passed);
		memcpy(CMSG_DATA(m), &passed, sizeof passed);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)len;
}

// One line out, one in.
static json_t *converse(int fd, const char *command, int passed)
{
	char *text = malloc(ANSWER_MAX);
	size_t len = 0;
	ssize_t got = 1;
	json_t *answer = NULL;
	if (text == NULL)
		return NULL;
	int n = snprintf(text, ANSWER_MAX, "{\"command\": \"%s\"}\n", command);
	if (send_line(fd, text, (size_t)n, passed)) {
		while (got > 0 && len < ANSWER_MAX && memchr(text, '\n', len) == NULL) {
			got = recv(fd, text + len, ANSWER_MAX - len, 0);
			len += got > 0 ? (size_t)got : 0;
		}
		answer = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL);
	}
	free(text);
	return answer;
}

static json_t *ask_socket(const char *path, const char *command, int passed, long patience_s)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = patience_s};
	json_t *answer = NULL;
	if (strlen(path) >= sizeof to.sun_path)
		return NULL;
	strcpy(to.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		answer = converse(fd, command, passed);
	close(fd);
	return answer;
}

json_t *ask_control_with(const struct cli *cli, const char *member, const char *command, int fd, long patience_s, char *error, size_t size)
{
	char base[128], path[512];
	json_t *answer = NULL;
	struct dirent **names = NULL;
	control_folder(cli, base, sizeof base);
	int count = scandir(base, &names, NULL, alphasort);
	for (int k = 0; k < count; k++) {
		const char *name = names[k]->d_name;
		snprintf(path, sizeof path, "%s/%s/control.sock", base, name);
		bool is_wanted = name[0] != '.' && (member == NULL || strcmp(name, member) == 0);
		if (answer == NULL && is_wanted && access(path, F_OK) == 0)
			answer = ask_socket(path, command, fd, patience_s);
		free(names[k]);
	}
	free(names);
	if (answer == NULL)
		snprintf(error, size, "no control plane answers in %s%s%s", base,
			 member != NULL ? "/" : "", member != NULL ? member : "");
	return answer;
}

json_t *ask_control(const struct cli *cli, const char *member, const char *command, char *error, size_t size)
{
	return ask_control_with(cli, member, command, -1, 5, error, size);
}

// ---- showing
// -------------------------------------------------------------------------------------------------
static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "-";
}

static json_int_t whole_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static double share_of(const json_t *object, const char *name)
{
	return 100 * json_number_value(json_object_get(object, name));
}

// Whose replicas suspect this member, as their control planes say.
static void print_suspected_by(const json_t *members, const char *name)
{
	size_t k, i;
	const json_t *other, *suspect;
	uint32_t said = 0;
	json_array_foreach(members, k, other)
	{
		json_array_foreach(json_object_get(json_object_get(other, "says"), "suspects"), i,
				   suspect)
		{
			if (strcmp(json_string_value(suspect), name) == 0)
				printf("%s%s", said++ > 0 ? "," : "suspected by ",
				       text_of(other, "name"));
		}
	}
}

static void print_row(const json_t *members, const json_t *m)
{
	const json_t *says = json_object_get(m, "says"), *behind = json_object_get(m, "behind");
	printf("  %-10s", text_of(m, "name"));
	if (says == NULL)
		printf(" %-9s %8s %11s %7s %7s %7s", "unknown", "-", "-", "-", "-", "-");
	else
		printf(" %-9s %8" PRId64 " %11" PRId64 " %6.1f%% %6.1f%% %6.1f%%",
		       text_of(says, "life"), (int64_t)whole_of(says, "restarts"),
		       (int64_t)whole_of(says, "commands_per_s"), share_of(says, "fast"),
		       share_of(says, "window_used"), share_of(says, "room_used"));
	if (behind != NULL)
		printf(" %9" PRId64 "  ", (int64_t)json_integer_value(behind));
	else
		printf(" %9s  ", "-");
	print_suspected_by(members, text_of(m, "name"));
	putchar('\n');
}

static void print_alarm(const json_t *alarm)
{
	double seconds = (double)whole_of(alarm, "left_ns") / 1e9;
	if (strcmp(text_of(alarm, "what"), "window") == 0)
		printf("  ALARM: the window of %s fills because %s does not execute; ",
		       text_of(alarm, "column"), text_of(alarm, "behind"));
	else
		printf("  ALARM: the application's room fills; ");
	if (seconds > 0)
		printf("full in %.1f s at the present rate\n", seconds);
	else
		puts("it is full: clients get BUSY");
}

void print_control(const json_t *view)
{
	size_t k;
	const json_t *members = json_object_get(view, "members"), *m;
	const json_t *alarm = json_object_get(view, "alarm");
	printf("control plane of %s, epoch %" PRId64 "\n", text_of(view, "member"),
	       (int64_t)whole_of(view, "epoch"));
	puts("  member     life      restarts  commands/s    fast  window    room    behind");
	json_array_foreach(members, k, m)
	{
		print_row(members, m);
	}
	if (json_is_object(alarm))
		print_alarm(alarm);
}
