// The page of pollers: /dev/shm/pnyx-pollers-UID, taken under a file lock at start, read without one afterwards.
#include "dataplane/pollers.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

static bool is_gone(uint64_t slot)
{
	pid_t pid = (pid_t)(slot >> 32);
	return pid == 0 || (kill(pid, 0) != 0 && errno == ESRCH);
}

void dp_pollers_enter(struct dp_pollers *p, uint32_t threads)
{
	char path[64];
	int fd = -1;
	*p = (struct dp_pollers){ .threads = threads, .cores = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN) };
	// Inside a user namespace uid 0 is somebody else outside: then the plain name may belong to the real one.
	for (uint32_t attempt = 0; attempt < 8 && fd < 0; attempt++) {
		snprintf(path, sizeof path, attempt == 0 ? "/dev/shm/pnyx-pollers-%u" : "/dev/shm/pnyx-pollers-%u-%u", (unsigned)getuid(),
			 attempt);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd < 0)
		return; // then only our own threads are known
	void *page = MAP_FAILED;
	if (flock(fd, LOCK_EX) == 0 && ftruncate(fd, DP_POLLERS_SLOTS * 8) == 0)
		page = mmap(NULL, DP_POLLERS_SLOTS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED) {
		uint64_t *slots = page;
		bool is_entered = false;
		for (uint32_t s = 0; s < DP_POLLERS_SLOTS; s++) {
			if (!is_gone(slots[s]))
				continue;
			slots[s] = 0;
			if (is_entered)
				continue;
			slots[s] = (uint64_t)getpid() << 32 | threads;
			p->own = s;
			is_entered = true;
		}
		p->slots = slots;
	}
	flock(fd, LOCK_UN); // the mapping keeps the file open, and with it the lock
	close(fd);
}

void dp_pollers_leave(struct dp_pollers *p)
{
	if (p->slots && p->slots[p->own] >> 32 == (uint64_t)getpid())
		__atomic_store_n(&p->slots[p->own], 0, __ATOMIC_RELAXED);
}
