// The wire format, version 1: frames, messages between members, messages with clients. See docs/wire.md.
//
// A frame is one UDP payload: a 64-byte header and 1..255 messages. Little endian, packed, no alignment promised.
// Everything here is usable without DPDK and without the core (libpnyx includes this file and base/ only).
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "consensus/base/bytes.h"

#define EP_PACKED __attribute__((packed))

#define EP_WIRE_MAGIC 0x58594e50u // "PNYX"
#define EP_WIRE_VERSION 1
#define EP_UDP_PORT 7787
#define EP_MEMBERS_MAX 7
#define EP_SENDER_CLIENT 0xff
#define EP_FRAME_MAX_DEFAULT 1472 // UDP payload bytes; a constant of the epoch
#define EP_FRAME_MAX_MIN 1024
#define EP_FRAME_MAX_MAX 8972
#define EP_BATCH_MAX 64            // commands in one payload
#define EP_NUMBER_MAX (1ULL << 63) // instance and sequence numbers are below it: sums cannot wrap
#define EP_BALLOT_MAX (1ULL << 40) // ballots are below it: 40 bits in the record's state word

enum ep_frame_kind {
	EP_FRAME_MEMBER = 1,     // from a member of the epoch to another
	EP_FRAME_REQUEST = 2,    // client to replica
	EP_FRAME_REPLY = 3,      // replica to client
	EP_FRAME_ECHO = 4,       // answered by the data plane: kind becomes ECHO_REPLY, new CRC, the rest unchanged
	EP_FRAME_ECHO_REPLY = 5,
};

struct ep_wire_header {
	uint32_t magic;
	uint8_t version;
	uint8_t kind;        // enum ep_frame_kind
	uint8_t sender;      // column, or EP_SENDER_CLIENT
	uint8_t count;       // messages, at least 1 (0 in an echo)
	uint32_t crc;        // CRC32C of the whole payload with this field zero
	uint32_t epoch;      // clients: 0 = do not know yet
	uint64_t cluster;
	uint32_t config_hash; // of the chain of configurations; clients: 0
	uint32_t start;       // attach count of the sender
	uint64_t incarnation; // of the sender's identity; clients: a random number of the process
	uint64_t frame_seq;   // per sender and receiver, from 1; echo: the client's own number
	uint64_t votes;       // durable votes of the sender when it sealed the frame
	uint64_t tag;         // reserved for authentication, 0
} EP_PACKED;
_Static_assert(sizeof(struct ep_wire_header) == 64, "header");

enum ep_msg_type {
	// about one instance (struct ep_msg, then the struct named here, then n-vectors, then the payload if any)
	EP_PREACCEPT = 1,    // ep_wire_preaccept, D[n], stable[n], payload;        arg = fq
	EP_PREACCEPT_OK = 2, // D[n]
	EP_ACCEPT = 3,       // ep_wire_value, D[n], payload unless SHORT or NOP
	EP_ACCEPT_OK = 4,    // ep_wire_ballot
	EP_COMMIT = 5,       // ep_wire_value, D[n], payload unless SHORT or NOP
	EP_NACK = 6,         // ep_wire_ballot: the ballot seen
	EP_RECOVER = 7,      // ep_wire_ballot
	EP_RECOVER_OK = 8,   // ep_wire_recover_ok, dep[n], idep[n], payload if HAS_PAYLOAD; arg = fq
	EP_VALIDATE = 9,     // ep_wire_value, D[n], payload
	EP_VALIDATE_OK = 10, // ep_wire_ballot, then ep_wire_conflict until the end
	EP_FETCH = 11,       // ep_wire_fetch: instances i..last of the column
	EP_PENDING = 12,     // ep_wire_fetch: i..last are open at their living leader
	EP_VOID = 13,        // ep_wire_fetch: the epoch has ended at the sender, and i..last are never executed
	// about members
	EP_STATUS = 16,    // exec_prefix[n], known[n], stable[n]
	EP_HELLO = 17,     // ep_wire_hello: asked before the first vote of a start
	EP_HELLO_OK = 18,  // ep_wire_hello
	EP_READY = 19,     // ep_wire_ready
	EP_EPOCH_CLOSED = 20, // ep_wire_welcome, ep_wire_member[n]: of the sender's epoch
	// client to replica
	EP_C_HELLO = 32,   // nothing more
	EP_C_REQUEST = 33, // one ep_wire_command with its bytes
	EP_C_STATS = 34,   // arg = page (enum ep_stats_page)
	EP_C_DIGEST = 35,  // nothing more; ask again while PENDING
	// replica to client
	EP_C_WELCOME = 48,      // ep_wire_welcome, ep_wire_member[n]
	EP_C_REPLY = 49,        // ep_wire_reply, result bytes
	EP_C_BUSY = 50,         // ep_wire_busy
	EP_C_WRONG_EPOCH = 51,  // ep_wire_welcome, ep_wire_member[n]
	EP_C_STATS_REPLY = 52,  // arg = page, u64 values until the end
	EP_C_DIGEST_REPLY = 53, // ep_wire_digest, exec_prefix[n]
};

