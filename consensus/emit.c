// Frames: a member's messages of one burst share a frame, and so do a client's.
#include "consensus/emit.h"

static struct ep_frame *open_frame(struct ep_replica *r, struct ep_effects *fx, uint8_t kind)
{
	CHECK_OP(fx->used, <, fx->count);
	struct ep_frame *frame = &fx->frames[fx->used++];
	frame->len = ep_wire_begin(frame->data, kind, r->self, r->config.cluster, r->config.epoch);
	struct ep_wire_header *h = (void *)frame->data;
	h->config_hash = r->config_hash;
	h->start = r->start;
	h->incarnation = r->config.members[r->self].incarnation;
	return frame;
}

void ep_seal(struct ep_replica *r, struct ep_frame *frame)
{
	struct ep_wire_header *h = (void *)frame->data;
	h->votes = r->votes;
	h->frame_seq = frame->member == EP_CLIENT ? 0 : ++r->peers[frame->member].sent_seq;
}

struct ep_msg *ep_emit(struct ep_replica *r, struct ep_effects *fx, uint32_t to, enum ep_msg_type type, uint32_t len)
{
	CHECK(to != r->self && to < r->n);
	struct ep_frame *frame = fx->open[to] ? &fx->frames[fx->open[to] - 1] : NULL;
	struct ep_msg *msg = frame ? ep_wire_room(frame->data, &frame->len, r->config.frame_max, type, len) : NULL;
	if (msg)
		return msg;
	frame = open_frame(r, fx, EP_FRAME_MEMBER);
	frame->member = (uint8_t)to;
	fx->open[to] = fx->used;
	msg = ep_wire_room(frame->data, &frame->len, r->config.frame_max, type, len);
	CHECK(msg);
	return msg;
}

struct ep_msg *ep_emit_client(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *to, enum ep_msg_type type,
			      uint32_t len, uint64_t cookie)
{
	struct ep_frame *frame = fx->open_client ? &fx->frames[fx->open_client - 1] : NULL;
	struct ep_msg *msg = NULL;
	if (frame && memcmp(&frame->to, to, sizeof *to) == 0)
		msg = ep_wire_room(frame->data, &frame->len, r->config.frame_max, type, len);
	if (!msg) {
		frame = open_frame(r, fx, EP_FRAME_REPLY);
		frame->member = EP_CLIENT;
		frame->to = *to;
		fx->open_client = fx->used;
		msg = ep_wire_room(frame->data, &frame->len, r->config.frame_max, type, len);
		CHECK(msg);
	}
	msg->i = cookie;
	return msg;
}

static struct ep_msg *emit_instance(struct ep_replica *r, struct ep_effects *fx, uint32_t to, enum ep_msg_type type,
				    uint32_t len, uint32_t col, uint64_t i)
{
	struct ep_msg *msg = ep_emit(r, fx, to, type, len);
	msg->col = (uint8_t)col;
	msg->i = i;
	return msg;
}

// A vector of n words.
static uint8_t *put_vec(uint8_t *at, const uint64_t *vec, uint32_t n)
{
	for (uint32_t c = 0; c < n; c++, at += 8)
		ep_store64(at, vec[c]);
	return at;
}

static uint8_t *put(uint8_t *at, const void *data, uint32_t len)
{
	memcpy(at, data, len);
	return at + len;
}

void ep_send_preaccept(struct ep_replica *r, struct ep_effects *fx, uint32_t to, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint32_t vec = 8u * r->n;
	uint32_t len = (uint32_t)(sizeof(struct ep_msg) + sizeof(struct ep_wire_preaccept)) + 2 * vec + rec->payload_len;
	struct ep_msg *msg = emit_instance(r, fx, to, EP_PREACCEPT, len, ep_slot_col(r, slot), rec->i);
	msg->arg = rec->fq;
	uint8_t *at = put((uint8_t *)(msg + 1), &rec->seq, 8);
	at = put_vec(at, rec_idep(rec), r->n);
	for (uint32_t c = 0; c < r->n; c++)
		at = put(at, &r->columns[c].agreed, 8);
	put(at, ep_payload(r, slot), rec->payload_len);
	r->counters.bytes_out_copied += rec->payload_len;
}

void ep_send_preaccept_ok(struct ep_replica *r, struct ep_effects *fx, uint32_t to, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint32_t vec = 8u * r->n;
	struct ep_msg *msg = emit_instance(r, fx, to, EP_PREACCEPT_OK, (uint32_t)sizeof *msg + vec, ep_slot_col(r, slot), rec->i);
	put_vec((uint8_t *)(msg + 1), rec_dep(rec, r->n), r->n);
}

