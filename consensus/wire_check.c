// Messages: what each type must look like, and a total check of one received message against that.
//
// One table says the shape of each type (sizes, flags, who is meant); a few functions look at the
// fields that the shape cannot express. Nothing is read before its length is proved.
#include "consensus/counters.h"
#include "consensus/wire.h"

enum subject {
	ABOUT_NONE,	// i and col are 0
	ABOUT_INSTANCE, // i in 1..2^63-1, col < n
	ABOUT_COOKIE,	// i is the client's, col is 0
};

enum argument { ARG_ZERO, ARG_FQ, ARG_PAGE };

enum tail {
	TAIL_NONE,
	TAIL_PAYLOAD,	 // exactly one payload
	TAIL_BY_FLAGS,	 // a payload unless SHORT or NOP
	TAIL_IF_HAS,	 // a payload if HAS_PAYLOAD
	TAIL_CONFLICTS,	 // ep_wire_conflict until the end
	TAIL_COMMAND,	 // exactly one command
	TAIL_BYTES,	 // the application's, any number
	TAIL_WORDS,	 // u64 until the end
	TAIL_MEMBERS,	 // ep_wire_member[n], n from the fixed part
	TAIL_OWN_VECTOR, // u64[n], n from the fixed part
};

enum ballot { BALLOT_NONE, BALLOT_ANY, BALLOT_ABOVE_0 };

struct shape {
	const char *name; // NULL: no such type
	uint8_t kind;	  // enum ep_frame_kind that carries it
	uint8_t fixed;	  // bytes between the head and the vectors
	uint8_t vectors;  // of n u64
	uint8_t deps;	  // leading vectors that are dependencies: below i in the own column
	uint8_t flags;	  // that may be set
	uint8_t subject;  // enum subject
	uint8_t argument; // enum argument
	uint8_t tail;	  // enum tail
	uint8_t ballot;	  // enum ballot; the fixed part starts with it
	uint8_t seq_at;	  // offset in the fixed part + 1; 0 = none
	uint8_t own;	  // 1: fixed_is_fine() looks at it
};

#define SIZE(s) (uint8_t)sizeof(struct s)
#define SEQ(s) (uint8_t)(offsetof(struct s, seq) + 1)
#define VALUE_FLAGS (EP_MSG_NOP | EP_MSG_SHORT)
#define RECOVER_FLAGS (EP_MSG_NOP | EP_MSG_HAS_PAYLOAD | EP_MSG_HAS_INIT)
#define INSTANCE(name, ...)                                                                        \
	{                                                                                          \
		name, .kind = EP_FRAME_MEMBER, .subject = ABOUT_INSTANCE, __VA_ARGS__              \
	}
#define ABOUT_MEMBER(name, ...)                                                                    \
	{                                                                                          \
		name, .kind = EP_FRAME_MEMBER, .subject = ABOUT_NONE, __VA_ARGS__                  \
	}
#define REQUEST(name, ...)                                                                         \
	{                                                                                          \
		name, .kind = EP_FRAME_REQUEST, .subject = ABOUT_COOKIE, __VA_ARGS__               \
	}
#define REPLY(name, ...)                                                                           \
	{                                                                                          \
		name, .kind = EP_FRAME_REPLY, .subject = ABOUT_COOKIE, __VA_ARGS__                 \
	}
#define VALUE .fixed = SIZE(ep_wire_value), .seq_at = SEQ(ep_wire_value), .vectors = 1, .deps = 1
#define BALLOT .fixed = SIZE(ep_wire_ballot)

