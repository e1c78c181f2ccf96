// A state's way from one machine to another: the asker dials a control plane, the donor answers on that connection.
//
//   asker: ASK (uuid, newest epoch)      donor: NONE (where the cluster is now), or HEAD, the state's bytes, TAIL (their CRC32C)
//
// A connection of its own for each state, beside the links: bulk never delays an announcement. Both sides live in the event loop with
// everything else: a bounded piece a turn, and only when nothing else is due. The donor reads a frozen arena, which never changes; it
// holds the mapping, so the file may go meanwhile. The asker believes nothing: a head that fits what it asked for, exactly as many bytes,
// their check; only then has the file its name, and the replica verifies what is in it once more.
#pragma once
#include <netinet/in.h>
#include <systemd/sd-event.h>
#include "control/frame.h"

#define CTL_PIECE (256u << 10)           // bytes of one turn
#define CTL_STATE_MOST (1ULL << 40)      // no state has more bytes
#define CTL_GIFTS_MAX 4                  // states given at a time
#define CTL_DONORS_MAX 16                // control planes that are asked
#define CTL_ASK_EVERY_NS 100000000ULL    // between two rounds over all of them
#define CTL_ANSWER_NS 1000000000ULL      // to connect, and to say what it has
#define CTL_STUCK_NS 5000000000ULL       // without a byte in either direction
#define CTL_SLOWEST 1000000ULL           // bytes a second, on the average of twice that time and more

// Neither side waits for ever for the other, nor for one that says just enough to be waited for.
static inline bool ctl_transfer_is_stuck(uint64_t now, uint64_t began, uint64_t moved, uint64_t bytes)
{
	uint64_t lasted = now - began;
	return now - moved > CTL_STUCK_NS || (lasted > 2 * CTL_STUCK_NS && bytes < lasted / 1000000000 * CTL_SLOWEST);
}

// ---- the donor -----------------------------------------------------------------------------------------------------------------------
// What is there to give, asked for anew at each ASK.
struct ctl_offer {
	char arena[512];          // path of a frozen arena; "": none
	struct ep_membership now; // epoch 0: not known
};
struct ctl_donor_of {
	void (*look)(void *arg, struct ctl_offer *ret);
	// Whether this is the address of that member's control plane.
	bool (*is_address)(void *arg, const struct ep_member *, const uint8_t ip[4]);
	void *arg;
};

struct ctl_gift { // an answer under way
	int fd; // -1: free
	uint8_t uuid[16];
	sd_event_source *watch;
	void *map; // of the arena
	size_t map_bytes;
	const uint8_t *state;
	uint64_t bytes, sent;
	uint32_t crc; // of what was sent
	bool has_tail;
	uint8_t out[CTL_FRAME_MAX]; // a frame that goes before anything else
	size_t out_len, out_sent;
	uint64_t began_ns, moved_ns;
	char name[17];
};

struct ctl_donor {
	sd_event *event;
	struct ctl_donor_of of;
	struct ctl_gift gifts[CTL_GIFTS_MAX];
};
void ctl_donor_start(struct ctl_donor *, sd_event *, struct ctl_donor_of);
// Takes the connection (it closes the descriptor, whatever happens) on which `ask` came from that address. Ours is of cluster `cluster`.
void ctl_donor_answer(struct ctl_donor *, int fd, const uint8_t ip[4], uint64_t cluster, const struct ctl_ask *);
void ctl_donor_tend(struct ctl_donor *, uint64_t now); // gives up who does not read
void ctl_donor_stop(struct ctl_donor *);

// ---- the asker -----------------------------------------------------------------------------------------------------------------------
struct ctl_asker {
	// given
	sd_event *event;
	const char *run_dir;
	struct sockaddr_in from; // port 0: where we dial from, if it is an address of this host
	struct ctl_ask ask;
	void (*on_state)(void *arg, const struct ep_handover *); // RUN-DIR/state is whole; nobody is asked any more
	void (*on_list)(void *arg, const struct ep_membership *); // a donor that has nothing told where the cluster is
	void *arg;
	struct sockaddr_in donors[CTL_DONORS_MAX];
	uint32_t donors_count;
	// its own
	bool is_asking;
	uint32_t next;      // who is asked next
	uint64_t next_ns;   // when the next round begins
	int fd, file;       // -1: none
	sd_event_source *watch;
	bool is_connected, is_receiving;
	uint8_t in[2 * CTL_FRAME_MAX];
	size_t in_len;
	struct ep_handover handover;
	uint64_t got, began_ns, moved_ns;
	uint32_t crc;
	uint32_t failures; // of transfers that had begun
};
void ctl_asker_start(struct ctl_asker *); // what is given is there; nobody is asked yet
// Whom to ask from now on, one more; those who are known already are kept once.
void ctl_asker_add(struct ctl_asker *, const struct sockaddr_in *);
// Asks for a state of an epoch above `epoch`, until it is here or ctl_asker_rest().
void ctl_asker_want(struct ctl_asker *, uint32_t epoch);
void ctl_asker_rest(struct ctl_asker *);
void ctl_asker_tend(struct ctl_asker *, uint64_t now);
