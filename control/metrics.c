// Prometheus' text format (version 0.0.4): every counter that the replica publishes, rates' raw material, and what is known of peers.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/control.h"

struct metric {
	const char *name, *help;
};

static const struct metric core_metrics[] = {
#define METRIC(name, text) { #name, text },
	EP_COUNTERS(METRIC)
};
static const struct metric shell_metrics[] = { EP_SHELL_COUNTERS(METRIC) };
#undef METRIC

static void head(FILE *f, const char *group, const char *name, const char *help, bool is_gauge)
{
	fprintf(f, "# HELP pnyx_%s%s%s %s\n# TYPE pnyx_%s%s%s %s\n", group, name, is_gauge ? "" : "_total", help, group, name,
		is_gauge ? "" : "_total", is_gauge ? "gauge" : "counter");
}

// Those that go down again.
static bool is_level(const uint64_t *value, const struct mb_snapshot *p)
{
	const struct ep_counters *c = &p->core;
	const struct ep_shell_counters *s = &p->shell;
	return value == &c->sessions || value == &c->live || value == &c->arena_used || value == &c->arena_room || value == &c->scc_largest ||
	       value == &c->chain_longest || value == &s->turn_longest || value == &s->tsc_hz || value == &s->pollers;
}

static void all(FILE *f, const char *group, const struct metric *metrics, const uint64_t *values, size_t count, const struct mb_snapshot *p)
{
	for (size_t k = 0; k < count; k++) {
		bool is_gauge = is_level(&values[k], p);
		head(f, group, metrics[k].name, metrics[k].help, is_gauge);
		fprintf(f, "pnyx_%s%s%s %" PRIu64 "\n", group, metrics[k].name, is_gauge ? "" : "_total", values[k]);
	}
}

static void drops(FILE *f, const struct mb_snapshot *p)
{
	head(f, "", "drops", "messages that the core dropped, by reason", false);
	for (uint32_t k = 1; k < EP_DROP_REASONS; k++)
		fprintf(f, "pnyx_drops_total{reason=\"%s\"} %" PRIu64 "\n", ep_drop_names[k], p->drops[k]);
}

static void steer(FILE *f, const struct mb_snapshot *p)
{
	static const char *const names[] = {
#define NAME(name, text) #name,
		STEER_VERDICTS(NAME)
#undef NAME
	};
	if (!p->has_steer)
		return;
	head(f, "", "xdp_frames", "frames of the port, by what the XDP program decided", false);
	for (uint32_t v = 0; v < STEER_VERDICTS_COUNT; v++)
		fprintf(f, "pnyx_xdp_frames_total{verdict=\"%s\"} %" PRIu64 "\n", names[v], p->steer[v]);
}

static void columns(FILE *f, const struct ctl *c)
{
	static const char *const names[] = { "executed", "committed", "known", "stable" };
	const struct mb_snapshot *p = &c->replica.page;
	for (uint32_t k = 0; k < 4; k++) {
		head(f, "column_", names[k], "instances of a column up to which all are so, as this replica sees it", true);
		for (uint32_t m = 0; m < c->n; m++) {
			const struct mb_column *column = &p->columns[m];
			const uint64_t values[] = { column->executed, column->committed, column->known, column->stable };
			fprintf(f, "pnyx_column_%s{column=\"%s\"} %" PRIu64 "\n", names[k], ctl_name(c, m), values[k]);
		}
	}
}

static void peers(FILE *f, const struct ctl *c)
{
	const struct mb_snapshot *p = &c->replica.page;
	head(f, "peer_", "suspect", "1: this replica suspects the member", true);
	for (uint32_t m = 0; m < c->n; m++)
		if (m != c->self)
			fprintf(f, "pnyx_peer_suspect{peer=\"%s\"} %u\n", ctl_name(c, m), (unsigned)(p->suspects >> m & 1));
	head(f, "peer_", "behind", "instances executed here that the member has not reported", true);
	for (uint32_t m = 0; m < c->n; m++)
		if (m != c->self)
			fprintf(f, "pnyx_peer_behind{peer=\"%s\"} %" PRIu64 "\n", ctl_name(c, m), p->columns[m].behind);
	head(f, "peer_", "srtt_seconds", "smoothed round trip", true);
	for (uint32_t m = 0; m < c->n; m++)
		if (m != c->self && p->columns[m].srtt_ns != 0)
			fprintf(f, "pnyx_peer_srtt_seconds{peer=\"%s\"} %.9f\n", ctl_name(c, m), (double)p->columns[m].srtt_ns / 1e9);
	head(f, "peer_", "heard_seconds", "since a frame of the member came", true);
	for (uint32_t m = 0; m < c->n; m++)
		if (m != c->self && p->columns[m].heard_ns != 0)
			fprintf(f, "pnyx_peer_heard_seconds{peer=\"%s\"} %.6f\n", ctl_name(c, m),
				(double)(p->core_ns - p->columns[m].heard_ns) / 1e9);
}

static void own(FILE *f, const struct ctl *c)
{
	const struct ctl_replica *r = &c->replica;
	struct ctl_alarm alarm = ctl_gauge_alarm(&c->gauge);
	head(f, "", "replica_life", "1 for what the replica of this node is", true);
	for (unsigned life = 0; life < CTL_LIVES; life++)
		fprintf(f, "pnyx_replica_life{life=\"%s\"} %d\n", ctl_life_name(life), life == r->life);
	head(f, "", "epoch", "that the replica is in, 0: not known", true);
	fprintf(f, "pnyx_epoch %u\n", c->list.epoch);
	head(f, "", "members", "of that epoch", true);
	fprintf(f, "pnyx_members %u\n", c->n);
	head(f, "", "replica_retired", "1: a later epoch serves without this member", true);
	fprintf(f, "pnyx_replica_retired %d\n", strcmp(ctl_standing_name(c), "retired") == 0);
	head(f, "", "replica_restarts", "times that this control plane started the replica", false);
	fprintf(f, "pnyx_replica_restarts_total %u\n", r->restarts);
	head(f, "", "control_link_up", "1: the control plane of the member talks to this one", true);
	for (uint32_t m = 0; m < c->n; m++)
		if (m != c->self)
			fprintf(f, "pnyx_control_link_up{peer=\"%s\"} %d\n", ctl_name(c, m), c->links[m].has_state);
	head(f, "", "window_used_ratio", "of the fullest instance window", true);
	fprintf(f, "pnyx_window_used_ratio %.4f\n", c->gauge.window_used);
	head(f, "", "room_used_ratio", "of the application's room", true);
	fprintf(f, "pnyx_room_used_ratio %.4f\n", c->gauge.room_used);
	if (alarm.is_raised) {
		head(f, "", "alarm_left_seconds", "until a window, or the application's room, is full at the present rate; absent: no alarm", true);
		fprintf(f, "pnyx_alarm_left_seconds %.3f\n", alarm.left_ns == CTL_NEVER ? -1.0 : (double)alarm.left_ns / 1e9);
	}
}

char *ctl_metrics(const struct ctl *c)
{
	char *text = NULL;
	size_t size = 0;
	const struct mb_snapshot *p = &c->replica.page;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	own(f, c);
	if (c->replica.life == CTL_LIFE_SERVING || c->replica.life == CTL_LIFE_STARTING) {
		all(f, "", core_metrics, (const uint64_t *)&p->core, sizeof p->core / 8, p);
		all(f, "shell_", shell_metrics, (const uint64_t *)&p->shell, sizeof p->shell / 8, p);
		drops(f, p);
		steer(f, p);
		columns(f, c);
		peers(f, c);
	}
	fclose(f);
	return text;
}
