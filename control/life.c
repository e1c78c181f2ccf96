// A thread that waits on the mailbox's futex, because nothing else can, and wakes the event loop.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "control/control.h"
#include "mailbox/life.h"

#define WAIT_MS 1000 // should a disturbance be missed

struct ctl_life_watch {
	const struct mb_shared *shared;
	uint32_t held;
	bool is_over; // atomic: written by the loop, read by the thread
	int fd;       // eventfd: the thread writes, the loop reads
	pthread_t thread;
	sd_event_source *source;
	void (*on_end)(void *);
	void *arg;
};

static void *wait_for_end(void *arg)
{
	struct ctl_life_watch *w = arg;
	uint64_t one = 1;
	while (!__atomic_load_n(&w->is_over, __ATOMIC_ACQUIRE)) {
		if (!mb_life_wait(w->shared, w->held, WAIT_MS))
			continue;
		(void)!write(w->fd, &one, sizeof one);
		break;
	}
	return NULL;
}

static int on_wake(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct ctl_life_watch *w = arg;
	(void)fd, (void)events;
	sd_event_source_set_enabled(s, SD_EVENT_OFF); // once
	w->on_end(w->arg);
	return 0;
}

struct ctl_life_watch *ctl_life_watch(sd_event *event, const struct mb_shared *shared, void (*on_end)(void *), void *arg)
{
	struct ctl_life_watch *w = calloc(1, sizeof *w);
	sigset_t all, old;
	if (!w)
		return NULL;
	*w = (struct ctl_life_watch){ .shared = shared, .held = mb_life_of(shared), .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				      .on_end = on_end, .arg = arg };
	bool is_good = w->held != 0 && w->fd >= 0 && sd_event_add_io(event, &w->source, w->fd, EPOLLIN, on_wake, w) >= 0;
	if (is_good)
		sd_event_source_set_priority(w->source, SD_EVENT_PRIORITY_IMPORTANT);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	is_good = is_good && pthread_create(&w->thread, NULL, wait_for_end, w) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (is_good)
		return w;
	sd_event_source_disable_unref(w->source);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
	return NULL;
}

void ctl_life_unwatch(struct ctl_life_watch *w)
{
	if (!w)
		return;
	__atomic_store_n(&w->is_over, true, __ATOMIC_RELEASE);
	mb_life_disturb(w->shared);
	pthread_join(w->thread, NULL);
	sd_event_source_disable_unref(w->source);
	close(w->fd);
	free(w);
}
