// Rates, and the time that is left.
#include "control/gauge.h"
#include <string.h>

#define SMOOTH 0.4          // weight of the newest measurement
#define FILLING 0.125       // below this share of a window nothing is said: batches of recycling look like growth
#define ROOM_NEARLY 0.9     // of the application's room
#define HORIZON_S 3600.0    // what is further away is not foreseen
#define RESERVE 64          // instance numbers that commands may not use (protocol.md E.0)

void ctl_gauge_restart(struct ctl_gauge *g)
{
	*g = (struct ctl_gauge){ .window_left_ns = CTL_NEVER, .room_left_ns = CTL_NEVER, .fast = 1 };
}

static double per_second(uint64_t now, uint64_t before, double seconds)
{
	return now > before ? (double)(now - before) / seconds : 0;
}

static void smooth(const struct ctl_gauge *g, double *value, double newest)
{
	*value = g->has_rates ? *value + SMOOTH * (newest - *value) : newest;
}

static double window_of(const struct mb_snapshot *s)
{
	return s->window > RESERVE ? (double)(s->window - RESERVE) : 1;
}

static double used_of(const struct mb_snapshot *s, uint32_t c)
{
	return s->columns[c].known > s->columns[c].stable ? (double)(s->columns[c].known - s->columns[c].stable) : 0;
}

static uint64_t left(double free, double growth)
{
	double seconds = growth > 0 ? free / growth : 0;
	if (free <= 0)
		return 0;
	return growth > 0 && seconds < HORIZON_S ? (uint64_t)(seconds * 1e9) : CTL_NEVER;
}

static void measure_window(struct ctl_gauge *g, const struct mb_snapshot *s, double seconds)
{
	uint32_t fullest = 0;
	for (uint32_t c = 1; c < s->n; c++)
		fullest = used_of(s, c) > used_of(s, fullest) ? c : fullest;
	double growth = (used_of(s, fullest) - used_of(&g->last, fullest)) / seconds;
	if (fullest != g->window_column)
		g->window_growth = growth;
	g->window_column = fullest;
	smooth(g, &g->window_growth, growth);
	g->window_used = used_of(s, fullest) / window_of(s);
	bool is_filling = g->window_used >= FILLING;
	g->window_left_ns = is_filling ? left(window_of(s) - used_of(s, fullest), g->window_growth) : CTL_NEVER;
}

static void measure_room(struct ctl_gauge *g, const struct mb_snapshot *s, double seconds)
{
	double room = s->core.arena_room > 0 ? (double)s->core.arena_room : 1;
	double used = (double)s->core.arena_used;
	smooth(g, &g->room_growth, (used - (double)g->last.core.arena_used) / seconds);
	g->room_used = used / room;
	g->room_left_ns = left(room - used, g->room_growth);
}

static uint64_t conflicts_of(const struct mb_snapshot *s)
{
	return s->core.blocked + s->core.scc_multi;
}

static uint64_t refused_of(const struct mb_snapshot *s)
{
	return s->core.busy_window + s->core.busy_own + s->core.busy_room + s->core.busy_asking + s->core.busy_late;
}

static void measure_rates(struct ctl_gauge *g, const struct mb_snapshot *s, double seconds)
{
	const struct mb_snapshot *b = &g->last;
	double fast = per_second(s->core.fast_commits, b->core.fast_commits, seconds);
	double slow = per_second(s->core.slow_commits, b->core.slow_commits, seconds);
	smooth(g, &g->commands, per_second(s->core.executed, b->core.executed, seconds));
	smooth(g, &g->commits, fast + slow);
	smooth(g, &g->recoveries, per_second(s->core.recoveries, b->core.recoveries, seconds));
	smooth(g, &g->refused, per_second(refused_of(s), refused_of(b), seconds));
	smooth(g, &g->conflicts, per_second(conflicts_of(s), conflicts_of(b), seconds));
	if (fast + slow > 0)
		smooth(g, &g->fast, fast / (fast + slow));
	if (s->shell.tsc_hz > 0)
		smooth(g, &g->busy, per_second(s->shell.cycles_busy, b->shell.cycles_busy, seconds) / (double)s->shell.tsc_hz);
}

bool ctl_gauge_see(struct ctl_gauge *g, const struct mb_snapshot *s)
{
	for (uint32_t m = 0; m < s->n; m++)
		g->behind[m] = s->columns[m].behind;
	if (!g->has_last) {
		g->last = *s;
		g->has_last = true;
		return false;
	}
	if (s->at_ns < g->last.at_ns + CTL_GAUGE_NS)
		return false;
	double seconds = (double)(s->at_ns - g->last.at_ns) / 1e9;
	measure_rates(g, s, seconds);
	measure_window(g, s, seconds);
	measure_room(g, s, seconds);
	g->has_rates = true;
	g->last = *s;
	return true;
}

struct ctl_alarm ctl_gauge_alarm(const struct ctl_gauge *g)
{
	struct ctl_alarm a = { .left_ns = CTL_NEVER };
	if (!g->has_rates)
		return a;
	if (g->window_left_ns != CTL_NEVER) {
		a = (struct ctl_alarm){ .is_raised = true, .left_ns = g->window_left_ns };
		for (uint32_t m = 1; m < g->last.n; m++)
			a.member = g->behind[m] > g->behind[a.member] ? m : a.member;
	}
	if (g->room_used >= ROOM_NEARLY && g->room_left_ns < a.left_ns)
		a = (struct ctl_alarm){ .is_raised = true, .is_room = true, .left_ns = g->room_left_ns };
	return a;
}
