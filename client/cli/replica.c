// pnyx replica stop|start|restart: what this node's control plane does with its replica.
#include <stdio.h>
#include <string.h>
#include "client/cli/cli.h"

static int run(struct cli *cli)
{
	char error[256];
	const char *what = cli->args[0];
	if (strcmp(what, "stop") != 0 && strcmp(what, "start") != 0 && strcmp(what, "restart") != 0)
		cli_fail(cli, EXIT_USAGE, "replica cannot '%s'; right would be stop, start or restart",
			 what);
	if (cli->via == NULL)
		cli_fail(cli, EXIT_USAGE, "which replica? right would be --via NAME");
	json_t *answer = ask_control(cli, cli->via, what, error, sizeof error);
	if (answer == NULL)
		cli_fail(cli, EXIT_NOBODY, "%s", error);
	const char *refusal = json_string_value(json_object_get(answer, "error"));
	if (refusal != NULL)
		cli_fail(cli, EXIT_REFUSED, "%s: %s", cli->via, refusal);
	if (cli->is_json)
		print_json(json_pack("{s:s, s:s}", "status", "ok", "member", cli->via));
	else
		printf("%s: %s asked for\n", cli->via, what);
	json_decref(answer);
	return EXIT_DONE;
}

const struct command command_replica = {
    .name = "replica",
    .args_doc = "stop|start|restart",
    .doc = "Stops, starts or restarts the replica of this node (--via NAME) through its control "
	   "plane. It keeps its arena. One that was stopped stays down until it is started. The control "
	   "plane logs who asked.",
    .args_min = 1,
    .args_max = 1,
    .run = run,
    .connects = CONNECTS_ITSELF,
};
