// pnyx del: removes a key.
#include "client/cli/cli.h"

static int run(struct cli *cli)
{
	struct pnyx_completion answer = {.server = -1};
	enum pnyx_status status = pnyx_del(cli->client, bytes_of(cli->args[0]), &answer);
	return report(cli, status, &answer, "ok", NULL);
}

const struct command command_del = {
    .name = "del",
    .args_doc = "KEY",
    .doc = "Removes KEY; exit code 1 when there was none.",
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