#define TYPES_MAX 64
// clang-format off
static const struct shape shapes[TYPES_MAX] = {
	[EP_PREACCEPT] = INSTANCE("PreAccept", .fixed = SIZE(ep_wire_preaccept), .vectors = 2, .deps = 1,
		.argument = ARG_FQ, .tail = TAIL_PAYLOAD, .seq_at = SEQ(ep_wire_preaccept)),
	[EP_PREACCEPT_OK] = INSTANCE("PreAcceptOK", .vectors = 1, .deps = 1),
	[EP_ACCEPT] = INSTANCE("Accept", VALUE, .ballot = BALLOT_ANY, .flags = VALUE_FLAGS, .tail = TAIL_BY_FLAGS),
	[EP_ACCEPT_OK] = INSTANCE("AcceptOK", BALLOT, .ballot = BALLOT_ANY),
	[EP_COMMIT] = INSTANCE("Commit", VALUE, .ballot = BALLOT_ANY, .flags = VALUE_FLAGS, .tail = TAIL_BY_FLAGS),
	[EP_NACK] = INSTANCE("Nack", BALLOT, .ballot = BALLOT_ABOVE_0),
	[EP_RECOVER] = INSTANCE("Recover", BALLOT, .ballot = BALLOT_ABOVE_0),
	[EP_RECOVER_OK] = INSTANCE("RecoverOK", .own = 1, .fixed = SIZE(ep_wire_recover_ok), .vectors = 2, .deps = 2,
		.ballot = BALLOT_ABOVE_0, .seq_at = SEQ(ep_wire_recover_ok), .flags = RECOVER_FLAGS,
		.argument = ARG_FQ, .tail = TAIL_IF_HAS),
	[EP_VALIDATE] = INSTANCE("Validate", VALUE, .ballot = BALLOT_ABOVE_0, .tail = TAIL_PAYLOAD),
	[EP_VALIDATE_OK] = INSTANCE("ValidateOK", BALLOT, .ballot = BALLOT_ABOVE_0, .flags = EP_MSG_SHORT,
		.tail = TAIL_CONFLICTS),
	[EP_FETCH] = INSTANCE("FetchCommit", .own = 1, .fixed = SIZE(ep_wire_fetch)),
	[EP_PENDING] = INSTANCE("Pending", .own = 1, .fixed = SIZE(ep_wire_fetch)),
	[EP_VOID] = INSTANCE("Void", .own = 1, .fixed = SIZE(ep_wire_fetch)),

	[EP_STATUS] = ABOUT_MEMBER("Status", .vectors = 3),
	[EP_HELLO] = ABOUT_MEMBER("Hello", .fixed = SIZE(ep_wire_hello)),
	[EP_HELLO_OK] = ABOUT_MEMBER("HelloOK", .fixed = SIZE(ep_wire_hello)),
	[EP_READY] = ABOUT_MEMBER("Ready", .own = 1, .fixed = SIZE(ep_wire_ready)),
	[EP_EPOCH_CLOSED] = ABOUT_MEMBER("EpochClosed", .own = 1, .fixed = SIZE(ep_wire_welcome), .tail = TAIL_MEMBERS),

	[EP_C_HELLO] = REQUEST("C_Hello", .tail = TAIL_NONE),
	[EP_C_REQUEST] = REQUEST("C_Request", .tail = TAIL_COMMAND),
	[EP_C_STATS] = REQUEST("C_Stats", .argument = ARG_PAGE),
	[EP_C_DIGEST] = REQUEST("C_Digest", .tail = TAIL_NONE),

	[EP_C_WELCOME] = REPLY("C_Welcome", .own = 1, .fixed = SIZE(ep_wire_welcome), .tail = TAIL_MEMBERS),
	[EP_C_REPLY] = REPLY("C_Reply", .own = 1, .fixed = SIZE(ep_wire_reply), .flags = EP_MSG_FAST, .tail = TAIL_BYTES),
	[EP_C_BUSY] = REPLY("C_Busy", .fixed = SIZE(ep_wire_busy)),
	[EP_C_WRONG_EPOCH] = REPLY("C_WrongEpoch", .own = 1, .fixed = SIZE(ep_wire_welcome), .tail = TAIL_MEMBERS),
	[EP_C_STATS_REPLY] = REPLY("C_StatsReply", .argument = ARG_PAGE, .tail = TAIL_WORDS),
	[EP_C_DIGEST_REPLY] = REPLY("C_DigestReply", .own = 1, .fixed = SIZE(ep_wire_digest), .tail = TAIL_OWN_VECTOR),
};
// clang-format on

// NULL for an unknown type.
static const struct shape *shape_of(uint8_t type)
{
	return type < TYPES_MAX && shapes[type].name != NULL ? &shapes[type] : NULL;
}

const char *ep_wire_type_name(uint8_t type)
{
	const struct shape *s = shape_of(type);
	return s != NULL ? s->name : "unknown";
}

uint8_t ep_wire_kind_of(uint8_t type)
{
	const struct shape *s = shape_of(type);
	return s != NULL ? s->kind : 0;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	uint8_t seen = 0;
	for (size_t k = 0; k < len; k++)
		seen |= p[k];
	return seen == 0;
}

static bool is_instance_number(uint64_t i)
{
	return i >= 1 && i < EP_NUMBER_MAX;
}

// ---- messages --------------------------------------------------------------------------

// By subject: the least number, how many above it are good, and whether columns are those of members.
static const struct {
	uint64_t least, span;
	bool has_column;
} subjects[] = {
	[ABOUT_NONE] = {0, 0, false},
	[ABOUT_INSTANCE] = {1, EP_NUMBER_MAX - 2, true},
	[ABOUT_COOKIE] = {0, UINT64_MAX, false},
};

