// Messages of clients: HELLO, requests, statistics, digest (docs/wire.md).
#include "consensus/client.h"
#include "consensus/arena.h"
#include "consensus/digest.h"
#include "consensus/epoch.h"
#include "consensus/hello.h"
#include "consensus/session.h"
#include "consensus/stage.h"

// Who serves, as far as is known here: once the epoch has ended, those of the next one, this replica among them or not.
static struct ep_config serving(const struct ep_replica *r)
{
	struct ep_config c = r->config;
	if (!ep_is_frozen(r))
		return c;
	struct ep_membership next = ep_epoch_next_list(r);
	if (!ep_config_follow(&c, &next)) {
		c.members[c.self = 0] = next.members[0];
		ep_config_follow(&c, &next);
	}
	return c;
}

static void send_welcome(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *to, enum ep_msg_type type,
			 uint64_t cookie)
{
	struct ep_config config = serving(r);
	uint32_t len = (uint32_t)(sizeof(struct ep_msg) + sizeof(struct ep_wire_welcome) + config.n * sizeof(struct ep_wire_member));
	struct ep_msg *msg = ep_emit_client(r, fx, to, type, len, cookie);
	struct ep_wire_welcome *w = (void *)(msg + 1);
	uint32_t frame_max = r->config.frame_max;
	uint64_t free_sessions = r->config.sessions_max - r->sessions_count;
	*w = (struct ep_wire_welcome){ .n = config.n, .self = config.self, .frame_max = (uint16_t)frame_max, .epoch = config.epoch,
				       .config_hash = ep_arena_hash_shared(&config), .command_max = (uint16_t)ep_command_max(frame_max),
				       .result_max = (uint16_t)ep_result_max(frame_max), .kept_max = EP_KEPT_MAX,
				       .sessions_free_hint = (uint16_t)(free_sessions < 65535 ? free_sessions : 65535) };
	struct ep_wire_member *members = (void *)(w + 1);
	for (uint32_t m = 0; m < config.n; m++) {
		const struct ep_member *from = &config.members[m];
		members[m] = (struct ep_wire_member){ 0 };
		memcpy(members[m].uuid, from->uuid, sizeof from->uuid);
		memcpy(members[m].ip, from->ip, sizeof from->ip);
		members[m].port = from->port;
	}
}

void ep_send_wrong_epoch(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *to, uint64_t cookie)
{
	send_welcome(r, fx, to, EP_C_WRONG_EPOCH, cookie);
}

// A repeat of an update: answered from the table, or joined to the instance that already carries it.
static bool is_repeat(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *from, const struct ep_msg *msg,
		      const struct ep_wire_command *command, struct ep_session *s)
{
	if (command->seq == s->last &&
	    ep_hash64(r->config.hash_seed, ep_command_bytes(command), ep_command_len(command)) == s->digest) {
		r->counters.kept_replies++;
		struct ep_session_id none = { 0 };
		ep_send_reply(r, fx, from, msg->i, 0, ep_session_status(s), &none, s->kept, ep_session_len(s));
		return true;
	}
	if (s->inflight != command->seq || command->seq <= s->last)
		return false;
	uint32_t w = EP_NIL, session = ep_session_index(r, s) + 1;
	ep_slot slot = 0;
	if (s->own != EP_NIL) {
		slot = ep_slot_of(r, r->self, 0) | s->own;
		w = ep_wait_of(r, ep_own(r, slot)->waits, session);
	}
	for (uint32_t k = 0; s->own == EP_NIL && w == EP_NIL && k < r->staged; k++) {
		slot = ep_stage_at(r, k)->slot;
		w = ep_wait_of(r, ep_stage_at(r, k)->waits, session);
	}
	if (w == EP_NIL)
		return false;
	const struct ep_wire_command *carried = ep_command_at(ep_payload(r, slot), ep_wait(r, w)->command);
	if (carried->len != command->len || memcmp(carried, command, command->len) != 0)
		return false;
	ep_wait(r, w)->client = *from;
	ep_wait(r, w)->cookie = msg->i;
	r->counters.duplicates++;
	return true;
}

