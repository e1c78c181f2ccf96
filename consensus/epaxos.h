// The consensus core: bytes and time in, effects out. Sources: EPaxos* (arXiv 2511.02743), SOSP 2013; docs/protocol.md.
//
// The core allocates nothing, asks no clock, calls nobody back and never waits. Equal inputs give equal outputs.
// All of its state lies in the caller's arena and is pointer-free. One thread calls it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "consensus/counters.h"
#include "consensus/wire.h"

typedef uint64_t ep_time; // nanoseconds, monotone; never goes back between calls
#define EP_NEVER UINT64_MAX

// An address as the shell knows it. The core compares and returns it, nothing more.
struct ep_addr {
	uint8_t ip[4];
	uint16_t port; // host order
	uint8_t mac[6];
};

#define EP_CLIENT 0xff

// Where a payload came from. `member`: the column whose configured address (ip, port) this is, else EP_CLIENT.
struct ep_source {
	struct ep_addr addr;
	uint8_t member;
	bool is_late; // of a client, and it waited too long for its turn: requests in it are refused (BUSY) without a look
};

struct ep_member {
	uint8_t uuid[16];
	uint64_t incarnation; // changed only by RECONFIG
	uint8_t ip[4];
	uint16_t port;
	uint16_t control_port; // of its control plane; the core only hands it on
	char name[16];         // likewise; ends with a zero unless it is full
};

enum ep_mode { EP_MODE_AUTO = 0, EP_MODE_D, EP_MODE_E }; // AUTO: D for n <= 3. Others are for tests and exploration.

// When a replica asks its peers what they have seen of it, before it votes (hello.c, protocol.md F.2).
enum ep_hello {
	EP_HELLO_ATTACHED = 0, // after attach: a fresh arena is believed to be a new cluster's
	EP_HELLO_ALWAYS,       // also with a fresh arena: for service
	EP_HELLO_NEVER,        // for tests of single handlers and for exploration
};

// All sizes and times of one replica. ep_config_defaults() gives all but cluster, n, self, members.
struct ep_config {
	uint64_t cluster;
	uint32_t epoch; // from 1
	uint32_t chain; // config_hash of the epoch before, 0 in the first
	uint8_t n;      // members, 1..7
	uint8_t self;   // this replica's column
	uint8_t e;      // 0: from n (protocol.md A.2); 1: smaller e for n >= 5
	uint8_t mode;   // enum ep_mode
	uint8_t hello;  // enum ep_hello
	struct ep_member members[EP_MEMBERS_MAX];
	uint64_t hash_seed; // equal on all members
	uint32_t frame_max; // equal on all members
	uint8_t boot_id[16];
	uint64_t seed;      // jitter and choices of this replica

	uint32_t window;       // instances per column, a power of two; 2 to 64 are for exploration; equal on all members
	uint32_t own_max;      // own commands submitted and not executed here (A), at most window - 64 (half of a window below 128)
	uint32_t batch_max;    // commands that share an instance, 1..EP_BATCH_MAX; batches form from what one burst brings
	uint32_t keys_max;     // keys of one instance in the conflict index, 2..64; more are kept unindexed
	uint32_t index_keys;   // distinct keys in the conflict index
	uint32_t sessions_max; // equal on all members
	ep_time session_idle_ns; // a session silent for so long is proposed for expiry; 0 = never, at most EP_SESSION_IDLE_MAX
	uint32_t cost_max;     // application units that own unstable commands may add or free together; equal on all members
	uint64_t app_capacity; // application units; equal on all members
	uint64_t first;        // instance numbers start above it; 0, or a large number in tests

	ep_time fast_min_ns, resend_min_ns, open_min_ns, status_ns; // lower bounds of the adaptive timeouts
	uint32_t fast_rtts, resend_rtts, open_rtts;                 // their multiples of the smoothed round trip
	uint32_t exec_budget; // edges and commands handled per tick
};

// Fills all the rest, the same for every number of members.
void ep_config_defaults(struct ep_config *);
// Application units that go with cost_max by default: what seven members may have in flight, and a million more.
uint64_t ep_config_app_capacity(uint64_t cost_max);
// NULL, or a sentence that says which field is wrong and what would be right (static storage).
const char *ep_config_check(const struct ep_config *);

struct ep_replica; // lies at the start of the arena

