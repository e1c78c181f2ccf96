// Hello: before the first vote of a start, a replica asks what its peers have seen of it (protocol.md F.2).
//
// An arena that was copied back in time looks whole: only peers can know that it promised more. SLOW members (this one
// included) must answer, also ones that ask themselves, so that a whole cluster can start at once. Whoever has seen more votes,
// a higher own instance or a later start than the arena knows ends the identity. Best effort: what only an unreachable
// peer saw is missed; the boot id, the lock on the file and the order of stores are the guards that always hold.
#include "consensus/hello.h"

static void count_answer(struct ep_replica *r, uint8_t from)
{
	r->hello_from |= (uint8_t)(1u << from);
	if (r->standing == EP_STANDING_ASKING && (uint32_t)__builtin_popcount(r->hello_from) >= r->slow)
		r->standing = EP_STANDING_MEMBER;
}

void ep_hello_start(struct ep_replica *r, bool is_asked)
{
	r->standing = is_asked ? EP_STANDING_ASKING : EP_STANDING_MEMBER;
	r->hello_from = 0;
	r->hello_due = 0;
	// Not read again later: peers raise `known`, and what they tell is what must be compared.
	uint64_t used = r->next_i - 1, known = r->columns[r->self].known;
	r->hello_highest = used > known ? used : known;
	count_answer(r, r->self);
}

static struct ep_wire_hello own(const struct ep_replica *r)
{
	return (struct ep_wire_hello){ .votes = r->votes, .highest = r->hello_highest, .start = r->start };
}

static void send(struct ep_replica *r, struct ep_effects *fx, uint32_t to, enum ep_msg_type type, const struct ep_wire_hello *body)
{
	memcpy(ep_emit(r, fx, to, type, (uint32_t)(sizeof(struct ep_msg) + sizeof *body)) + 1, body, sizeof *body);
}

void ep_hello_run(struct ep_replica *r, struct ep_effects *fx)
{
	if (r->standing != EP_STANDING_ASKING || r->hello_due > r->now || !ep_has_frames(fx))
		return;
	struct ep_wire_hello mine = own(r);
	for (uint32_t m = 0; m < r->n; m++)
		if (!(r->hello_from & (1u << m)))
			send(r, fx, m, EP_HELLO, &mine);
	r->hello_due = r->now + r->config.resend_min_ns * r->pace;
}

ep_time ep_hello_next(const struct ep_replica *r)
{
	return r->standing == EP_STANDING_ASKING ? r->hello_due : EP_NEVER;
}

void on_hello(struct ep_replica *r, struct ep_effects *fx, const struct ep_msg *msg, uint8_t from)
{
	struct ep_wire_hello theirs;
	memcpy(&theirs, msg + 1, sizeof theirs);
	const struct ep_peer *peer = &r->peers[from];
	uint32_t start = (uint32_t)ep_word_value(peer->start, 32);
	struct ep_wire_hello seen = { .votes = ep_word_value(peer->votes, EP_VOTES_BITS), .highest = r->columns[from].known,
				      .start = start > theirs.start ? start : theirs.start };
	send(r, fx, from, EP_HELLO_OK, &seen);
}

void on_hello_ok(struct ep_replica *r, const struct ep_msg *msg, uint8_t from)
{
	struct ep_wire_hello seen, mine = own(r);
	memcpy(&seen, msg + 1, sizeof seen);
	if (r->standing != EP_STANDING_ASKING || seen.start < mine.start) { // of an earlier start
		ep_drop(r, EP_DROP_UNEXPECTED);
		return;
	}
	if (seen.votes > mine.votes || seen.highest > mine.highest || seen.start > mine.start) {
		r->standing = EP_STANDING_DEAD;
		r->refutation = (struct ep_refutation){ .seen = seen, .known = mine, .by = from };
		r->poison = EP_POISON_ROLLED_BACK;
		return;
	}
	count_answer(r, from);
}

enum ep_standing ep_standing(const struct ep_replica *r)
{
	return (enum ep_standing)r->standing;
}

struct ep_refutation ep_refutation(const struct ep_replica *r)
{
	return r->refutation;
}
