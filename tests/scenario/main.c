// pnyx-scenario: plays scripts; the exit code says whether all their expectations hold.
#include <argp.h>
#include <stdio.h>
#include "tests/scenario/play.h"

static bool is_drawn;
static unsigned failed, played;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'd':
		is_drawn = true;
		return 0;
	case ARGP_KEY_ARG:
		played++;
		failed += !script_run(arg, is_drawn);
		return 0;
	case ARGP_KEY_END:
		if (played == 0)
			argp_error(state, "which script?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "draw", 'd', NULL, 0, "draw what happened, a column for each replica, also when all is well (give it first)", 0 }, { 0 } };
	static const struct argp argp = { options, parse, "SCRIPT...", "Plays scripts against real cores.", NULL, NULL, NULL };
	setvbuf(stdout, NULL, _IOLBF, 0);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);
	return failed ? 1 : 0;
}
