// From a UDP payload to handlers: every check that does not depend on one message type, and the dispatch.
#include "consensus/client.h"
#include "consensus/decide.h"
#include "consensus/epoch.h"
#include "consensus/hello.h"

void ep_prefetch(const struct ep_replica *r, struct ep_view in)
{
	if (in.len < sizeof(struct ep_wire_header) + sizeof(struct ep_msg))
		return;
	const struct ep_msg *msg = ep_wire_msg(in.data, sizeof(struct ep_wire_header));
	if (msg->type >= EP_STATUS || msg->col >= r->n)
		return;
	const uint8_t *rec = (const uint8_t *)ep_rec(r, ep_slot_of(r, msg->col, msg->i));
	__builtin_prefetch(rec);
	__builtin_prefetch(rec + 64);
}

static enum ep_drop check_member(struct ep_replica *r, const struct ep_source *from, const struct ep_wire_header *h)
{
	if (from->member == EP_CLIENT || h->sender != from->member || h->sender >= r->n || h->sender == r->self)
		return EP_DROP_SENDER;
	if (h->epoch != r->config.epoch || h->config_hash != r->config_hash)
		return EP_DROP_EPOCH;
	if (h->incarnation != r->config.members[h->sender].incarnation)
		return EP_DROP_INCARNATION;
	struct ep_peer *peer = &r->peers[h->sender];
	peer->heard = r->now;
	if (h->votes > ep_word_value(peer->votes, EP_VOTES_BITS) && h->votes < 1ULL << EP_VOTES_BITS)
		peer->votes = ep_word_seal(h->votes, EP_VOTES_BITS);
	if (h->start > ep_word_value(peer->start, 32))
		peer->start = ep_word_seal(h->start, 32);
	return EP_DROP_NONE;
}

static enum ep_drop check_frame(struct ep_replica *r, const struct ep_source *from, const struct ep_view *in)
{
	enum ep_drop why = ep_wire_check(in->data, in->len);
	if (why != EP_DROP_NONE)
		return why;
	const struct ep_wire_header *h = (const void *)in->data;
	bool is_hello = h->kind == EP_FRAME_REQUEST && h->cluster == 0 && h->count == 1 &&
			ep_wire_msg(in->data, sizeof *h)->type == EP_C_HELLO; // a client that does not know yet
	if (h->cluster != r->config.cluster && !is_hello)
		return EP_DROP_CLUSTER;
	switch (h->kind) {
	case EP_FRAME_MEMBER:
		return check_member(r, from, h);
	case EP_FRAME_REQUEST:
		return from->member != EP_CLIENT || h->sender != EP_SENDER_CLIENT ? EP_DROP_SENDER : EP_DROP_NONE;
	}
	return EP_DROP_KIND;
}

// What a replica that does not take part may act on. A Commit is a fact, and what is committed here may be told. All else would be a
// vote, or build on one (F.2). After the end of the epoch nothing is learned any more, and no slot gives way.
static bool may_be_told(const struct ep_replica *r, const struct ep_msg *msg)
{
	return !ep_is_frozen(r) && (msg->type == EP_COMMIT || msg->type == EP_FETCH || msg->type == EP_VOID);
}

static void on_instance_message(struct ep_replica *r, struct ep_effects *fx, struct ep_about *in)
{
	if (ep_is_frozen(r) && in->msg->type == EP_FETCH) {
		ep_epoch_tell(r, fx, in);
		return;
	}
	if (!ep_is_member(r) && !may_be_told(r, in->msg)) {
		ep_drop(r, EP_DROP_ROLE);
		return;
	}
	in->place = ep_window_place(r, in->col, in->i, &in->slot);
	switch (in->place) {
	case EP_PLACE_STALE:
		ep_drop(r, EP_DROP_STALE);
		return;
	case EP_PLACE_OUTSIDE:
		ep_drop(r, EP_DROP_WINDOW);
		return;
	case EP_PLACE_FOUND:
		in->rec = ep_rec(r, in->slot);
		break;
	case EP_PLACE_FREE:
		break;
	}
	switch (in->msg->type) {
	case EP_PREACCEPT:
		on_preaccept(r, fx, in);
		return;
	case EP_PREACCEPT_OK:
		on_preaccept_ok(r, fx, in);
		return;
	case EP_ACCEPT:
		on_accept(r, fx, in);
		return;
	case EP_ACCEPT_OK:
		on_accept_ok(r, fx, in);
		return;
	case EP_COMMIT:
		on_commit(r, fx, in);
		return;
	case EP_NACK:
		on_nack(r, fx, in);
		return;
	case EP_RECOVER:
		on_recover(r, fx, in);
		return;
	case EP_RECOVER_OK:
		on_recover_ok(r, fx, in);
		return;
	case EP_VALIDATE:
		on_validate(r, fx, in);
		return;
	case EP_VALIDATE_OK:
		on_validate_ok(r, fx, in);
		return;
	case EP_FETCH:
		on_fetch(r, fx, in);
		return;
	case EP_PENDING:
		on_pending(r, fx, in);
		return;
	case EP_VOID:
		on_void(r, fx, in);
		return;
	}
	ep_drop(r, EP_DROP_TYPE); // of a later version of the core
}

