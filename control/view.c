// What this control plane knows, as one JSON object: for the admin socket, /status and what is told to other control planes.
#include <stdio.h>
#include <string.h>
#include "control/control.h"

static uint32_t permille(double share)
{
	return share <= 0 ? 0 : share >= 1 ? 1000 : (uint32_t)(share * 1000 + 0.5);
}

struct ctl_state ctl_state_of(const struct ctl *c)
{
	const struct ctl_replica *r = &c->replica;
	struct ctl_alarm alarm = ctl_gauge_alarm(&c->gauge);
	struct ctl_state s = { .run = r->run, .restarts = r->restarts, .life = (uint8_t)r->life, .left_ns = CTL_NEVER };
	if (r->life != CTL_LIFE_SERVING && r->life != CTL_LIFE_STARTING)
		return s;
	s.start = r->page.start;
	s.executed = r->page.core.executed;
	s.commands_per_s = (uint64_t)c->gauge.commands;
	s.left_ns = alarm.is_raised ? alarm.left_ns : CTL_NEVER;
	s.fast_permille = permille(c->gauge.fast);
	s.window_permille = permille(c->gauge.window_used);
	s.room_permille = permille(c->gauge.room_used);
	s.suspects = (uint8_t)r->page.suspects;
	s.pace = (uint8_t)r->page.pace;
	return s;
}

// -1 stands for never or unknown.
static json_t *number(uint64_t value)
{
	return json_integer(value > INT64_MAX ? -1 : (json_int_t)value);
}

static json_t *names(const struct ctl *c, uint32_t mask)
{
	json_t *list = json_array();
	for (uint32_t m = 0; m < c->n; m++)
		if (mask >> m & 1)
			json_array_append_new(list, json_string(ctl_name(c, m)));
	return list;
}

static json_t *state_object(const struct ctl *c, const struct ctl_state *s)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:o}", "life", ctl_life_name(s->life), "start", number(s->start),
			 "restarts", number(s->restarts), "executed", number(s->executed), "commands_per_s", number(s->commands_per_s),
			 "window_left_ns", number(s->left_ns), "fast", s->fast_permille / 1000.0, "window_used", s->window_permille / 1000.0,
			 "room_used", s->room_permille / 1000.0, "suspects", names(c, s->suspects));
}

static json_t *uuid_text(const uint8_t *u)
{
	char text[40];
	snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7],
		 u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	return json_string(text);
}

const char *ctl_standing_name(const struct ctl *c)
{
	static const char *const names[] = { "asking", "member", "dead", "frozen" };
	const struct mb_snapshot *p = &c->replica.page;
	if (!c->replica.has_page || p->state == MB_WAITING)
		return c->replica.has_page ? "waiting" : "unknown";
	if (ctl_page_is_retired(p))
		return "retired";
	return p->standing < 4 ? names[p->standing] : "unknown";
}

// A member as this node sees it: what its control plane says, and what our replica hears of it.
static json_t *member_object(const struct ctl *c, uint32_t m)
{
	const struct ctl_link *l = &c->links[m];
	const struct ctl_replica *r = &c->replica;
	const struct mb_column *column = &r->page.columns[m];
	bool is_self = m == c->self, is_running = r->life == CTL_LIFE_SERVING || r->life == CTL_LIFE_STARTING;
	struct ctl_state own = ctl_state_of(c);
	json_t *o = json_pack("{s:s, s:o, s:o, s:b}", "name", ctl_name(c, m), "uuid", uuid_text(c->list.members[m].uuid), "incarnation",
			      number(c->list.members[m].incarnation), "control", is_self || l->has_state);
	if (is_self || l->has_state)
		json_object_set_new(o, "says", state_object(c, is_self ? &own : &l->state));
	if (!is_running || is_self)
		return o;
	uint64_t heard = column->heard_ns == 0 ? CTL_NEVER : r->page.core_ns - column->heard_ns;
	json_object_set_new(o, "heard_ns_ago", number(heard));
	json_object_set_new(o, "srtt_ns", number(column->srtt_ns));
	json_object_set_new(o, "behind", number(column->behind));
	json_object_set_new(o, "suspect", json_boolean(r->page.suspects >> m & 1));
	return o;
}

static json_t *alarm_object(const struct ctl *c)
{
	struct ctl_alarm a = ctl_gauge_alarm(&c->gauge);
	if (!a.is_raised)
		return json_null();
	if (a.is_room)
		return json_pack("{s:s, s:o}", "what", "application room", "left_ns", number(a.left_ns));
	return json_pack("{s:s, s:s, s:s, s:o}", "what", "window", "column", ctl_name(c, c->gauge.window_column), "behind", ctl_name(c, a.member),
			 "left_ns", number(a.left_ns));
}

static json_t *rates_object(const struct ctl *c)
{
	const struct ctl_gauge *g = &c->gauge;
	const struct mb_snapshot *p = &c->replica.page;
	double hz = p->shell.tsc_hz > 0 ? (double)p->shell.tsc_hz : 1;
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "commands_per_s", g->commands, "commits_per_s", g->commits, "fast",
			 g->fast, "conflicts_per_s", g->conflicts, "recoveries_per_s", g->recoveries, "refused_per_s", g->refused, "busy",
			 g->busy, "window_used", g->window_used, "room_used", g->room_used, "turn_longest_us",
			 (double)p->shell.turn_longest / hz * 1e6);
}

json_t *ctl_view(const struct ctl *c)
{
	const struct ctl_replica *r = &c->replica;
	char id[20];
	snprintf(id, sizeof id, "%llx", (unsigned long long)c->file.cluster.id);
	bool is_running = r->life == CTL_LIFE_SERVING || r->life == CTL_LIFE_STARTING;
	json_t *members = json_array(), *o;
	for (uint32_t m = 0; m < c->n; m++)
		json_array_append_new(members, member_object(c, m));
	o = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:b, s:o, s:o}", "cluster", id, "name", c->file.cluster.name, "member",
		      ctl_name(c, c->self), "epoch", number(r->has_page ? r->page.epoch : 0), "standing",
		      ctl_standing_name(c), "life", ctl_life_name(r->life), "pid",
		      number(is_running ? r->pid : 0), "restarts_itself", c->spawn != NULL, "alarm", alarm_object(c), "members", members);
	if (is_running)
		json_object_set_new(o, "rates", rates_object(c));
	return o;
}
