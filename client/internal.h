// The inside of libpnyx: one client, its requests, sessions and frames. Not installed.
//
//   pnyx.c      submit, poll, the blocking calls        kv.c       operations <-> bytes of the
//   key-value store request.c   life of one request: send, retry, end   session.c  which session
//   carries which update reply.c     received frames -> requests             timer.c    heap of the
//   requests by their next event net.c       socket, frames, sendmmsg and recvmmsg   connect.c
//   options, HELLO, members, close look.c      echo, counters, digest                  status.c
//   texts
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include "client/pnyx.h"
#include "consensus/counters.h"
#include "consensus/wire.h"

_Static_assert(PNYX_MEMBERS_MAX == EP_MEMBERS_MAX, "the public header repeats it");

#define CL_NONE UINT32_MAX
#define CL_OPS_MAX 16384
#define CL_BURST 32	  // datagrams per system call
#define CL_SMALL_EXTRA 64 // requests that end abandoned sessions
#define CL_SMALL_BODY 64  // bytes: OPEN and EXPIRE are a command's head
#define CL_LOOK_SLOTS 2	  // counters, digest
#define CL_SERVERS_MAX 16 // names in pnyx_options.servers
#define CL_FLIGHT_MAX 16 // OPENs, or EXPIREs at the end, at once: they all conflict with each other
#define CL_OPENED_MAX 64 // OPENs whose late answers are recognized

#define CL_MS 1000000ULL
#define CL_SECOND 1000000000ULL
#define CL_PROBE_NS (200 * CL_MS) // a suspected member is asked whether it lives this often
#define CL_RTO_MAX_NS CL_SECOND
#define CL_FULL_NS CL_SECOND	      // after FULL, no further session is asked for so long
#define CL_CLOSE_NS (250 * CL_MS)     // pnyx_close waits no longer
#define CL_EXPIRE_NS (30 * CL_SECOND) // an abandoned session is asked to end for so long

// A cookie is serial << 16 | slot, so that an answer finds its request without a table.
#define CL_SLOT_BITS 16
_Static_assert(2 * CL_OPS_MAX + CL_LOOK_SLOTS + CL_OPS_MAX + CL_SMALL_EXTRA < 1 << CL_SLOT_BITS,
	       "slots");

enum cl_kind { CL_READ, CL_UPDATE, CL_OPEN, CL_EXPIRE, CL_STATS, CL_DIGEST };

enum cl_state {
	CL_FREE,
	CL_QUEUED, // an update without a session; was never sent
	CL_FLYING, // sent; answer or timeout comes next
	CL_PAUSED, // a replica said BUSY: sent again at `event`
	CL_DONE,   // in the list `done`
	CL_HANDED, // given to the user; freed by his next call
};

struct cl_request {
	uint64_t cookie, token;
	uint64_t intended_ns, sent_ns, received_ns; // sent_ns: first datagram
	uint64_t last_ns;			    // latest datagram
	uint64_t here_ns;			    // first datagram to `server`
	uint64_t deadline_ns;
	uint64_t event_ns; // retry, resume or deadline, whichever is first
	uint8_t *body;	   // behind the message head; once DONE: the answer
	uint32_t body_len, body_cap;
	uint32_t next;	  // in a free list, the wait queue or `done`
	uint32_t heap_at; // place in the heap, CL_NONE = not in it
	uint32_t session; // index, CL_NONE = none
	enum cl_kind kind;
	enum cl_state state;
	enum pnyx_op_type op;
	enum pnyx_status status;
	uint16_t tries, tries_here, rounds, busy; // rounds: members given up
	uint8_t server;				  // asked now
	int8_t answered_by;
	uint8_t page;	  // CL_STATS
	uint8_t items;	  // of a multi-key operation
	bool is_small;	  // from the list of small slots
	bool is_pinned;	  // never another member
	bool is_internal; // its end is of no interest to the user
	bool is_fast;
};

enum cl_session_state { CL_VACANT, CL_OPENING, CL_IDLE, CL_IN_USE };