enum ep_attach {
	EP_ATTACH_OK = 0,
	EP_ATTACH_SMALL,   // arena smaller than ep_replica_size()
	EP_ATTACH_CONFIG,  // ep_config_check() refuses
	EP_ATTACH_MAGIC,   // not an arena, or never finished
	EP_ATTACH_LAYOUT,  // written by a version with another layout
	EP_ATTACH_HEADER,  // the check of the header is wrong
	EP_ATTACH_CLUSTER, // other cluster, or another epoch of it
	EP_ATTACH_MEMBER,  // another member's
	EP_ATTACH_MEMBERS, // another list of members, or other incarnations
	EP_ATTACH_SIZES,   // other sizes, hash seed or quorums in the configuration
	EP_ATTACH_BOOT,    // the machine was restarted since
	EP_ATTACH_WORN, // started 2^32 - 1 times, or 2^48 votes cast: the identity's counters are used up
	EP_ATTACH_POISONED,
	EP_ATTACH_ROLLED_BACK, // peers had seen more of this identity than the arena knew: it is dead
	// A part contradicts its check or itself. Nothing of the arena was used.
	EP_ATTACH_JOURNAL,
	EP_ATTACH_EXECUTED, // the prefixes and the bitmap of executed instances
	EP_ATTACH_RECORDS,  // instances and their payloads
	EP_ATTACH_ORDER,    // the order queue
	EP_ATTACH_SESSIONS,
	EP_ATTACH_APPLICATION,
};

// Bytes of arena for this configuration.
size_t ep_replica_size(const struct ep_config *);
// A fresh identity in zeroed memory (64-byte aligned). *ret points into the arena.
enum ep_attach ep_replica_init(void *arena, size_t, const struct ep_config *, struct ep_replica **ret);
// Goes on from what a killed process left in the arena, after having verified it (attach.c).
enum ep_attach ep_replica_attach(void *arena, size_t, const struct ep_config *, struct ep_replica **ret);
// What the first `len` bytes (4096 are enough) of a file say about it, when it has another size than this configuration needs: the
// verdict of ep_replica_attach() as far as the header tells it, and the bytes that it was made with (0: not known).
enum ep_attach ep_arena_look(const void *head, size_t len, const struct ep_config *, uint64_t *bytes);

// ---- effects ------------------------------------------------------------------------------------------------
// Output goes into frames that the shell lends: effects->frames[used..count) are blank (len = 0). The core takes the
// next blank when it needs one, and puts all it says to one member (or one client) during a burst into the same frame
// while there is room. At the end of the burst, for each of frames[0..used): ep_seal(), ep_wire_seal(), transmit, replace
// by a blank; then used = 0 and ep_effects_reset().
struct ep_frame {
	uint8_t *data; // payload room lent by the shell; its headers go in front
	uint32_t len;  // bytes written
	uint8_t member; // column, or EP_CLIENT
	struct ep_addr to; // when member == EP_CLIENT
};

struct ep_effects {
	struct ep_frame *frames;
	uint32_t count; // at least EP_STEP_FRAMES_MAX + 1
	uint32_t used;
	uint32_t open[EP_MEMBERS_MAX]; // index + 1 of the frame being filled, 0 = none
	uint32_t open_client;          // likewise
};
// Frames that one step may take at the most: two for each other member, four for clients.
#define EP_STEP_FRAMES_MAX (2 * (EP_MEMBERS_MAX - 1) + 4)

static inline void ep_effects_reset(struct ep_effects *fx)
{
	fx->used = 0;
	fx->open_client = 0;
	for (int m = 0; m < EP_MEMBERS_MAX; m++)
		fx->open[m] = 0;
}

// One UDP payload. `done` is 0 at first and belongs to the core.
struct ep_view {
	const uint8_t *data;
	uint32_t len;
	uint32_t done;
};

// Fetches what the frame will touch; changes nothing.
void ep_prefetch(const struct ep_replica *, struct ep_view in);
// Handles a payload message by message. False: the effects are nearly out of blank frames; flush them and call again with
// the same view. Everything malformed is counted and dropped.
bool ep_receive(struct ep_replica *, ep_time now, const struct ep_source *, struct ep_view *in, struct ep_effects *);
// Submits what a burst of requests has brought. ep_tick() begins with it; a shell may call it before, and send, when little was
// received: what others wait for then leaves before execution and timers have their turn.
void ep_burst_end(struct ep_replica *, ep_time now, struct ep_effects *);
// Timers, execution, recycling: a bounded piece of each. Call once a turn, or at ep_deadline().
void ep_tick(struct ep_replica *, ep_time now, struct ep_effects *);
// When ep_tick() has something to do; a time not after `now` means at once.
ep_time ep_deadline(const struct ep_replica *);
// Completes a frame's header (votes, sequence). The shell then calls ep_wire_seal() and sends it.
void ep_seal(struct ep_replica *, struct ep_frame *);

