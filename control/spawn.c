// Starting a command that outlives us: a session of its own, a parent that is gone.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "control/control.h"

_Noreturn static void become(const char *command)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null = open("/dev/null", O_RDONLY);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

pid_t ctl_spawn(const char *command)
{
	int pipes[2];
	pid_t pid = -1;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return -1;
	pid_t middle = fork();
	if (middle == 0) {
		setsid();
		pid_t child = fork();
		if (child == 0)
			become(command);
		ssize_t written = write(pipes[1], &child, sizeof child);
		_exit(written == sizeof child && child > 0 ? 0 : 1);
	}
	close(pipes[1]);
	if (middle > 0) {
		if (read(pipes[0], &pid, sizeof pid) != sizeof pid)
			pid = -1;
		while (waitpid(middle, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(pipes[0]);
	return pid;
}
