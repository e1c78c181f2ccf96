// Hearing of a replica's death before the kernel has taken its memory down.
//
// The end of a process is told (to a pidfd, a lock, a parent) when all of it is gone, and taking down hundreds of megabytes and a
// port takes tens of milliseconds. A robust futex is marked earlier, when a thread begins to end (futex(2), set_robust_list(2)). So one
// thread of the replica, which does nothing else, owns a word of the mailbox. The list that the kernel walks is in its private memory:
// whoever writes the mailbox can hide the death or pretend one, and change nothing else.
#pragma once
#include "mailbox/mailbox.h"

// The replica's side: starts that thread; returns when it owns the word. False: there is none, and only the end itself is told.
bool mb_life_hold(struct mb_end *);
// The word now; 0: nobody holds it, or its holder ended.
uint32_t mb_life_of(const struct mb_shared *);
// Waits until the word is another than `held`, at most `timeout_ms` or until mb_life_disturb(). True: it is.
bool mb_life_wait(const struct mb_shared *, uint32_t held, uint32_t timeout_ms);
void mb_life_disturb(const struct mb_shared *);
