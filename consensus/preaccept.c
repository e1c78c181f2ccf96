// PreAccept and PreAcceptOK: phase one at ballot 0, and the fast path (protocol.md B.5, H.3).
#include "consensus/decide.h"

static void preaccept_fresh(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in, const uint64_t *initial)
{
	struct ep_keys *keys = ep_message_keys(r, in);
	if (!keys)
		return;
	uint64_t seq = ep_load64(ep_body(in));
	struct ep_record *rec = ep_window_claim(r, in->slot, in->col, in->i, 0);
	ep_store_payload(r, in->slot, (const uint8_t *)in->msg + in->payload, seq);
	rec->fq = in->msg->arg;
	vec_copy(rec_idep(rec), initial, r->n);
	uint64_t *dep = rec_area(rec, r->n, false);
	ep_index_conflicts(r, keys, in->col, in->i, dep);
	vec_max(dep, initial, r->n);
	r->votes++;
	rec_publish(rec, r->n, st_make(EP_PREACCEPTED, 0, EP_ST_INIT | EP_ST_PAYLOAD));
	ep_learned(r, in->slot, keys);
	ep_send_preaccept_ok(r, fx, in->from, in->slot);
}

void on_preaccept(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	uint64_t initial[EP_MEMBERS_MAX], stable[EP_MEMBERS_MAX];
	ep_read_vec(r, in, sizeof(struct ep_wire_preaccept), 0, initial);
	ep_read_vec(r, in, sizeof(struct ep_wire_preaccept), 1, stable);
	if (in->from != in->col) {
		ep_drop(r, EP_DROP_SENDER);
		return;
	}
	if (!ep_window_accepts(r, initial)) {
		ep_drop(r, EP_DROP_WINDOW);
		return;
	}
	ep_leader_heard(r, in->col);
	ep_window_join_stable(r, stable);
	if (ep_window_is_ripe(r))
		ep_window_recycle(r, EP_RECYCLE_BUDGET);
	if (!in->rec) {
		preaccept_fresh(r, fx, in, initial);
		return;
	}
	struct ep_record *rec = in->rec;
	if (rec_is_committed(rec)) {
		r->counters.duplicates++;
		ep_send_value(r, fx, in->from, EP_COMMIT, in->slot, true);
	} else if (rec_bal(rec) == 0 && rec_phase(rec) == EP_PREACCEPTED) {
		if (rec->fq != in->msg->arg) {
			ep_drop(r, EP_DROP_FQ);
			return;
		}
		r->counters.duplicates++;
		ep_send_preaccept_ok(r, fx, in->from, in->slot); // the stored answer, never a new one
	} else if (rec_bal(rec) == 0) {
		r->counters.duplicates++; // ACCEPTED at ballot 0: the leader is past it
	} else {
		EP_MARK(preaccept_after_joining);
		ep_send_ballot(r, fx, in->from, EP_NACK, in->col, in->i, rec_bal(rec)); // C.7-2
	}
}

static void note_round_trip(struct ep_replica *r, uint8_t from, const struct ep_own *own)
{
	struct ep_peer *peer = &r->peers[from];
	peer->misses = 0;
	if (own->is_resent)
		return; // which copy was answered is not known (Karn)
	ep_time rtt = r->now - own->submitted;
	peer->srtt = peer->srtt == 0 ? rtt : peer->srtt - peer->srtt / 8 + rtt / 8;
}

static uint32_t members_in(uint8_t mask)
{
	return (uint32_t)__builtin_popcount(mask);
}

void on_preaccept_ok(struct ep_replica *r, struct ep_effects *fx, const struct ep_about *in)
{
	struct ep_record *rec = in->rec;
	struct ep_own *own = ep_own(r, in->slot);
	uint8_t bit = (uint8_t)(1u << in->from);
	uint64_t deps[EP_MEMBERS_MAX];
	ep_read_vec(r, in, 0, 0, deps);
	if (!rec || in->col != r->self || rec_phase(rec) != EP_PREACCEPTED || rec_bal(rec) != 0 || (own->tally_ok & bit)) {
		if (rec && in->col == r->self && !(own->tally_ok & bit)) {
			own->tally_ok |= bit; // late, but it tells the round trip
			note_round_trip(r, in->from, own);
		}
		r->counters.duplicates++;
		return;
	}
	if (!ep_window_accepts(r, deps)) {
		ep_drop(r, EP_DROP_WINDOW);
		return;
	}
	note_round_trip(r, in->from, own);
	own->tally_ok |= bit;
	if (vec_equal(deps, rec_idep(rec), r->n))
		own->tally_eq |= bit;
	vec_max(deps, rec_idep(rec), r->n);
	vec_max(rec_spare(rec, r->n), deps, r->n); // the union, where PROPOSE will want it

	if (r->mode == EP_MODE_D) {
		if (in->from == rec->fq) {
			own->is_fast = 1;
			r->counters.fast_commits++;
			ep_commit_now(r, fx, in->slot, 0, false, deps);
		} else if (own->is_late || r->peers[rec->fq].is_suspect) {
			ep_propose_own(r, fx, in->slot);
		}
		return;
	}
	if (members_in(own->tally_eq) >= r->fast) {
		own->is_fast = 1;
		r->counters.fast_commits++;
		ep_commit_now(r, fx, in->slot, 0, false, rec_idep(rec));
	} else if (members_in(own->tally_ok) >= r->slow &&
		   (own->is_late || members_in(own->tally_eq) + r->n - members_in(own->tally_ok) < r->fast)) {
		ep_propose_own(r, fx, in->slot);
	}
}
