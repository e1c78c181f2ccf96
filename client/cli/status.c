// pnyx status: what every replica is and counts.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/members.h"

static const char *const core_names[] = {
#define NAME(name, text) #name,
    EP_COUNTERS(NAME)};
static const char *const shell_names[] = {EP_SHELL_COUNTERS(NAME)};
#undef NAME

static struct cluster_counters counters; // large

static void uuid_text(const uint8_t *u, char *ret)
{
	for (int i = 0; i < 16; i++) {
		const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
		ret += sprintf(ret, "%s%02x", dash, u[i]);
	}
}

static double fast_percent(const struct ep_counters *c)
{
	uint64_t all = c->fast_commits + c->slow_commits;
	return all > 0 ? 100 * (double)c->fast_commits / (double)all : 100;
}

// ---- for people
// ---------------------------------------------------------------------------------------------
static void print_nonzero(const char *title, const char *const *names, const uint64_t *values,
			  uint32_t count)
{
	printf("  %-9s", title);
	uint32_t said = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (values[i] == 0)
			continue;
		printf("%s%s %" PRIu64,
		       said == 0       ? " "
		       : said % 6 == 0 ? "\n            "
				       : ", ",
		       names[i], values[i]);
		said++;
	}
	puts(said > 0 ? "" : " none");
}

static void print_frontiers(const struct cli *cli, const struct member_counters *m, int n)
{
	puts("  column      executed   committed       known      stable     srtt us   heard ms "
	     "ago");
	for (int c = 0; c < n; c++) {
		const struct frontier *f = &m->frontiers[c];
		printf("  %-8s %11" PRIu64 " %11" PRIu64 " %11" PRIu64 " %11" PRIu64 " %11.1f",
		       member_name(cli, c), f->executed, f->committed, f->known, f->stable,
		       (double)f->srtt_ns / 1000);
		if (f->heard_ns_ago == UINT64_MAX)
			printf(" %14s\n", "never");
		else
			printf(" %14.1f\n", (double)f->heard_ns_ago / 1000000);
	}
}

static void print_member(const struct cli *cli, int index, const struct member_counters *m)
{
	char uuid[40];
	uuid_text(pnyx_cluster(cli->client)->members[index].uuid, uuid);
	printf("\nreplica %s  %s  %s\n", member_name(cli, index), member_address(cli, index), uuid);
	if (!m->is_there) {
		puts("  does not answer");
		return;
	}
	double room = m->core.arena_room > 0 ? (double)m->core.arena_room : 1;
	printf("  executed %" PRIu64 " commands, %" PRIu64
	       " Nop; own commits %.2f %% on the fast path (%" PRIu64 " fast, %" PRIu64 " slow)\n",
	       m->core.executed, m->core.nops, fast_percent(&m->core), m->core.fast_commits,
	       m->core.slow_commits);
	printf("  arena     %" PRIu64 " of %" PRIu64 " units (%.2f %%); %" PRIu64
	       " live instances, %" PRIu64 " sessions\n",
	       m->core.arena_used, m->core.arena_room, 100 * (double)m->core.arena_used / room,
	       m->core.live, m->core.sessions);
	printf("  trouble   %" PRIu64 " executions waited for an undecided instance, %" PRIu64
	       " cycles (largest %" PRIu64 "); %" PRIu64 " recoveries, %" PRIu64 " to Nop; %" PRIu64
	       " refused\n",
	       m->core.blocked, m->core.scc_multi, m->core.scc_largest, m->core.recoveries,
	       m->core.recovered_nop, refused(&m->core));
	printf("  loop      longest turn %.1f us; behind the furthest by %" PRIu64 " instances\n",
	       1e6 * (double)m->shell.turn_longest / (double)(m->shell.tsc_hz | 1),
	       behind_others(&counters, index));
	print_frontiers(cli, m, counters.n);
	print_nonzero("drops", ep_drop_names, m->drops, EP_DROP_REASONS);
	print_nonzero("shell", shell_names, (const uint64_t *)&m->shell, sizeof m->shell / 8);
	if (cli->is_verbose)
		print_nonzero("core", core_names, (const uint64_t *)&m->core, sizeof m->core / 8);
}

// ---- for programs
// -------------------------------------------------------------------------------------------
static json_t *json_counters(const char *const *names, const uint64_t *values, uint32_t count)
{
	json_t *object = json_object();
	for (uint32_t i = 0; i < count; i++)
		json_object_set_new(object, names[i], json_integer((json_int_t)values[i]));
	return object;
}