enum ep_msg_flag {
	EP_MSG_NOP = 1,         // the value is Nop
	EP_MSG_SHORT = 2,       // the receiver is believed to hold the payload; VALIDATE_OK: the list is cut
	EP_MSG_HAS_PAYLOAD = 4, // RECOVER_OK carries one
	EP_MSG_HAS_INIT = 8,    // RECOVER_OK: icmd/idep are set
	EP_MSG_FAST = 16,       // C_REPLY: committed on the fast path
};

// Starts every message. Client messages use `i` as the client's cookie, sent back in the answer.
struct ep_msg {
	uint8_t type;  // enum ep_msg_type
	uint8_t flags; // enum ep_msg_flag
	uint16_t len;  // bytes with this head, at least sizeof(struct ep_msg)
	uint8_t col;   // column of the instance; 0 where there is none
	uint8_t arg;
	uint16_t zero;
	uint64_t i; // instance number in the column, from 1
} EP_PACKED;
_Static_assert(sizeof(struct ep_msg) == 16, "message head");

struct ep_wire_preaccept {
	uint64_t seq; // bound to the payload, protocol.md decision 2
} EP_PACKED;
struct ep_wire_ballot {
	uint64_t bal;
} EP_PACKED;
struct ep_wire_value {
	uint64_t bal;
	uint64_t seq;
} EP_PACKED;
struct ep_wire_recover_ok {
	uint64_t bal;
	uint64_t abal;
	uint64_t seq;
	uint8_t phase; // enum ep_phase
	uint8_t zero[7];
} EP_PACKED;
struct ep_wire_conflict {
	uint64_t i;
	uint8_t col;
	uint8_t is_committed;
	uint8_t zero[6];
} EP_PACKED;
struct ep_wire_fetch {
	uint64_t last; // the range is ep_msg.i .. last, both included
} EP_PACKED;
struct ep_wire_hello { // Hello: of the sender; HelloOK: what its sender has seen of the receiver
	uint64_t votes;
	uint64_t highest; // own instance number
	uint32_t start;   // Hello: the sender's; HelloOK: the highest seen, at least that of the Hello it answers
	uint32_t zero;
} EP_PACKED;
// RECONFIG carries it, then struct ep_wire_new_member[n]: who the members of the next epoch are.
struct ep_wire_reconfig {
	uint32_t epoch; // that it ends
	uint8_t n;      // members of the next one
	uint8_t e;      // 0: from n
	uint8_t mode;   // enum ep_mode
	uint8_t zero;
} EP_PACKED;
struct ep_wire_new_member {
	uint8_t uuid[16];
	uint64_t incarnation;
	uint8_t ip[4];         // network order
	uint16_t port;         // host order
	uint16_t control_port; // of its control plane, TCP; 0 = not told
	char name[16];         // for people, filled up with zeros
} EP_PACKED;
_Static_assert(sizeof(struct ep_wire_new_member) == 48, "six words");
struct ep_wire_ready {
	uint8_t uuid[16];
	uint32_t epoch;
	uint32_t zero;
} EP_PACKED;

