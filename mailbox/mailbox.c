// The file behind a mailbox, and snapshots in it.
#include "mailbox/mailbox.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "mailbox/words.h"

#define LOOKS_MAX 100 // attempts at one snapshot; a writer needs a microsecond

static const struct mb_header header_ours = { .magic = MB_MAGIC,
					      .version = MB_VERSION,
					      .bytes = sizeof(struct mb_shared),
					      .snapshot_bytes = sizeof(struct mb_snapshot),
					      .message_bytes = sizeof(struct mb_message),
					      .ring = MB_RING };

static void path_in(const char *dir, const char *name, char *ret, size_t size)
{
	snprintf(ret, size, "%s/%s", dir, name);
}

// The file when it is whole and of our version. -1: errno; -2: it is not.
static int open_ours(const char *path, struct mb_end *e)
{
	struct stat st;
	struct mb_header header;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != (off_t)sizeof(struct mb_shared) ||
	    pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header || memcmp(&header, &header_ours, sizeof header) != 0) {
		close(fd);
		return -2;
	}
	e->device = st.st_dev;
	e->inode = st.st_ino;
	return fd;
}

static bool map(struct mb_end *e, int fd)
{
	void *at = mmap(NULL, sizeof(struct mb_shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	e->shared = at == MAP_FAILED ? NULL : at;
	return e->shared != NULL;
}

// Under another name first: whoever opens the real one finds it whole.
static bool make(const char *dir, const char *path)
{
	char fresh[512];
	path_in(dir, "mailbox.new", fresh, sizeof fresh);
	unlink(fresh);
	int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
	if (fd < 0)
		return false;
	// All pages now: a full file system is a sentence here, not a SIGBUS later.
	int code = posix_fallocate(fd, 0, sizeof(struct mb_shared));
	bool is_good = code == 0 && pwrite(fd, &header_ours, sizeof header_ours, 0) == (ssize_t)sizeof header_ours &&
		       fchmod(fd, 0660) == 0 && rename(fresh, path) == 0;
	int why = code != 0 ? code : errno;
	close(fd);
	if (!is_good)
		unlink(fresh);
	errno = why;
	return is_good;
}

void mb_use_replica(struct mb_end *e, struct mb_shared *s)
{
	e->shared = s;
	e->sequence = __atomic_load_n(&s->replica.sequence, __ATOMIC_RELAXED);
	e->sequence += e->sequence & 1; // the former process died in the middle of one
	mb_ring_consume(&e->commands, s->control.commands, &s->control.command_head, &s->replica.command_tail);
	mb_ring_produce(&e->events, s->replica.events, &s->replica.event_head, &s->control.event_tail);
}

void mb_use_control(struct mb_end *e, struct mb_shared *s)
{
	e->shared = s;
	mb_ring_consume(&e->events, s->replica.events, &s->replica.event_head, &s->control.event_tail);
	mb_ring_produce(&e->commands, s->control.commands, &s->control.command_head, &s->replica.command_tail);
}

bool mb_open_replica(struct mb_end *e, const char *dir, char *error, size_t size)
{
	char path[512];
	*e = (struct mb_end){ 0 };
	path_in(dir, "mailbox", path, sizeof path);
	int fd = open_ours(path, e);
	if (fd < 0 && make(dir, path))
		fd = open_ours(path, e);
	if (fd < 0) {
		snprintf(error, size, "mailbox %s: %s; make the directory, owned by this user, or leave --run-dir out", path,
			 fd == -2 ? "somebody else writes it" : strerror(errno));
		return false;
	}
	bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0; // for as long as this process lives
	if (is_free && map(e, fd)) {
		e->lock = fd;
		mb_use_replica(e, e->shared);
		return true;
	}
	snprintf(error, size, is_free ? "mailbox %s cannot be mapped" : "mailbox %s is in use by another running pnyx-replica: stop that one first", path);
	close(fd);
	return false;
}

enum mb_open mb_open_control(struct mb_end *e, const char *dir)
{
	char path[512];
	*e = (struct mb_end){ 0 };
	path_in(dir, "mailbox", path, sizeof path);
	int fd = open_ours(path, e);
	if (fd < 0)
		return fd == -2 ? MB_OPEN_VERSION : MB_OPEN_NONE;
	bool is_mapped = map(e, fd);
	close(fd);
	if (!is_mapped)
		return MB_OPEN_NONE;
	mb_use_control(e, e->shared);
	return MB_OPEN_OK;
}

bool mb_is_replaced(const struct mb_end *e, const char *dir)
{
	char path[512];
	struct stat st;
	path_in(dir, "mailbox", path, sizeof path);
	return lstat(path, &st) != 0 || st.st_dev != e->device || st.st_ino != e->inode;
}

void mb_close(struct mb_end *e)
{
	if (e->shared)
		munmap(e->shared, sizeof *e->shared);
	if (e->lock > 0)
		close(e->lock);
	*e = (struct mb_end){ 0 };
}

void mb_publish(struct mb_end *e, const struct mb_snapshot *snapshot)
{
	struct mb_replica_side *side = &e->shared->replica;
	__atomic_store_n(&side->sequence, e->sequence + 1, __ATOMIC_RELAXED);
	mb_words_out(side->snapshot, (const uint64_t *)snapshot, MB_SNAPSHOT_WORDS); // released: not before the odd number
	e->sequence += 2;
	__atomic_store_n(&side->sequence, e->sequence, __ATOMIC_RELEASE);
}

static bool is_list(const struct mb_list *l)
{
	return l->epoch == 0 || (l->epoch <= UINT32_MAX && l->chain <= UINT32_MAX && l->n >= 1 && l->n <= EP_MEMBERS_MAX && l->e <= 1 && l->mode <= UINT8_MAX);
}

static bool is_path(const uint64_t *words)
{
	return memchr(words, 0, 8 * MB_PATH_WORDS) != NULL;
}

static bool is_sane(const struct mb_snapshot *s)
{
	return s->pid > 0 && s->pid <= INT32_MAX && s->state >= MB_STARTING && s->state <= MB_WAITING &&
	       s->n <= EP_MEMBERS_MAX && (s->self < s->n || (s->n == 0 && s->self == 0 && s->state == MB_WAITING)) && s->pace >= 1 && s->pace <= 100 && s->suspects >> s->n == 0 &&
	       s->window >= 1 && s->window <= UINT32_MAX && is_list(&s->now) && is_list(&s->next) && is_path(s->arena) && is_path(s->frozen_arena);
}

bool mb_look(const struct mb_end *e, struct mb_snapshot *ret)
{
	const struct mb_replica_side *side = &e->shared->replica;
	struct mb_snapshot copy;
	for (uint32_t k = 0; k < LOOKS_MAX; k++) {
		uint64_t before = __atomic_load_n(&side->sequence, __ATOMIC_ACQUIRE);
		if (before & 1)
			continue;
		mb_words_in((uint64_t *)&copy, side->snapshot, MB_SNAPSHOT_WORDS); // acquired: the next load is not before them
		if (__atomic_load_n(&side->sequence, __ATOMIC_RELAXED) != before)
			continue;
		if (!is_sane(&copy))
			return false;
		*ret = copy;
		return true;
	}
	return false;
}

void mb_beat(struct mb_end *e)
{
	uint64_t *beat = &e->shared->control.beat;
	__atomic_store_n(beat, __atomic_load_n(beat, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

bool mb_propose(struct mb_end *e, const void *reconfig, uint32_t bytes, uint64_t number, uint64_t at_ns)
{
	uint64_t words[MB_PROPOSAL_WORDS] = { 0 };
	struct mb_control_side *side = &e->shared->control;
	struct mb_message m = { .type = MB_PROPOSE, .number = number, .at_ns = at_ns };
	if (bytes > sizeof words)
		return false;
	memcpy(words, reconfig, bytes);
	__atomic_store_n(&side->proposal_begun, number, __ATOMIC_RELAXED);
	__atomic_store_n(&side->proposal_bytes, bytes, __ATOMIC_RELEASE); // not before the number that it belongs to
	mb_words_out(side->proposal, words, MB_PROPOSAL_WORDS);
	__atomic_store_n(&side->proposal_ended, number, __ATOMIC_RELEASE);
	return mb_push(&e->commands, &m);
}

uint32_t mb_proposal(const struct mb_end *e, uint64_t number, uint64_t ret[MB_PROPOSAL_WORDS])
{
	const struct mb_control_side *side = &e->shared->control;
	if (__atomic_load_n(&side->proposal_ended, __ATOMIC_ACQUIRE) != number)
		return 0;
	uint64_t bytes = __atomic_load_n(&side->proposal_bytes, __ATOMIC_ACQUIRE);
	mb_words_in(ret, side->proposal, MB_PROPOSAL_WORDS);
	bool is_whole = __atomic_load_n(&side->proposal_begun, __ATOMIC_RELAXED) == number;
	return is_whole && bytes <= 8 * MB_PROPOSAL_WORDS ? (uint32_t)bytes : 0;
}
