// The consensus agent: lends received payloads and blank frames to the core, and sends what it filled.
#include "dataplane/agent.h"
#include "dataplane/epochs.h"

_Thread_local struct ep_replica *dp_speaking;

bool dp_epoch_set(struct dp_epoch *e, struct dp_net *net, struct ep_replica *r, const struct ep_config *config)
{
	e->replica = r;
	e->number = config->epoch;
	memset(e->column_of, EP_CLIENT, sizeof e->column_of);
	for (uint8_t m = 0; m < config->n; m++) {
		uint8_t at = dp_net_meet(net, config->members[m].ip, config->members[m].port);
		if (at == DP_NOBODY)
			return false;
		e->neighbour_of[m] = at;
		e->column_of[at] = m;
	}
	return true;
}

static void blank(struct dp_consensus *c, uint32_t k, struct rte_mbuf *m)
{
	c->mbufs[k] = m;
	c->frames[k].data = rte_pktmbuf_mtod(m, uint8_t *);
	c->frames[k].len = 0;
}

bool dp_consensus_init(struct dp_consensus *c)
{
	for (uint32_t k = 0; k < DP_TRAY; k++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(c->pool);
		if (!m)
			return false;
		blank(c, k, m);
	}
	c->fx = (struct ep_effects){ .frames = c->frames, .count = DP_TRAY };
	c->backlog_patience = rte_get_tsc_hz() / 1000000 * DP_PATIENCE_US;
	return true;
}

void dp_consensus_fini(struct dp_consensus *c)
{
	for (uint32_t k = 0; k < DP_TRAY; k++)
		rte_pktmbuf_free(c->mbufs[k]);
	while (c->backlog.count > 0)
		rte_pktmbuf_free(dp_backlog_take(&c->backlog));
}

static ep_time time_now(const struct dp_consensus *c)
{
	return (ep_time)(((unsigned __int128)(rte_rdtsc() - c->tsc_start) * c->ns_mult) >> 32) + 1;
}

uint64_t dp_consensus_patience(const struct dp_consensus *c)
{
	ep_time now = time_now(c), due = ep_deadline(c->now.replica);
	if (c->old.replica)
		due = RTE_MIN(due, ep_deadline(c->old.replica));
	return due > now ? due - now : 0;
}

static void hand_over(struct dp_consensus *c, struct rte_mbuf **out, uint32_t count)
{
	if (!c->ring) {
		dp_io_send(c->io, out, count);
		return;
	}
	uint32_t taken = rte_ring_sp_enqueue_burst(c->ring, (void **)out, count, NULL);
	for (uint32_t k = taken; k < count; k++) {
		c->counters->drop_ring_out++;
		rte_pktmbuf_free(out[k]);
	}
}

// Seals and sends every frame that this epoch's replica has filled, and puts blanks in their places.
static void flush(struct dp_consensus *c, const struct dp_epoch *e)
{
	struct rte_mbuf *out[DP_TRAY], *fresh[DP_TRAY];
	uint32_t used = c->fx.used, count = 0;
	if (used == 0)
		return;
	if (rte_pktmbuf_alloc_bulk(c->pool, fresh, used) != 0) {
		c->counters->no_mbuf += used; // to the peers that is loss; the frames are filled anew
		for (uint32_t k = 0; k < used; k++)
			c->frames[k].len = 0;
		ep_effects_reset(&c->fx);
		return;
	}
	for (uint32_t k = 0; k < used; k++) {
		struct ep_frame *frame = &c->frames[k];
		struct rte_mbuf *m = c->mbufs[k];
		ep_seal(e->replica, frame);
		ep_wire_seal(frame->data, frame->len);
		m->data_len = (uint16_t)frame->len;
		m->pkt_len = frame->len;
		dp_meta(m)->neighbour = frame->member == EP_CLIENT ? EP_CLIENT : e->neighbour_of[frame->member];
		dp_meta(m)->to = frame->to;
		out[count++] = m;
		blank(c, k, fresh[k]);
	}
	ep_effects_reset(&c->fx);
	hand_over(c, out, count);
}

// Timeouts are ten times as long while the machine has more pollers than cores: a silent peer is then most often one that
// waits for its processor.
static void tell_pace(struct dp_consensus *c, ep_time now)
{
	bool is_crowded = dp_pollers_crowded(c->pollers);
	if (is_crowded == c->is_crowded)
		return;
	c->is_crowded = is_crowded;
	struct ep_command command = { .type = EP_PACE, .value = is_crowded ? 10 : 1 };
	ep_control(c->now.replica, now, &command, &c->fx);
}

