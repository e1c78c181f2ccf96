// From options and configuration to a connected client, and members' names.
#include <inttypes.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "client/cli/cli.h"

void cli_fail(const struct cli *cli, int code, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fprintf(stderr, "pnyx: %s\n", text);
	if (cli->is_json)
		print_json(
		    json_pack("{s:s, s:s, s:i}", "status", "error", "error", text, "exit", code));
	exit(code);
}

static void load_config(struct cli *cli)
{
	char error[PNYX_CONFIG_ERROR_MAX];
	if (cli->config_path == NULL)
		return;
	if (!pnyx_config_load(cli->config_path, NULL, &cli->config, error, sizeof error))
		cli_fail(cli, EXIT_USAGE, "%s", error);
	cli->has_config = true;
}

static void add_server(struct cli *cli, const char *text)
{
	size_t used = strlen(cli->servers_text), room = sizeof cli->servers_text - used;
	int n = snprintf(cli->servers_text + used, room, "%s%s", used > 0 ? "," : "", text);
	if (n < 0 || (size_t)n >= room)
		cli_fail(cli, EXIT_USAGE,
			 "the list of servers is too long; right would be at most %d",
			 PNYX_CONFIG_SERVERS_MAX);
}

static void add_member(struct cli *cli, uint32_t m)
{
	const struct pnyx_config_address *a = &cli->config.members[m].address;
	char text[32];
	snprintf(text, sizeof text, "%u.%u.%u.%u:%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3],
		 a->port);
	add_server(cli, text);
}

// Ends the program when "host[:port]" cannot be an address.
static void check_server(const struct cli *cli, const char *text)
{
	char host[PNYX_CONFIG_SERVER_MAX];
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM}, *found;
	const char *colon = strchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	uint64_t port;
	if (len == 0 || len >= sizeof host ||
	    (colon != NULL && !read_number(colon + 1, 1, 65535, &port)))
		cli_fail(cli, EXIT_USAGE,
			 "server '%s' is no address; right would be HOST or HOST:PORT", text);
	memcpy(host, text, len);
	host[len] = 0;
	int why = getaddrinfo(host, NULL, &hints, &found);
	if (why != 0)
		cli_fail(cli, EXIT_USAGE,
			 "server '%s': %s; right would be an IPv4 address or a known name", text,
			 gai_strerror(why));
	freeaddrinfo(found);
}

// One item of a list: a member's name where there is a configuration, else an address.
static void add_item(struct cli *cli, const char *text)
{
	uint32_t m = cli->has_config ? pnyx_config_member_named(&cli->config, text) : 0;
	if (cli->has_config && m < cli->config.members_count) {
		add_member(cli, m);
		return;
	}
	check_server(cli, text);
	add_server(cli, text);
}

static void find_servers(struct cli *cli)
{
	char copy[sizeof cli->servers_text], *rest = copy;
	if (cli->servers == NULL && !cli->has_config)
		cli_fail(cli, EXIT_USAGE,
			 "no servers; right would be --server a,b,c or -c FILE (or PNYX_SERVER, "
			 "PNYX_CONFIG)");
	if (cli->servers != NULL) {
		if (strlen(cli->servers) >= sizeof copy)
			cli_fail(cli, EXIT_USAGE, "the list of servers is too long");
		strcpy(copy, cli->servers);
		for (char *item = strsep(&rest, ","); item != NULL; item = strsep(&rest, ","))
			add_item(cli, item);
		return;
	}
	for (uint32_t i = 0; i < cli->config.client.servers_count; i++)
		add_item(cli, cli->config.client.servers[i]);
	for (uint32_t m = 0; m < cli->config.members_count && cli->config.client.servers_count == 0;
	     m++)
		add_member(cli, m);
}

// The column that --via means.
static int find_via(const struct cli *cli)
{
	const struct pnyx_cluster *cluster = pnyx_cluster(cli->client);
	uint64_t column;
	if (cli->via == NULL)
		return PNYX_ANY;
	if (cli->has_config) {
		uint32_t m = pnyx_config_member_named(&cli->config, cli->via);
		char text[32];
		if (m < cli->config.members_count) {
			const struct pnyx_config_address *a = &cli->config.members[m].address;
			snprintf(text, sizeof text, "%u.%u.%u.%u:%u", a->ip[0], a->ip[1], a->ip[2],
				 a->ip[3], a->port);
			int found = pnyx_find_member(cli->client, text);
			if (found < 0)
				cli_fail(cli, EXIT_USAGE, "'%s' (%s) is no member of this cluster",
					 cli->via, text);
			return found;
		}
	}
	if (!read_number(cli->via, 0, cluster->n - 1u, &column))
		cli_fail(cli, EXIT_USAGE,
			 "--via cannot be '%s'; right would be a member's name%s, or a column from "
			 "0 to %u",
			 cli->via, cli->has_config ? "" : " (with -c FILE)", cluster->n - 1u);
	return (int)column;
}

bool cli_open(struct cli *cli)
{
	find_servers(cli);
	pnyx_options_init(&cli->options);
	cli->options.servers = cli->servers_text;
	cli->options.bind = cli->bind;
	cli->options.ops_max = 1;
	cli->options.sessions_max = 1;
	cli->options.is_busy = cli->is_busy;
	if (cli->has_config) {
		cli->options.cluster = cli->config.cluster.id;
		cli->options.deadline_ms = cli->config.client.deadline_ms;
	}
	if (cli->timeout_ms != 0)
		cli->options.deadline_ms = (uint32_t)cli->timeout_ms;
	const char *right = cli->command->prepare != NULL ? cli->command->prepare(cli) : NULL;
	if (right != NULL)
		cli_fail(cli, EXIT_USAGE, "%s: right would be %s", cli->command->name, right);
	cli->client = pnyx_connect(&cli->options, cli->why, sizeof cli->why);
	if (cli->client == NULL)
		return false;
	cli->server = find_via(cli);
	if (cli->server != PNYX_ANY)
		pnyx_prefer(cli->client, cli->server);
	return true;
}

void cli_connect(struct cli *cli)
{
	if (cli->command->connects == CONNECTS_NEVER)
		return;
	load_config(cli);
	if (cli->command->connects == CONNECTS_ITSELF)
		return;
	if (!cli_open(cli) && cli->command->connects == CONNECTS_FIRST)
		cli_fail(cli, EXIT_NOBODY, "%s", cli->why);
}

// A small ring, so that one printf may name several members.
static char *next_text(void)
{
	static char texts[4][48];
	static uint32_t turn;
	return texts[turn++ % 4];
}

const char *member_address(const struct cli *cli, int member)
{
	const struct pnyx_member *m = &pnyx_cluster(cli->client)->members[member];
	char *text = next_text();
	snprintf(text, 48, "%u.%u.%u.%u:%u", m->ip[0], m->ip[1], m->ip[2], m->ip[3], m->port);
	return text;
}

const char *member_name(const struct cli *cli, int member)
{
	char *text = next_text();
	snprintf(text, 48, "%d", member);
	if (!cli->has_config || member < 0)
		return text;
	const struct pnyx_member *m = &pnyx_cluster(cli->client)->members[member];
	for (uint32_t i = 0; i < cli->config.members_count; i++) {
		const struct pnyx_config_member *c = &cli->config.members[i];
		if (memcmp(c->uuid, m->uuid, sizeof c->uuid) == 0)
			return c->name;
	}
	return text;
}
