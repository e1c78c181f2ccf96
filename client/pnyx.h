// libpnyx: talks to a Pnyx cluster over ordinary UDP sockets. This header is the manual.
//
// An engine that never blocks (pnyx_submit, pnyx_poll) and blocking calls on top (pnyx_get,
// pnyx_put, ...). One object serves one thread; make one per thread. After pnyx_connect() nothing
// is allocated.
//
// What an update's status promises:
//   - Executed, exactly once, and this is its answer: PNYX_OK, PNYX_NOT_FOUND, PNYX_NO_MATCH,
//     PNYX_NOT_NUMBER, PNYX_OVERFLOW, PNYX_TOO_LARGE.
//   - Not executed, and it never will be: PNYX_REFUSED, PNYX_NO_ROOM, PNYX_TIMEOUT, PNYX_INVALID,
//     PNYX_AGAIN.
//   - Nobody can tell: PNYX_UNKNOWN. The deadline passed; it was executed, will be, or never will.
//     This is not "failed".
// Reads change nothing: theirs is PNYX_TIMEOUT where an update's would be PNYX_UNKNOWN.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PNYX_MEMBERS_MAX 7
#define PNYX_ANY (-1)	   // the preferred member: the first of `servers` that lives
#define PNYX_ITEMS_MAX 16  // keys of one multi-key operation
#define PNYX_ERROR_MAX 256 // bytes that hold every error text, with its NUL

#pragma GCC visibility push(default)

struct pnyx; // one client

enum pnyx_status {
	PNYX_OK = 0,
	PNYX_NOT_FOUND,	 // get, del: no such key
	PNYX_NO_MATCH,	 // cas: the value is another one, or there is none; nothing was changed
	PNYX_NOT_NUMBER, // incr: the value is no number; nothing was changed
	PNYX_OVERFLOW,	 // incr: the sum is no 64-bit number; nothing was changed
	PNYX_TOO_LARGE,	 // the result would not fit an answer, or the new value its limit; nothing
			 // was changed
	PNYX_REFUSED,	 // the replica does not understand the command
	PNYX_NO_ROOM,	 // the cluster has no room for one more session
	PNYX_TIMEOUT,	 // no answer by the deadline, and nothing was changed
	PNYX_UNKNOWN,	 // no answer by the deadline; the update may have been executed or may be
			 // later
	PNYX_INVALID, // the call is wrong (a key or value above its limit, ...): pnyx_error() says
		      // how
	PNYX_AGAIN,   // pnyx_submit: ops_max operations are outstanding; poll first
	PNYX_STATUSES
};

enum pnyx_op_type {
	PNYX_GET = 1,	 // key
	PNYX_PUT,	 // key, value
	PNYX_DEL,	 // key
	PNYX_CAS,	 // key, expected (data == NULL: the key must not exist), value
	PNYX_INCR,	 // key, delta; a missing key counts as 0
	PNYX_APPEND,	 // key, value
	PNYX_MGET,	 // items: keys
	PNYX_MPUT,	 // items: keys and values; all or nothing
	PNYX_RAW_READ,	 // value: a read command of the replicated application, as it is
	PNYX_RAW_UPDATE, // value: likewise an update
};

struct pnyx_bytes {
	const void *data;
	size_t len;
};

struct pnyx_item {
	struct pnyx_bytes key, value;
	bool is_found; // MGET's answer
};

// One operation; pnyx_submit copies what it points to. Fields that the type does not name are
// ignored.
struct pnyx_op {
	enum pnyx_op_type type;
	struct pnyx_bytes key, value, expected;
	int64_t delta;
	const struct pnyx_item *items;
	uint32_t items_count;
	uint64_t intended_ns; // CLOCK_MONOTONIC time at which it should have started (open loop); 0
			      // = now
};

// What became of an operation. `value` is valid until the next call on this client other than
// pnyx_submit and pnyx_items.
struct pnyx_completion {
	uint64_t token; // as given to pnyx_submit
	enum pnyx_op_type type;
	enum pnyx_status status;
	bool existed;				    // the (first) key existed before
	bool is_fast;				    // committed in one round trip between replicas
	int8_t server;				    // member that answered, -1 = none
	uint16_t tries;				    // datagrams that carried the request
	uint16_t busy;				    // times a replica answered BUSY
	uint64_t intended_ns, sent_ns, received_ns; // CLOCK_MONOTONIC
	struct pnyx_bytes value;		    // get: the value; raw: the result
	int64_t number; // incr: the new number; append: the new length in bytes
};

struct pnyx_options {
	const char *servers;  // "a[:port],b,c": IPv4 addresses or names; the first is preferred
	const char *bind;     // local IPv4 address to send from; NULL = any
	uint64_t cluster;     // 0 = learn it from the first answer
	uint32_t deadline_ms; // of one operation, default 5,000
	uint32_t rto_min_ms;  // shortest time before a request is sent again, default 20
	uint32_t tries_max;   // datagrams to one member before the next one is tried, default 2
	uint32_t ops_max;     // operations outstanding at once, default 64, at most 16,384
	uint32_t
	    sessions_max; // updates in flight at once (each session carries one), default ops_max
	bool is_busy;	  // poll the socket without sleeping
};

// Fills in the defaults; set `servers` afterwards.
void pnyx_options_init(struct pnyx_options *);

// Connects: asks the servers until one answers or the deadline passes. NULL: `error` (size bytes)
// says why.
struct pnyx *pnyx_connect(const struct pnyx_options *, char *error, size_t size);
// Ends the sessions (best effort: at most a quarter of a second and a millisecond for each) and
// frees everything. NULL is allowed.
void pnyx_close(struct pnyx *);

