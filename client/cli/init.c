// pnyx init: the configuration file of a new cluster.
#include <stdio.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/config/backup.h"

#define MEMBER_RIGHT "NAME=IP[:PORT][/CONTROL-IP[:PORT]], at most 16 of them"

static struct pnyx_config config = {.cluster.name = "pnyx", .cluster.frame_max = 1472, .replica.prefix = 24};

// "a=10.77.0.1", "a=10.77.0.1:7787/10.78.0.1:7788"; what a name may be is the reader's to say.
static bool add_member(const char *text, bool is_joiner)
{
	char copy[96];
	struct pnyx_config_member *m = &config.members[config.members_count];
	if (config.members_count == PNYX_CONFIG_MEMBERS_MAX || snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
		return false;
	char *ip = strchr(copy, '=');
	char *control = strchr(copy, '/');
	if (ip == NULL || ip == copy || ip - copy >= (int)sizeof m->name)
		return false;
	*ip++ = 0;
	if (control != NULL)
		*control++ = 0;
	if (!pnyx_config_parse_address(ip, PNYX_CONFIG_PORT, &m->address))
		return false;
	m->control = m->address;
	m->control.port = PNYX_CONFIG_CONTROL_PORT;
	if (control != NULL && !pnyx_config_parse_address(control, PNYX_CONFIG_CONTROL_PORT, &m->control))
		return false;
	strcpy(m->name, copy);
	m->is_joiner = is_joiner;
	config.members_count++;
	return true;
}

// What the state of a backup needs alike.
static bool take_after(const char *path)
{
	uint8_t bytes[sizeof(struct pnyx_backup_note)];
	struct pnyx_backup_note note;
	FILE *f = fopen(path, "re");
	bool is_read = f != NULL && fseek(f, PNYX_BACKUP_NOTE_AT, SEEK_SET) == 0 && fread(bytes, sizeof bytes, 1, f) == 1;
	if (f != NULL)
		fclose(f);
	if (!is_read || !pnyx_backup_read(bytes, &note))
		return false;
	config.cluster.hash_seed = note.hash_seed;
	config.cluster.frame_max = note.frame_max;
	return true;
}

static const char *set(int key, const char *arg)
{
	uint64_t number;
	struct pnyx_config_address gateway;
	switch (key) {
	case 'm':
	case 'j':
		return add_member(arg, key == 'j') ? NULL : MEMBER_RIGHT;
	case 'n':
		if (snprintf(config.cluster.name, sizeof config.cluster.name, "%s", arg) < (int)sizeof config.cluster.name)
			return NULL;
		return "a name of at most 31 bytes";
	case 'p':
		if (!read_number(arg, 1, 31, &number))
			return "the length of the network's prefix, 1 to 31";
		config.replica.prefix = (uint32_t)number;
		return NULL;
	case 'f':
		return take_after(arg) ? NULL : "a backup";
	case 'g':
		if (strchr(arg, ':') != NULL || !pnyx_config_parse_address(arg, 0, &gateway))
			return "an IPv4 address";
		config.replica.has_gateway = true;
		memcpy(config.replica.gateway, gateway.ip, sizeof gateway.ip);
		return NULL;
	}
	return "a known option";
}

static int run(struct cli *cli)
{
	char error[PNYX_CONFIG_ERROR_MAX];
	const char *path = cli->config_path != NULL ? cli->config_path : "pnyx.conf";
	if (config.members_count == 0)
		cli_fail(cli, EXIT_USAGE, "a cluster of whom? right would be --member " MEMBER_RIGHT);
	if (!pnyx_config_draw(&config))
		cli_fail(cli, EXIT_USAGE, "the kernel gives no random numbers");
	if (!pnyx_config_create(path, &config, error, sizeof error))
		cli_fail(cli, EXIT_USAGE, "%s", error);
	char id[24];
	snprintf(id, sizeof id, "0x%016llx", (unsigned long long)config.cluster.id);
	if (cli->is_json)
		print_json(json_pack("{s:s, s:s, s:s, s:i}", "status", "ok", "file", path, "id", id, "members", (int)config.members_count));
	else
		printf("%s: cluster %s, id %s, %u members. Copy it to every machine, the same everywhere.\n", path, config.cluster.name, id,
		       config.members_count);
	return EXIT_DONE;
}

static const struct argp_option options[] = {
    {"member", 'm', "NAME=IP", 0, "a member: NAME=IP[:PORT][/CONTROL-IP[:PORT]]; once for each, 1 to 7; ports 7787 and 7788", 0},
    {"joiner", 'j', "NAME=IP", 0, "a member that is not there from the beginning: it waits until it is added", 0},
    {"cluster", 'n', "NAME", 0, "the cluster's name, default pnyx", 0},
    {"prefix", 'p', "BITS", 0, "length of the members' network prefix, default 24", 0},
    {"from", 'f', "FILE", 0, "for the state of this backup: what it needs alike (pnyx restore)", 0},
    {"gateway", 'g', "IP", 0, "the way to members on other networks", 0},
    {0},
};

const struct command command_init = {
    .name = "init",
    .args_doc = "",
    .doc = "Writes the configuration file of a new cluster (-c FILE, default pnyx.conf): its id and uuids are drawn at random. It never overwrites "
	   "a file. What it has written has passed all checks.",
    .options = options,
    .set = set,
    .run = run,
    .connects = CONNECTS_NEVER,
};