static json_t *json_frontiers(const struct cli *cli, const struct member_counters *m)
{
	json_t *list = json_array();
	for (int c = 0; c < counters.n; c++) {
		const struct frontier *f = &m->frontiers[c];
		json_array_append_new(
		    list,
		    json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "column", member_name(cli, c),
			      "executed", (json_int_t)f->executed, "committed",
			      (json_int_t)f->committed, "known", (json_int_t)f->known, "stable",
			      (json_int_t)f->stable, "srtt_ns", (json_int_t)f->srtt_ns,
			      "heard_ns_ago", (json_int_t)f->heard_ns_ago));
	}
	return list;
}

static json_t *json_member(const struct cli *cli, int index, const struct member_counters *m)
{
	char uuid[40];
	uuid_text(pnyx_cluster(cli->client)->members[index].uuid, uuid);
	json_t *object =
	    json_pack("{s:s, s:s, s:s, s:b}", "name", member_name(cli, index), "address",
		      member_address(cli, index), "uuid", uuid, "answers", (int)m->is_there);
	if (!m->is_there)
		return object;
	json_object_set_new(object, "fast_percent", json_real(fast_percent(&m->core)));
	json_object_set_new(object, "frontiers", json_frontiers(cli, m));
	json_object_set_new(
	    object, "core",
	    json_counters(core_names, (const uint64_t *)&m->core, sizeof m->core / 8));
	// reason 0 is "none"
	json_object_set_new(object, "drops",
			    json_counters(ep_drop_names + 1, m->drops + 1, EP_DROP_REASONS - 1));
	json_object_set_new(
	    object, "shell",
	    json_counters(shell_names, (const uint64_t *)&m->shell, sizeof m->shell / 8));
	return object;
}

static void print_all(struct cli *cli, const json_t *view)
{
	const struct pnyx_cluster *cluster = pnyx_cluster(cli->client);
	printf("cluster %" PRIx64 "  epoch %u  members %d, asked %d, answering %d  frame_max %u\n",
	       cluster->id, cluster->epoch, counters.n, counters.asked, counters.answered,
	       cluster->frame_max);
	if (view != NULL)
		print_control(view);
	for (int m = 0; m < counters.n; m++) {
		if (counters.members[m].is_asked)
			print_member(cli, m, &counters.members[m]);
	}
}

static void print_all_json(struct cli *cli, json_t *view)
{
	const struct pnyx_cluster *cluster = pnyx_cluster(cli->client);
	json_t *list = json_array();
	char id[20];
	for (int m = 0; m < counters.n; m++) {
		if (counters.members[m].is_asked)
			json_array_append_new(list, json_member(cli, m, &counters.members[m]));
	}
	snprintf(id, sizeof id, "%" PRIx64, cluster->id);
	print_json(json_pack("{s:s, s:i, s:i, s:i, s:o, s:O?}", "cluster", id, "epoch",
			     (int)cluster->epoch, "frame_max", (int)cluster->frame_max, "answering",
			     counters.answered, "replicas", list, "control", view));
}

// No replica answers: what a control plane knows is all there is.
static int say_nobody(struct cli *cli, const json_t *view)
{
	if (view == NULL)
		cli_fail(cli, EXIT_NOBODY, "%s", cli->why);
	if (!cli->is_json)
		print_control(view);
	cli_fail(cli, EXIT_NOBODY, "%s", cli->why);
}

static int run(struct cli *cli)
{
	char error[256];
	json_t *view = ask_control(cli, NULL, "status", error, sizeof error);
	if (cli->client == NULL)
		return say_nobody(cli, view);
	ask_counters(cli, cli->server, &counters);
	if (cli->is_json)
		print_all_json(cli, view);
	else
		print_all(cli, view);
	json_decref(view);
	if (counters.answered == counters.asked)
		return EXIT_DONE;
	return counters.answered > 0 ? EXIT_NOT_FOUND : EXIT_NOBODY;
}

const struct command command_status = {
    .name = "status",
    .doc = "Prints identity, progress, counters and room of every replica, --via: of one (-V: all "
	   "counters of the core); before that what a control plane of this machine knows, if one "
	   "answers (--control). Exit code 1 when some replicas do not answer, 5 when none does.",
    .run = run,
    .connects = CONNECTS_MAYBE,
};
