// Staging: the requests of one burst are gathered into instances (protocol.md H.5). No timer: whoever comes alone goes alone.
//
// An instance is executed when everything is that any of its commands depends on. So a command whose keys nobody else uses is not put
// beside one that may wait for an undecided instance, perhaps of a dead member: each command belongs to a group, and a few instances
// are filled at a time, one for each group.
//
// Commands are written where they will stay, in the payload room of the slot that the next own number has. Nothing refers to
// it before SUBMIT publishes the record, so a kill forgets it, and the clients ask again.
#include "consensus/stage.h"
#include "consensus/session.h"

void ep_stage_clear(struct ep_replica *r)
{
	uint32_t waits = r->config.own_max * r->config.batch_max;
	r->staged = r->stage_first = 0;
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

void ep_stage_pop(struct ep_replica *r)
{
	r->stage_first = (r->stage_first + 1) & (EP_STAGES - 1);
	r->staged--;
}

void ep_stage_drop(struct ep_replica *r)
{
	uint32_t w = ep_stage_at(r, 0)->waits;
	while (w != EP_NIL) {
		uint32_t next = ep_wait(r, w)->next;
		if (ep_wait(r, w)->session != 0)
			ep_session(r, ep_wait(r, w)->session - 1)->inflight = 0;
		ep_wait_free(r, w);
		w = next;
	}
	ep_stage_pop(r);
}

static bool is_taken(const struct ep_replica *r, uint64_t i)
{
	const struct ep_record *rec = ep_rec(r, ep_slot_of(r, r->self, i));
	return rec_is_live(rec) && rec->i == i;
}

// The next own number and its slot, behind what is staged. Others may have decided Nop for one that this replica never used: it is
// gone. The stage counts as soon as it has a command.
static enum ep_admission begin(struct ep_replica *r, bool is_reconfig, struct ep_stage **ret)
{
	struct ep_stage *stage = ep_stage_at(r, r->staged);
	uint64_t i = ep_is_staged(r) ? ep_stage_at(r, r->staged - 1)->i + 1 : r->next_i;
	while (i <= r->columns[r->self].stable || is_taken(r, i))
		i++;
	if (!ep_is_staged(r))
		r->next_i = i;
	ep_slot slot = ep_slot_of(r, r->self, i);
	bool are_used_up = i >= EP_NUMBER_MAX || r->clock + r->staged + 1 >= EP_NUMBER_MAX; // others would drop what comes next
	if (are_used_up || !(is_reconfig ? ep_window_has_reserve(r, i) : ep_window_has_room(r, i))) {
		r->counters.busy_window++;
		return EP_ADMIT_WINDOW;
	}
	if (!ep_window_make_room(r, r->self, i))
		return EP_ADMIT_WINDOW; // its predecessor still stands in a queue here
	if (r->own_unexecuted + r->staged >= r->config.own_max && !is_reconfig) {
		r->counters.busy_own++;
		return EP_ADMIT_OWN;
	}
	stage->i = i;
	stage->slot = slot;
	stage->count = 0;
	stage->is_closed = stage->is_grouped = false;
	stage->waits = stage->waits_last = EP_NIL;
	stage->keys.count = stage->keys.cost = stage->keys.growth = 0;
	stage->keys.is_barrier = false;
	*(struct ep_wire_payload *)(void *)ep_payload(r, slot) = (struct ep_wire_payload){ .len = sizeof(struct ep_wire_payload) };
	*ret = stage;
	return EP_ADMIT;
}

// Every member may hold up to cost_max in flight twice over: growth not executed here yet, and room that was freed here
// but not yet elsewhere (EX5). What only frees is let into a full store: how else would it ever have room again?
static bool has_app_room(struct ep_replica *r, const struct ep_keys *keys)
{
	uint64_t reserve = 2ULL * r->n * r->config.cost_max, staged = 0;
	for (uint32_t k = 0; k < r->staged; k++)
		staged += ep_stage_at(r, k)->keys.cost;
	if (keys->cost != 0 && r->own_cost + staged + keys->cost > r->config.cost_max)
		return false;
	return keys->growth == 0 || pnyx_app_used(ep_at(r, r->at_app)) + reserve <= r->config.app_capacity;
}

// Who may share an instance with a command, as one number: those with the same stuck keys; or those with a key that other members use
// as well (1); or those that have only keys of their own (0).
static uint64_t group_of(const struct ep_replica *r, const struct ep_keys *keys)
{
	uint64_t stuck = 0;
	bool is_shared = false;
	for (uint32_t k = 0; k < keys->count; k++) {
		enum ep_key_use use = ep_index_use(r, keys->key[k].hash);
		stuck ^= use == EP_KEY_STUCK ? keys->key[k].hash : 0;
		is_shared |= use == EP_KEY_SHARED;
	}
	return stuck != 0 ? stuck : is_shared;
}

// OPEN's session is named after its instance, and nothing runs after the end of an epoch.
static bool is_alone(const struct ep_wire_command *command)
{
	return command->kind == EP_CMD_OPEN || command->kind == EP_CMD_RECONFIG;
}

static bool has_place(const struct ep_replica *r, const struct ep_stage *stage, const struct ep_wire_command *command,
		      const struct ep_keys *keys)
{
	const struct ep_wire_payload *head = (const void *)ep_payload(r, stage->slot);
	return !is_alone(command) && !stage->is_closed && stage->count < r->config.batch_max &&
	       stage->keys.count + keys->count <= r->config.keys_max && head->len + command->len <= ep_payload_max(r->config.frame_max);
}

// A staged instance of the command's group that has a place for it, the newest first.
static struct ep_stage *find(struct ep_replica *r, const struct ep_wire_command *command, const struct ep_keys *keys)
{
	uint64_t group = 0;
	bool is_known = false; // whoever comes alone needs none
	for (uint32_t k = r->staged; k-- > 0;) {
		struct ep_stage *stage = ep_stage_at(r, k);
		if (!has_place(r, stage, command, keys))
			continue;
		group = is_known ? group : group_of(r, keys);
		is_known = true;
		if (!stage->is_grouped) {
			stage->is_grouped = true;
			stage->group = group_of(r, &stage->keys);
		}
		if (stage->group == group)
			return stage;
	}
	return NULL;
}

static void add_wait(struct ep_replica *r, struct ep_stage *stage, const struct ep_request *request)
{
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

// The staged instance that takes the command: one of its group, else a new one.
static enum ep_admission choose(struct ep_replica *r, struct ep_effects *fx, const struct ep_wire_command *command,
				const struct ep_keys *keys, struct ep_stage **ret)
{
	*ret = find(r, command, keys);
	if (*ret)
		return EP_ADMIT;
	if (ep_is_staged(r) && (r->staged == EP_STAGES || !has_place(r, ep_stage_at(r, 0), command, keys)))
		ep_submit(r, fx);
	return begin(r, command->kind == EP_CMD_RECONFIG, ret);
}

enum ep_admission ep_stage(struct ep_replica *r, struct ep_effects *fx, const struct ep_wire_command *command,
			   const struct ep_request *request)
{
	struct ep_stage *stage;
	struct ep_keys own;
	const struct ep_keys *keys = request->keys;
	bool is_open = command->kind == EP_CMD_OPEN; // its keys depend on its instance
	if (!keys && !is_open && !ep_keys_of_command(&r->config, r->self, 0, command, &own))
		return EP_ADMIT_BAD;
	enum ep_admission verdict = choose(r, fx, command, keys ? keys : &own, &stage);
	if (verdict != EP_ADMIT)
		return verdict;
	if (is_open)
		CHECK(ep_keys_of_command(&r->config, r->self, stage->i, command, &own));
	keys = keys ? keys : &own;
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
		add_wait(r, stage, request);
	r->staged += stage->count == 0;
	head->count = (uint8_t)++stage->count;
	stage->is_closed = is_alone(command);
	ep_keys_join(&stage->keys, keys);
	return EP_ADMIT;
}
