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
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define HUGETLBFS_MAGIC 0x958458f6
// Of every arena that can no longer be trusted.
#define DP_LOST_IDENTITY \
	". A replica never votes from state that it cannot vouch for: this identity is lost, the cluster goes on without it, and a member with a new uuid " \
	"can take its place. Only in a cluster that never served may --arena-fresh start it empty"

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
	if (ftruncate(a->fd, 0) != 0 || ftruncate(a->fd, (off_t)a->bytes) != 0) // of a start that was killed: nothing is left
		return false;
	while ((code = fallocate(a->fd, 0, 0, (off_t)a->bytes)) != 0 && errno == EINTR)
		;
	return code == 0;
}

// The process that holds the lock on this file, 0 = unknown. Lines of /proc/locks: "1: FLOCK  ADVISORY  WRITE 1234 00:16:12345 0 EOF".
static int lock_holder(const struct stat *file)
{
	char line[256];
	int holder = 0;
	FILE *locks = fopen("/proc/locks", "re");
	while (locks && holder == 0 && fgets(line, sizeof line, locks)) {
		int pid;
		unsigned major, minor;
		unsigned long long inode;
		if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%llu", &pid, &major, &minor, &inode) == 4 && inode == file->st_ino &&
		    makedev(major, minor) == file->st_dev)
			holder = pid;
	}
	if (locks)
		fclose(locks);
	return holder;
}