static void on_request(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *from, const struct ep_msg *msg,
		       const struct ep_keys *keys)
{
	const struct ep_wire_command *command = (const void *)(msg + 1);
	struct ep_request request = { .client = from, .cookie = msg->i, .keys = keys };
	struct ep_session *s = NULL;
	if (command->kind == EP_CMD_RECONFIG || command->len + sizeof(struct ep_wire_payload) > ep_payload_max(r->config.frame_max)) {
		enum ep_status why = command->kind == EP_CMD_RECONFIG ? EP_BAD_COMMAND : EP_TOO_BIG;
		ep_send_reply(r, fx, from, msg->i, 0, why, NULL, NULL, 0);
		return;
	}
	if (!ep_is_member(r)) {
		r->counters.busy_asking++;
		ep_send_busy(r, fx, from, msg->i);
		return;
	}
	if (command->kind == EP_CMD_UPDATE) {
		s = ep_session_find(r, &command->session);
		if (s && is_repeat(r, fx, from, msg, command, s))
			return;
		request.session = s ? ep_session_index(r, s) + 1 : 0;
	}
	switch (ep_stage(r, fx, command, &request)) {
	case EP_ADMIT:
		if (s && command->seq > s->last) {
			s->inflight = command->seq;
			s->own = EP_NIL; // SUBMIT names the slot
		}
		break;
	case EP_ADMIT_WINDOW:
	case EP_ADMIT_OWN:
	case EP_ADMIT_ROOM:
		ep_send_busy(r, fx, from, msg->i);
		break;
	case EP_ADMIT_BAD:
		ep_send_reply(r, fx, from, msg->i, 0, EP_BAD_COMMAND, NULL, NULL, 0);
		break;
	}
}

static void send_values(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *to, const struct ep_msg *ask,
			const void *values, uint32_t len)
{
	struct ep_msg *msg = ep_emit_client(r, fx, to, EP_C_STATS_REPLY, (uint32_t)sizeof *msg + len, ask->i);
	msg->arg = ask->arg;
	memcpy(msg + 1, values, len);
}

static void on_stats(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *to, const struct ep_msg *ask)
{
	uint64_t frontier[6 * EP_MEMBERS_MAX], *at = frontier;
	switch ((enum ep_stats_page)ask->arg) {
	case EP_STATS_CORE:
		ep_counters_refresh(r);
		send_values(r, fx, to, ask, &r->counters, sizeof r->counters);
		return;
	case EP_STATS_DROPS:
		send_values(r, fx, to, ask, r->drops, sizeof r->drops);
		return;
	case EP_STATS_SHELL:
		send_values(r, fx, to, ask, &r->shell, sizeof r->shell);
		return;
	case EP_STATS_FRONTIER:
		for (uint32_t c = 0; c < r->n; c++, at++) {
			at[0] = r->columns[c].exec_prefix;
			at[r->n] = r->columns[c].cprefix;
			at[2 * r->n] = r->columns[c].known;
			at[3 * r->n] = r->columns[c].stable;
			at[4 * r->n] = r->peers[c].srtt;
			at[5 * r->n] = c == r->self ? 0 : r->now - r->peers[c].heard;
		}
		send_values(r, fx, to, ask, frontier, 6 * 8u * r->n);
		return;
	}
	ep_drop(r, EP_DROP_MALFORMED);
}

static void on_digest(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *to, const struct ep_msg *ask)
{
	struct ep_wire_digest digest;
	ep_digest_slice(r, &digest);
	uint32_t len = (uint32_t)(sizeof *ask + sizeof digest) + 8u * r->n;
	struct ep_msg *msg = ep_emit_client(r, fx, to, EP_C_DIGEST_REPLY, len, ask->i);
	memcpy(msg + 1, &digest, sizeof digest);
	for (uint32_t c = 0; c < r->n; c++)
		ep_store64((uint8_t *)(msg + 1) + sizeof digest + 8 * c, r->columns[c].exec_prefix);
}

void on_client_message(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *from, const struct ep_wire_header *h,
		       const struct ep_msg *msg, const struct ep_keys *keys)
{
	switch (msg->type) {
	case EP_C_HELLO:
		send_welcome(r, fx, from, EP_C_WELCOME, msg->i);
		return;
	case EP_C_REQUEST:
		if ((h->epoch != 0 && h->epoch != r->config.epoch) || ep_is_frozen(r))
			ep_send_wrong_epoch(r, fx, from, msg->i);
		else
			on_request(r, fx, from, msg, keys);
		return;
	case EP_C_STATS:
		on_stats(r, fx, from, msg);
		return;
	case EP_C_DIGEST:
		on_digest(r, fx, from, msg);
		return;
	}
	ep_drop(r, EP_DROP_TYPE);
}
