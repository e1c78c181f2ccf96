// Our replica: found by its mailbox, watched by a pidfd, started again on the same arena when it died.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "control/control.h"
#include "control/log.h"

#define GRACE_NS 3000000000ULL // at our start a replica that somebody else starts may be under way
#define REOPEN_TICKS 50        // between two looks whether the mailbox is another file
#define EVENTS_MAX 64          // of one tick

const char *ctl_life_name(unsigned life)
{
	static const char *const names[] = { "none", "starting", "serving", "stopped", "died", "dead" };
	return life < CTL_LIVES ? names[life] : "?";
}

static bool is_running(const struct ctl_replica *r)
{
	return r->pidfd >= 0;
}

static void drop_source(sd_event_source **source)
{
	sd_event_source_disable_unref(*source);
	*source = NULL;
}

// ---- starting it
static void start_later(struct ctl *c, uint64_t wait_ns);

static void forget_spawned(struct ctl_replica *r)
{
	drop_source(&r->spawned);
	if (r->spawned_fd >= 0)
		close(r->spawned_fd);
	r->spawned_fd = -1;
}

// What --spawn ran has ended, and no replica of it ever showed itself.
static int on_spawned_end(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct ctl *c = arg;
	(void)s, (void)fd, (void)events;
	forget_spawned(&c->replica);
	if (!is_running(&c->replica)) {
		uint64_t wait = ctl_backoff_next(&c->replica.backoff, ctl_now() - c->replica.spawned_ns);
		ctl_log(LOG_ERR, "start-failed", "retry_ms=%llu hint=\"its own lines say why\"", (unsigned long long)(wait / 1000000));
		start_later(c, wait > 0 ? wait : CTL_BACKOFF_FIRST_NS);
	}
	return 0;
}

static void start_now(struct ctl *c)
{
	struct ctl_replica *r = &c->replica;
	if (is_running(r) || r->spawned_fd >= 0)
		return;
	pid_t pid = ctl_spawn(c->spawn);
	r->spawned_ns = ctl_now();
	r->restarts++;
	ctl_log(LOG_NOTICE, "replica-spawned", "pid=%d restarts=%u", (int)pid, r->restarts);
	r->spawned_fd = pid > 0 ? ctl_process_open((uint64_t)pid, ctl_process_start((uint64_t)pid)) : -1;
	if (r->spawned_fd < 0 || sd_event_add_io(c->event, &r->spawned, r->spawned_fd, EPOLLIN, on_spawned_end, c) < 0) {
		forget_spawned(r);
		start_later(c, ctl_backoff_next(&r->backoff, 0) + CTL_BACKOFF_FIRST_NS);
	}
}

static int on_start_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct ctl *c = arg;
	(void)s, (void)usec;
	drop_source(&c->replica.timer);
	if (!c->replica.is_held)
		start_now(c);
	return 0;
}

static void start_later(struct ctl *c, uint64_t wait_ns)
{
	struct ctl_replica *r = &c->replica;
	if (!c->spawn || r->is_held)
		return;
	drop_source(&r->timer);
	if (wait_ns == 0 || sd_event_add_time_relative(c->event, &r->timer, CLOCK_MONOTONIC, wait_ns / 1000, 1000, on_start_timer, c) < 0)
		start_now(c);
}

// ---- its end
// The others are told: once, when the end begins, or at the latest when it is over.
static void announce_end(struct ctl *c)
{
	struct ctl_replica *r = &c->replica;
	if (r->is_ending)
		return;
	r->is_ending = true;
	r->has_page = (r->mailbox.shared && mb_look(&r->mailbox, &r->page)) || r->has_page; // its last words
	uint64_t state = r->has_page && r->page.pid == r->pid ? r->page.state : MB_SERVING;
	r->life = state == MB_STOPPED ? CTL_LIFE_STOPPED : state == MB_DEAD ? CTL_LIFE_DEAD : CTL_LIFE_DIED;
	uint64_t now = ctl_now();
	ctl_links_say(c); // before anything else
	ctl_log(r->life == CTL_LIFE_STOPPED ? LOG_NOTICE : LOG_ERR, "replica-ended", "pid=%llu life=%s lived_ms=%llu at_ns=%llu",
		(unsigned long long)r->pid, ctl_life_name(r->life), (unsigned long long)((now - r->since_ns) / 1000000), (unsigned long long)now);
	ctl_gauge_restart(&c->gauge);
	if (r->life == CTL_LIFE_DEAD)
		ctl_log(LOG_CRIT, "identity-dead", "hint=\"it must not come back; the cluster goes on without this member\"");
}

static void on_end_begins(void *arg)
{
	announce_end(arg);
}

