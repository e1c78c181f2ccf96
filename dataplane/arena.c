// Making, locking and mapping the arena's file; what to tell the operator when it may not be used.
#include "dataplane/arena.h"
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define HUGETLBFS_MAGIC 0x958458f6

static bool find_hugetlbfs(char *dir, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	bool is_found = false;
	while (mounts && !is_found && (m = getmntent(mounts)))
		if (strcmp(m->mnt_type, "hugetlbfs") == 0 && access(m->mnt_dir, W_OK) == 0) {
			snprintf(dir, size, "%s", m->mnt_dir);
			is_found = true;
		}
	if (mounts)
		endmntent(mounts);
	return is_found;
}

// All pages at once: a missing one is a sentence now, not a SIGBUS later. A signal (some drivers use them) only interrupts.
static bool reserve(struct dp_arena *a)
{
	int code;
	if (ftruncate(a->fd, (off_t)a->bytes) != 0)
		return false;
	while ((code = fallocate(a->fd, 0, 0, (off_t)a->bytes)) != 0 && errno == EINTR)
		;
	return code == 0;
}

static bool try_open(struct dp_arena *a, size_t bytes, bool is_fresh, char *error, size_t size)
{
	struct statfs fs;
	struct stat st;
	if (is_fresh)
		unlink(a->path);
	a->fd = open(a->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (a->fd < 0 || fstatfs(a->fd, &fs) != 0 || fstat(a->fd, &st) != 0) {
		snprintf(error, size, "arena %s: %s; set `arena` in `replica` to a directory that may be written", a->path, strerror(errno));
		return false;
	}
	if (flock(a->fd, LOCK_EX | LOCK_NB) != 0) {
		snprintf(error, size, "arena %s is in use by another running pnyx-replica of this identity: stop that one first", a->path);
		return false;
	}
	a->is_huge = (uint64_t)fs.f_type == HUGETLBFS_MAGIC;
	size_t page = a->is_huge ? (size_t)fs.f_bsize : 4096;
	a->bytes = (bytes + page - 1) / page * page;
	a->was_there = st.st_size > 0;
	if (a->was_there && (size_t)st.st_size != a->bytes) {
		snprintf(error, size, "arena %s has %lld bytes, this configuration needs %zu: restore the configuration, or give the state up with --arena-fresh",
			 a->path, (long long)st.st_size, a->bytes);
		return false;
	}
	if (!a->was_there && !reserve(a)) {
		snprintf(error, size, "arena %s: no room for %zu MiB (%s): reserve more hugepages, use another directory, or lower window and app_capacity",
			 a->path, a->bytes >> 20, strerror(errno));
		unlink(a->path);
		return false;
	}
	a->base = mmap(NULL, a->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
	if (a->base == MAP_FAILED) {
		snprintf(error, size, "arena %s cannot be mapped: %s", a->path, strerror(errno));
		return false;
	}
	return true;
}

bool dp_arena_open(struct dp_arena *a, const char *where, const char *uuid, size_t bytes, bool is_fresh, char *error, size_t size)
{
	char dir[256];
	struct stat st;
	*a = (struct dp_arena){ .fd = -1 };
	if (where[0] != 0) {
		bool is_dir = stat(where, &st) == 0 && S_ISDIR(st.st_mode);
		snprintf(a->path, sizeof a->path, is_dir ? "%s/pnyx-%s.arena" : "%s", where, uuid);
		return try_open(a, bytes, is_fresh, error, size);
	}
	if (find_hugetlbfs(dir, sizeof dir)) {
		snprintf(a->path, sizeof a->path, "%s/pnyx-%s.arena", dir, uuid);
		bool is_there = access(a->path, F_OK) == 0;
		if (try_open(a, bytes, is_fresh, error, size))
			return true;
		if (is_there && !is_fresh)
			return false; // an identity's state is never passed over
		if (a->fd >= 0)
			close(a->fd);
	}
	snprintf(a->path, sizeof a->path, "/dev/shm/pnyx-%s.arena", uuid);
	return try_open(a, bytes, is_fresh, error, size);
}

void dp_arena_close(struct dp_arena *a)
{
	munmap(a->base, a->bytes);
	close(a->fd);
}

static const char *refusal(enum ep_attach verdict)
{
	switch (verdict) {
	case EP_ATTACH_OK:
		return "";
	case EP_ATTACH_SMALL:
		return "is too small for this configuration";
	case EP_ATTACH_CONFIG:
		return "cannot be used with this configuration";
	case EP_ATTACH_MAGIC:
		return "is not an arena, or was never finished";
	case EP_ATTACH_LAYOUT:
		return "was made by another version, or with other sizes";
	case EP_ATTACH_CLUSTER:
		return "belongs to another cluster or member, or was made with other settings of those that all members share";
	case EP_ATTACH_BOOT:
		return "is from before the machine's last boot: promises made since may be missing";
	case EP_ATTACH_POISONED:
		return "was left by a replica that found an internal error";
	case EP_ATTACH_ROLLED_BACK:
		return "is a copy from an earlier time: peers have seen promises of this member that it does not hold";
	case EP_ATTACH_DAMAGED:
		return "is damaged";
	}
	return "is refused";
}

bool dp_arena_replica(struct dp_arena *a, const struct ep_config *config, struct ep_replica **ret, char *error, size_t size)
{
	const char *wrong = ep_config_check(config);
	if (wrong) {
		snprintf(error, size, "configuration: %s", wrong);
		return false;
	}
	enum ep_attach verdict = a->was_there ? ep_replica_attach(a->base, a->bytes, config, ret) :
						ep_replica_init(a->base, a->bytes, config, ret);
	if (verdict == EP_ATTACH_OK)
		return true;
	snprintf(error, size, "arena %s %s. A replica never votes from state that it cannot vouch for; --arena-fresh starts this member empty, which is "
		 "safe only for a new cluster", a->path, refusal(verdict));
	return false;
}
