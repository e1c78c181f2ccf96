// Lines to the journal or to standard error.
#include "control/log.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

static const char *cluster_name = "", *member_name = "";
static bool is_journal;

// systemd names the journal's socket as DEVICE:INODE of standard error.
void ctl_log_open(const char *cluster, const char *member)
{
	struct stat st;
	unsigned long long device, inode;
	const char *stream = getenv("JOURNAL_STREAM");
	cluster_name = cluster;
	member_name = member;
	is_journal = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
		     st.st_ino == inode;
}

static const char *word_of(int priority)
{
	static const char *const words[] = { "emergency", "alert", "critical", "error", "warning", "notice", "info", "debug" };
	return words[priority & 7];
}

void ctl_log(int priority, const char *event, const char *format, ...)
{
	char text[768], when[32];
	struct timespec now;
	struct tm tm;
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (is_journal) {
		sd_journal_send("MESSAGE=%s %s", event, text, "PRIORITY=%d", priority, "SYSLOG_IDENTIFIER=pnyx-control", "PNYX_EVENT=%s", event,
				"PNYX_CLUSTER=%s", cluster_name, "PNYX_MEMBER=%s", member_name, NULL);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(stderr, "%s.%06ldZ pnyx-control level=%s cluster=%s member=%s event=%s %s\n", when, now.tv_nsec / 1000, word_of(priority), cluster_name,
		member_name, event, text);
}