// The process is gone, and with it its locks: another one may start.
static void after_end(struct ctl *c)
{
	struct ctl_replica *r = &c->replica;
	uint64_t lived_ns = ctl_now() - r->since_ns;
	announce_end(c);
	ctl_life_unwatch(r->early);
	r->early = NULL;
	r->is_held = r->life == CTL_LIFE_DEAD || (r->life == CTL_LIFE_STOPPED && !r->is_restarting);
	r->is_restarting = false;
	start_later(c, r->life == CTL_LIFE_DIED ? ctl_backoff_next(&r->backoff, lived_ns) : 0);
}

static int on_end(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct ctl *c = arg;
	struct ctl_replica *r = &c->replica;
	(void)s, (void)fd, (void)events;
	drop_source(&r->watch);
	close(r->pidfd);
	r->pidfd = -1;
	after_end(c);
	return 0;
}

// ---- finding it
static void adopt(struct ctl *c, const struct mb_snapshot *page)
{
	struct ctl_replica *r = &c->replica;
	if (is_running(r)) { // a new process while the old one still ends: the new one owns the arena
		drop_source(&r->watch);
		close(r->pidfd);
	}
	r->pid = page->pid;
	r->pid_start = page->pid_start;
	r->run = page->pid_start << 24 ^ page->pid;
	r->page = *page;
	r->has_page = true;
	r->since_ns = ctl_now();
	r->is_ending = false;
	ctl_life_unwatch(r->early);
	r->early = NULL;
	r->pidfd = ctl_process_open(page->pid, page->pid_start);
	ctl_suspicion_restart(&c->suspicion);
	ctl_gauge_restart(&c->gauge);
	if (r->pidfd < 0) { // it died before we came
		after_end(c);
		return;
	}
	forget_spawned(r);
	drop_source(&r->timer);
	r->is_held = false;
	r->life = CTL_LIFE_STARTING;
	ctl_log(LOG_NOTICE, "replica-found", "pid=%llu start=%llu at_ns=%llu", (unsigned long long)page->pid, (unsigned long long)page->start,
		(unsigned long long)r->since_ns);
	if (sd_event_add_io(c->event, &r->watch, r->pidfd, EPOLLIN, on_end, c) < 0)
		return;
	sd_event_source_set_priority(r->watch, SD_EVENT_PRIORITY_IMPORTANT);
	r->early = ctl_life_watch(c->event, r->mailbox.shared, on_end_begins, c);
}

static bool find_mailbox(struct ctl *c)
{
	struct ctl_replica *r = &c->replica;
	bool is_time = !is_running(r) || ++r->ticks % REOPEN_TICKS == 0;
	if (r->mailbox.shared && is_time && mb_is_replaced(&r->mailbox, c->run_dir)) {
		ctl_life_unwatch(r->early);
		r->early = NULL;
		mb_close(&r->mailbox);
	}
	if (r->mailbox.shared)
		return true;
	enum mb_open opened = mb_open_control(&r->mailbox, c->run_dir);
	if (opened != r->opened && opened == MB_OPEN_VERSION)
		ctl_log(LOG_ERR, "mailbox-version", "hint=\"the replica is of another version: upgrade pnyx-control to the same one\"");
	r->opened = opened;
	return opened == MB_OPEN_OK;
}

static void on_verdict(struct ctl *c, const struct mb_message *m)
{
	ctl_log(LOG_INFO, "proposal-taken", "verdict=%llu number=%llu", (unsigned long long)m->member, (unsigned long long)m->number);
	if (m->member == EP_PROPOSAL_BAD)
		ctl_order_refused(c, m->number);
	if (m->member == EP_PROPOSAL_BAD && m->number == c->proposals)
		ctl_backup_refused(c);
}

static void read_events(struct ctl *c)
{
	struct mb_message m;
	for (uint32_t k = 0; k < EVENTS_MAX && mb_pop(&c->replica.mailbox.events, &m); k++) {
		if (m.type == MB_LAPSED)
			ctl_log(LOG_WARNING, "suspicion-lapsed", "hint=\"this control plane did not run for too long\"");
		else if (m.type == MB_PROPOSED)
			on_verdict(c, &m);
		else if ((m.type == MB_SUSPECTED || m.type == MB_TRUSTED) && m.member < c->n)
			ctl_log(LOG_INFO, m.type == MB_SUSPECTED ? "suspicion-taken" : "trust-taken", "peer=%s number=%llu at_ns=%llu",
				ctl_name(c, (uint32_t)m.member), (unsigned long long)m.number, (unsigned long long)m.at_ns);
	}
}

static void follow(struct ctl *c)
{
	struct ctl_replica *r = &c->replica;
	struct ctl_sight sight = { .at_ns = r->page.at_ns, .suspects = (uint32_t)r->page.suspects, .pace = (uint32_t)r->page.pace };
	bool is_serving = r->page.state == MB_SERVING && r->page.standing == 1;
	if (is_serving && r->life == CTL_LIFE_STARTING) {
		r->life = CTL_LIFE_SERVING;
		ctl_log(LOG_NOTICE, "replica-serves", "pid=%llu start=%llu at_ns=%llu", (unsigned long long)r->pid, (unsigned long long)r->page.start,
			(unsigned long long)ctl_now());
		ctl_links_say(c);
	}
	for (uint32_t m = 0; m < c->n; m++)
		sight.heard[m] = r->page.columns[m].heard_ns;
	if (is_serving)
		ctl_suspicion_see(&c->suspicion, &sight);
	ctl_gauge_see(&c->gauge, &r->page);
}