struct cl_session {
	struct ep_session_id id;
	uint64_t seq;  // of the last update sent
	uint32_t next; // in `idle` or the vacant list
	enum cl_session_state state;
	uint8_t home; // member that led its last command: staying there keeps the fast path
};

struct cl_list { // FIFO of request slots
	uint32_t first, last, count;
};

struct cl_server {
	struct sockaddr_in addr;
	uint64_t frame_seq;
	uint64_t heard_ns;
	uint64_t srtt_ns, rttvar_ns;
	uint32_t open_frame; // index in tx, CL_NONE = none
	uint32_t idle;	     // sessions at home here and free
	uint32_t opening;    // OPENs that were started for `waiting`
	struct cl_list waiting;
};

struct cl_tx {
	uint8_t *frame;
	uint32_t len;
	struct sockaddr_in to;
};

struct cl_opened {
	uint64_t cookie;
	struct ep_session_id id; // zero: the OPEN was given up
};

struct pnyx {
	struct pnyx_cluster cluster; // first: what the user sees
	struct pnyx_counters counters;
	char error[PNYX_ERROR_MAX];

	struct pnyx_options options;
	struct sockaddr_in named[CL_SERVERS_MAX]; // from options.servers, in their order
	uint32_t named_count;
	int fd;
	uint64_t incarnation; // random number of this object, in every header
	uint64_t random;
	uint64_t now;	      // read once a turn
	uint64_t deadline_ns; // of one operation
	int send_errno;	      // of the last datagram that the kernel refused

	struct cl_server servers[EP_MEMBERS_MAX]; // by column
	uint64_t probe_ns;			  // next probe of suspected members

	struct cl_request *requests;
	uint32_t requests_count;
	uint32_t free_big, free_small;
	uint32_t small_used; // OPEN and EXPIRE under way
	uint32_t outstanding;
	uint64_t serial;
	struct cl_list done, handed;
	uint32_t *heap;
	uint32_t heap_count;

	struct cl_session *sessions;
	uint32_t vacant;	// list of unused entries
	uint32_t sessions_used; // opening, idle or in use
	uint32_t sessions_cap;	// sessions_max, or less after FULL
	uint64_t full_ns;	// until then the cap stays
	uint32_t open_turn;	// whose waiting updates are looked at first
	struct cl_opened opened[CL_OPENED_MAX];
	uint32_t opened_at;

	struct cl_tx tx[CL_BURST];
	uint32_t tx_count;
	uint8_t *rx;	 // CL_BURST buffers of EP_FRAME_MAX_MAX + 1 bytes
	uint8_t *bodies; // of all requests
	void *memory[5];

	uint64_t echo_seq, echo_sent_ns, echo_rtt_ns; // echo_seq: being waited for, 0 = none
	uint64_t echo_last;
	uint8_t hello_done; // connect: a WELCOME was accepted
};

static inline uint64_t cl_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * CL_SECOND + (uint64_t)t.tv_nsec;
}

static inline uint64_t cl_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t cl_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

// net.c
bool cl_net_open(struct pnyx *, const char *bind, char *error, size_t size);
// Appends a message to the frame being filled for `server` (another one when it does not fit).
// Never NULL: `len` is at most frame_max less a header.
struct ep_msg *cl_net_append(struct pnyx *, uint8_t server, enum ep_msg_type, uint32_t len);
// Takes a frame of its own to `to`, header begun; the caller fills frame and len.
struct cl_tx *cl_net_frame(struct pnyx *, enum ep_frame_kind, const struct sockaddr_in *to);
void cl_net_flush(struct pnyx *);
// Gives every waiting datagram to cl_on_frame(); returns their number.
uint32_t cl_net_receive(struct pnyx *);
// Sleeps until a datagram comes or `until_ns`; returns at once when the client polls busily.
void cl_net_wait(const struct pnyx *, uint64_t until_ns);
bool cl_same_addr(const struct sockaddr_in *, const struct sockaddr_in *);
// "10.0.0.1:7787" into text (at least 24 bytes).
const char *cl_addr_text(const struct sockaddr_in *, char *text, size_t size);

