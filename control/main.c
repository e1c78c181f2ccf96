// pnyx-control: one per node. Start-up as a table, then an event loop until a signal.
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>
#include "control/control.h"
#include "control/log.h"

const char *argp_program_version = "pnyx-control 0.1.0";

static struct {
	const char *config_path, *name;
	char run_dir[256];
	struct ctl ctl;
} app;

// ---- start-up steps: each leaves ctl.error when it fails ---------------------------------------------------------
static bool read_config(struct ctl *c)
{
	if (!pnyx_config_load(app.config_path, app.name, &c->file, c->error, sizeof c->error))
		return false;
	uint64_t suspect_ns = c->file.control.suspect_ms * 1000000ULL;
	c->tick_ns = suspect_ns / 5 < 50000000 ? suspect_ns / 5 : 50000000;
	ctl_log_open(c->file.cluster.name, app.name);
	ctl_list_start(c);
	ctl_change_start(c);
	return true;
}

// /run/pnyx/NAME for root, else below XDG_RUNTIME_DIR. Locked: one control plane for a node.
static bool take_run_dir(struct ctl *c)
{
	const char *own = getenv("XDG_RUNTIME_DIR");
	char *slash;
	if (!c->run_dir) {
		snprintf(app.run_dir, sizeof app.run_dir, "%s/pnyx/%s", getuid() == 0 || !own ? "/run" : own, app.name);
		c->run_dir = app.run_dir;
		slash = strrchr(app.run_dir, '/');
		*slash = 0;
		mkdir(app.run_dir, 0755);
		*slash = '/';
	}
	if (mkdir(c->run_dir, 0750) != 0 && errno != EEXIST) {
		snprintf(c->error, sizeof c->error, "%.200s: %s; make it, or choose another --run-dir", c->run_dir, strerror(errno));
		return false;
	}
	int fd = open(c->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC); // kept until the end, and with it the lock
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	snprintf(c->error, sizeof c->error, errno == EWOULDBLOCK ? "another pnyx-control uses %.200s" : "%.200s cannot be used", c->run_dir);
	return false;
}

static int on_tick(sd_event_source *s, uint64_t usec, void *arg)
{
	struct ctl *c = arg;
	ctl_replica_look(c);
	ctl_links_tend(c);
	ctl_http_tend(c);
	ctl_transfer_tend(c);
	ctl_backup_tend(c);
	ctl_order_tend(c);
	struct ctl_alarm alarm = ctl_gauge_alarm(&c->gauge);
	ctl_change_tend(c, &alarm);
	if (alarm.is_raised != c->is_alarmed) {
		c->is_alarmed = alarm.is_raised;
		if (!alarm.is_raised)
			ctl_log(LOG_NOTICE, "alarm-over", "window_used=%.3f room_used=%.3f", c->gauge.window_used, c->gauge.room_used);
		else
			ctl_log(LOG_WARNING, "alarm", "what=%s behind=%s left_s=%.1f", alarm.is_room ? "room" : "window",
				alarm.is_room ? "-" : ctl_name(c, alarm.member), (double)alarm.left_ns / 1e9);
	}
	sd_event_source_set_time(s, usec + c->tick_ns / 1000 > ctl_now() / 1000 ? usec + c->tick_ns / 1000 : (ctl_now() + c->tick_ns) / 1000);
	return 0;
}

static bool make_loop(struct ctl *c)
{
	sigset_t signals;
	sd_event_source *tick = NULL;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (sd_event_default(&c->event) >= 0 && sd_event_add_signal(c->event, NULL, SIGTERM, NULL, NULL) >= 0 &&
	    sd_event_add_signal(c->event, NULL, SIGINT, NULL, NULL) >= 0 &&
	    sd_event_add_time_relative(c->event, &tick, CLOCK_MONOTONIC, c->tick_ns / 1000, 1000, on_tick, c) >= 0 &&
	    sd_event_source_set_enabled(tick, SD_EVENT_ON) >= 0 && sd_event_set_watchdog(c->event, true) >= 0)
		return true;
	snprintf(c->error, sizeof c->error, "no event loop: %s", strerror(errno));
	return false;
}

static bool announce(struct ctl *c)
{
	const struct pnyx_config_address *m = &c->file.control.metrics;
	ctl_log(LOG_NOTICE, "ready", "run_dir=%s suspect_ms=%u trust_ms=%u metrics=%u.%u.%u.%u:%u restarts_replica=%s", c->run_dir,
		c->file.control.suspect_ms, c->file.control.trust_ms, m->ip[0], m->ip[1], m->ip[2], m->ip[3], m->port, c->spawn ? "yes" : "no");
	sd_notify(false, "READY=1");
	return true;
}

// ---- command line ------------------------------------------------------------------------------------------------
static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "Configuration of the cluster (or PNYX_CONFIG)", 0 },
	{ "name", 'n', "NAME", 0, "Which member this node is (or PNYX_NAME)", 0 },
	{ "run-dir", 'r', "DIR", 0, "Where the replica's mailbox is and control.sock goes (or PNYX_RUN_DIR; default /run/pnyx/NAME)", 0 },
	{ "spawn", 's', "COMMAND", 0,
	  "Starts the replica with this shell command when it does not run and was not stopped on purpose (or PNYX_SPAWN); without it a service manager does",
	  0 },
	{ 0 },
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'c':
		app.config_path = arg;
		return 0;
	case 'n':
		app.name = arg;
		return 0;
	case 'r':
		app.ctl.run_dir = arg;
		return 0;
	case 's':
		app.ctl.spawn = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "what is `%s`?", arg);
		return 0;
	case ARGP_KEY_END:
		if (!app.config_path || !app.name)
			argp_error(state, "-c FILE and -n NAME are needed");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, on_option, NULL,
					  "The control plane of one node: watches its replica, tells the others when it dies, suspects peers that are "
					  "silent, and shows what goes on.\v"
					  "Example: pnyx-control -c cluster.conf -n a",
					  NULL, NULL, NULL };
	static const struct {
		bool (*run)(struct ctl *);
	} steps[] = { { read_config },     { take_run_dir },   { make_loop },	   { ctl_transfer_start }, { ctl_links_start },
		      { ctl_admin_start }, { ctl_http_start }, { ctl_replica_start }, { announce } };
	struct ctl *c = &app.ctl;
	c->listener = c->admin = -1;
	app.config_path = getenv("PNYX_CONFIG");
	app.name = getenv("PNYX_NAME");
	c->run_dir = getenv("PNYX_RUN_DIR");
	c->spawn = getenv("PNYX_SPAWN");
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++)
		if (!steps[k].run(c)) {
			fprintf(stderr, "pnyx-control: %s\n", c->error);
			return 2;
		}
	int code = sd_event_loop(c->event);
	sd_notify(false, "STOPPING=1");
	ctl_log(LOG_NOTICE, "ends", "code=%d", code);
	ctl_replica_stop(c);
	ctl_http_stop(c);
	ctl_admin_stop(c);
	ctl_links_stop(c);
	ctl_transfer_stop(c);
	ctl_backup_stop(c);
	sd_event_unref(c->event);
	return code < 0 ? 1 : 0;
}
