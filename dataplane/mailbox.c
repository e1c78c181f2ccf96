// Taking commands from the control plane and publishing what the replica counts.
#include "dataplane/mailbox.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "mailbox/life.h"

#define COMMANDS_MAX 8 // in one look: whoever floods the ring must not stop the loop

static uint64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Field 22 of /proc/self/stat. The name in field 2 may hold anything, so it is cut behind its last bracket.
static uint64_t own_start(void)
{
	char text[1024] = "";
	unsigned long long start = 0;
	FILE *f = fopen("/proc/self/stat", "r");
	if (f) {
		text[fread(text, 1, sizeof text - 1, f)] = 0;
		fclose(f);
	}
	const char *rest = strrchr(text, ')');
	if (rest)
		sscanf(rest, ") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &start);
	return start;
}

static void fill(struct dp_mailbox *m, struct ep_replica *r)
{
	struct mb_snapshot *s = &m->snapshot;
	struct ep_look look;
	ep_look(r, &look);
	s->core_ns = look.now;
	s->epoch = look.epoch;
	s->incarnation = look.incarnation;
	s->start = look.start;
	s->n = look.n;
	s->self = look.self;
	s->window = look.window;
	s->own_max = look.own_max;
	s->pace = look.pace;
	s->suspects = look.suspects;
	s->standing = look.standing;
	for (uint32_t c = 0; c < look.n; c++) {
		const struct ep_look_column *from = &look.columns[c];
		s->columns[c] = (struct mb_column){ from->executed, from->committed, from->known, from->stable, from->srtt, from->heard, from->behind };
	}
	s->core = look.counters;
	if (m->shell)
		*ep_shell(r) = *m->shell;
	s->shell = *ep_shell(r);
	memcpy(s->drops, ep_drops(r), sizeof s->drops);
}

static void list_out(struct mb_list *to, const struct ep_membership *from)
{
	*to = (struct mb_list){ .epoch = from->epoch, .chain = from->chain, .n = from->n, .e = from->e, .mode = from->mode };
	for (uint32_t m = 0; m < from->n; m++) {
		const struct ep_member *member = &from->members[m];
		struct ep_wire_new_member *listed = &to->members[m];
		listed->incarnation = member->incarnation;
		listed->port = member->port;
		listed->control_port = member->control_port;
		memcpy(listed->uuid, member->uuid, sizeof listed->uuid);
		memcpy(listed->ip, member->ip, sizeof listed->ip);
		memcpy(listed->name, member->name, sizeof listed->name);
	}
}

// Who is in this epoch, and in the next when it has ended: looked up when that changes.
static void fill_lists(struct mb_snapshot *s, const struct ep_replica *r)
{
	struct ep_membership now;
	struct ep_handover handover;
	if (s->now.epoch != s->epoch && ep_arena_membership(r, EP_STATE_OFFSET, &now)) {
		list_out(&s->now, &now);
		s->next.epoch = 0;
	}
	if (s->standing == EP_STANDING_FROZEN && s->next.epoch == 0 && ep_handover(r, &handover))
		list_out(&s->next, &handover.next);
}

static void fill_path(uint64_t to[MB_PATH_WORDS], const char *path)
{
	char text[8 * MB_PATH_WORDS] = "";
	snprintf(text, sizeof text, "%s", path ? path : "");
	memcpy(to, text, sizeof text);
}

static void fill_arenas(struct mb_snapshot *s, const struct dp_mailbox *m)
{
	bool is_frozen = s->standing == EP_STANDING_FROZEN;
	fill_path(s->arena, m->arena);
	fill_path(s->frozen_arena, is_frozen ? m->arena : m->frozen_arena);
	s->frozen_epoch = is_frozen ? s->epoch : m->frozen_arena ? m->frozen_epoch : 0;
}

static void fill_steer(struct mb_snapshot *s, const struct xdp_steer *steer)
{
	s->has_steer = 1;
	xdp_count(steer, s->steer);
}

static void publish(struct dp_mailbox *m, struct ep_replica *r)
{
	struct mb_snapshot *s = &m->snapshot;
	if (r)
		fill(m, r), fill_lists(s, r);
	fill_arenas(s, m);
	if (m->steer)
		fill_steer(s, m->steer);
	s->count++;
	s->at_ns = monotonic_ns();
	s->command_garbage = m->end.commands.garbage;
	s->event_lost = m->end.events.lost;
	mb_publish(&m->end, s);
}

void dp_mailbox_say(struct dp_mailbox *m, struct ep_replica *r, enum mb_state state)
{
	m->snapshot.state = state;
	publish(m, r);
}

bool dp_mailbox_open(struct dp_mailbox *m, const char *dir, const struct ep_config *config, char *error, size_t size)
{
	*m = (struct dp_mailbox){ .snapshot = { .pid = (uint64_t)getpid(),
						.pid_start = own_start(),
						.cluster = config->cluster,
						.n = config->n,
						.self = config->self,
						.window = config->window,
						.pace = 1 } };
	if (dir && !mb_open_replica(&m->end, dir, error, size))
		return false;
	if (!dir) {
		struct mb_shared *own = aligned_alloc(MB_PAGE, sizeof *own);
		if (!own) {
			snprintf(error, size, "no memory for the page of counters");
			return false;
		}
		memset(own, 0, sizeof *own);
		mb_use_replica(&m->end, own);
	}
	m->beat = mb_beat_of(&m->end);
	if (dir)
		mb_life_hold(&m->end);
	dp_mailbox_say(m, NULL, MB_STARTING);
	return true;
}

static void tell(struct dp_mailbox *m, enum mb_event event, uint64_t member, uint64_t number)
{
	struct mb_message out = { .type = event, .member = member, .number = number, .at_ns = monotonic_ns() };
	mb_push(&m->end.events, &out); // without a reader it is lost, and counted
}

static void propose(struct dp_mailbox *m, struct ep_replica *r, ep_time now, uint64_t number, struct ep_effects *fx)
{
	uint64_t words[MB_PROPOSAL_WORDS];
	uint32_t bytes = mb_proposal(&m->end, number, words);
	const struct ep_wire_command *reconfig = (const void *)words;
	enum ep_proposal verdict = EP_PROPOSAL_BAD; // a length of its own that leads out of the page, above all
	if (bytes >= sizeof *reconfig && reconfig->len == bytes)
		verdict = ep_propose(r, now, reconfig, fx);
	tell(m, MB_PROPOSED, verdict, number);
	m->due = now;
}

static void take(struct dp_mailbox *m, struct ep_replica *r, ep_time now, const struct mb_message *in, struct ep_effects *fx)
{
	bool is_suspicion = in->type == MB_SUSPECT;
	if (in->type == MB_PROPOSE) {
		propose(m, r, now, in->number, fx);
		return;
	}
	if ((!is_suspicion && in->type != MB_TRUST) || in->member >= m->snapshot.n || in->member == m->snapshot.self) {
		m->end.commands.garbage++;
		return;
	}
	struct ep_command command = { .type = is_suspicion ? EP_SUSPECT : EP_TRUST, .member = (uint8_t)in->member };
	ep_control(r, now, &command, fx);
	tell(m, is_suspicion ? MB_SUSPECTED : MB_TRUSTED, in->member, in->number);
	m->due = now; // the page says so at once
}

// A suspicion is on lease: when nobody is there to take it back, it ends by itself.
static void keep_lease(struct dp_mailbox *m, struct ep_replica *r, ep_time now, struct ep_effects *fx)
{
	uint64_t beat = mb_beat_of(&m->end);
	if (beat != m->beat) {
		m->beat = beat;
		m->beat_at = now;
	}
	if (m->snapshot.suspects == 0 || now - m->beat_at < DP_LEASE_NS * m->snapshot.pace)
		return;
	for (uint8_t c = 0; c < m->snapshot.n; c++)
		ep_control(r, now, &(struct ep_command){ .type = EP_TRUST, .member = c }, fx);
	tell(m, MB_LAPSED, 0, 0);
}

void dp_mailbox_work(struct dp_mailbox *m, struct ep_replica *r, ep_time now, struct ep_effects *fx)
{
	struct mb_message in;
	for (uint32_t k = 0; k < COMMANDS_MAX && mb_pop(&m->end.commands, &in); k++)
		take(m, r, now, &in, fx);
	if (now < m->due)
		return;
	keep_lease(m, r, now, fx);
	publish(m, r);
	m->due = now + DP_PUBLISH_NS;
}
