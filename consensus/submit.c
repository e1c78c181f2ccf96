// SUBMIT: a client's command becomes an instance of this replica's own column (protocol.md B.5, H.3, D.4, EX5).
#include "consensus/decide.h"

// The peer that answers fastest; one that stayed silent or is suspected only when there is no other.
static uint8_t choose_designated(const struct ep_replica *r)
{
	uint8_t best = r->self;
	for (uint8_t m = 0; m < r->n; m++) {
		if (m == r->self)
			continue;
		const struct ep_peer *p = &r->peers[m], *b = &r->peers[best];
		bool is_good = !p->is_suspect && p->misses < EP_MISSES_MAX;
		bool is_best_good = best != r->self && !b->is_suspect && b->misses < EP_MISSES_MAX;
		if (best == r->self || (is_good && !is_best_good) || (is_good == is_best_good && p->srtt < b->srtt))
			best = m;
	}
	return best;
}

static enum ep_admission admit(struct ep_replica *r, uint32_t cost)
{
	if (!ep_window_has_room(r)) {
		r->counters.busy_window++;
		return EP_ADMIT_WINDOW;
	}
	if (r->own_unexecuted >= r->config.own_max) {
		r->counters.busy_own++;
		return EP_ADMIT_OWN;
	}
	// Every member may hold up to cost_max in flight twice over: growth not executed here yet, and room that was freed here
	// but not yet elsewhere (EX5).
	uint64_t reserve = 2ULL * r->n * r->config.cost_max;
	if (cost > 0 && (r->own_cost + cost > r->config.cost_max ||
			 pnyx_app_used(ep_at(r, r->at_app)) + reserve > r->config.app_capacity)) {
		r->counters.busy_room++;
		return EP_ADMIT_ROOM;
	}
	return EP_ADMIT;
}

static void start_own(struct ep_replica *r, ep_slot slot, const struct ep_request *request, uint32_t cost)
{
	struct ep_own *own = ep_own(r, slot);
	*own = (struct ep_own){ .queue = EP_QUEUE_NONE, .submitted = r->now, .cost = cost, .is_open = 1,
				.tally_ok = (uint8_t)(1u << r->self), .tally_eq = (uint8_t)(1u << r->self) };
	if (request->client) {
		own->client = *request->client;
		own->is_held = 1;
		own->cookie = request->cookie;
	}
	own->session = request->session;
	r->own_cost += cost;
	r->own_unexecuted++;
	r->counters.submits++;
}

static bool is_taken(const struct ep_replica *r, uint64_t i)
{
	const struct ep_record *rec = ep_rec(r, ep_slot_of(r, r->self, i));
	return rec_is_live(rec) && rec->i == i;
}

enum ep_admission ep_submit(struct ep_replica *r, struct ep_effects *fx, const struct ep_wire_command *command,
			    const struct ep_request *request)
{
	// Others may have decided Nop for a number that this replica never used: it is gone, the next one is taken.
	while (r->next_i <= r->columns[r->self].stable || is_taken(r, r->next_i))
		r->next_i++;
	uint64_t i = r->next_i;
	ep_slot slot = ep_slot_of(r, r->self, i);
	struct ep_keys keys = { 0 };
	if (ep_window_has_room(r)) {
		if (!ep_window_make_room(r, r->self, i))
			return EP_ADMIT_WINDOW; // its predecessor still stands in a queue here
		struct ep_wire_payload *head = (void *)ep_payload(r, slot);
		*head = (struct ep_wire_payload){ .len = (uint16_t)(sizeof *head + command->len), .count = 1 };
		memcpy(head + 1, command, command->len);
		if (!ep_keys_collect(&r->config, r->self, i, (const uint8_t *)head, &keys))
			return EP_ADMIT_BAD;
	}
	enum ep_admission verdict = admit(r, keys.cost);
	if (verdict != EP_ADMIT)
		return verdict;

	ep_window_note(r, r->self, i); // only now: a number that is known is recovered
	struct ep_record *rec = ep_window_claim(r, slot, r->self, i, 0);
	rec->payload_len = (uint16_t)(sizeof(struct ep_wire_payload) + command->len);
	r->counters.bytes_in_copied += rec->payload_len;
	rec->seq = ++r->clock;
	rec->fq = r->mode == EP_MODE_D ? choose_designated(r) : r->self;
	ep_index_conflicts(r, &keys, r->self, i, rec_idep(rec));
	memcpy(rec_area(rec, r->n, false), rec_idep(rec), 8u * r->n);
	memcpy(rec_area(rec, r->n, true), rec_idep(rec), 8u * r->n); // the tally of PreAcceptOKs starts from D
	r->votes++;
	ep_publish64(&rec->st, st_make(EP_PREACCEPTED, 0, EP_ST_INIT | EP_ST_PAYLOAD, i));
	r->next_i++;
	start_own(r, slot, request, keys.cost);
	ep_learned(r, slot, &keys);

	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self)
			ep_send_preaccept(r, fx, m, slot);
	if (r->fast == 1) // the own vote is a quorum
		ep_commit_now(r, fx, slot, 0, false, rec_dep(rec, r->n));
	else
		ep_timer_set(r, slot, EP_QUEUE_FAST, r->now + ep_after_rtts(r, r->config.fast_rtts, r->config.fast_min_ns));
	return EP_ADMIT;
}
