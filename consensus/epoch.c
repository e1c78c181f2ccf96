// The end of an epoch (protocol.md F.1): RECONFIG closes it, and a replica that has executed it is FROZEN for ever.
//
// RECONFIG interferes with everything. Whatever is not in its closure has it in its own dependencies (Visibility), so it is void at every
// member: the state of all who have executed RECONFIG is the same, and nobody was answered for anything that it lacks. One word,
// `closed`, set in the transaction that executes RECONFIG, says so and names the record whose payload says who comes next.
#include "consensus/epoch.h"
#include "consensus/client.h"
#include "consensus/hello.h"
#include "consensus/stage.h"

static const struct ep_wire_reconfig *list_of(const struct ep_wire_command *c)
{
	return (const void *)(c + 1);
}

static struct ep_membership membership(const struct ep_wire_reconfig *list, uint32_t chain)
{
	struct ep_membership out = { .epoch = list->epoch + 1, .chain = chain, .n = list->n, .e = list->e, .mode = list->mode };
	const struct ep_wire_new_member *from = (const void *)(list + 1);
	for (uint32_t m = 0; m < list->n; m++) {
		struct ep_member *to = &out.members[m];
		to->incarnation = from[m].incarnation;
		to->port = from[m].port;
		to->control_port = from[m].control_port;
		memcpy(to->uuid, from[m].uuid, sizeof to->uuid);
		memcpy(to->ip, from[m].ip, sizeof to->ip);
		memcpy(to->name, from[m].name, sizeof to->name);
	}
	return out;
}

static void set_membership(struct ep_config *c, const struct ep_membership *list, uint8_t self)
{
	c->epoch = list->epoch;
	c->chain = list->chain;
	c->n = list->n;
	c->e = list->e;
	c->mode = list->mode;
	c->self = self;
	memcpy(c->members, list->members, sizeof c->members);
}

bool ep_epoch_may_follow(const struct ep_config *config, const struct ep_wire_command *c)
{
	struct ep_membership list = membership(list_of(c), 0);
	if (list_of(c)->epoch != config->epoch || list.epoch == 0)
		return false;
	// Only what all members have alike may decide: a replica's own sizes never make it refuse what the others take.
	struct ep_config alike = { .n = list.n };
	ep_config_defaults(&alike);
	set_membership(&alike, &list, 0);
	alike.cost_max = config->cost_max;
	alike.app_capacity = config->app_capacity;
	return ep_config_check(&alike) == NULL;
}

void ep_epoch_end(struct ep_replica *r, struct ep_txn *txn, ep_slot slot)
{
	ep_txn_set64(txn, &r->closed, ep_word_seal(slot + 1, 32));
}

void ep_epoch_freeze(struct ep_replica *r)
{
	while (ep_is_staged(r))
		ep_stage_drop(r);
	r->standing = EP_STANDING_FROZEN;
	r->void_next = r->columns[r->self].stable + 1;
	r->status_due = r->now;
}

static const struct ep_wire_command *ending(const struct ep_replica *frozen)
{
	return ep_command_at(ep_payload(frozen, (ep_slot)ep_word_value(frozen->closed, 32) - 1), 0);
}

bool ep_epoch_attach(const struct ep_replica *r)
{
	uint64_t at = ep_word_value(r->closed, 32);
	if (r->closed == 0)
		return true;
	if (!ep_word_holds(r->closed, 32) || at == 0 || at > (uint64_t)r->n << r->window_shift)
		return false;
	const struct ep_record *rec = ep_rec(r, (ep_slot)at - 1);
	if (!rec_is_live(rec) || !rec_is_committed(rec) || rec_is_nop(rec) || !ep_is_executed(r, ep_slot_col(r, (ep_slot)at - 1), rec->i))
		return false;
	return ending(r)->kind == EP_CMD_RECONFIG;
}

struct ep_membership ep_epoch_next_list(const struct ep_replica *frozen)
{
	return membership(list_of(ending(frozen)), frozen->config_hash);
}

uint8_t ep_column_in(const struct ep_config *config, const struct ep_membership *list)
{
	const struct ep_member *me = &config->members[config->self];
	for (uint8_t m = 0; m < list->n; m++)
		if (memcmp(list->members[m].uuid, me->uuid, sizeof me->uuid) == 0 && list->members[m].incarnation == me->incarnation)
			return m;
	return EP_NO_COLUMN;
}

bool ep_config_follow(struct ep_config *config, const struct ep_membership *list)
{
	uint8_t self = ep_column_in(config, list);
	if (self == EP_NO_COLUMN)
		return false;
	set_membership(config, list, self);
	return true;
}

