// pnyx cas: sets a value if the present one is the expected one.
#include "client/cli/cli.h"

static bool is_absent;

static const struct argp_option options[] = {
    {"absent", 'a', NULL, 0, "KEY must not exist: cas --absent KEY NEW", 10},
    {0},
};

static const char *set(int key, const char *arg)
{
	(void)arg;
	is_absent = key == 'a';
	return NULL;
}

static const char *prepare(struct cli *cli)
{
	if (is_absent && cli->args_count == 3)
		return "--absent KEY NEW (no OLD)";
	return is_absent || cli->args_count == 3 ? NULL : "KEY OLD NEW, or --absent KEY NEW";
}

static int run(struct cli *cli)
{
	struct pnyx_completion answer = {.server = -1};
	struct pnyx_bytes none = {NULL, 0};
	enum pnyx_status status =
	    pnyx_cas(cli->client, bytes_of(cli->args[0]), is_absent ? none : bytes_of(cli->args[1]),
		     value_of(cli, cli->args[cli->args_count - 1]), &answer);
	return report(cli, status, &answer, "ok", NULL);
}

const struct command command_cas = {
    .name = "cas",
    .args_doc = "KEY OLD NEW",
    .doc = "Sets KEY to NEW if its value is OLD; exit code 1 when it is not, or there is none.",
    .args_min = 2,
    .args_max = 3,
    .options = options,
    .set = set,
    .prepare = prepare,
    .run = run,
};
