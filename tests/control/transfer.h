// What the tests of a state's way share: a frozen arena, a donor behind a listener, an asker; one event loop.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>
#include "consensus/base/rng.h"
#include "control/now.h"
#include "control/transfer.h"
#include "tests/unit/core.h"

extern char dir[64], arena_path[96], state_path[96], draft_path[96];
extern sd_event *event;
extern uint8_t *truth; // a state file as it should be
extern size_t truth_bytes;
extern struct ep_handover truth_handover;
extern const uint8_t joiner[16], stranger[16];

// A run directory, and in it the frozen arena of a cluster of one, which hands over to three.
void begin(uint64_t capacity);
void end(void);
// Whether RUN-DIR/state is the true one, and nothing else is there.
bool has_truth(void);

// A donor behind a listener, as links.c has one.
struct house {
	int listener;
	struct sockaddr_in at;
	sd_event_source *watch;
	struct ctl_donor donor;
	struct ctl_offer offer;
	uint32_t asked, addresses;
	// instead of the donor: these bytes, then the end, or more of the last `again` bytes for ever
	const uint8_t *script;
	size_t script_len, script_at, again;
	int guest;
	sd_event_source *guest_watch;
	int asking; // connected, and has not asked
	uint8_t from[4];
	sd_event_source *ask_watch;
};
void open_house(struct house *);
void close_house(struct house *);

extern struct ctl_asker asker;
extern uint32_t states, lists; // how often it was told
extern struct ep_membership last_list;
void open_asker(const uint8_t uuid[16], const char *from);
// Until `*counter` is at least `least`. The asker's pauses pass at once: each turn is a round later.
void run_until(const uint32_t *counter, uint32_t least);