// The last error as one sentence, "" when there was none. Valid until the next call.
const char *pnyx_error(const struct pnyx *);
// "ok", "not found", ... (static storage)
const char *pnyx_status_text(enum pnyx_status);
// True when the operation was executed and this is its answer.
bool pnyx_is_executed(enum pnyx_status);

// ---- the cluster as the client knows it ------------------------------------------------
struct pnyx_member {
	uint8_t uuid[16];
	uint8_t ip[4];
	uint16_t port;
	bool is_suspected; // did not answer lately; asked only when nobody else is left
	uint64_t srtt_ns;  // smoothed time of a request, 0 = not measured yet
};

struct pnyx_cluster {
	uint64_t id;
	uint32_t epoch, config_hash;
	uint8_t n;	      // members
	uint8_t preferred;    // the one that PNYX_ANY means now
	uint32_t frame_max;   // bytes of a UDP payload
	uint32_t command_max; // bytes of an application command: keys, values and a few more
	uint32_t result_max;  // bytes of a read's result
	uint32_t kept_max;    // bytes of an update's result
	struct pnyx_member members[PNYX_MEMBERS_MAX];
};

// Valid as long as the client; changes under pnyx_poll.
const struct pnyx_cluster *pnyx_cluster(const struct pnyx *);
// The member at "a[:port]", -1 when no member has that address.
int pnyx_find_member(const struct pnyx *, const char *address);

// What this client counted.
struct pnyx_counters {
	uint64_t frames_out, frames_in, requests, retries, busy, failovers;
	uint64_t late;	  // answers that nobody waited for (duplicates)
	uint64_t dropped; // datagrams that were not an answer of this cluster
	uint64_t send_failed;
	uint64_t sessions_open, sessions_abandoned;
};
const struct pnyx_counters *pnyx_counters(const struct pnyx *);

// ---- operations that do not block
// --------------------------------------------------------------------------- Queues one operation.
// `server`: member to ask first, or PNYX_ANY. `token` comes back in the completion. PNYX_OK: a
// completion will follow, by the deadline at the latest. PNYX_AGAIN: full. PNYX_INVALID: see
// pnyx_error().
enum pnyx_status pnyx_submit(struct pnyx *, const struct pnyx_op *, int server, uint64_t token);
// Sends, receives, retries. Fills completions[0..max) and returns their number; waits up to
// timeout_us for the first one (0: not at all; negative: until there is one or nothing is
// outstanding).
int pnyx_poll(struct pnyx *, int64_t timeout_us, struct pnyx_completion *completions, int max);
// Sends what pnyx_submit queued, without waiting for pnyx_poll.
void pnyx_flush(struct pnyx *);
// Operations submitted and not yet handed out by pnyx_poll.
uint32_t pnyx_outstanding(const struct pnyx *);
// Splits an MGET's answer: fills items[0..count) with values (inside completion->value) in the
// order of the request's keys; keys are left alone. Returns their number, or -1 when the answer is
// none or does not fit max.
int pnyx_items(const struct pnyx_completion *, struct pnyx_item *items, uint32_t max);

// ---- operations that block
// ---------------------------------------------------------------------------------- They ask the
// preferred member first (see pnyx_prefer) and return its status. `answer` may be NULL.
void pnyx_prefer(struct pnyx *, int server);
enum pnyx_status pnyx_do(struct pnyx *, const struct pnyx_op *, struct pnyx_completion *answer);
enum pnyx_status pnyx_get(struct pnyx *, struct pnyx_bytes key, struct pnyx_completion *answer);
enum pnyx_status pnyx_put(struct pnyx *, struct pnyx_bytes key, struct pnyx_bytes value,
			  struct pnyx_completion *answer);
enum pnyx_status pnyx_del(struct pnyx *, struct pnyx_bytes key, struct pnyx_completion *answer);
enum pnyx_status pnyx_cas(struct pnyx *, struct pnyx_bytes key, struct pnyx_bytes expected,
			  struct pnyx_bytes value, struct pnyx_completion *answer);
enum pnyx_status pnyx_incr(struct pnyx *, struct pnyx_bytes key, int64_t delta,
			   struct pnyx_completion *answer);
enum pnyx_status pnyx_append(struct pnyx *, struct pnyx_bytes key, struct pnyx_bytes value,
			     struct pnyx_completion *answer);
// Fills value and is_found of each item; values are valid like answer->value.
enum pnyx_status pnyx_mget(struct pnyx *, struct pnyx_item *items, uint32_t count,
			   struct pnyx_completion *answer);
enum pnyx_status pnyx_mput(struct pnyx *, const struct pnyx_item *items, uint32_t count,
			   struct pnyx_completion *answer);

// ---- looking at one member
// ---------------------------------------------------------------------------------- These ask
// exactly that member, without fail-over: PNYX_OK, PNYX_TIMEOUT or PNYX_INVALID.

// Round trip of a raw frame of `size` UDP payload bytes (64..frame_max), answered by the member's
// data plane before consensus. One datagram, not repeated.
enum pnyx_status pnyx_echo(struct pnyx *, int server, uint32_t size, uint64_t *rtt_ns);
// Counters: page is enum ep_stats_page of consensus/counters.h. Fills values[0..*count), at most
// max.
enum pnyx_status pnyx_stats(struct pnyx *, int server, unsigned page, uint64_t *values,
			    uint32_t max, uint32_t *count);

struct pnyx_digest {
	uint64_t application, sessions, executed_set; // hashes
	uint64_t executed;			      // instances executed in this epoch
	uint8_t n;
	uint64_t exec_prefix[PNYX_MEMBERS_MAX];
};
// Hashes of the member's state, computed by it in pieces; asked until they are complete.
enum pnyx_status pnyx_digest(struct pnyx *, int server, struct pnyx_digest *digest);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
