// Options that every sub-command takes, from the command line and from the environment.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"

static const struct argp_option common_options[] = {
    {.doc = "Options of every command (environment: PNYX_SERVER, PNYX_CONFIG, ...):", .group = 90},
    {"server", 's', "LIST", 0, "replicas to ask, \"a[:port],b,c\"; the first is preferred", 90},
    {"config", 'c', "FILE", 0, "take the replicas (and deadline) from this configuration file", 90},
    {"via", 'v', "MEMBER", 0, "ask this replica first: its name in FILE, or its column from 0", 90},
    {"timeout", 't', "MS", 0, "deadline of one operation in milliseconds, 1 to 3600000", 90},
    {"deadline", 0, NULL, OPTION_ALIAS, NULL, 90},
    {"json", 'j', NULL, 0, "print one JSON object", 90},
    {"raw", 'r', NULL, 0, "print values as they are, without a newline", 90},
    {"verbose", 'V', NULL, 0, "say on stderr who answered, how fast, by which path", 90},
    {"bind", 'b', "IP", 0, "local IPv4 address to send from", 90},
    {"control", 'C', "DIR", 0,
     "where this machine's control planes are, DIR/NAME/control.sock; default /run/pnyx", 90},
    {"busy", 'B', NULL, 0, "poll the socket instead of sleeping", 90},
    {0},
};

bool read_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	char *end;
	errno = 0;
	if (!isdigit((unsigned char)text[0]))
		return false;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno != 0 || *end != 0 || value < min || value > max)
		return false;
	*ret = value;
	return true;
}

bool read_decimal(const char *text, double max, double *ret)
{
	char *end;
	if (!isdigit((unsigned char)text[0]))
		return false;
	double value = strtod(text, &end);
	if (*end != 0 || !(value >= 0 && value <= max))
		return false;
	*ret = value;
	return true;
}

bool read_share(const char *text, double *ret)
{
	char *end;
	if (!isdigit((unsigned char)text[0]))
		return false;
	double value = strtod(text, &end);
	if (*end == '%')
		end++;
	if (*end != 0 || !(value >= 0 && value <= 100))
		return false;
	*ret = value;
	return true;
}

// NULL, or what would be right.
static const char *set_common(struct cli *cli, int key, const char *arg)
{
	switch (key) {
	case 's':
		cli->servers = arg;
		return arg[0] != 0 ? NULL : "a list such as 10.77.0.1,10.77.0.2";
	case 'c':
		cli->config_path = arg;
		return arg[0] != 0 ? NULL : "a file's name";
	case 'v':
		cli->via = arg;
		return arg[0] != 0 ? NULL : "a member's name or column";
	case 't':
		return read_number(arg, 1, 3600000, &cli->timeout_ms)
			   ? NULL
			   : "milliseconds from 1 to 3600000";
	case 'b':
		cli->bind = arg;
		return NULL;
	case 'C':
		cli->control = arg;
		return arg[0] == '/' ? NULL : "a directory with its whole path";
	case 'j':
		cli->is_json = true;
		return NULL;
	case 'r':
		cli->is_raw = true;
		return NULL;
	case 'V':
		cli->is_verbose = true;
		return NULL;
	case 'B':
		cli->is_busy = true;
		return NULL;
	}
	return "a known option";
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	if (key < 0 || key > 255 || strchr("scvtjrVbBC", key) == NULL || key == 0)
		return ARGP_ERR_UNKNOWN;
	struct cli *cli = state->input;
	// A file on the command line beats a list in the environment.
	if (key == 'c' && cli->servers == getenv("PNYX_SERVER"))
		cli->servers = NULL;
	const char *right = set_common(cli, key, arg);
	if (right != NULL)
		argp_error(state, "-%c cannot be '%s'; right would be %s", key, arg, right);
	return 0;
}

const struct argp common_argp = {.options = common_options, .parser = parse_common};

static bool is_off(const char *text)
{
	return text[0] == 0 || strcmp(text, "0") == 0 || strcmp(text, "no") == 0 ||
	       strcmp(text, "false") == 0;
}

static void variable_of(const char *command, const char *option, char *ret, size_t size)
{
	snprintf(ret, size, "PNYX_%s%s%s", command, command[0] != 0 ? "_" : "", option);
	for (char *c = ret; *c != 0; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

static void read_variables(struct cli *cli, const char *command, const struct argp_option *options)
{
	for (const struct argp_option *o = options; o->name != NULL || o->doc != NULL; o++) {
		char variable[128];
		if (o->name == NULL || o->key == 0)
			continue;
		variable_of(command, o->name, variable, sizeof variable);
		const char *text = getenv(variable);
		if (text == NULL || (o->arg == NULL && is_off(text)))
			continue;
		const char *right = command[0] != 0 ? cli->command->set(o->key, text)
						    : set_common(cli, o->key, text);
		if (right != NULL)
			cli_fail(cli, EXIT_USAGE,
				 "environment %s cannot be '%s'; right would be %s", variable, text,
				 right);
	}
}

void read_environment(struct cli *cli)
{
	read_variables(cli, "", common_options);
	if (cli->command != NULL && cli->command->options != NULL)
		read_variables(cli, cli->command->name, cli->command->options);
}