// A message that was looked at before its turn came: checked, its keys collected, what it will touch on its way into the cache.
struct ahead {
	struct ep_about in;
	enum ep_drop why;
	struct ep_keys keys;
};

static void look_at_instance(struct ep_replica *r, struct ahead *a, const struct ep_msg *msg)
{
	const uint8_t *payload = (const uint8_t *)msg + a->in.payload;
	ep_slot slot = ep_slot_of(r, msg->col, msg->i);
	ep_slot_fetch(r, slot, a->in.payload != 0);
	if (a->in.payload == 0 || ((const struct ep_wire_payload *)(const void *)payload)->len > ep_payload_max(r->config.frame_max) ||
	    !ep_keys_collect(&r->config, msg->col, msg->i, payload, &a->keys))
		return;
	a->in.keys = &a->keys;
	ep_index_prefetch(r, &a->keys);
}

static void look_at_request(struct ep_replica *r, struct ahead *a, const struct ep_msg *msg)
{
	const struct ep_wire_command *command = (const void *)(msg + 1);
	bool is_of_app = command->kind == EP_CMD_UPDATE || command->kind == EP_CMD_READ; // keys that need no instance's number
	if (!is_of_app || !ep_keys_of_command(&r->config, r->self, 0, command, &a->keys))
		return;
	a->in.keys = &a->keys;
	ep_index_prefetch(r, &a->keys);
}

// Changes nothing but the cache.
static void look(struct ep_replica *r, struct ahead *a, const struct ep_wire_header *h, const struct ep_msg *msg, bool is_late)
{
	a->in = (struct ep_about){ .msg = msg, .from = h->sender, .col = msg->col, .i = msg->i };
	a->why = ep_wire_check_msg(msg, r->n, &a->in.payload);
	if (a->why != EP_DROP_NONE)
		return;
	if (h->kind == EP_FRAME_MEMBER && msg->type < EP_STATUS)
		look_at_instance(r, a, msg);
	else if (msg->type == EP_C_REQUEST && !is_late)
		look_at_request(r, a, msg);
}

static void on_message(struct ep_replica *r, struct ep_effects *fx, const struct ep_source *from, const struct ep_wire_header *h,
		       struct ahead *a)
{
	const struct ep_msg *msg = a->in.msg;
	r->counters.steps++;
	if (r->standing == EP_STANDING_DEAD)
		a->why = EP_DROP_ROLE;
	if (a->why != EP_DROP_NONE) {
		ep_drop(r, a->why);
		return;
	}
	if (from->is_late && msg->type == EP_C_REQUEST) {
		r->counters.busy_late++;
		ep_send_busy(r, fx, &from->addr, msg->i);
	} else if (h->kind == EP_FRAME_REQUEST) {
		on_client_message(r, fx, &from->addr, h, msg, a->in.keys);
	} else if (msg->type < EP_STATUS) {
		on_instance_message(r, fx, &a->in);
	} else if (msg->type == EP_STATUS) {
		on_status(r, msg, h->sender);
	} else if (msg->type == EP_HELLO) {
		on_hello(r, fx, msg, h->sender);
	} else if (msg->type == EP_HELLO_OK) {
		on_hello_ok(r, msg, h->sender);
	} else {
		ep_drop(r, EP_DROP_TYPE);
	}
}

bool ep_receive(struct ep_replica *r, ep_time now, const struct ep_source *from, struct ep_view *in, struct ep_effects *fx)
{
	const struct ep_wire_header *h = (const void *)in->data;
	struct ahead two[2]; // one message is handled while the next one is fetched
	uint32_t turn = 0;
	if (now > r->now)
		r->now = now;
	if (in->done == 0) {
		enum ep_drop why = check_frame(r, from, in);
		if (why != EP_DROP_NONE) {
			ep_drop(r, why);
			in->done = in->len;
			return true;
		}
		in->done = sizeof *h;
		r->counters.frames_in++;
	}
	if (in->done < in->len)
		look(r, &two[0], h, ep_wire_msg(in->data, in->done), from->is_late);
	while (in->done < in->len) {
		if (!ep_has_frames(fx))
			return false;
		struct ahead *a = &two[turn++ & 1];
		in->done += a->in.msg->len;
		if (in->done < in->len)
			look(r, &two[turn & 1], h, ep_wire_msg(in->data, in->done), from->is_late);
		on_message(r, fx, from, h, a);
	}
	return true;
}
