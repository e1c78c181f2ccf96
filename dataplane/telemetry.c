// DPDK's telemetry: each command is one look at the published snapshot.
#include "dataplane/telemetry.h"
#include <errno.h>
#include <rte_telemetry.h>
#include <stdio.h>
#include <stdlib.h>

static const struct mb_end *page; // written once, before the commands are registered

static const char *const core_names[] = {
#define NAME(name, text) #name,
	EP_COUNTERS(NAME)
};
static const char *const shell_names[] = { EP_SHELL_COUNTERS(NAME) };
static const char *const steer_names[] = { STEER_VERDICTS(NAME) };
#undef NAME

static int all(struct rte_tel_data *d, const char *const *names, const uint64_t *values, uint32_t count)
{
	rte_tel_data_start_dict(d);
	for (uint32_t k = 0; k < count; k++)
		rte_tel_data_add_dict_u64(d, names[k], values[k]);
	return 0;
}

static int on_info(const char *command, const char *parameters, struct rte_tel_data *d)
{
	struct mb_snapshot s;
	(void)command, (void)parameters;
	if (!mb_look(page, &s))
		return -EAGAIN;
	const char *const names[] = { "cluster", "epoch", "incarnation", "start", "members", "self", "window", "own_max", "pace", "suspects" };
	const uint64_t values[] = { s.cluster, s.epoch, s.incarnation, s.start, s.n, s.self, s.window, s.own_max, s.pace, s.suspects };
	return all(d, names, values, sizeof values / sizeof values[0]);
}

static int on_core(const char *command, const char *parameters, struct rte_tel_data *d)
{
	struct mb_snapshot s;
	(void)command, (void)parameters;
	if (!mb_look(page, &s))
		return -EAGAIN;
	return all(d, core_names, (const uint64_t *)&s.core, sizeof s.core / 8);
}

static int on_shell(const char *command, const char *parameters, struct rte_tel_data *d)
{
	struct mb_snapshot s;
	(void)command, (void)parameters;
	if (!mb_look(page, &s))
		return -EAGAIN;
	return all(d, shell_names, (const uint64_t *)&s.shell, sizeof s.shell / 8);
}

static int on_drops(const char *command, const char *parameters, struct rte_tel_data *d)
{
	struct mb_snapshot s;
	(void)command, (void)parameters;
	if (!mb_look(page, &s))
		return -EAGAIN;
	return all(d, ep_drop_names + 1, s.drops + 1, EP_DROP_REASONS - 1); // reason 0 is "none"
}

static int on_xdp(const char *command, const char *parameters, struct rte_tel_data *d)
{
	struct mb_snapshot s;
	(void)command, (void)parameters;
	if (!mb_look(page, &s))
		return -EAGAIN;
	return all(d, steer_names, s.steer, s.has_steer ? STEER_VERDICTS_COUNT : 0);
}

// One member, as this replica sees it: /pnyx/member,COLUMN
static int on_member(const char *command, const char *parameters, struct rte_tel_data *d)
{
	struct mb_snapshot s;
	char *end = NULL;
	unsigned long column = parameters ? strtoul(parameters, &end, 10) : 0;
	(void)command;
	if (!mb_look(page, &s))
		return -EAGAIN;
	if (!parameters || end == parameters || *end != 0 || column >= s.n)
		return -EINVAL;
	const struct mb_column *c = &s.columns[column];
	const char *const names[] = { "executed", "committed", "known", "stable", "srtt_ns", "heard_ns_ago", "behind", "suspect" };
	const uint64_t values[] = { c->executed, c->committed, c->known, c->stable, c->srtt_ns,
				    column == s.self ? 0 : c->heard_ns == 0 ? UINT64_MAX : s.core_ns - c->heard_ns, c->behind, s.suspects >> column & 1 };
	return all(d, names, values, sizeof values / sizeof values[0]);
}

void dp_telemetry_start(const struct mb_end *end)
{
	page = end;
	rte_telemetry_register_cmd("/pnyx/info", on_info, "Identity and sizes of this replica. No parameters.");
	rte_telemetry_register_cmd("/pnyx/core", on_core, "Counters of the consensus core. No parameters.");
	rte_telemetry_register_cmd("/pnyx/shell", on_shell, "Counters of the data plane. No parameters.");
	rte_telemetry_register_cmd("/pnyx/drops", on_drops, "Messages dropped by the core, by reason. No parameters.");
	rte_telemetry_register_cmd("/pnyx/xdp", on_xdp, "Frames by the XDP program's verdict, where it is on the port. No parameters.");
	rte_telemetry_register_cmd("/pnyx/member", on_member, "One member as this replica sees it. Parameter: its column.");
}
