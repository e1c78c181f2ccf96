// pnyx: the command line of a cluster. Finds the sub-command, reads its options, connects, runs it.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"

static const struct command *const commands[] = {
    &command_get,  &command_put,  &command_del,	   &command_cas,    &command_incr, &command_append,
    &command_mget, &command_mput, &command_status, &command_digest, &command_echo, &command_bench,
    &command_top,  &command_doctor, &command_replica, &command_init, &command_backup, &command_restore, &command_members,
};
#define COMMANDS_COUNT (sizeof commands / sizeof commands[0])

const char *argp_program_version = "pnyx 0.1.0";

static const char top_doc[] =
    "Talks to a Pnyx cluster.\v"
    "Commands:\n"
    "  get KEY                 the value of a key\n"
    "  put KEY VALUE           set it ('-' as VALUE: stdin)\n"
    "  del KEY                 remove it\n"
    "  cas KEY OLD NEW         set it when it is OLD (--absent: when there is none)\n"
    "  incr KEY [BY]           add to a number\n"
    "  append KEY VALUE        add bytes at the end\n"
    "  mget KEY...             several at one point of time\n"
    "  mput KEY VALUE...       likewise, all or nothing\n"
    "  status                  members, their health, what every replica counts\n"
    "  top                     rates of every replica, refreshed\n"
    "  doctor                  what this machine lacks, and what to do\n"
    "  replica stop|start|restart   this node's replica, by its control plane\n"
    "  members [CHANGE]        who they are; add NAME, remove NAME, replace OLD NEW\n"
    "  init                    the configuration file of a new cluster\n"
    "  backup FILE             the state of one instant, while serving\n"
    "  restore FILE            a backup becomes a new cluster's state, node by node\n"
    "  digest                  whether all replicas hold the same state\n"
    "  echo                    raw round trip to a replica's data plane\n"
    "  bench                   load, latencies, shares\n"
    "`pnyx COMMAND --help` tells its options.\n\n"
    "Exit codes: 0 done; 1 not found, or cas did not match; 2 usage or configuration; 3 outcome "
    "unknown (deadline); "
    "4 refused by the replica; 5 nobody answers.";

static error_t parse_top(int key, char *arg, struct argp_state *state)
{
	struct cli *cli = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = cli;
		return 0;
	case ARGP_KEY_ARG:
		for (size_t i = 0; i < COMMANDS_COUNT; i++) {
			if (strcmp(commands[i]->name, arg) == 0)
				cli->command = commands[i];
		}
		if (cli->command == NULL)
			argp_error(state, "there is no command '%s'", arg);
		cli->command_index = state->next - 1;
		state->next = state->argc; // the rest belongs to the command
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which command?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_command(int key, char *arg, struct argp_state *state)
{
	struct cli *cli = state->input;
	const struct command *command = cli->command;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = cli;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num >= command->args_max)
			argp_error(state, "too many arguments: '%s'; %s takes at most %u", arg, command->name,
				   command->args_max);
		cli->args[cli->args_count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (cli->args_count < command->args_min)
			argp_error(state, "too few arguments: %s needs %s", command->name,
				   command->args_doc);
		return 0;
	default:
		break;
	}
	for (const struct argp_option *o = command->options;
	     o != NULL && (o->name != NULL || o->doc != NULL); o++) {
		if (o->key == 0 || o->key != key)
			continue;
		const char *right = command->set(key, arg);
		if (right != NULL)
			argp_error(state, "--%s cannot be '%s'; right would be %s", o->name, arg,
				   right);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

// `incr n -5`: a number is no option. A blank in front makes it a plain word, and the same number.
static void keep_negative_numbers(int argc, char **argv)
{
	static char words[4][32];
	int used = 0;
	for (int i = 1; i < argc && used < 4 && strcmp(argv[i], "--") != 0; i++) {
		if (argv[i][0] != '-' || !isdigit((unsigned char)argv[i][1]) ||
		    strlen(argv[i]) + 2 > sizeof words[0])
			continue;
		snprintf(words[used], sizeof words[0], " %s", argv[i]);
		argv[i] = words[used++];
	}
}

static void parse_all(struct cli *cli, int argc, char **argv)
{
	static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
	static const struct argp top = {.parser = parse_top,
					.args_doc = "COMMAND [ARGUMENT...]",
					.doc = top_doc,
					.children = children};
	static char name[32];
	argp_err_exit_status = EXIT_USAGE;
	// The environment first, so that the command line wins; a command's variables need the
	// command's name.
	struct cli probe = *cli;
	argp_parse(&top, argc, argv, ARGP_IN_ORDER, NULL, &probe);
	cli->command = probe.command;
	read_environment(cli);
	argp_parse(&top, argc, argv, ARGP_IN_ORDER, NULL, cli);
	snprintf(name, sizeof name, "pnyx %s", cli->command->name);
	int next = cli->command_index;
	argv[next] = name;
	if (cli->command == &command_incr)
		keep_negative_numbers(argc - next, argv + next);
	struct argp own = {.options = cli->command->options,
			   .parser = parse_command,
			   .args_doc = cli->command->args_doc,
			   .doc = cli->command->doc,
			   .children = children};
	argp_parse(&own, argc - next, argv + next, 0, NULL, cli);
}

int main(int argc, char **argv)
{
	static struct cli cli;
	parse_all(&cli, argc, argv);
	cli_connect(&cli);
	int code = cli.command->run(&cli);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "pnyx: cannot write the output\n");
		code = EXIT_USAGE;
	}
	if (cli.client != NULL)
		pnyx_close(cli.client);
	return code;
}
