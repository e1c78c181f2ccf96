// pnyx members: who they are, and an operator's changes, through this node's control plane.
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "client/cli/cli.h"

#define PATIENCE_S 15 // the control plane gives up after 10

static bool is_name(const char *text)
{
	size_t len = 0;
	for (; text[len] != 0; len++)
		if (!isalnum((unsigned char)text[len]) && text[len] != '-' && text[len] != '_')
			return false;
	return len > 0 && len < PNYX_CONFIG_NAME_MAX;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "-";
}

static void show(const struct cli *cli, json_t *view)
{
	size_t k;
	const json_t *m;
	if (cli->is_json) {
		print_json(json_pack("{s:s, s:O, s:O, s:O}", "status", "ok", "epoch", json_object_get(view, "epoch"), "standing",
				     json_object_get(view, "standing"), "members", json_object_get(view, "members")));
		return;
	}
	printf("epoch %lld as %s sees it, whose replica is %s\n", (long long)json_integer_value(json_object_get(view, "epoch")), text_of(view, "member"),
	       text_of(view, "standing"));
	puts("  member     life      incarnation  uuid");
	json_array_foreach(json_object_get(view, "members"), k, m)
	{
		const json_t *says = json_object_get(m, "says");
		bool is_suspect = json_is_true(json_object_get(m, "suspect"));
		printf("  %-10s %-9s %11lld  %s%s\n", text_of(m, "name"), says != NULL ? text_of(says, "life") : "unknown",
		       (long long)json_integer_value(json_object_get(m, "incarnation")), text_of(m, "uuid"), is_suspect ? "  suspected" : "");
	}
}

static int run(struct cli *cli)
{
	char error[256], line[160] = "members";
	for (uint32_t k = 0; k < cli->args_count; k++) {
		if (!is_name(cli->args[k]))
			cli_fail(cli, EXIT_USAGE, "'%s' is no member's name", cli->args[k]);
		snprintf(line + strlen(line), sizeof line - strlen(line), " %s", cli->args[k]);
	}
	const char *what = cli->args_count > 0 ? cli->args[0] : "";
	uint32_t right = strcmp(what, "replace") == 0 ? 3 : strcmp(what, "add") == 0 || strcmp(what, "remove") == 0 ? 2 : 0;
	if (cli->args_count != right)
		cli_fail(cli, EXIT_USAGE, "right would be: members, members add NAME, members remove NAME, members replace OLD NEW");
	json_t *answer = ask_control_with(cli, cli->via, line, -1, PATIENCE_S, error, sizeof error);
	if (answer == NULL)
		cli_fail(cli, EXIT_NOBODY, "%s", error);
	const char *refusal = json_string_value(json_object_get(answer, "error"));
	if (refusal != NULL)
		cli_fail(cli, EXIT_REFUSED, "%s", refusal);
	long long epoch = (long long)json_integer_value(json_object_get(answer, "epoch"));
	if (right == 0)
		show(cli, answer);
	else if (cli->is_json)
		print_json(json_pack("{s:s, s:I}", "status", "ok", "epoch", (json_int_t)epoch));
	else
		printf("done: epoch %lld\n", epoch);
	json_decref(answer);
	return EXIT_DONE;
}

const struct command command_members = {
    .name = "members",
    .args_doc = "[add NAME | remove NAME | replace OLD NEW]",
    .doc = "Who the members are, or a change of them, through the control plane of node --via NAME, the first of this machine without. A NAME that comes "
	   "in is an entry of that node's configuration file (join = true). The cluster serves on, in its next epoch. `replace` puts the new member into "
	   "the old one's place at once; of a member with itself it is a new identity for one that has lost its arena. The control plane logs who asked.",
    .args_max = 3,
    .run = run,
    .connects = CONNECTS_ITSELF,
};
