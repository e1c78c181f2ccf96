// pnyx echo: the raw round trip to a replica's data plane, before consensus.
#include <stdio.h>
#include <time.h>
#include "client/cli/cli.h"
#include "client/cli/histogram.h"

static uint64_t count = 10, size = 128, interval_ms = 100;

static const struct argp_option options[] = {
    {"count", 'n', "N", 0, "echoes for each replica, default 10", 10},
    {"size", 'z', "BYTES", 0, "UDP payload, 64 to the cluster's frame_max, default 128", 10},
    {"interval", 'i', "MS", 0, "pause between rounds, default 100", 10},
    {0},
};

static const char *set(int key, const char *arg)
{
	switch (key) {
	case 'n':
		return read_number(arg, 1, 100000000, &count)
			   ? NULL
			   : "a whole number from 1 to 100000000";
	case 'z':
		return read_number(arg, 64, 8972, &size) ? NULL : "a whole number from 64 to 8972";
	case 'i':
		return read_number(arg, 0, 60000, &interval_ms) ? NULL
								: "milliseconds from 0 to 60000";
	}
	return "a known option";
}

static struct histogram round_trips[PNYX_MEMBERS_MAX];
static uint64_t lost[PNYX_MEMBERS_MAX];

static enum pnyx_status echo_round(struct cli *cli)
{
	int n = pnyx_cluster(cli->client)->n;
	for (int m = 0; m < n; m++) {
		uint64_t rtt;
		if (cli->server != PNYX_ANY && m != cli->server)
			continue;
		enum pnyx_status status = pnyx_echo(cli->client, m, (uint32_t)size, &rtt);
		if (status == PNYX_OK)
			histogram_add(&round_trips[m], rtt);
		else if (status == PNYX_TIMEOUT)
			lost[m]++;
		else
			return status;
	}
	return PNYX_OK;
}

static double us(const struct histogram *h, double share)
{
	return (double)histogram_quantile(h, share) / 1000;
}

static void print_member(const struct cli *cli, int m, json_t *list)
{
	const struct histogram *h = &round_trips[m];
	uint64_t min = h->count > 0 ? h->min : 0;
	if (cli->is_json)
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:f}", "server",
				    member_name(cli, m), "address", member_address(cli, m),
				    "answered", (json_int_t)h->count, "lost", (json_int_t)lost[m],
				    "min_us", (double)min / 1000, "p50_us", us(h, 0.5), "p99_us",
				    us(h, 0.99), "max_us", (double)h->max / 1000));
	else
		printf("%-8s %-21s answered %llu lost %llu  min %.1f  p50 %.1f  p99 %.1f  max %.1f "
		       "us\n",
		       member_name(cli, m), member_address(cli, m), (unsigned long long)h->count,
		       (unsigned long long)lost[m], (double)min / 1000, us(h, 0.5), us(h, 0.99),
		       (double)h->max / 1000);
}

static int run(struct cli *cli)
{
	int n = pnyx_cluster(cli->client)->n;
	uint64_t answered = 0;
	struct timespec pause = {(time_t)(interval_ms / 1000),
				 (long)(interval_ms % 1000) * 1000000};
	for (int m = 0; m < n; m++)
		histogram_reset(&round_trips[m]);
	for (uint64_t i = 0; i < count; i++) {
		enum pnyx_status status = echo_round(cli);
		if (status != PNYX_OK)
			return report(cli, status, NULL, NULL, NULL);
		if (i + 1 < count)
			nanosleep(&pause, NULL);
	}
	json_t *list = json_array();
	for (int m = 0; m < n; m++) {
		if (cli->server == PNYX_ANY || m == cli->server)
			print_member(cli, m, list);
		answered += round_trips[m].count;
	}
	if (cli->is_json)
		print_json(json_pack("{s:s, s:O}", "status", answered > 0 ? "ok" : "timeout",
				     "servers", list));
	json_decref(list);
	return answered > 0 ? EXIT_DONE : EXIT_NOBODY;
}

const struct command command_echo = {
    .name = "echo",
    .doc = "Measures the raw round trip to every replica (--via: to one).",
    .options = options,
    .set = set,
    .run = run,
};
