// Other processes by pid and start time: a pid alone may be somebody else's by now.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "control/control.h"

uint64_t ctl_process_start(uint64_t pid)
{
	char path[64], text[1024] = "";
	unsigned long long start = 0;
	snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	const char *rest = strrchr(text, ')'); // the name before it may hold anything
	if (!rest || rest[1] == 0 || rest[2] == 'Z' || rest[2] == 'X')
		return 0;
	sscanf(rest, ") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &start);
	return start;
}

int ctl_process_open(uint64_t pid, uint64_t start)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (fd >= 0 && ctl_process_start(pid) == start) // looked at after the descriptor holds the pid
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

void ctl_process_signal(int pidfd, int signal)
{
	syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
