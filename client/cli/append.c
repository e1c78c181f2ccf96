// pnyx append: adds bytes at the end of a value.
#include <inttypes.h>
#include <stdio.h>
#include "client/cli/cli.h"

static int run(struct cli *cli)
{
	struct pnyx_completion answer = {.server = -1};
	char text[32];
	enum pnyx_status status =
	    pnyx_append(cli->client, bytes_of(cli->args[0]), value_of(cli, cli->args[1]), &answer);
	snprintf(text, sizeof text, "%" PRId64, answer.number);
	json_t *more =
	    status == PNYX_OK ? json_pack("{s:I}", "length", (json_int_t)answer.number) : NULL;
	return report(cli, status, &answer, text, more);
}

const struct command command_append = {
    .name = "append",
    .args_doc = "KEY VALUE",
    .doc = "Adds VALUE at the end of KEY's value ('-': stdin) and prints the new length in bytes.",
    .args_min = 2,
    .args_max = 2,
    .run = run,
};
