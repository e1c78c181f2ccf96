// The half of `pnyx doctor` that needs a configuration: do members and control planes answer?
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client/cli/doctor.h"
#include "client/cli/members.h"

#define PATIENCE_MS 1000

static struct cluster_counters counters; // large

// Whether something accepts TCP connections there.
static bool accepts(const struct pnyx_config_address *a)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	int error = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof error;
	memcpy(&to.sin_addr, a->ip, 4);
	if (fd < 0)
		return false;
	bool is_good = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
	if (!is_good && errno == EINPROGRESS) {
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		is_good = poll(&wait, 1, PATIENCE_MS) == 1 &&
			  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
	}
	close(fd);
	return is_good;
}

static void say_address(const struct pnyx_config_address *a, char *ret, size_t size)
{
	snprintf(ret, size, "%u.%u.%u.%u:%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3], a->port);
}

static int column_of(const struct pnyx_cluster *cluster, const struct pnyx_config_member *member)
{
	for (int m = 0; m < cluster->n; m++) {
		if (memcmp(cluster->members[m].uuid, member->uuid, sizeof member->uuid) == 0)
			return m;
	}
	return -1;
}

static void examine_member(const struct cli *cli, const struct pnyx_config_member *member)
{
	char what[64], data[32], control[32];
	int m = cli->client != NULL ? column_of(pnyx_cluster(cli->client), member) : -1;
	say_address(&member->address, data, sizeof data);
	say_address(&member->control, control, sizeof control);
	snprintf(what, sizeof what, "member %s", member->name);
	if (m >= 0 && counters.members[m].is_there)
		find(LEVEL_OK, what, NULL, "answers at %s", data);
	else
		find(LEVEL_BAD, what,
		     "is it running? does its port have this address? is UDP let through between here "
		     "and there?",
		     "does not answer at %s", data);
	if (accepts(&member->control))
		find(LEVEL_OK, what, NULL, "its control plane listens at %s", control);
	else
		find(LEVEL_NOTE, what,
		     "start pnyx-control on its node; without it nobody notices a death, or starts the "
		     "replica again",
		     "no control plane at %s (as seen from here)", control);
}

void examine_cluster(struct cli *cli)
{
	if (cli->timeout_ms == 0)
		cli->timeout_ms = PATIENCE_MS;
	if (cli_open(cli))
		ask_counters(cli, PNYX_ANY, &counters);
	for (uint32_t k = 0; k < cli->config.members_count; k++)
		examine_member(cli, &cli->config.members[k]);
}
