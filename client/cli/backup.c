// pnyx backup: the state of one instant as a file, written by this node's control plane while the cluster serves on.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "client/cli/cli.h"

#define PATIENCE_S 3600 // for a large state and a slow disk

static int run(struct cli *cli)
{
	char draft[512], error[256];
	const char *path = cli->args[0];
	if (access(path, F_OK) == 0 || snprintf(draft, sizeof draft, "%s.new", path) >= (int)sizeof draft)
		cli_fail(cli, EXIT_USAGE, "%s is there already, or its name is too long; right would be another name", path);
	int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		cli_fail(cli, EXIT_USAGE, "%s: %s", draft, strerror(errno));
	json_t *answer = ask_control_with(cli, cli->via, "backup", fd, PATIENCE_S, error, sizeof error);
	close(fd);
	const char *refusal = json_string_value(json_object_get(answer, "error"));
	bool is_done = json_is_true(json_object_get(answer, "done"));
	if (is_done && link(draft, path) != 0) {
		is_done = false;
		refusal = strerror(errno);
	}
	unlink(draft);
	if (answer == NULL)
		cli_fail(cli, EXIT_NOBODY, "%s", error);
	if (!is_done)
		cli_fail(cli, EXIT_REFUSED, "no backup: %s", refusal != NULL ? refusal : "the control plane's answer is not understood");
	json_int_t bytes = json_integer_value(json_object_get(answer, "bytes")), epoch = json_integer_value(json_object_get(answer, "epoch"));
	if (cli->is_json)
		print_json(json_pack("{s:s, s:s, s:I, s:I}", "status", "ok", "file", path, "epoch", epoch, "bytes", bytes));
	else
		printf("%s: the state at the end of epoch %lld, %lld MiB\n", path, (long long)epoch, (long long)(bytes >> 20));
	json_decref(answer);
	return EXIT_DONE;
}

const struct command command_backup = {
    .name = "backup",
    .args_doc = "FILE",
    .doc = "Writes the state to FILE (a new one) through the control plane of node --via NAME, the first of this machine without: all that was "
	   "acknowledged before is in it. The cluster serves on, in its next epoch.",
    .args_min = 1,
    .args_max = 1,
    .run = run,
    .connects = CONNECTS_ITSELF,
};
