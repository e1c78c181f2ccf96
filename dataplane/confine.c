// Dropping capabilities in every thread: the kernel keeps them by thread, and DPDK has threads of its own by now.
#include "dataplane/confine.h"
#include <dirent.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "dataplane/filter.h"

#define WAIT_MS 2000

static bool drop(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_capset, &head, none) == 0;
}

// In the thread that is asked; only system calls.
static void on_request(int signal)
{
	(void)signal;
	drop();
}

// As the kernel says. A thread that has ended meanwhile is free.
static bool is_free(int thread)
{
	char path[64], line[128];
	bool has_capabilities = false, can_gain = false;
	snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f)) {
		if (strncmp(line, "CapPrm:", 7) == 0)
			has_capabilities = strtoull(line + 7, NULL, 16) != 0;
		if (strncmp(line, "NoNewPrivs:", 11) == 0)
			can_gain = atoi(line + 11) == 0;
	}
	if (f)
		fclose(f);
	return !has_capabilities && !can_gain;
}

// Asks each thread that is not free yet; returns how many there were.
static unsigned ask_threads(void)
{
	unsigned asked = 0;
	DIR *folder = opendir("/proc/self/task");
	for (struct dirent *e = folder ? readdir(folder) : NULL; e; e = readdir(folder)) {
		int thread = atoi(e->d_name);
		if (thread != 0 && !is_free(thread) && syscall(SYS_tgkill, getpid(), thread, SIGRTMIN) == 0)
			asked++;
	}
	if (folder)
		closedir(folder);
	return asked;
}

bool dp_confine(char *error, size_t error_size)
{
	struct sigaction ask = { .sa_handler = on_request, .sa_flags = SA_RESTART };
	unsigned left = 1;
	if (!drop() || sigaction(SIGRTMIN, &ask, NULL) != 0) { // it stays: one that is asked twice may be late
		snprintf(error, error_size, "privileges cannot be given up");
		return false;
	}
	for (int ms = 0; ms < WAIT_MS && (left = ask_threads()) > 0; ms++)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	if (left > 0) {
		snprintf(error, error_size, "%u threads keep privileges", left);
		return false;
	}
	switch (dp_filter_start()) {
	case DP_FILTER_ON:
		return true;
	case DP_FILTER_NONE:
		fprintf(stderr, "pnyx-replica: this kernel filters no system calls (seccomp): going on without\n");
		return true;
	case DP_FILTER_FAILED:
		break;
	}
	snprintf(error, error_size, "system calls cannot be filtered");
	return false;
}