// A payload is what an instance is bound to: an array of commands.
struct ep_wire_payload {
	uint16_t len;  // bytes with this head
	uint8_t count; // commands, 1..EP_BATCH_MAX
	uint8_t zero[5];
} EP_PACKED;
_Static_assert(sizeof(struct ep_wire_payload) == 8, "payload head");

enum ep_command_kind {
	EP_CMD_UPDATE = 1, // session, seq, application bytes
	EP_CMD_READ = 2,   // application bytes that change nothing; no session, not deduplicated
	EP_CMD_OPEN = 3,   // makes a session; its id is this instance's id, so its payload holds nothing else
	EP_CMD_EXPIRE = 4, // ends `session` if its last seq is still `seq`
	EP_CMD_RECONFIG = 5, // ends the epoch: ep_wire_reconfig; alone in its payload; members only
};

// A session's id is the instance id of its OPEN: never reused.
struct ep_session_id {
	uint64_t i;
	uint32_t epoch;
	uint8_t col;
	uint8_t zero[3];
} EP_PACKED;

struct ep_wire_command {
	uint16_t len; // bytes with this head
	uint8_t kind; // enum ep_command_kind
	uint8_t zero[5];
	struct ep_session_id session; // UPDATE, EXPIRE
	uint64_t seq;                 // of the client in its session, from 1
} EP_PACKED;
_Static_assert(sizeof(struct ep_wire_command) == 32, "command head");

enum ep_status {
	EP_OK = 0,          // the result is the application's
	EP_NO_SESSION = 1,  // never opened, or expired
	EP_MISMATCH = 2,    // same seq as the last one, other bytes
	EP_STALE = 3,       // seq below the session's last
	EP_FULL = 4,        // OPEN: no room for a session
	EP_BAD_COMMAND = 5, // the application does not understand it; nothing was done
	EP_TOO_BIG = 6,     // key, value or command above its limit; nothing was done
	EP_REDIRECT = 7,
};

struct ep_wire_reply {
	uint8_t status; // enum ep_status
	uint8_t zero[7];
	struct ep_session_id instance; // the instance that carried it (for OPEN: the new session)
} EP_PACKED;
struct ep_wire_busy {
	uint64_t retry_ns; // hint
} EP_PACKED;

struct ep_wire_member {
	uint8_t uuid[16];
	uint8_t ip[4]; // network order
	uint16_t port; // host order
	uint16_t zero;
} EP_PACKED;
struct ep_wire_welcome {
	uint8_t n;
	uint8_t self;
	uint16_t frame_max;
	uint32_t epoch;
	uint32_t config_hash;
	uint16_t command_max; // bytes of application command
	uint16_t result_max;  // bytes of a read's result
	uint16_t kept_max;    // bytes of an update's result
	uint16_t sessions_free_hint;
	uint32_t zero;
} EP_PACKED;

struct ep_wire_digest {
	uint8_t is_complete; // 0: ask again; progress was made
	uint8_t n;
	uint8_t zero[6];
	uint64_t application; // hashes over the bytes themselves
	uint64_t sessions;
	uint64_t executed_set;
	uint64_t executed; // instances executed in this epoch
} EP_PACKED;

// Sums that bind each other (limits of one frame).
#define EP_RECOVER_OK_ROOM \
	(sizeof(struct ep_wire_header) + sizeof(struct ep_msg) + sizeof(struct ep_wire_recover_ok) + 2 * 8 * EP_MEMBERS_MAX)
// Bytes of the largest payload: RecoverOK is the largest message that carries one.
static inline uint32_t ep_payload_max(uint32_t frame_max)
{
	return frame_max - (uint32_t)EP_RECOVER_OK_ROOM;
}
// Bytes of the largest application command.
static inline uint32_t ep_command_max(uint32_t frame_max)
{
	return ep_payload_max(frame_max) - (uint32_t)(sizeof(struct ep_wire_payload) + sizeof(struct ep_wire_command));
}
// Bytes of the largest result of a read.
static inline uint32_t ep_result_max(uint32_t frame_max)
{
	return frame_max - (uint32_t)(sizeof(struct ep_wire_header) + sizeof(struct ep_msg) + sizeof(struct ep_wire_reply));
}
#define EP_KEPT_MAX 128 // bytes of the largest result of an update: it is kept in the session

