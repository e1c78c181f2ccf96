// Making, locking and mapping the arena's file; what to tell the operator when it may not be used.
#include "dataplane/arena.h"
#include <errno.h>
#include <fcntl.h>
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

static bool open_there(struct dp_arena *a, const struct ep_config *config, struct stat *st, char *error, size_t size)
{
	a->was_there = true;
	a->bytes = (ep_replica_size(config) + a->page - 1) / a->page * a->page;
	if ((size_t)st->st_size != a->bytes) {
		explain_size(a, config, (size_t)st->st_size, error, size);
		return false;
	}
	return map(a, error, size);
}

bool dp_arena_follow(struct ep_config *config, const uint8_t *uuid, const struct ep_membership *list)
{
	for (uint32_t m = 0; m < list->n; m++)
		if (memcmp(list->members[m].uuid, uuid, 16) == 0) {
			config->self = 0; // only for ep_config_follow(), which finds the column
			config->members[0] = list->members[m];
			return ep_config_follow(config, list);
		}
	return false;
}

// The list of an epoch behind the first is in its arena, not in the configuration's file.
static bool follow(const struct dp_arena *a, struct ep_config *config, const uint8_t *uuid, char *error, size_t size)
{
	struct ep_membership list;
	void *base = mmap(NULL, a->page, PROT_READ, MAP_SHARED, a->fd, 0);
	bool is_whole = base != MAP_FAILED && ep_arena_membership(base, a->page, &list);
	if (base != MAP_FAILED)
		munmap(base, a->page);
	if (is_whole && dp_arena_follow(config, uuid, &list))
		return true;
	snprintf(error, size, "arena %s %s", a->path, is_whole ? "does not name this member: name another file or directory in `arena`" : refusal(EP_ATTACH_MAGIC));
	return false;
}

bool dp_arena_open_epoch(struct dp_arena *a, struct ep_config *config, const struct dp_place *place, uint32_t epoch, char *error, size_t size)
{
	struct stat st;
	uint8_t uuid[16];
	memcpy(uuid, config->members[config->self].uuid, sizeof uuid);
	*a = (struct dp_arena){ .fd = -1, .place = *place };
	dp_place_path(place, epoch, a->path, sizeof a->path);
	bool is_files = epoch == 1 && config->epoch == 1; // the first epoch's list is the configuration file's
	return take(a, a->path, 0, &st, error, size) &&
	       (is_files || st.st_size < (off_t)a->page || follow(a, config, uuid, error, size)) && open_there(a, config, &st, error, size);
}

// No hugepages are left, and the epoch before has ended: slower pages are better than no service.
static bool make_ordinary(struct dp_arena *a, const struct ep_config *config, char *error, size_t size)
{
	struct stat st;
	close(a->fd);
	unlink(a->path_new);
	dp_place_ordinary(&a->place, config->epoch, a->path, sizeof a->path);
	snprintf(a->path_new, sizeof a->path_new, "%s.new", a->path);
	if (!take(a, a->path_new, O_CREAT, &st, error, size))
		return false;
	a->bytes = (ep_replica_size(config) + a->page - 1) / a->page * a->page;
	return reserve(a);
}