// ---- proposing -----------------------------------------------------------------------------------------------------------------
uint32_t ep_reconfig(uint32_t ends_epoch, const struct ep_membership *next, uint8_t *out)
{
	struct ep_wire_reconfig list = { .epoch = ends_epoch, .n = next->n, .e = next->e, .mode = next->mode };
	struct ep_wire_command c = { .kind = EP_CMD_RECONFIG };
	c.len = (uint16_t)(sizeof c + sizeof list + next->n * sizeof(struct ep_wire_new_member));
	memcpy(out, &c, sizeof c);
	memcpy(out + sizeof c, &list, sizeof list);
	for (uint32_t m = 0; m < next->n; m++) {
		const struct ep_member *from = &next->members[m];
		struct ep_wire_new_member to = { .incarnation = from->incarnation, .port = from->port, .control_port = from->control_port };
		memcpy(to.uuid, from->uuid, sizeof to.uuid);
		memcpy(to.ip, from->ip, sizeof to.ip);
		memcpy(to.name, from->name, sizeof to.name);
		memcpy(out + sizeof c + sizeof list + m * sizeof to, &to, sizeof to);
	}
	return c.len;
}

enum ep_proposal ep_propose(struct ep_replica *r, ep_time now, const struct ep_wire_command *reconfig, struct ep_effects *fx)
{
	struct ep_request nobody = { 0 };
	if (now > r->now)
		r->now = now;
	if (!ep_is_member(r))
		return EP_PROPOSAL_LATE;
	if (!ep_wire_check_command((const uint8_t *)reconfig, reconfig->len) || reconfig->kind != EP_CMD_RECONFIG ||
	    !ep_epoch_may_follow(&r->config, reconfig))
		return EP_PROPOSAL_BAD;
	if (!ep_has_frames(fx) || ep_stage(r, fx, reconfig, &nobody) != EP_ADMIT)
		return EP_PROPOSAL_BUSY;
	return EP_PROPOSED;
}

// ---- FROZEN ----------------------------------------------------------------------------------------------------------------------
// Clients whose commands came to nothing: they ask the next epoch's members, under the same number, and those know whether it was executed.
// True while there are more.
static bool answer_void(struct ep_replica *r, struct ep_effects *fx)
{
	for (; r->void_next < r->next_i; r->void_next++) {
		struct ep_own *own = ep_own(r, ep_slot_of(r, r->self, r->void_next));
		while (own->waits != EP_NIL) {
			if (!ep_has_frames(fx))
				return true;
			uint32_t w = own->waits;
			ep_send_wrong_epoch(r, fx, &ep_wait(r, w)->client, ep_wait(r, w)->cookie);
			own->waits = ep_wait(r, w)->next;
			ep_wait_free(r, w);
		}
	}
	return false;
}

// Whoever has executed RECONFIG holds its whole closure, committed. What is not committed here is therefore not in it: Void, nobody
// executes it (protocol.md F.1). A member that is behind may need to hear that, for a dependency of the closure can cover its number.
void ep_epoch_tell(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	uint64_t last = ep_load64(ep_body(in)), from = 0; // first of the void ones gathered, 0 = none
	uint32_t taken = fx->used; // a range is cut to what fits the frames of one step
	if (last - in->i >= EP_FETCH_SPAN)
		last = in->i + EP_FETCH_SPAN - 1;
	for (uint64_t i = in->i; fx->used < taken + 2; i++) {
		ep_slot slot = ep_slot_of(r, in->col, i);
		const struct ep_record *rec = ep_rec(r, slot);
		bool is_here = rec_is_live(rec) && rec->i == i && rec_is_committed(rec), is_void = !is_here && !ep_is_executed(r, in->col, i);
		if (from != 0 && (i > last || !is_void)) {
			ep_send_range(r, fx, in->from, EP_VOID, in->col, from, i - 1);
			from = 0;
		}
		if (i > last)
			break;
		if (is_here) {
			ep_send_value(r, fx, in->from, EP_COMMIT, slot, false);
			r->counters.fetched++;
		}
		from = is_void && from == 0 ? i : from;
	}
}

void ep_epoch_run(struct ep_replica *r, struct ep_effects *fx)
{
	if (answer_void(r, fx) || r->now < r->status_due || !ep_has_frames(fx))
		return;
	for (uint32_t m = 0; m < r->n; m++) // whoever is behind learns from it what to ask for
		if (m != r->self)
			ep_send_status(r, fx, m);
	r->status_due = r->now + r->config.status_ns * r->pace;
}

ep_time ep_epoch_due(const struct ep_replica *r)
{
	return r->void_next < r->next_i ? r->now : r->status_due;
}
