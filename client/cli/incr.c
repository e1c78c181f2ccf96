// pnyx incr: adds to a number.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "client/cli/cli.h"

static int64_t delta = 1;

static const struct argp_option options[] = {
    {"by", 'y', "N", 0, "the same as BY, also negative: --by=-5", 10},
    {0},
};

static const char *set(int key, const char *arg)
{
	char *end;
	(void)key;
	errno = 0;
	long long value = strtoll(arg, &end, 10);
	if (end == arg || *end != 0 || errno != 0)
		return "a whole number of 64 bits";
	delta = value;
	return NULL;
}

static const char *prepare(struct cli *cli)
{
	return cli->args_count == 2 ? set('y', cli->args[1]) : NULL;
}

static int run(struct cli *cli)
{
	struct pnyx_completion answer = {.server = -1};
	char text[32];
	enum pnyx_status status = pnyx_incr(cli->client, bytes_of(cli->args[0]), delta, &answer);
	snprintf(text, sizeof text, "%" PRId64, answer.number);
	json_t *more =
	    status == PNYX_OK ? json_pack("{s:I}", "number", (json_int_t)answer.number) : NULL;
	return report(cli, status, &answer, text, more);
}

const struct command command_incr = {
    .name = "incr",
    .args_doc = "KEY [BY]",
    .doc = "Adds BY (default 1) to the number at KEY, a missing key counts as 0, and prints the "
	   "new number.",
    .args_min = 1,
    .args_max = 2,
    .options = options,
    .set = set,
    .prepare = prepare,
    .run = run,
};