static inline bool head_is_fine(const struct ep_msg *m, const struct shape *s, uint32_t n)
{
	uint32_t columns = subjects[s->subject].has_column ? n : 1;
	uint32_t arguments = s->argument == ARG_FQ ? n : s->argument == ARG_PAGE ? EP_STATS_FRONTIER + 1 : 1;
	return (m->zero | (m->flags & ~s->flags)) == 0 && m->col < columns && m->arg < arguments &&
	       m->i - subjects[s->subject].least <= subjects[s->subject].span;
}

// Every word of the vectors is a number; dependencies stay below the instance itself in its own column.
static inline bool vectors_are_fine(const struct ep_msg *m, const struct shape *s, const uint8_t *at,
			     uint32_t n)
{
	uint64_t all = 0;
	for (uint32_t w = 0; w < s->vectors * n; w++)
		all |= ep_load64(at + 8 * w);
	bool is_fine = all < EP_NUMBER_MAX; // a power of two
	for (uint32_t v = 0; v < s->deps; v++)
		is_fine = is_fine && ep_load64(at + 8 * (v * n + m->col)) < m->i;
	return is_fine;
}

// The legal combinations of RecoverOK, by phase: INITIAL has no value, PREACCEPTED has its initial
// one, ACCEPTED and COMMITTED have Nop or a payload. idep without icmd exists nowhere.
static bool recover_ok_is_fine(const struct ep_msg *m, const struct ep_wire_recover_ok *r)
{
	bool is_nop = m->flags & EP_MSG_NOP;
	bool has_payload = m->flags & EP_MSG_HAS_PAYLOAD;
	bool has_init = m->flags & EP_MSG_HAS_INIT;

	if (!is_zero(r->zero, sizeof r->zero) || r->abal > r->bal || (has_init && !has_payload))
		return false;
	switch (r->phase) { // enum ep_phase of consensus/epaxos.h
	case 0:
		return !is_nop;
	case 1:
		return !is_nop && has_init;
	case 2:
	case 3:
		return is_nop || has_payload;
	}
	return false;
}

static bool welcome_is_fine(const struct ep_wire_welcome *w)
{
	return w->n >= 1 && w->n <= EP_MEMBERS_MAX && w->self < w->n &&
	       w->frame_max >= EP_FRAME_MAX_MIN && w->frame_max <= EP_FRAME_MAX_MAX && w->zero == 0;
}

// Looks at the parts of the fixed part that belong to one type only.
static bool fixed_is_fine(const struct ep_msg *m, const uint8_t *fixed)
{
	const void *p = fixed;
	switch (m->type) {
	case EP_RECOVER_OK:
		return recover_ok_is_fine(m, p);
	case EP_FETCH:
	case EP_PENDING:
	case EP_VOID: {
		const struct ep_wire_fetch *f = p;
		return f->last >= m->i && f->last < EP_NUMBER_MAX;
	}
	case EP_READY:
		return ((const struct ep_wire_ready *)p)->zero == 0;
	case EP_EPOCH_CLOSED:
	case EP_C_WELCOME:
	case EP_C_WRONG_EPOCH:
		return welcome_is_fine(p);
	case EP_C_REPLY: {
		const struct ep_wire_reply *r = p;
		return r->status <= EP_REDIRECT && is_zero(r->zero, sizeof r->zero) &&
		       r->instance.i < EP_NUMBER_MAX && r->instance.col < EP_MEMBERS_MAX &&
		       is_zero(r->instance.zero, sizeof r->instance.zero);
	}
	case EP_C_DIGEST_REPLY: {
		const struct ep_wire_digest *d = p;
		return d->is_complete <= 1 && d->n >= 1 && d->n <= EP_MEMBERS_MAX &&
		       is_zero(d->zero, sizeof d->zero);
	}
	default: // not an enum: a byte from the wire; the other types have no such part
		return true;
	}
}

static bool conflicts_are_fine(const uint8_t *data, uint32_t len, uint32_t n)
{
	if (len % sizeof(struct ep_wire_conflict) != 0)
		return false;
	for (uint32_t at = 0; at < len; at += sizeof(struct ep_wire_conflict)) {
		const struct ep_wire_conflict *c =
		    (const struct ep_wire_conflict *)(const void *)(data + at);
		if (!is_instance_number(c->i) || c->col >= n || c->is_committed > 1 ||
		    !is_zero(c->zero, sizeof c->zero))
			return false;
	}
	return true;
}

static bool members_are_fine(const uint8_t *data, uint32_t len, uint32_t count)
{
	if (len != count * sizeof(struct ep_wire_member))
		return false;
	for (uint32_t k = 0; k < count; k++) {
		const struct ep_wire_member *w =
		    (const struct ep_wire_member *)(const void *)(data + k * sizeof *w);
		if (w->zero != 0)
			return false;
	}
	return true;
}

