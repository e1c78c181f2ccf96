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
// Peers cannot tell a new member from one that has forgotten everything when they have forgotten everything as well.
#define DP_NO_ARENA \
	"there is no arena of this member (looked for %s). It begins empty only when told that its cluster is new: --new-cluster, PNYX_NEW_CLUSTER=1, or an " \
	"empty file `new-cluster` in --run-dir, at its first start and never again. Did it serve before? Then its state is lost: leave it stopped, the cluster " \
	"goes on without it"

// Where an arena may lie when the configuration does not say: every hugetlbfs mount that may be written, at last shared memory.
#define PLACES_MAX 16
struct places {
	char dir[PLACES_MAX][256];
	uint32_t count;
};

static void find_places(struct places *p)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	p->count = 0;
	while (mounts && p->count < PLACES_MAX - 1 && (m = getmntent(mounts)))
		if (strcmp(m->mnt_type, "hugetlbfs") == 0 && access(m->mnt_dir, W_OK) == 0)
			snprintf(p->dir[p->count++], sizeof p->dir[0], "%s", m->mnt_dir);
	if (mounts)
		endmntent(mounts);
	snprintf(p->dir[p->count++], sizeof p->dir[0], "/dev/shm");
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
		bool is_new = flags & O_CREAT;
		snprintf(error, size, "arena %s%s: %s; %s", path, is_new ? "" : " cannot be opened", strerror(errno),
			 is_new ? "set `arena` in `replica` to a directory that may be written" :
				  "start pnyx-replica as the user whose file it is, or make it that user's again (chown, chmod u+rw)");
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
	case EP_ATTACH_WORN:
		return "has used up its member's counters (2^32 - 1 starts or 2^48 votes)" DP_LOST_IDENTITY;
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

// A file of another size than this configuration needs: whose it is comes first, then cut short, or made with other sizes.
static void explain_size(const struct dp_arena *a, const struct ep_config *config, size_t is, char *error, size_t size)
{
	uint64_t made = 0;
	size_t head = is < a->page ? is : a->page;
	void *base = mmap(NULL, head, PROT_READ, MAP_SHARED, a->fd, 0);
	enum ep_attach verdict = base == MAP_FAILED ? EP_ATTACH_MAGIC : ep_arena_look(base, head, config, &made);
	if (base != MAP_FAILED)
		munmap(base, head);
	if (verdict == EP_ATTACH_MAGIC)
		snprintf(error, size, "arena %s has %zu bytes, not %zu, and does not begin like an arena: name another file, or restore this one%s", a->path,
			 is, a->bytes, DP_LOST_IDENTITY);
	else if (verdict != EP_ATTACH_OK && verdict != EP_ATTACH_SIZES)
		snprintf(error, size, "arena %s %s", a->path, refusal(verdict));
	else if (made > is)
		snprintf(error, size, "arena %s is cut short: %zu of %llu bytes are there. What is missing may be promises%s", a->path, is,
			 (unsigned long long)made, DP_LOST_IDENTITY);
	else
		snprintf(error, size, "arena %s was made with other sizes: it has %zu bytes, this configuration needs %zu. Restore the sizes that it was made with",
			 a->path, is, a->bytes);
}

static bool open_there(struct dp_arena *a, const struct ep_config *config, char *error, size_t size)
{
	struct stat st;
	if (!take(a, a->path, 0, &st, error, size))
		return false;
	a->was_there = true;
	a->bytes = (ep_replica_size(config) + a->page - 1) / a->page * a->page;
	if ((size_t)st.st_size != a->bytes) {
		explain_size(a, config, (size_t)st.st_size, error, size);
		return false;
	}
	return map(a, error, size);
}

static bool refuse_new(const char *path, char *error, size_t size)
{
	snprintf(error, size, DP_NO_ARENA, path);
	return false;
}

// Made under another name until it is whole (dp_arena_replica): a start that is killed leaves no half of an arena.
static bool open_new(struct dp_arena *a, const struct ep_config *config, char *error, size_t size)
{
	struct stat st;
	snprintf(a->path_new, sizeof a->path_new, "%s.new", a->path);
	if (!take(a, a->path_new, O_CREAT, &st, error, size))
		return false;
	a->bytes = (ep_replica_size(config) + a->page - 1) / a->page * a->page;
	if (!reserve(a)) {
		char pages[64] = "free some";
		if (a->is_huge)
			snprintf(pages, sizeof pages, "reserve %zu more hugepages of %zu MiB", a->bytes / a->page, a->page >> 20);
		snprintf(error, size, "arena %s: no room for %zu MiB (%s): %s, use another directory, or lower window and app_capacity", a->path,
			 a->bytes >> 20, strerror(errno), pages);
		unlink(a->path_new);
		return false;
	}
	return map(a, error, size);
}

