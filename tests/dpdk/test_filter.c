// What a replica can and cannot do behind its filter. Each test is a child that puts the filter on: it stays for life.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dataplane/filter.h"
#include "tests/unit/unit.h"

static bool is_denied(long result)
{
	return result == -1 && errno == EPERM;
}

static bool wants(bool claim, const char *what)
{
	if (!claim)
		fprintf(stderr, "behind the filter: %s (%s)\n", what, strerror(errno));
	return claim;
}
#define WANT(claim) (is_good &= wants(claim, #claim))

// 0: every claim holds; the others are on standard error.
static int in_child(bool (*claims)(void))
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		bool is_on = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && dp_filter_start() == DP_FILTER_ON;
		_exit(!is_on ? 2 : !claims());
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool cannot(void)
{
	bool is_good = true;
	char *arguments[] = { "/bin/true", NULL };
	WANT(is_denied(execv("/bin/true", arguments)));
	WANT(is_denied(syscall(SYS_execveat, AT_FDCWD, "/bin/true", arguments, NULL, 0)));
	WANT(is_denied(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL)));
	WANT(is_denied(syscall(SYS_bpf, 0, NULL, 0)));
	WANT(is_denied(syscall(SYS_init_module, NULL, 0, "")));
	WANT(is_denied(syscall(SYS_finit_module, -1, "", 0)));
	WANT(is_denied(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0)));
	WANT(is_denied(unshare(CLONE_NEWUSER)));
	WANT(is_denied(setuid(getuid())));
	WANT(is_denied(syscall(SYS_io_uring_setup, 0, NULL)));
	WANT(is_denied(syscall(SYS_chroot, "/")));
	WANT(is_denied(kill(getppid(), SIGURG)));
	WANT(is_denied(kill(0, SIGURG)));
	WANT(is_denied(syscall(SYS_tgkill, getppid(), getppid(), 0)));
	WANT(is_denied(socket(AF_INET, SOCK_STREAM, 0)));
	WANT(is_denied(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
	WANT(is_denied(socket(AF_INET, SOCK_RAW, 1)));
	WANT(is_denied(socket(AF_INET6, SOCK_DGRAM, 0)));
	WANT(is_denied(socket(AF_PACKET, SOCK_RAW, 0)));
	WANT(is_denied(socket(AF_ALG, SOCK_SEQPACKET, 0)));
	WANT(is_denied(syscall(SYS_getpid | 0x40000000)));
#ifndef DP_FILTER_SPARES_FORKS
	WANT(is_denied(syscall(SYS_ptrace, 0, 0, NULL, NULL)));
	WANT(is_denied(syscall(SYS_fork)));
	WANT(is_denied(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)));
	WANT(is_denied(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL)));
#endif
	return is_good;
}

static void *answer(void *x)
{
	return x;
}

// What the replica and its ports do while they serve; a new arena is made by a new thread.
static bool can(void)
{
	bool is_good = true;
	char name[] = "/tmp/pnyx-filter-XXXXXX", to[sizeof name + 4];
	pthread_t thread;
	void *answered = NULL;
	WANT(pthread_create(&thread, NULL, answer, name) == 0 && pthread_join(thread, &answered) == 0 && answered == name);
	int fd = mkstemp(name);
	WANT(fd >= 0 && flock(fd, LOCK_EX) == 0 && ftruncate(fd, 8192) == 0 && posix_fallocate(fd, 0, 8192) == 0);
	void *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	WANT(memory != MAP_FAILED && munmap(memory, 8192) == 0);
	snprintf(to, sizeof to, "%s.to", name);
	WANT(rename(name, to) == 0 && unlink(to) == 0 && close(fd) == 0);
	WANT(kill(getppid(), 0) == 0 && kill(getpid(), SIGURG) == 0 && syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0) == 0);
	WANT(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 && socket(AF_INET, SOCK_DGRAM, 0) >= 0 && socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
	return is_good;
}

static pthread_barrier_t barrier;
static bool older_is_denied;

static void *older(void *x)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	older_is_denied = is_denied(syscall(SYS_bpf, 0, NULL, 0));
	return x;
}

static void test_cannot(void)
{
	CU_ASSERT_EQUAL(in_child(cannot), 0);
}

static void test_can(void)
{
	CU_ASSERT_EQUAL(in_child(can), 0);
}

// A thread that was there before the filter is behind it as well, and the kernel says so.
static void test_threads(void)
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		pthread_t thread;
		char line[128];
		bool is_good = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, says_so = false;
		pthread_barrier_init(&barrier, NULL, 2);
		WANT(pthread_create(&thread, NULL, older, NULL) == 0);
		pthread_barrier_wait(&barrier);
		WANT(dp_filter_start() == DP_FILTER_ON);
		pthread_barrier_wait(&barrier);
		pthread_join(thread, NULL);
		WANT(older_is_denied);
		FILE *f = fopen("/proc/self/status", "r");
		while (f && fgets(line, sizeof line, f))
			says_so |= strcmp(line, "Seccomp:\t2\n") == 0;
		WANT(says_so);
		_exit(!is_good);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
}

static const struct unit_test tests[] = {
	{ "what a replica cannot do", test_cannot },
	{ "what it can", test_can },
	{ "threads", test_threads },
};

UNIT_MAIN("filter", tests)