struct ep_command { // from the shell or the control plane
	enum ep_command_type {
		EP_SUSPECT = 1, // member
		EP_TRUST = 2,   // member
		EP_PACE = 3,    // value: lower bounds of all timeouts times this, 1..100; for machines with more pollers than cores
	} type;
	uint8_t member;
	uint32_t value;
};
void ep_control(struct ep_replica *, ep_time now, const struct ep_command *, struct ep_effects *);

// Whether peers have confirmed that the arena forgot nothing they saw.
enum ep_standing {
	EP_STANDING_ASKING = 0, // votes for nothing, accepts no command
	EP_STANDING_MEMBER,
	EP_STANDING_DEAD, // says nothing any more; the shell should stop and report ep_refutation()
	EP_STANDING_FROZEN, // the epoch has ended here: votes for nothing, tells what was committed; the next epoch is another replica's
};
enum ep_standing ep_standing(const struct ep_replica *);
// The answer that ended a DEAD identity: of which member, what it had seen, what the arena knew.
struct ep_refutation {
	struct ep_wire_hello seen, known;
	uint8_t by;
};
struct ep_refutation ep_refutation(const struct ep_replica *);

// ---- epochs (epoch.c, protocol.md F.1) -----------------------------------------------------------------------------
// An epoch is one replica in one arena, from the first instance to RECONFIG. Executing RECONFIG makes it FROZEN for ever: its state is
// what the next epoch starts from, whoever copies it and however often. A member of the next epoch makes another arena with
// ep_epoch_begin(), copies the state there (from its own frozen replica, or from another member's), and publishes it with
// ep_epoch_finish(): it is Ready. It takes part as soon as SLOW members of its epoch have answered its Hello, each of whom holds the
// state too. Until every member of the new epoch has been heard in it (ep_all_heard), the frozen arena is kept.
struct ep_membership {
	uint32_t epoch, chain;
	uint8_t n, e, mode;
	struct ep_member members[EP_MEMBERS_MAX];
};
#define EP_NO_COLUMN 0xff
// What a new epoch's arena starts from, with the bytes of the state.
struct ep_handover {
	struct ep_membership next;
	uint64_t cluster;
	uint64_t bytes; // of the state
	uint64_t sessions;
	uint64_t clock; // Lamport clock
};
// The state as one piece of memory: sessions and application.
struct ep_state {
	uint8_t *at;
	uint64_t bytes;
};
// RECONFIG for ep_propose(): `out` has room for EP_RECONFIG_MAX bytes; returns the command's length.
#define EP_RECONFIG_MAX (sizeof(struct ep_wire_command) + sizeof(struct ep_wire_reconfig) + EP_MEMBERS_MAX * sizeof(struct ep_wire_new_member))
uint32_t ep_reconfig(uint32_t ends_epoch, const struct ep_membership *next, uint8_t *out);
enum ep_proposal {
	EP_PROPOSED = 0,  // on its way; it may still come to nothing: propose again while the epoch lasts
	EP_PROPOSAL_LATE, // no member now: asking, or the epoch has ended
	EP_PROPOSAL_BUSY, // no room; try again
	EP_PROPOSAL_BAD,  // of another epoch, or a list that the configuration does not allow
};
enum ep_proposal ep_propose(struct ep_replica *, ep_time now, const struct ep_wire_command *reconfig, struct ep_effects *);
// False: not frozen.
bool ep_handover(const struct ep_replica *, struct ep_handover *ret);
struct ep_state ep_state(const struct ep_replica *);
// The column of the member that `config` is about (by uuid and incarnation) in a list, EP_NO_COLUMN when it is not in it.
uint8_t ep_column_in(const struct ep_config *, const struct ep_membership *);
// Makes the configuration that of the list's epoch. False, and nothing changed: its member is not in it.
bool ep_config_follow(struct ep_config *, const struct ep_membership *);
// Lays out a new epoch's arena in zeroed memory; the caller fills ep_state(*ret), handover->bytes long.
enum ep_attach ep_epoch_begin(void *arena, size_t, const struct ep_config *, const struct ep_handover *, struct ep_replica **ret);
// The state is complete: publishes the arena. `is_foreign`: the bytes came from elsewhere, everything in them is verified.
enum ep_attach ep_epoch_finish(struct ep_replica *, const struct ep_handover *, bool is_foreign);
// Whether every other member of this epoch has been heard in it since this start.
bool ep_all_heard(const struct ep_replica *);
// Whose arena this is, from its first bytes (as for ep_arena_look). False: it is none, or damaged.
bool ep_arena_membership(const void *head, size_t len, struct ep_membership *ret);
// The same as ep_handover() and ep_state() for another process, which has mapped the arena of a FROZEN replica (64-byte aligned), also one that
// is not running: reads only, and nothing outside the first `bytes`. False, and nothing written: not frozen, or not as it should be.
bool ep_frozen_look(const void *arena, size_t bytes, struct ep_handover *ret, struct ep_state *state);