static inline enum ep_drop check_tail_payload(const uint8_t *tail, uint32_t len, bool is_carried)
{
	if (!is_carried)
		return len == 0 ? EP_DROP_NONE : EP_DROP_MALFORMED;
	if (len == 0) // the flags promise one
		return EP_DROP_MALFORMED;
	return ep_wire_check_payload(tail, len) ? EP_DROP_NONE : EP_DROP_PAYLOAD;
}

// Checks what follows fixed part and vectors; *is_carried tells whether that is a payload or a
// command.
static inline __attribute__((always_inline)) enum ep_drop check_tail(const struct ep_msg *m, const struct shape *s, const uint8_t *fixed,
			       const uint8_t *tail, uint32_t len, uint32_t n, bool *is_carried)
{
	bool is_fine = true;
	*is_carried = false;
	switch ((enum tail)s->tail) {
	case TAIL_NONE:
		is_fine = len == 0;
		break;
	case TAIL_PAYLOAD:
		*is_carried = true;
		return check_tail_payload(tail, len, true);
	case TAIL_BY_FLAGS:
		if ((m->flags & VALUE_FLAGS) == VALUE_FLAGS) // nobody holds the payload of a Nop
			return EP_DROP_MALFORMED;
		*is_carried = (m->flags & VALUE_FLAGS) == 0;
		return check_tail_payload(tail, len, *is_carried);
	case TAIL_IF_HAS:
		*is_carried = (m->flags & EP_MSG_HAS_PAYLOAD) != 0;
		return check_tail_payload(tail, len, *is_carried);
	case TAIL_CONFLICTS:
		is_fine = conflicts_are_fine(tail, len, n);
		break;
	case TAIL_COMMAND:
		*is_carried = true;
		return ep_wire_check_command(tail, len) ? EP_DROP_NONE : EP_DROP_PAYLOAD;
	case TAIL_BYTES:
		break;
	case TAIL_WORDS:
		is_fine = len % sizeof(uint64_t) == 0;
		break;
	case TAIL_MEMBERS:
		is_fine = members_are_fine(
		    tail, len, ((const struct ep_wire_welcome *)(const void *)fixed)->n);
		break;
	case TAIL_OWN_VECTOR:
		is_fine = len == sizeof(uint64_t) *
				     ((const struct ep_wire_digest *)(const void *)fixed)->n;
		break;
	}
	return is_fine ? EP_DROP_NONE : EP_DROP_MALFORMED;
}

static inline __attribute__((always_inline)) enum ep_drop check(const struct ep_msg *m, const struct shape *s, uint32_t n,
								 uint32_t *payload)
{
	const uint8_t *fixed = (const uint8_t *)(m + 1);
	uint32_t head = (uint32_t)sizeof *m + s->fixed + s->vectors * 8 * n;
	if (m->len < head)
		return EP_DROP_SHORT;
	if (!head_is_fine(m, s, n))
		return EP_DROP_MALFORMED;
	if (s->ballot != BALLOT_NONE) {
		uint64_t bal = ep_load64(fixed);
		if (bal >= EP_BALLOT_MAX || (bal == 0 && s->ballot == BALLOT_ABOVE_0))
			return EP_DROP_BALLOT;
	}
	if (s->seq_at != 0 && ep_load64(fixed + s->seq_at - 1) >= EP_NUMBER_MAX)
		return EP_DROP_MALFORMED;
	if (!vectors_are_fine(m, s, fixed + s->fixed, n) || (s->own && !fixed_is_fine(m, fixed)))
		return EP_DROP_MALFORMED;

	bool is_carried;
	enum ep_drop drop =
	    check_tail(m, s, fixed, (const uint8_t *)m + head, m->len - head, n, &is_carried);
	if (drop == EP_DROP_NONE)
		*payload = is_carried ? head : 0;
	return drop;
}

enum ep_drop ep_wire_check_msg(const struct ep_msg *m, uint32_t n, uint32_t *payload)
{
	if (n < 1 || n > EP_MEMBERS_MAX)
		return shape_of(m->type) != NULL ? EP_DROP_MALFORMED : EP_DROP_TYPE;
	switch (m->type) { // what is sent for every command: the shape is a constant, and the compiler knows it
	case EP_PREACCEPT:
		return check(m, &shapes[EP_PREACCEPT], n, payload);
	case EP_PREACCEPT_OK:
		return check(m, &shapes[EP_PREACCEPT_OK], n, payload);
	case EP_ACCEPT:
	case EP_COMMIT: // alike
		return check(m, &shapes[EP_COMMIT], n, payload);
	case EP_ACCEPT_OK:
		return check(m, &shapes[EP_ACCEPT_OK], n, payload);
	case EP_C_REQUEST:
		return check(m, &shapes[EP_C_REQUEST], n, payload);
	}
	const struct shape *s = shape_of(m->type);
	return s != NULL ? check(m, s, n, payload) : EP_DROP_TYPE;
}