// Opens the file and takes its lock, which ends with the process.
static bool take(struct dp_arena *a, const char *path, int flags, struct stat *st, char *error, size_t size)
{
	struct statfs fs;
	a->fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
	if (a->fd < 0 || fstatfs(a->fd, &fs) != 0 || fstat(a->fd, st) != 0) {
		snprintf(error, size, "arena %s: %s; set `arena` in `replica` to a directory that may be written", path, strerror(errno));
		return false;
	}
	a->is_huge = (uint64_t)fs.f_type == HUGETLBFS_MAGIC;
	a->page = a->is_huge ? (size_t)fs.f_bsize : 4096;
	if (flock(a->fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	char who[32] = "";
	int pid = lock_holder(st);
	if (pid > 0)
		snprintf(who, sizeof who, ", process %d", pid);
	snprintf(error, size, "arena %s is in use by another running pnyx-replica of this identity%s: stop that one first", path, who);
	return false;
}

static bool map(struct dp_arena *a, char *error, size_t size)
{
	a->base = mmap(NULL, a->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
	if (a->base != MAP_FAILED)
		return true;
	snprintf(error, size, "arena %s cannot be mapped: %s", a->path, strerror(errno));
	return false;
}

// A file of another size than this configuration needs: cut short, made with other sizes, or no arena at all.
static void explain_size(const struct dp_arena *a, size_t is, char *error, size_t size)
{
	size_t head = is < a->page ? is : a->page;
	void *base = mmap(NULL, head, PROT_READ, MAP_SHARED, a->fd, 0);
	uint64_t made = base == MAP_FAILED ? 0 : ep_arena_bytes(base, head);
	if (base != MAP_FAILED)
		munmap(base, head);
	if (made == 0)
		snprintf(error, size, "arena %s has %zu bytes, not %zu, and does not begin like an arena: name another file, or restore this one%s", a->path,
			 is, a->bytes, DP_LOST_IDENTITY);
	else if (made > is)
		snprintf(error, size, "arena %s is cut short: %zu of %llu bytes are there. What is missing may be promises%s", a->path, is,
			 (unsigned long long)made, DP_LOST_IDENTITY);
	else
		snprintf(error, size, "arena %s was made with other sizes: it has %zu bytes, this configuration needs %zu. Restore the sizes that it was made with",
			 a->path, is, a->bytes);
}

static bool open_there(struct dp_arena *a, size_t bytes, char *error, size_t size)
{
	struct stat st;
	if (!take(a, a->path, 0, &st, error, size))
		return false;
	a->was_there = true;
	a->bytes = (bytes + a->page - 1) / a->page * a->page;
	if ((size_t)st.st_size != a->bytes) {
		explain_size(a, (size_t)st.st_size, error, size);
		return false;
	}
	return map(a, error, size);
}

// Made under another name until it is whole (dp_arena_replica): a start that is killed leaves no half of an arena.
static bool open_new(struct dp_arena *a, size_t bytes, char *error, size_t size)
{
	struct stat st;
	snprintf(a->path_new, sizeof a->path_new, "%s.new", a->path);
	if (!take(a, a->path_new, O_CREAT, &st, error, size))
		return false;
	a->bytes = (bytes + a->page - 1) / a->page * a->page;
	if (!reserve(a)) {
		snprintf(error, size, "arena %s: no room for %zu MiB (%s): reserve more hugepages, use another directory, or lower window and app_capacity",
			 a->path, a->bytes >> 20, strerror(errno));
		unlink(a->path_new);
		return false;
	}
	return map(a, error, size);
}

static bool try_open(struct dp_arena *a, size_t bytes, bool is_fresh, char *error, size_t size)
{
	struct stat st;
	if (is_fresh)
		unlink(a->path);
	return stat(a->path, &st) == 0 ? open_there(a, bytes, error, size) : open_new(a, bytes, error, size);
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

// Which, and what the operator can do.
static const char *refusal(enum ep_attach verdict)
{
	switch (verdict) {
	case EP_ATTACH_OK:
		return "";
	case EP_ATTACH_SMALL:
		return "is smaller than this configuration needs: restore the sizes that it was made with";
	case EP_ATTACH_CONFIG:
		return "cannot be used with this configuration";
	case EP_ATTACH_MAGIC:
		return "is not an arena: name another file or directory in `arena`" DP_LOST_IDENTITY;
	case EP_ATTACH_LAYOUT:
		return "was written by a version with another layout: start it with that version";
	case EP_ATTACH_HEADER:
		return "has a damaged header: its check is wrong" DP_LOST_IDENTITY;
	case EP_ATTACH_CLUSTER:
		return "belongs to another cluster: correct `id` of the cluster, or name another file or directory in `arena`";
	case EP_ATTACH_MEMBER:
		return "belongs to another member: start it with that member's name (-n), or name another file or directory in `arena`";
	case EP_ATTACH_MEMBERS:
		return "was made with another list of members: restore their number, order and uuids in `members`";
	case EP_ATTACH_SIZES:
		return "was made with other sizes or another hash_seed: restore frame_max, window, own_max, batch_max, keys_max, index_keys, sessions_max, "
		       "app_capacity, hash_seed and e as they were";
	case EP_ATTACH_BOOT:
		return "is from before the machine's last boot: promises made since may be missing" DP_LOST_IDENTITY;
	case EP_ATTACH_POISONED:
		return "was left by a replica that found an internal error" DP_LOST_IDENTITY;
	case EP_ATTACH_ROLLED_BACK:
		return "is a copy from an earlier time: peers have seen promises of this member that it does not hold" DP_LOST_IDENTITY;
	case EP_ATTACH_JOURNAL:
		return "is damaged in its undo journal" DP_LOST_IDENTITY;
	case EP_ATTACH_EXECUTED:
		return "is damaged in its set of executed instances" DP_LOST_IDENTITY;
	case EP_ATTACH_RECORDS:
		return "is damaged in an instance or its payload" DP_LOST_IDENTITY;
	case EP_ATTACH_ORDER:
		return "is damaged in its queue of executions" DP_LOST_IDENTITY;
	case EP_ATTACH_SESSIONS:
		return "is damaged in a session" DP_LOST_IDENTITY;
	case EP_ATTACH_APPLICATION:
		return "is damaged in the application's state" DP_LOST_IDENTITY;
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
	if (verdict == EP_ATTACH_OK && (a->was_there || rename(a->path_new, a->path) == 0))
		return true;
	if (verdict == EP_ATTACH_OK)
		snprintf(error, size, "arena %s cannot get its name: %s", a->path, strerror(errno));
	else
		snprintf(error, size, "arena %s %s", a->path, refusal(verdict));
	if (!a->was_there)
		unlink(a->path_new);
	return false;
}
