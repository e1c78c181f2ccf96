// The page that counts this user's polling threads: entering it, leaving it.
#include "dataplane/pollers.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE (DP_POLLERS_SLOTS * 8)

static bool is_gone(uint64_t slot)
{
	pid_t pid = (pid_t)(slot >> 32);
	return pid == 0 || (kill(pid, 0) != 0 && errno == ESRCH);
}

// Opens and locks the page at `path`. One that was removed between the two is nobody's: then the next one is made. -1: not ours.
static int open_locked(const char *path, int flags)
{
	for (;;) {
		struct stat st;
		int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
			return fd;
		close(fd);
	}
}

// Clears the entries of processes that are gone; a free slot, DP_POLLERS_SLOTS when there is none.
static uint32_t sweep(uint64_t *slots, uint32_t *living)
{
	uint32_t vacant = DP_POLLERS_SLOTS;
	*living = 0;
	for (uint32_t s = 0; s < DP_POLLERS_SLOTS; s++) {
		if (!is_gone(slots[s])) {
			(*living)++;
			continue;
		}
		slots[s] = 0;
		vacant = vacant < DP_POLLERS_SLOTS ? vacant : s;
	}
	return vacant;
}

void dp_pollers_enter(struct dp_pollers *p, const char *folder, uint32_t threads)
{
	uint32_t living;
	int fd = -1;
	*p = (struct dp_pollers){ .threads = threads, .cores = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN) };
	// Inside a user namespace uid 0 is somebody else outside: then the plain name may belong to the real one.
	for (uint32_t attempt = 0; attempt < 8 && fd < 0; attempt++) {
		snprintf(p->path, sizeof p->path, attempt == 0 ? "%s/pnyx-pollers-%u" : "%s/pnyx-pollers-%u-%u", folder, (unsigned)getuid(),
			 attempt);
		fd = open_locked(p->path, O_CREAT);
	}
	void *page = MAP_FAILED;
	if (fd >= 0 && ftruncate(fd, PAGE) == 0)
		page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED) {
		p->slots = page;
		p->own = sweep(p->slots, &living);
		if (p->own < DP_POLLERS_SLOTS)
			p->slots[p->own] = (uint64_t)getpid() << 32 | threads;
	} else {
		p->path[0] = 0; // then only our own threads are known
	}
	if (fd >= 0) {
		flock(fd, LOCK_UN); // the mapping keeps the file open, and with it the lock
		close(fd);
	}
}

void dp_pollers_leave(struct dp_pollers *p)
{
	uint32_t living = 1;
	if (!p->slots)
		return;
	int fd = open_locked(p->path, 0);
	if (p->own < DP_POLLERS_SLOTS)
		__atomic_store_n(&p->slots[p->own], 0, __ATOMIC_RELAXED);
	if (fd >= 0) {
		sweep(p->slots, &living);
		if (living == 0)
			unlink(p->path);
		flock(fd, LOCK_UN);
		close(fd);
	}
	munmap(p->slots, PAGE);
	p->slots = NULL;
}
