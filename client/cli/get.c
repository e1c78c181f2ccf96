// pnyx get: the value of a key.
#include "client/cli/cli.h"

static int run(struct cli *cli)
{
	struct pnyx_completion answer = {.server = -1};
	enum pnyx_status status = pnyx_get(cli->client, bytes_of(cli->args[0]), &answer);
	return report_value(cli, status, &answer);
}

const struct command command_get = {
    .name = "get",
    .args_doc = "KEY",
    .doc = "Prints the value of KEY (linearizable).",
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
