// The log: one line an event, as fields. To the journal where standard error is connected to it, else to standard error.
#pragma once
#include <syslog.h>

// Every event carries the cluster's name and the member's.
void ctl_log_open(const char *cluster, const char *member);
// `event` is one word; `format` makes the rest, "field=value field=value" with values that hold spaces in quotes.
__attribute__((format(printf, 3, 4))) void ctl_log(int priority, const char *event, const char *format, ...);
