// pnyx mput: sets several values at one point, all or nothing.
#include "client/cli/cli.h"

static const char *prepare(struct cli *cli)
{
	return cli->args_count % 2 == 0 ? NULL : "KEY VALUE KEY VALUE ..., a value for each key";
}

static int run(struct cli *cli)
{
	struct pnyx_completion answer = {.server = -1};
	struct pnyx_item items[PNYX_ITEMS_MAX] = {0};
	uint32_t count = cli->args_count / 2;
	for (uint32_t i = 0; i < count; i++) {
		items[i].key = bytes_of(cli->args[2 * i]);
		items[i].value = bytes_of(cli->args[2 * i + 1]);
	}
	enum pnyx_status status = pnyx_mput(cli->client, items, count, &answer);
	return report(cli, status, &answer, "ok", NULL);
}

const struct command command_mput = {
    .name = "mput",
    .args_doc = "KEY VALUE...",
    .doc = "Sets up to 16 keys at one point of time, all or nothing.",
    .args_min = 2,
    .args_max = CLI_ARGS_MAX,
    .prepare = prepare,
    .run = run,
};
