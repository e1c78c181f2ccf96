// pnyx mget: several values read at one point.
#include <stdio.h>
#include "client/cli/cli.h"

static void print_items(const struct cli *cli, const struct pnyx_item *items)
{
	for (uint32_t i = 0; i < cli->args_count; i++) {
		if (cli->is_raw) {
			fwrite(items[i].value.data, 1, items[i].is_found ? items[i].value.len : 0,
			       stdout);
			continue;
		}
		print_escaped(items[i].key);
		fputs(items[i].is_found ? " = " : " is not there", stdout);
		if (items[i].is_found)
			print_escaped(items[i].value);
		putchar('\n');
	}
}

static json_t *json_items(const struct cli *cli, const struct pnyx_item *items)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < cli->args_count; i++)
		json_array_append_new(
		    list, json_pack("{s:o, s:o}", "key", json_of(items[i].key), "value",
				    items[i].is_found ? json_of(items[i].value) : json_null()));
	return json_pack("{s:o}", "items", list);
}

static int run(struct cli *cli)
{
	struct pnyx_completion answer = {.server = -1};
	struct pnyx_item items[PNYX_ITEMS_MAX] = {0};
	bool is_complete = true;
	for (uint32_t i = 0; i < cli->args_count; i++)
		items[i].key = bytes_of(cli->args[i]);
	enum pnyx_status status = pnyx_mget(cli->client, items, cli->args_count, &answer);
	for (uint32_t i = 0; i < cli->args_count; i++)
		is_complete = is_complete && items[i].is_found;
	if (status == PNYX_OK && !cli->is_json)
		print_items(cli, items);
	int code =
	    report(cli, status, &answer, NULL, status == PNYX_OK ? json_items(cli, items) : NULL);
	return code == EXIT_DONE && !is_complete ? EXIT_NOT_FOUND : code;
}

const struct command command_mget = {
    .name = "mget",
    .args_doc = "KEY...",
    .doc = "Prints up to 16 values, read at one point of time; exit code 1 when one is missing.",
    .args_min = 1,
    .args_max = PNYX_ITEMS_MAX,
    .run = run,
};
