// The thread that holds the word, and waiting for its end.
#include "mailbox/life.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// One entry, which the kernel finds from the list's head; the futex lies futex_offset behind it, in the mailbox.
static struct robust_list entry;
static struct robust_list_head head;
static pthread_barrier_t is_held;

static void *hold(void *arg)
{
	uint32_t *word = arg;
	entry.next = &head.list; // a ring of one
	head.list.next = &entry;
	head.futex_offset = (long)((uintptr_t)word - (uintptr_t)&entry);
	syscall(SYS_set_robust_list, &head, sizeof head); // glibc's own list of this thread is not needed: it takes no lock
	__atomic_store_n(word, (uint32_t)syscall(SYS_gettid) | FUTEX_WAITERS, __ATOMIC_RELEASE);
	pthread_barrier_wait(&is_held);
	for (;;)
		pause();
	return NULL;
}

bool mb_life_hold(struct mb_end *e)
{
	pthread_t thread;
	pthread_attr_t small;
	sigset_t all, old;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN + 16384);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	pthread_barrier_init(&is_held, NULL, 2);
	sigfillset(&all);
	sigdelset(&all, SIGRTMIN); // but for the one by which every thread gives up its privileges (dataplane/confine.c)
	pthread_sigmask(SIG_SETMASK, &all, &old); // signals are for the others
	bool is_there = pthread_create(&thread, &small, hold, &e->shared->replica.life) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&small);
	if (is_there)
		pthread_barrier_wait(&is_held);
	return is_there;
}

uint32_t mb_life_of(const struct mb_shared *s)
{
	uint32_t word = __atomic_load_n(&s->replica.life, __ATOMIC_ACQUIRE);
	return word & FUTEX_OWNER_DIED ? 0 : word;
}

bool mb_life_wait(const struct mb_shared *s, uint32_t held, uint32_t timeout_ms)
{
	struct timespec wait = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	if (mb_life_of(s) == held)
		syscall(SYS_futex, &s->replica.life, FUTEX_WAIT, held, &wait, NULL, 0);
	return mb_life_of(s) != held;
}

void mb_life_disturb(const struct mb_shared *s)
{
	syscall(SYS_futex, &s->replica.life, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