void ep_send_value(struct ep_replica *r, struct ep_effects *fx, uint32_t to, enum ep_msg_type type, ep_slot slot, bool is_short)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint32_t vec = 8u * r->n;
	bool has_bytes = !rec_is_nop(rec) && !is_short;
	uint32_t len = (uint32_t)(sizeof(struct ep_msg) + sizeof(struct ep_wire_value)) + vec + (has_bytes ? rec->payload_len : 0);
	struct ep_msg *msg = emit_instance(r, fx, to, type, len, ep_slot_col(r, slot), rec->i);
	struct ep_wire_value value = { rec_abal(rec), rec_has_payload(rec) ? rec->seq : 0 };
	msg->flags = rec_is_nop(rec) ? EP_MSG_NOP : is_short ? EP_MSG_SHORT : 0;
	uint8_t *at = put((uint8_t *)(msg + 1), &value, sizeof value);
	at = put_vec(at, rec_dep(rec, r->n), r->n);
	if (has_bytes) {
		put(at, ep_payload(r, slot), rec->payload_len);
		r->counters.bytes_out_copied += rec->payload_len;
	}
}

void ep_send_ballot(struct ep_replica *r, struct ep_effects *fx, uint32_t to, enum ep_msg_type type, uint32_t col, uint64_t i,
		    uint64_t bal)
{
	struct ep_msg *msg = emit_instance(r, fx, to, type, sizeof *msg + 8, col, i);
	ep_store64(msg + 1, bal);
}

void ep_send_recover_ok(struct ep_replica *r, struct ep_effects *fx, uint32_t to, ep_slot slot)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint32_t vec = 8u * r->n;
	struct ep_wire_recover_ok body = { .bal = rec_bal(rec), .abal = rec_abal(rec), .phase = (uint8_t)rec_phase(rec) };
	uint32_t len = (uint32_t)(sizeof(struct ep_msg) + sizeof body) + 2 * vec + (rec_has_payload(rec) ? rec->payload_len : 0);
	struct ep_msg *msg = emit_instance(r, fx, to, EP_RECOVER_OK, len, ep_slot_col(r, slot), rec->i);
	msg->arg = rec->fq;
	msg->flags = (uint8_t)((rec_is_nop(rec) ? EP_MSG_NOP : 0) | (rec_has_init(rec) ? EP_MSG_HAS_INIT : 0) |
			       (rec_has_payload(rec) ? EP_MSG_HAS_PAYLOAD : 0));
	body.seq = rec_has_payload(rec) ? rec->seq : 0;
	uint8_t *at = put((uint8_t *)(msg + 1), &body, sizeof body);
	at = put_vec(at, rec_dep(rec, r->n), r->n);
	at = put_vec(at, rec_idep(rec), r->n);
	if (rec_has_payload(rec))
		put(at, ep_payload(r, slot), rec->payload_len);
}

void ep_send_validate(struct ep_replica *r, struct ep_effects *fx, uint32_t to, ep_slot slot, uint64_t bal,
		      const uint64_t *initial)
{
	struct ep_record *rec = ep_rec(r, slot);
	uint32_t vec = 8u * r->n;
	struct ep_wire_value value = { bal, rec->seq };
	uint32_t len = (uint32_t)(sizeof(struct ep_msg) + sizeof value) + vec + rec->payload_len;
	struct ep_msg *msg = emit_instance(r, fx, to, EP_VALIDATE, len, ep_slot_col(r, slot), rec->i);
	uint8_t *at = put((uint8_t *)(msg + 1), &value, sizeof value);
	at = put_vec(at, initial, r->n);
	put(at, ep_payload(r, slot), rec->payload_len);
}

void ep_send_range(struct ep_replica *r, struct ep_effects *fx, uint32_t to, enum ep_msg_type type, uint32_t col,
		   uint64_t first, uint64_t last)
{
	struct ep_msg *msg = emit_instance(r, fx, to, type, sizeof *msg + 8, col, first);
	ep_store64(msg + 1, last);
}

void ep_send_status(struct ep_replica *r, struct ep_effects *fx, uint32_t to)
{
	struct ep_msg *msg = ep_emit(r, fx, to, EP_STATUS, (uint32_t)sizeof *msg + 3 * 8u * r->n);
	uint8_t *at = (uint8_t *)(msg + 1);
	for (uint32_t c = 0; c < r->n; c++)
		at = put(at, &r->columns[c].exec_prefix, 8);
	for (uint32_t c = 0; c < r->n; c++)
		at = put(at, &r->columns[c].known, 8);
	for (uint32_t c = 0; c < r->n; c++)
		at = put(at, &r->columns[c].agreed, 8);
}

void ep_send_reply(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *to, uint64_t cookie, uint8_t flags,
		   enum ep_status status, const struct ep_session_id *instance, const void *result, uint32_t len)
{
	struct ep_msg *msg = ep_emit_client(r, fx, to, EP_C_REPLY, (uint32_t)(sizeof *msg + sizeof(struct ep_wire_reply)) + len,
					    cookie);
	msg->flags = flags;
	struct ep_wire_reply reply = { .status = (uint8_t)status };
	if (instance)
		reply.instance = *instance;
	uint8_t *at = put((uint8_t *)(msg + 1), &reply, sizeof reply);
	if (len > 0)
		put(at, result, len);
	r->counters.replies++;
}

void ep_send_busy(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *to, uint64_t cookie)
{
	struct ep_msg *msg = ep_emit_client(r, fx, to, EP_C_BUSY, sizeof *msg + sizeof(struct ep_wire_busy), cookie);
	// One status interval: what is missing is room that members report or executions that are under way.
	ep_store64(msg + 1, r->config.status_ns);
}