// Made under another name until it is whole (dp_arena_publish): a start that is killed leaves no half of an arena.
bool dp_arena_make(struct dp_arena *a, const struct ep_config *config, const struct dp_place *place, char *error, size_t size)
{
	struct stat st;
	*a = (struct dp_arena){ .fd = -1, .place = *place };
	dp_place_path(place, config->epoch, a->path, sizeof a->path);
	snprintf(a->path_new, sizeof a->path_new, "%s.new", a->path);
	if (!take(a, a->path_new, O_CREAT, &st, error, size))
		return false;
	a->bytes = (ep_replica_size(config) + a->page - 1) / a->page * a->page;
	if (!reserve(a) && !(config->epoch > 1 && a->is_huge && make_ordinary(a, config, error, size))) {
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

static bool refuse_new(const char *path, char *error, size_t size)
{
	snprintf(error, size, DP_NO_ARENA, path);
	return false;
}

// Throws an arena away, unless a living process has it.
static bool discard(const char *path, char *error, size_t size)
{
	struct dp_arena old;
	struct stat st;
	bool is_free = take(&old, path, 0, &st, error, size);
	if (is_free)
		unlink(path);
	close(old.fd);
	return is_free;
}

bool dp_arena_discard(const struct dp_place *place, char *error, size_t size)
{
	char path[512];
	const uint32_t epochs[] = { place->before, place->newest }; // the newest last: it is what a start goes by
	for (uint32_t k = 0; k < 2; k++) {
		dp_place_path(place, epochs[k], path, sizeof path);
		if (epochs[k] != 0 && !discard(path, error, size))
			return false;
	}
	return true;
}

// An identity's arena is never passed over, wherever an earlier start has found room for it. NULL and error[0] == 0: there is none.
static struct dp_place *find(struct dp_place *all, uint32_t count, char *error, size_t size)
{
	struct dp_place *at = NULL;
	error[0] = 0;
	for (uint32_t k = 0; k < count; k++) {
		if (all[k].newest == 0)
			continue;
		if (at) {
			snprintf(error, size, "there are two arenas of this member, %s and %s: name the right one in `arena` of `replica`", at->base,
				 all[k].base);
			return NULL;
		}
		at = &all[k];
	}
	return at;
}

bool dp_arena_open(struct dp_arena *a, struct ep_config *config, const char *where, const char *uuid, enum dp_arena_may may, char *error, size_t size)
{
	struct dp_place all[DP_PLACES_MAX];
	uint32_t count = dp_places(where, uuid, all);
	*a = (struct dp_arena){ .fd = -1 };
	for (uint32_t k = 0; may == DP_ARENA_FRESH && k < count; k++) {
		if (!dp_arena_discard(&all[k], error, size))
			return false;
		all[k].newest = all[k].before = 0;
	}
	const struct dp_place *at = find(all, count, error, size);
	if (at)
		return dp_arena_open_epoch(a, config, at, at->newest, error, size);
	if (error[0] != 0)
		return false;
	if (may == DP_ARENA_KEEP)
		return refuse_new(where[0] != 0 ? all[0].base : "every hugetlbfs mount and /dev/shm", error, size);
	return dp_arena_make_somewhere(a, config, all, count, error, size);
}

bool dp_arena_make_somewhere(struct dp_arena *a, const struct ep_config *config, const struct dp_place *all, uint32_t count, char *error, size_t size)
{
	for (uint32_t k = 0; k < count; k++) {
		if (dp_arena_make(a, config, &all[k], error, size))
			return true;
		if (a->fd >= 0)
			close(a->fd);
	}
	return false;
}

void dp_arena_close(struct dp_arena *a)
{
	munmap(a->base, a->bytes);
	close(a->fd);
	a->base = NULL;
}

// Never in the place of another: two starts at once may both have found none.
static bool give_name(const struct dp_arena *a)
{
	if (renameat2(AT_FDCWD, a->path_new, AT_FDCWD, a->path, RENAME_NOREPLACE) == 0)
		return true;
	return errno == EINVAL && rename(a->path_new, a->path) == 0; // a file system without that
}

bool dp_arena_publish(struct dp_arena *a, enum ep_attach verdict, char *error, size_t size)
{
	if (verdict == EP_ATTACH_OK && give_name(a))
		return true;
	if (verdict == EP_ATTACH_OK)
		snprintf(error, size, "arena %s cannot get its name: %s%s", a->path, strerror(errno),
			 errno == EEXIST ? "; another pnyx-replica of this identity has just made it" : "");
	else
		snprintf(error, size, "arena %s %s", a->path, refusal(verdict));
	unlink(a->path_new);
	return false;
}

bool dp_arena_replica(struct dp_arena *a, const struct ep_config *config, struct ep_replica **ret, char *error, size_t size)
{
	const char *wrong = ep_config_check(config);
	if (wrong) {
		snprintf(error, size, "configuration: %s", wrong);
		return false;
	}
	if (!a->was_there)
		return dp_arena_publish(a, ep_replica_init(a->base, a->bytes, config, ret), error, size);
	enum ep_attach verdict = ep_replica_attach(a->base, a->bytes, config, ret);
	if (verdict != EP_ATTACH_OK)
		snprintf(error, size, "arena %s %s", a->path, refusal(verdict));
	return verdict == EP_ATTACH_OK;
}