// ---- frames -------------------------------------------------------------------------------------------------
enum ep_drop { // why a frame or message was not used; counted each
	EP_DROP_NONE = 0,
	EP_DROP_SHORT,     // below a header, or a length that does not fit
	EP_DROP_MAGIC,
	EP_DROP_VERSION,
	EP_DROP_CRC,
	EP_DROP_CLUSTER,
	EP_DROP_EPOCH,
	EP_DROP_SENDER,    // member frame from an address that is not that member's, or the reverse
	EP_DROP_INCARNATION,
	EP_DROP_KIND,      // unknown frame kind, or not for a replica
	EP_DROP_TYPE,      // unknown message type, or not for this kind of frame
	EP_DROP_MALFORMED, // a message whose fields contradict each other
	EP_DROP_PAYLOAD,   // a payload that does not parse
	EP_DROP_WINDOW,    // instance or dependency outside the window
	EP_DROP_STALE,     // instance already recycled
	EP_DROP_BALLOT,
	EP_DROP_FQ,        // designated peer differs from the recorded one
	EP_DROP_UNEXPECTED, // valid, but nothing waits for it (duplicates, late answers)
	EP_DROP_ROLE,      // this replica may not act on it now
	EP_DROP_CONTRADICTION, // a Commit of another value than the committed one: an alarm
	EP_DROP_REASONS
};
extern const char *const ep_drop_names[EP_DROP_REASONS];

// Checks a whole UDP payload: length, magic, version, CRC and the chain of message heads (each len fits, count
// matches, the end is exact). Total. Does not look into messages, nor at cluster, epoch and sender.
enum ep_drop ep_wire_check(const uint8_t *data, uint32_t len);
// Writes crc over a finished frame of `len` bytes.
void ep_wire_seal(uint8_t *frame, uint32_t len);
// The message head at data + offset of a checked frame.
static inline const struct ep_msg *ep_wire_msg(const uint8_t *data, uint32_t offset)
{
	return (const struct ep_msg *)(const void *)(data + offset);
}
// The type's name as the protocol spells it ("PreAccept"), "unknown" for no type (static storage).
const char *ep_wire_type_name(uint8_t type);
// The kind of frame (enum ep_frame_kind) that carries this type of message, 0 for an unknown type.
uint8_t ep_wire_kind_of(uint8_t type);
// EP_DROP_NONE when the message's length fits its type for n members exactly (fixed part, vectors) and, where it carries a
// payload or command, that parses as ep_wire_check_payload / _command. *payload is its offset in the message, 0 = none.
// n: 1..EP_MEMBERS_MAX (any for client messages, whose n is inside). Field rules: docs/wire.md, "Messages".
enum ep_drop ep_wire_check_msg(const struct ep_msg *, uint32_t n, uint32_t *payload);
// True when `len` bytes are exactly one well-formed payload (count commands, each fits, reserved bytes are 0).
bool ep_wire_check_payload(const uint8_t *data, uint32_t len);
// True when `len` bytes are exactly one command of a known kind (OPEN, EXPIRE: no bytes; OPEN: no session).
bool ep_wire_check_command(const uint8_t *data, uint32_t len);
// Starts a frame in `frame` (at least 64 bytes): zeroed header with magic, version, kind. Returns bytes used (64).
uint32_t ep_wire_begin(uint8_t *frame, enum ep_frame_kind kind, uint8_t sender, uint64_t cluster, uint32_t epoch);
// Appends a message of `len` bytes to a frame of *used bytes and counts it in the header; NULL when it does not fit `cap`. Its head is
// zeroed but for type and length; the body is the caller's to fill, every byte.
struct ep_msg *ep_wire_room(uint8_t *frame, uint32_t *used, uint32_t cap, enum ep_msg_type type, uint32_t len);
// Appends a zeroed message of `len` bytes to a frame of *used bytes, counts it in the header; NULL when it does not
// fit `cap`.
struct ep_msg *ep_wire_append(uint8_t *frame, uint32_t *used, uint32_t cap, enum ep_msg_type type, uint32_t len);