// timer.c
void cl_timer_set(struct pnyx *, struct cl_request *, uint64_t event_ns);
void cl_timer_clear(struct pnyx *, struct cl_request *);
static inline uint64_t cl_timer_next(const struct pnyx *c)
{
	return c->heap_count > 0 ? c->requests[c->heap[0]].event_ns : UINT64_MAX;
}

// request.c
static inline uint32_t cl_slot(const struct pnyx *c, const struct cl_request *r)
{
	return (uint32_t)(r - c->requests);
}
void cl_list_push(struct pnyx *, struct cl_list *, struct cl_request *);
struct cl_request *cl_list_pop(struct pnyx *, struct cl_list *);
void cl_list_remove(struct pnyx *, struct cl_list *, struct cl_request *);
// NULL when no slot is free.
struct cl_request *cl_request_take(struct pnyx *, enum cl_kind, int server, bool is_small);
void cl_request_free(struct pnyx *, struct cl_request *);
void cl_request_send(struct pnyx *, struct cl_request *);
void cl_request_pause(struct pnyx *, struct cl_request *, uint64_t ns);
// Gives up the member asked now and takes the next one that lives.
void cl_request_fail_over(struct pnyx *, struct cl_request *);
// Ends it; the answer, if any, is in body.
void cl_request_end(struct pnyx *, struct cl_request *, enum pnyx_status);
void cl_request_events(struct pnyx *);
// A living member, `hint` if possible.
uint8_t cl_choose(const struct pnyx *, int hint);
// Writes the command's head in front of `bytes` application bytes that the body already holds
// behind it.
void cl_command(struct cl_request *, enum ep_command_kind, uint32_t bytes);
// Handed-out slots become free again.
void cl_reclaim(struct pnyx *);
void cl_probe(struct pnyx *);

// session.c
// Sends the update through a free session, or queues it until there is one.
void cl_session_acquire(struct pnyx *, struct cl_request *);
void cl_session_release(struct pnyx *, uint32_t session, uint8_t home);
// Forgets a session that does not exist any more.
void cl_session_forget(struct pnyx *, uint32_t session);
// Forgets a session whose last update's fate is unknown, and asks the cluster to end it.
void cl_session_abandon(struct pnyx *, uint32_t session);
void cl_session_on_open(struct pnyx *, struct cl_request *, uint8_t status,
			const struct ep_session_id *);
// An OPEN that got no answer.
void cl_session_open_lost(struct pnyx *, struct cl_request *);
// An answer that no request waits for: a second session made by a repeated OPEN is ended.
void cl_session_on_stray(struct pnyx *, uint64_t cookie, const struct ep_session_id *);
bool cl_session_expire(struct pnyx *, const struct ep_session_id *, uint64_t seq, uint64_t wait_ns);
// Rebuilds the lists after the members changed; map[old column] is the new one.
void cl_session_remap(struct pnyx *, const uint8_t map[EP_MEMBERS_MAX]);

// reply.c
void cl_on_frame(struct pnyx *, const uint8_t *data, uint32_t len, const struct sockaddr_in *from);

// connect.c
// Takes epoch, members and limits from a checked WELCOME or WRONG_EPOCH. False: they cannot be
// used.
bool cl_adopt(struct pnyx *, uint64_t cluster, const struct ep_wire_welcome *);

// kv.c
// Writes op's command to `out`; returns its bytes, 0 when it is refused (error is set).
uint32_t cl_kv_encode(struct pnyx *, const struct pnyx_op *, uint8_t *out);
// Completes status, value, number and existed from the answer in r->body.
void cl_kv_decode(struct pnyx *, const struct cl_request *, struct pnyx_completion *);

// pnyx.c
void cl_complete(struct pnyx *, struct cl_request *, struct pnyx_completion *);
// One turn: send, receive, time. Waits until `until_ns` when there is nothing to do.
void cl_turn(struct pnyx *, uint64_t until_ns);
__attribute__((format(printf, 2, 3))) void cl_error(struct pnyx *, const char *format, ...);
