// A backup: the epoch is ended by a RECONFIG to the same members, and the state of that instant is written while the next epoch serves.
//
// The arena is mapped before it is proposed: however soon the replica has moved on and given its old arena up, the state is here. A thread
// writes it to the descriptor that the operator's program has opened, so that the loop never waits for a disk.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "control/control.h"
#include "control/log.h"

#define PROPOSE_NS 300000000ULL     // between two proposals of the same change
#define PATIENCE_NS 30000000000ULL  // for the epoch to end

static void end(struct ctl_backup *b, const char *refusal)
{
	void (*done)(void *, const char *, const struct ep_handover *) = b->done;
	void *arg = b->arg;
	struct ep_handover handover = b->handover;
	sd_event_source_disable_unref(b->watch);
	if (b->map)
		munmap(b->map, b->map_bytes);
	if (b->fd >= 0)
		close(b->fd);
	if (b->event_fd >= 0)
		close(b->event_fd);
	*b = (struct ctl_backup){ .fd = -1, .event_fd = -1 };
	done(arg, refusal, &handover);
}

// ---- writing, in a thread of its own
static bool write_at(int fd, const void *bytes, uint64_t len, uint64_t at)
{
	for (uint64_t done = 0; done < len;) {
		uint64_t left = len - done;
		ssize_t n = pwrite(fd, (const uint8_t *)bytes + done, left < CTL_PIECE ? left : CTL_PIECE, (off_t)(at + done));
		if (n <= 0)
			return false;
		done += (uint64_t)n;
	}
	return true;
}

static void *write_all(void *arg)
{
	struct ctl_backup *b = arg;
	static union {
		struct ep_state_head head;
		uint8_t bytes[EP_STATE_OFFSET];
	} first;
	uint64_t one = 1;
	uint32_t crc = 0;
	for (uint64_t at = 0; at < b->state.bytes; at += CTL_PIECE)
		crc = ep_crc32c(crc, b->state.at + at, (uint32_t)(b->state.bytes - at < CTL_PIECE ? b->state.bytes - at : CTL_PIECE));
	memset(&first, 0, sizeof first);
	ep_state_seal(&first.head, &b->handover, crc);
	memcpy(first.bytes + PNYX_BACKUP_NOTE_AT, &b->note, sizeof b->note);
	bool is_good = write_at(b->fd, b->state.at, b->state.bytes, EP_STATE_OFFSET) && write_at(b->fd, &first, sizeof first, 0) &&
		       fsync(b->fd) == 0;
	b->error = is_good ? 0 : errno != 0 ? errno : EIO;
	(void)!write(b->event_fd, &one, sizeof one);
	return NULL;
}

static int on_written(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct ctl_backup *b = arg;
	(void)s, (void)fd, (void)events;
	pthread_join(b->thread, NULL);
	b->is_writing = false;
	ctl_log(b->error ? LOG_ERR : LOG_NOTICE, "backup-written", "bytes=%llu epoch=%u ms=%llu result=\"%s\"", (unsigned long long)b->handover.bytes,
		b->handover.next.epoch - 1, (unsigned long long)((ctl_now() - b->began_ns) / 1000000), b->error ? strerror(b->error) : "done");
	end(b, b->error ? strerror(b->error) : NULL);
	return 0;
}

static bool start_writing(struct ctl *c, struct ctl_backup *b)
{
	sigset_t all, old;
	pnyx_backup_seal(&b->note, &c->file, (uint64_t)time(NULL));
	b->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->event_fd < 0 || sd_event_add_io(c->event, &b->watch, b->event_fd, EPOLLIN, on_written, b) < 0)
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	b->is_writing = pthread_create(&b->thread, NULL, write_all, b) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return b->is_writing;
}

// ---- until the epoch has ended here
static bool map_current(struct ctl_backup *b, const struct mb_snapshot *page)
{
	char path[512];
	struct stat st;
	ctl_page_arena(page, path, sizeof path);
	int fd = path[0] != 0 ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW) : -1;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		b->map = map != MAP_FAILED ? map : NULL;
		b->map_bytes = (size_t)st.st_size;
	}
	if (fd >= 0)
		close(fd);
	return b->map != NULL;
}

void ctl_backup_tend(struct ctl *c)
{
	struct ctl_backup *b = &c->backup;
	uint64_t now = ctl_now();
	if (!b->done || b->is_writing)
		return;
	if (ep_frozen_look(b->map, b->map_bytes, &b->handover, &b->state)) {
		if (!start_writing(c, b))
			end(b, "no thread for the writing");
		return;
	}
	if (now - b->began_ns > PATIENCE_NS)
		end(b, "the epoch did not end: is a quorum of the members there?");
	else if (now - b->proposed_ns > PROPOSE_NS) {
		b->proposed_ns = now;
		ctl_propose(c, &b->same);
	}
}

// Of an epoch that has ended meanwhile, or by a replica that knows no other one.
void ctl_backup_refused(struct ctl *c)
{
	struct ctl_backup *b = &c->backup;
	if (b->done && !b->is_writing && !ep_frozen_look(b->map, b->map_bytes, &b->handover, &b->state))
		end(b, "the replica does not take the proposal: it does not go on to another epoch");
}

const char *ctl_backup_start(struct ctl *c, int fd, void (*done)(void *, const char *refusal, const struct ep_handover *), void *arg)
{
	struct ctl_backup *b = &c->backup;
	const char *refusal = NULL;
	if (b->done)
		refusal = "another backup is under way";
	else if (fd < 0)
		refusal = "it wants a file to write to";
	else if (c->replica.life != CTL_LIFE_SERVING)
		refusal = "the replica of this node does not serve";
	if (refusal) {
		if (fd >= 0)
			close(fd);
		return refusal;
	}
	*b = (struct ctl_backup){ .fd = fd, .event_fd = -1, .began_ns = ctl_now() };
	ctl_page_list(&c->replica.page, &b->same);
	if (!map_current(b, &c->replica.page)) {
		close(fd);
		b->fd = -1;
		return "the replica's arena cannot be read from here";
	}
	b->done = done;
	b->arg = arg;
	ctl_backup_tend(c);
	return NULL;
}

void ctl_backup_stop(struct ctl *c)
{
	if (c->backup.is_writing)
		pthread_join(c->backup.thread, NULL);
}