static void handle(struct dp_consensus *c, const struct dp_epoch *e, ep_time now, struct rte_mbuf *m)
{
	struct ep_view view = { rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, 0 };
	struct ep_source *source = &dp_meta(m)->source;
	if (source->member != EP_CLIENT)
		source->member = e->column_of[source->member];
	while (!ep_receive(e->replica, now, source, &view, &c->fx))
		flush(c, e);
}

static bool is_for_old(const struct dp_consensus *c, struct rte_mbuf *m)
{
	const struct ep_wire_header *h = rte_pktmbuf_mtod(m, const void *);
	return c->old.replica && m->data_len >= sizeof *h && h->epoch == c->old.number;
}

// While an epoch begins: members who have not ended the one before are told how.
static void serve_old(struct dp_consensus *c, ep_time now, struct rte_mbuf **data, uint32_t count)
{
	if (!c->old.replica)
		return;
	flush(c, &c->now);
	dp_speaking = c->old.replica;
	for (uint32_t k = 0; k < count; k++)
		if (is_for_old(c, data[k]))
			handle(c, &c->old, now, data[k]);
	ep_tick(c->old.replica, now, &c->fx);
	flush(c, &c->old);
	dp_speaking = c->now.replica;
}

// Members' frames are left in `data`, clients' get in line or, where it is full, are refused.
static uint32_t sort(struct dp_consensus *c, ep_time now, struct rte_mbuf **data, uint32_t count)
{
	uint32_t members = 0;
	for (uint32_t k = 0; k < count; k++) {
		struct rte_mbuf *m = data[k];
		if (dp_meta(m)->source.member != EP_CLIENT) {
			ep_prefetch(c->now.replica, (struct ep_view){ rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, 0 });
			data[members++] = m;
		} else if (!dp_backlog_is_full(&c->backlog)) {
			dp_backlog_put(&c->backlog, m);
		} else {
			dp_meta(m)->source.is_late = true;
			handle(c, &c->now, now, m);
			rte_pktmbuf_free(m);
		}
	}
	return members;
}

static uint32_t serve(struct dp_consensus *c, ep_time now)
{
	uint64_t patience = c->backlog_patience * (c->is_crowded ? 10 : 1);
	uint32_t served = 0, bytes = 0;
	for (; c->backlog.count > 0 && bytes < DP_SERVED; served++) {
		struct rte_mbuf *m = dp_backlog_take(&c->backlog);
		bool is_late = rte_rdtsc() - dp_meta(m)->arrived > patience;
		dp_meta(m)->source.is_late = is_late;
		bytes += m->data_len;
		handle(c, &c->now, now, m);
		rte_pktmbuf_free(m);
	}
	return served;
}

// What a turn does now and then.
static void tend(struct dp_consensus *c, ep_time now)
{
	bool is_rested = c->is_rested;
	c->is_rested = false;
	if (is_rested || (c->counters->turns & 1023) == 0) {
		if (c->pollers)
			tell_pace(c, now);
		if (ep_standing(c->now.replica) == EP_STANDING_DEAD)
			*c->stop = true;
		if (c->epochs)
			dp_epochs_tend(c->epochs, c);
	}
	if (c->mailbox && (is_rested || c->counters->turns % DP_MAILBOX_TURNS == 0))
		dp_mailbox_poll(c->mailbox, c->now.replica, now, &c->fx);
}

uint32_t dp_consensus_poll(struct dp_consensus *c, struct rte_mbuf **data, uint32_t count)
{
	ep_time now = time_now(c);
	tend(c, now);
	struct ep_replica *r = dp_speaking = c->now.replica; // behind tend(): an epoch may just have begun
	uint32_t members = sort(c, now, data, count), handled = members;
	for (uint32_t k = 0; k < members; k++)
		if (likely(!is_for_old(c, data[k])))
			handle(c, &c->now, now, data[k]);
	serve_old(c, now, data, members);
	rte_pktmbuf_free_bulk(data, members);
	if (dp_backlog_has_turn(&c->backlog, count == DP_BURST))
		handled += serve(c, now);
	if (count + handled > 0) {
		ep_burst_end(r, now, &c->fx);
		if (handled == 1)
			flush(c, &c->now); // nobody else has anything to say: its answer does not wait for the clockwork
		ep_tick(r, now, &c->fx);
		flush(c, &c->now);
		return count + handled;
	}
	uint32_t work = 0;
	if (ep_deadline(r) <= now) {
		ep_tick(r, now, &c->fx);
		work = c->fx.used + (ep_deadline(r) <= now);
	}
	flush(c, &c->now);
	return work;
}
