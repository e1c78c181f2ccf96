// Opening a mailbox from either side, and what each side may do with it.
//
// The replica makes the file when there is none of its version; control only opens what it finds. Either may come, die and come
// again at any time. Both have the right to write the file, and with it to cut it short: who may do that may kill the other
// process as well (same user or group). Its content cannot harm: see ring.h and mb_look().
#pragma once
#include <stddef.h>
#include "mailbox/ring.h"

struct mb_end { // one side's view
	struct mb_shared *shared; // NULL: none
	struct mb_ring commands, events;
	uint64_t sequence; // replica: of the last snapshot
	uint64_t device, inode;
	int lock; // replica: descriptor that holds the file's lock, 0 = none
};

// ---- the replica's side
// Opens or makes DIR/mailbox, and locks it for as long as this process lives. False: `error` says what to do.
bool mb_open_replica(struct mb_end *, const char *dir, char *error, size_t error_size);
void mb_publish(struct mb_end *, const struct mb_snapshot *);
// The RECONFIG that goes with the command MB_PROPOSE of this number, copied once. 0: there is none, or it is being changed. The content is
// whatever the other side wrote: check it.
uint32_t mb_proposal(const struct mb_end *, uint64_t number, uint64_t ret[MB_PROPOSAL_WORDS]);
static inline uint64_t mb_beat_of(const struct mb_end *e)
{
	return __atomic_load_n(&e->shared->control.beat, __ATOMIC_RELAXED);
}

// ---- control's side
enum mb_open {
	MB_OPEN_OK,
	MB_OPEN_NONE,    // no replica ever ran here, or no rights: errno
	MB_OPEN_VERSION, // made by another version, or damaged
};
enum mb_open mb_open_control(struct mb_end *, const char *dir);
// Whether DIR/mailbox is another file by now, or gone.
bool mb_is_replaced(const struct mb_end *, const char *dir);
// One consistent snapshot whose numbers are in range. False (ret untouched): none was ever published, the writer is in the middle
// of it or died there, or it is garbage.
bool mb_look(const struct mb_end *, struct mb_snapshot *ret);
void mb_beat(struct mb_end *);
// Proposes a RECONFIG, at most MB_PROPOSAL_WORDS words long. False: no room.
bool mb_propose(struct mb_end *, const void *reconfig, uint32_t bytes, uint64_t number, uint64_t at_ns);

void mb_close(struct mb_end *);

// Either side of memory that the caller has: no file.
void mb_use_replica(struct mb_end *, struct mb_shared *);
void mb_use_control(struct mb_end *, struct mb_shared *);