// Throws an arena away, unless a living process has it.
static bool discard(const char *path, char *error, size_t size)
{
	struct dp_arena old;
	struct stat st;
	bool is_free = take(&old, path, 0, &st, error, size) && unlink(path) == 0;
	close(old.fd);
	return is_free;
}

static bool open_at(struct dp_arena *a, const struct ep_config *config, enum dp_arena_may may, char *error, size_t size)
{
	if (access(a->path, F_OK) != 0)
		return may == DP_ARENA_KEEP ? refuse_new(a->path, error, size) : open_new(a, config, error, size);
	if (may != DP_ARENA_FRESH)
		return open_there(a, config, error, size);
	return discard(a->path, error, size) && open_new(a, config, error, size);
}

// The configuration names no place. An identity's arena is never passed over, wherever an earlier start has found room for it.
static bool open_somewhere(struct dp_arena *a, const struct ep_config *config, const char *uuid, enum dp_arena_may may, char *error, size_t size)
{
	struct places p;
	bool is_fresh = may == DP_ARENA_FRESH;
	char other[sizeof a->path] = "";
	find_places(&p);
	for (uint32_t k = 0; k < p.count; k++) {
		snprintf(a->path, sizeof a->path, "%s/pnyx-%s.arena", p.dir[k], uuid);
		if (access(a->path, F_OK) != 0)
			continue;
		if (is_fresh && !discard(a->path, error, size))
			return false;
		if (!is_fresh && other[0] != 0) {
			snprintf(error, size, "there are two arenas of this member, %s and %s: name the right one in `arena` of `replica`", other, a->path);
			return false;
		}
		if (!is_fresh)
			memcpy(other, a->path, sizeof other);
	}
	if (other[0] != 0) {
		memcpy(a->path, other, sizeof other);
		return open_there(a, config, error, size);
	}
	snprintf(other, sizeof other, "pnyx-%s.arena on hugetlbfs and in /dev/shm", uuid);
	if (may == DP_ARENA_KEEP)
		return refuse_new(other, error, size);
	for (uint32_t k = 0; k < p.count; k++) {
		snprintf(a->path, sizeof a->path, "%s/pnyx-%s.arena", p.dir[k], uuid);
		if (open_new(a, config, error, size))
			return true;
		if (a->fd >= 0)
			close(a->fd);
	}
	return false;
}

bool dp_arena_open(struct dp_arena *a, const struct ep_config *config, const char *where, const char *uuid, enum dp_arena_may may, char *error, size_t size)
{
	struct stat st;
	*a = (struct dp_arena){ .fd = -1 };
	if (where[0] == 0)
		return open_somewhere(a, config, uuid, may, error, size);
	bool is_dir = stat(where, &st) == 0 && S_ISDIR(st.st_mode);
	snprintf(a->path, sizeof a->path, is_dir ? "%s/pnyx-%s.arena" : "%s", where, uuid);
	return open_at(a, config, may, error, size);
}

void dp_arena_close(struct dp_arena *a)
{
	munmap(a->base, a->bytes);
	close(a->fd);
}

// Never in the place of another: two starts at once may both have found none.
static bool give_name(const struct dp_arena *a)
{
	if (renameat2(AT_FDCWD, a->path_new, AT_FDCWD, a->path, RENAME_NOREPLACE) == 0)
		return true;
	return errno == EINVAL && rename(a->path_new, a->path) == 0; // a file system without that
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
	if (verdict == EP_ATTACH_OK && (a->was_there || give_name(a)))
		return true;
	if (verdict == EP_ATTACH_OK)
		snprintf(error, size, "arena %s cannot get its name: %s%s", a->path, strerror(errno),
			 errno == EEXIST ? "; another pnyx-replica of this identity has just made it" : "");
	else
		snprintf(error, size, "arena %s %s", a->path, refusal(verdict));
	if (!a->was_there)
		unlink(a->path_new);
	return false;
}
