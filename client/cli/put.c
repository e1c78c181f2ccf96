// pnyx put: sets a value.
#include "client/cli/cli.h"

static int run(struct cli *cli)
{
	struct pnyx_completion answer = {.server = -1};
	enum pnyx_status status =
	    pnyx_put(cli->client, bytes_of(cli->args[0]), value_of(cli, cli->args[1]), &answer);
	return report(cli, status, &answer, "ok", NULL);
}

const struct command command_put = {
    .name = "put",
    .args_doc = "KEY VALUE",
    .doc = "Sets KEY to VALUE; '-' reads VALUE from stdin.",
    .args_min = 2,
    .args_max = 2,
    .run = run,
};