void ctl_replica_order(struct ctl *c)
{
	struct ctl_verdict verdicts[EP_MEMBERS_MAX];
	static const char *const causes[] = { "heard", "silent", "died" };
	if (c->replica.life != CTL_LIFE_SERVING || !c->replica.mailbox.shared)
		return;
	uint64_t now = ctl_now();
	uint32_t count = ctl_suspicion_orders(&c->suspicion, now, verdicts);
	for (uint32_t k = 0; k < count; k++) {
		const struct ctl_verdict *v = &verdicts[k];
		struct mb_message m = { .type = v->is_suspect ? MB_SUSPECT : MB_TRUST, .member = v->member, .number = v->number, .at_ns = now };
		bool is_given = mb_push(&c->replica.mailbox.commands, &m);
		ctl_log(v->is_repeat ? LOG_DEBUG : LOG_NOTICE, v->is_suspect ? "suspect" : "trust",
			"peer=%s cause=%s silent_ms=%llu number=%llu at_ns=%llu%s", ctl_name(c, v->member), causes[v->cause],
			(unsigned long long)(v->silent_ns / 1000000), (unsigned long long)v->number, (unsigned long long)now,
			is_given ? "" : " lost=\"no room in the mailbox\"");
	}
}

// Both programs read the same file, or ought to.
static bool is_ours(struct ctl *c, const struct mb_snapshot *page)
{
	bool is_it = ctl_list_is_ours(c, page);
	if (!is_it && !c->replica.is_foreign)
		ctl_log(LOG_ERR, "mailbox-foreign", "cluster=%llx column=%llu members=%llu hint=\"its replica was started with another configuration\"",
			(unsigned long long)page->cluster, (unsigned long long)page->self, (unsigned long long)page->n);
	c->replica.is_foreign = !is_it;
	return is_it;
}

void ctl_replica_look(struct ctl *c)
{
	struct ctl_replica *r = &c->replica;
	struct mb_snapshot page;
	if (!find_mailbox(c))
		return;
	mb_beat(&r->mailbox);
	if (mb_look(&r->mailbox, &page) && is_ours(c, &page)) {
		if (page.pid != r->pid || page.pid_start != r->pid_start)
			adopt(c, &page);
		ctl_list_follow(c, &page);
		r->page = page;
		if (is_running(r) && !r->is_ending)
			follow(c);
	}
	read_events(c);
	ctl_replica_order(c);
}

bool ctl_replica_start(struct ctl *c)
{
	struct ctl_replica *r = &c->replica;
	r->pidfd = r->spawned_fd = -1;
	r->opened = MB_OPEN_NONE;
	ctl_gauge_restart(&c->gauge);
	ctl_replica_look(c);
	if (r->life == CTL_LIFE_NONE)
		start_later(c, GRACE_NS);
	return true;
}

void ctl_replica_stop(struct ctl *c)
{
	struct ctl_replica *r = &c->replica;
	drop_source(&r->watch);
	drop_source(&r->timer);
	forget_spawned(r);
	if (r->pidfd >= 0)
		close(r->pidfd);
	ctl_life_unwatch(r->early);
	mb_close(&r->mailbox);
}

// ---- a new epoch's state
void ctl_replica_renew(struct ctl *c)
{
	struct ctl_replica *r = &c->replica;
	r->is_held = false;
	r->backoff.young = 0;
	if (is_running(r)) {
		r->is_restarting = true;
		ctl_process_signal(r->pidfd, SIGTERM);
	} else if (c->spawn) {
		start_later(c, 0);
	} else {
		ctl_log(LOG_WARNING, "start-wanted", "hint=\"a state for it is here: systemctl start pnyx-replica@NAME\"");
	}
}

// ---- an operator's wishes
const char *ctl_replica_ask(struct ctl *c, const char *what)
{
	struct ctl_replica *r = &c->replica;
	if (strcmp(what, "start") == 0) {
		if (is_running(r))
			return "it runs already";
		if (!c->spawn)
			return "it is started by the service manager: systemctl start pnyx-replica@NAME";
		if (r->life == CTL_LIFE_DEAD)
			return "its identity is dead: started again it would refuse";
		r->is_held = false;
		r->backoff.young = 0;
		start_later(c, 0);
		return NULL;
	}
	if (!is_running(r))
		return "it does not run";
	if (strcmp(what, "stop") == 0 && !c->spawn)
		return "the service manager would start it again: systemctl stop pnyx-replica@NAME";
	r->is_restarting = strcmp(what, "restart") == 0;
	ctl_process_signal(r->pidfd, SIGTERM);
	return NULL;
}
