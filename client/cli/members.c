// Asks members for their counters and takes differences.
#include <string.h>
#include "client/cli/members.h"

// An older replica may send fewer values, a newer one more: what both know counts, the rest is 0.
static bool ask_page(struct cli *cli, int member, unsigned page, uint64_t *values, uint32_t max,
		     uint32_t *count)
{
	*count = 0;
	memset(values, 0, max * sizeof *values);
	return pnyx_stats(cli->client, member, page, values, max, count) == PNYX_OK;
}

static bool ask_frontiers(struct cli *cli, int member, int n, struct frontier *ret)
{
	uint64_t v[6 * PNYX_MEMBERS_MAX];
	uint32_t count, columns = (uint32_t)n;
	if (!ask_page(cli, member, EP_STATS_FRONTIER, v, 6 * PNYX_MEMBERS_MAX, &count))
		return false;
	for (uint32_t c = 0; c < columns; c++)
		ret[c] = (struct frontier){v[c],
					   v[columns + c],
					   v[2 * columns + c],
					   v[3 * columns + c],
					   v[4 * columns + c],
					   v[5 * columns + c]};
	return true;
}

static bool ask_member(struct cli *cli, int member, int n, struct member_counters *m)
{
	uint32_t count;
	return ask_page(cli, member, EP_STATS_CORE, (uint64_t *)&m->core, sizeof m->core / 8,
			&count) &&
	       ask_page(cli, member, EP_STATS_DROPS, m->drops, EP_DROP_REASONS, &count) &&
	       ask_page(cli, member, EP_STATS_SHELL, (uint64_t *)&m->shell, sizeof m->shell / 8,
			&count) &&
	       ask_frontiers(cli, member, n, m->frontiers);
}

void ask_counters(struct cli *cli, int member, struct cluster_counters *c)
{
	memset(c, 0, sizeof *c);
	c->n = pnyx_cluster(cli->client)->n;
	for (int m = 0; m < c->n; m++) {
		if (member >= 0 && m != member)
			continue;
		c->members[m].is_asked = true;
		c->asked++;
		c->members[m].is_there = ask_member(cli, m, c->n, &c->members[m]);
		c->answered += c->members[m].is_there;
	}
}

uint64_t behind_others(const struct cluster_counters *c, int member)
{
	uint64_t behind = 0;
	for (int col = 0; col < c->n; col++) {
		uint64_t most = 0;
		for (int m = 0; m < c->n; m++) {
			const struct member_counters *other = &c->members[m];
			if (other->is_there && other->frontiers[col].executed > most)
				most = other->frontiers[col].executed;
		}
		if (c->members[member].frontiers[col].executed < most)
			behind += most - c->members[member].frontiers[col].executed;
	}
	return behind;
}

uint64_t refused(const struct ep_counters *c)
{
	return c->busy_window + c->busy_own + c->busy_room + c->busy_asking + c->busy_late;
}

struct cluster_work work_between(const struct cluster_counters *before,
				 const struct cluster_counters *after)
{
	struct cluster_work w = {0};
	for (int m = 0; m < after->n; m++) {
		const struct member_counters *a = &before->members[m], *b = &after->members[m];
		if (!a->is_there || !b->is_there)
			continue;
		w.fast += b->core.fast_commits - a->core.fast_commits;
		w.slow += b->core.slow_commits - a->core.slow_commits;
		w.commands += b->core.submits - a->core.submits;
		w.busy += refused(&b->core) - refused(&a->core);
		w.cycles_busy += b->shell.cycles_busy - a->shell.cycles_busy;
		w.tsc_hz = w.tsc_hz != 0 ? w.tsc_hz : b->shell.tsc_hz;
		w.members++;
	}
	return w;
}
