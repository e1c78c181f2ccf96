// Staging: the requests of one burst are gathered into one instance (protocol.md H.5). No timer: whoever comes alone goes alone.
//
// Commands are written where they will stay, in the payload room of the slot that the next own number has. Nothing refers to
// it before SUBMIT publishes the record, so a kill forgets it, and the clients ask again.
#include "consensus/stage.h"
#include "consensus/session.h"

void ep_stage_clear(struct ep_replica *r)
{
	uint32_t waits = r->config.own_max * r->config.batch_max;
	r->stage.count = 0;
	r->stage.waits = r->stage.waits_last = EP_NIL;
	for (uint32_t w = 0; w < waits; w++)
		ep_wait(r, w)->next = w + 1 < waits ? w + 1 : EP_NIL;
	r->wait_free = 0;
}

void ep_wait_free(struct ep_replica *r, uint32_t wait)
{
	ep_wait(r, wait)->next = r->wait_free;
	r->wait_free = wait;
}

uint32_t ep_wait_of(const struct ep_replica *r, uint32_t first, uint32_t session)
{
	while (first != EP_NIL && ep_wait(r, first)->session != session)
		first = ep_wait(r, first)->next;
	return first;
}

const struct ep_wire_command *ep_command_at(const uint8_t *payload, uint32_t place)
{
	uint32_t offset = sizeof(struct ep_wire_payload);
	while (place-- > 0)
		ep_command_next(payload, &offset);
	return ep_command_next(payload, &offset);
}

void ep_stage_drop(struct ep_replica *r)
{
	while (r->stage.waits != EP_NIL) {
		uint32_t w = r->stage.waits;
		if (ep_wait(r, w)->session != 0)
			ep_session(r, ep_wait(r, w)->session - 1)->inflight = 0;
		r->stage.waits = ep_wait(r, w)->next;
		ep_wait_free(r, w);
	}
	r->stage.waits_last = EP_NIL;
	r->stage.count = 0;
}

static bool is_taken(const struct ep_replica *r, uint64_t i)
{
	const struct ep_record *rec = ep_rec(r, ep_slot_of(r, r->self, i));
	return rec_is_live(rec) && rec->i == i;
}

// The next own number and its slot. Others may have decided Nop for one that this replica never used: it is gone.
static enum ep_admission begin(struct ep_replica *r)
{
	struct ep_stage *stage = &r->stage;
	while (r->next_i <= r->columns[r->self].stable || is_taken(r, r->next_i))
		r->next_i++;
	ep_slot slot = ep_slot_of(r, r->self, r->next_i);
	if (!ep_window_has_room(r)) {
		r->counters.busy_window++;
		return EP_ADMIT_WINDOW;
	}
	if (!ep_window_make_room(r, r->self, r->next_i))
		return EP_ADMIT_WINDOW; // its predecessor still stands in a queue here
	if (r->own_unexecuted >= r->config.own_max) {
		r->counters.busy_own++;
		return EP_ADMIT_OWN;
	}
	stage->i = r->next_i;
	stage->slot = slot;
	stage->is_closed = false;
	stage->keys.count = stage->keys.cost = stage->keys.growth = 0;
	stage->keys.is_barrier = false;
	*(struct ep_wire_payload *)(void *)ep_payload(r, slot) = (struct ep_wire_payload){ .len = sizeof(struct ep_wire_payload) };
	return EP_ADMIT;
}

// Every member may hold up to cost_max in flight twice over: growth not executed here yet, and room that was freed here
// but not yet elsewhere (EX5). What only frees is let into a full store: how else would it ever have room again?
static bool has_app_room(const struct ep_replica *r, const struct ep_keys *keys)
{
	uint64_t reserve = 2ULL * r->n * r->config.cost_max, staged = ep_is_staged(r) ? r->stage.keys.cost : 0;
	if (keys->cost != 0 && r->own_cost + staged + keys->cost > r->config.cost_max)
		return false;
	return keys->growth == 0 || pnyx_app_used(ep_at(r, r->at_app)) + reserve <= r->config.app_capacity;
}

static bool has_place(const struct ep_replica *r, const struct ep_wire_command *command)
{
	const struct ep_wire_payload *head = (const void *)ep_payload(r, r->stage.slot);
	return command->kind != EP_CMD_OPEN && !r->stage.is_closed && r->stage.count < r->config.batch_max &&
	       head->len + command->len <= ep_payload_max(r->config.frame_max);
}

static void add_wait(struct ep_replica *r, const struct ep_request *request)
{
	struct ep_stage *stage = &r->stage;
	uint32_t w = r->wait_free;
	r->wait_free = ep_wait(r, w)->next;
	*ep_wait(r, w) = (struct ep_wait){ .client = *request->client, .next = EP_NIL, .cookie = request->cookie,
					   .session = request->session, .command = (uint8_t)stage->count };
	if (stage->waits_last == EP_NIL)
		stage->waits = w;
	else
		ep_wait(r, stage->waits_last)->next = w;
	stage->waits_last = w;
}

enum ep_admission ep_stage(struct ep_replica *r, struct ep_effects *fx, const struct ep_wire_command *command,
			   const struct ep_request *request)
{
	struct ep_stage *stage = &r->stage;
	struct ep_keys own;
	const struct ep_keys *keys = request->keys;
	if (ep_is_staged(r) && !has_place(r, command))
		ep_submit(r, fx);
	if (!ep_is_staged(r)) {
		enum ep_admission verdict = begin(r);
		if (verdict != EP_ADMIT)
			return verdict;
	}
	if (!keys) { // OPEN's depend on its instance
		if (!ep_keys_of_command(&r->config, r->self, stage->i, command, &own))
			return EP_ADMIT_BAD;
		keys = &own;
	}
	if (ep_is_staged(r) && stage->keys.count + keys->count > r->config.keys_max) {
		ep_submit(r, fx);
		enum ep_admission verdict = begin(r);
		if (verdict != EP_ADMIT)
			return verdict;
	}
	if (!has_app_room(r, keys)) {
		r->counters.busy_room++;
		return EP_ADMIT_ROOM;
	}
	if (request->client && r->wait_free == EP_NIL) {
		r->counters.busy_own++;
		return EP_ADMIT_OWN;
	}
	struct ep_wire_payload *head = (void *)ep_payload(r, stage->slot);
	memcpy((uint8_t *)head + head->len, command, command->len);
	head->len = (uint16_t)(head->len + command->len);
	if (request->client)
		add_wait(r, request);
	head->count = (uint8_t)++stage->count;
	stage->is_closed = command->kind == EP_CMD_OPEN;
	ep_keys_join(&stage->keys, keys);
	return EP_ADMIT;
}