// A state on its way to another machine is one file: this head, zeros up to EP_STATE_OFFSET, then the state's bytes.
#define EP_STATE_OFFSET 4096
struct ep_state_head {
	uint64_t magic, head_bytes;
	struct ep_handover handover;
	uint32_t state_crc; // ep_crc32c(0, ...) of the state's bytes
	uint32_t crc;       // of this head up to here
};
// Fills the head, every byte of it.
void ep_state_seal(struct ep_state_head *, const struct ep_handover *, uint32_t state_crc);
// Whether a file that begins with these bytes (EP_STATE_OFFSET are enough) has a head that is whole and names a list that could be one.
// False, and nothing written: it has not. Of the state it says nothing: compare state_crc.
bool ep_state_check(const void *head, size_t len, struct ep_state_head *ret);

// ---- looking in ---------------------------------------------------------------------------------------------
const struct ep_counters *ep_counters(const struct ep_replica *);
const uint64_t *ep_drops(const struct ep_replica *); // [EP_DROP_REASONS]
struct ep_shell_counters *ep_shell(struct ep_replica *); // the shell writes, C_STATS reads
// A new epoch's replica counts on from where the one before stopped: who takes differences sees no step. Once, before it is used.
void ep_counters_carry(struct ep_replica *to, const struct ep_replica *from);
// What a control plane looks at: progress, peers, whom it was told to suspect.
struct ep_look {
	ep_time now; // of the last call
	uint64_t incarnation;
	uint32_t epoch, start, window, own_max, pace;
	uint8_t n, self;
	uint8_t suspects; // bit per column
	uint8_t standing; // enum ep_standing
	struct ep_look_column {
		uint64_t executed, committed, known, stable; // prefixes of the column
		ep_time srtt, heard;                         // of the member; heard 0 = never
		uint64_t behind;                             // instances executed here that the member has not reported
	} columns[EP_MEMBERS_MAX];
	struct ep_counters counters;
};
void ep_look(struct ep_replica *, struct ep_look *ret); // brings the counters of room up to date, changes nothing else
void ep_poison(struct ep_replica *); // a failed check: this identity must not be attached again
// Canonical hash of what decides the replica's future, time apart: no clocks, counters or list order (fingerprint.c).
uint64_t ep_fingerprint(const struct ep_replica *);
// The same without parts that the caller knows to have no influence in what it explores.
enum ep_print_part {
	EP_PRINT_CLOCK = 1,    // the Lamport clock: no command will be submitted here
	EP_PRINT_KNOWN = 2,    // the highest instances heard of: timers do not run
	EP_PRINT_REPORTED = 4, // what members told of their executions: nothing is recycled
	EP_PRINT_NACKED = 8,   // ballots seen in Nacks
	EP_PRINT_VOLATILE = 16, // what no restart keeps: tallies, attempts, timers
};
uint64_t ep_fingerprint_without(const struct ep_replica *, uint32_t parts);

enum ep_phase { EP_INITIAL = 0, EP_PREACCEPTED = 1, EP_ACCEPTED = 2, EP_COMMITTED = 3 };

// What the checkers outside the core read of one instance.
struct ep_peek {
	bool exists;      // a record is here (not recycled, not unknown)
	bool is_executed; // true also when recycled
	bool is_nop;
	bool has_init;    // initial payload and deps known
	uint8_t phase, fq;
	uint64_t bal, abal, seq;
	uint64_t dep[EP_MEMBERS_MAX], idep[EP_MEMBERS_MAX];
	const uint8_t *payload; // in the arena; NULL when unknown
	uint32_t payload_len;
};
struct ep_peek ep_peek(const struct ep_replica *, uint8_t col, uint64_t i);
uint64_t ep_exec_prefix(const struct ep_replica *, uint8_t col);
uint64_t ep_stable(const struct ep_replica *, uint8_t col);
uint64_t ep_known(const struct ep_replica *, uint8_t col);
// Whether two payloads interfere under this configuration's key hashing (symmetric).
bool ep_interfere(const struct ep_config *, const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len);
// The last EP_TRACE_MAX executed instances in order: the n-th executed since init/attach (from 0) while it is kept. For checkers.
uint64_t ep_executed_count(const struct ep_replica *);
#define EP_TRACE_MAX 4096
struct ep_session_id ep_executed_at(const struct ep_replica *, uint64_t nth);
// The instance of which some commands have run and others have not yet; i == 0: none. It is the next to be executed.
struct ep_session_id ep_executing(const struct ep_replica *);
// Complete digest at once (tests; not for the loop).
void ep_digest_now(const struct ep_replica *, struct ep_wire_digest *);
