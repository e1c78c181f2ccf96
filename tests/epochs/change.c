// Operators who change the members, and faults. No more is taken away than the protocol promises to bear: of every epoch that still
// matters, SLOW members keep their memory.
#include <string.h>
#include "tests/epochs/world.h"
#include "tests/sim/verdict.h"

static uint32_t alive(const struct world *w, const struct ep_membership *list, uint8_t without)
{
	uint32_t count = 0;
	for (uint8_t node = 0; node < NODES; node++)
		count += node != without && !w->nodes[node].is_gone && check_column(list, &w->nodes[node].me) != EP_NO_COLUMN;
	return count;
}

// The first epoch whose members may still be needed: the last that SLOW of its members are ready for; the one before it as well,
// while somebody in it is not.
static uint32_t first_needed(const struct world *w)
{
	uint32_t open = w->newest;
	while (open > 1 && (uint32_t)__builtin_popcount(w->epochs[open].ready) < check_slow(w->epochs[open].list.n))
		open--;
	bool are_all = open == 1 || (uint32_t)__builtin_popcount(w->epochs[open].ready) == w->epochs[open].list.n;
	return are_all ? open : open - 1;
}

static bool may_lose(const struct world *w, uint8_t node)
{
	for (uint32_t e = first_needed(w); e <= w->newest; e++)
		if (alive(w, &w->epochs[e].list, node) < check_slow(w->epochs[e].list.n))
			return false;
	for (uint32_t k = 0; k < PROPOSED_MAX && k < w->proposed_count; k++) {
		const struct ep_membership *list = &w->proposed[k];
		if (list->epoch > w->newest && alive(w, list, node) < check_slow(list->n))
			return false;
	}
	return true;
}

// ---- operators -----------------------------------------------------------------------------------------------------------------
static bool has(const struct ep_membership *list, uint8_t node)
{
	for (uint8_t m = 0; m < list->n; m++)
		if (list->members[m].ip[3] == node + 1)
			return true;
	return false;
}

static void add(const struct world *w, struct ep_membership *list, uint8_t node)
{
	if (list->n < EP_MEMBERS_MAX && !has(list, node) && !w->nodes[node].is_gone)
		list->members[list->n++] = w->nodes[node].me;
}

static void take_out(struct ep_membership *list, uint32_t m)
{
	memmove(&list->members[m], &list->members[m + 1], (list->n - m - 1) * sizeof list->members[0]);
	list->n--;
	memset(&list->members[list->n], 0, sizeof list->members[0]);
}

static struct ep_membership draw_list(struct world *w, const struct ep_membership *from)
{
	struct ep_membership list = { 0 };
	uint8_t any = (uint8_t)below(w, NODES);
	if (below(w, 100) < w->draw.wild) {
		for (uint32_t size = 1 + below(w, EP_MEMBERS_MAX); size > 0; size--)
			add(w, &list, (uint8_t)below(w, NODES));
	} else {
		memcpy(list.members, from->members, sizeof list.members);
		list.n = from->n;
		uint32_t what = below(w, 4);
		if (what != 0 && list.n > 1)
			take_out(&list, below(w, list.n)); // remove or replace
		if (what != 1)
			add(w, &list, any); // add or replace
	}
	for (uint32_t m = 0; m < list.n;) // the lost are left out, or come as who they are now
		if (check_column(&list, &w->nodes[list.members[m].ip[3] - 1].me) == EP_NO_COLUMN)
			take_out(&list, m);
		else
			m++;
	list.e = list.n >= 5 ? (uint8_t)below(w, 2) : 0;
	list.mode = (uint8_t)(below(w, 4) == 0 ? EP_MODE_E : EP_MODE_AUTO);
	return list;
}

static void propose(struct world *w, uint8_t node, struct ep_membership *list)
{
	struct node *n = &w->nodes[node];
	uint8_t bytes[EP_RECONFIG_MAX];
	ep_reconfig(n->now->epoch, list, bytes);
	enum ep_proposal verdict = ep_propose(n->now->host.replica, w->now, (const void *)bytes, &n->now->host.effects);
	if (verdict == EP_PROPOSAL_BAD)
		verdict_fail("a list of %d members is refused", list->n);
	if (verdict == EP_PROPOSED) {
		list->epoch = n->now->epoch + 1;
		w->proposed[w->proposed_count++ % PROPOSED_MAX] = *list;
		w->figures.proposals++;
	}
	node_plan(w, node, w->now);
}

// Once faults have ended, whoever is lost is ejected: with it nothing becomes stable, and the windows fill, also those of RECONFIG.
static void eject(struct world *w)
{
	struct ep_membership list = w->epochs[w->newest].list;
	uint8_t node = (uint8_t)below(w, NODES);
	if (!w->nodes[node].now || w->nodes[node].now->epoch != w->newest || alive(w, &list, NODES) == list.n)
		return;
	for (uint32_t m = 0; m < list.n;)
		if (w->nodes[list.members[m].ip[3] - 1].is_gone ||
		    check_column(&list, &w->nodes[list.members[m].ip[3] - 1].me) == EP_NO_COLUMN)
			take_out(&list, m);
		else
			m++;
	list.e = 0;
	if (node_is_up(w, node))
		propose(w, node, &list);
}

void change_propose(struct world *w)
{
	if (w->is_healed)
		eject(w);
	for (uint32_t operators = w->is_healed ? 0 : 1 + below(w, 3); operators > 0; operators--) {
		uint8_t node = (uint8_t)below(w, NODES);
		struct node *n = &w->nodes[node];
		if (!node_is_up(w, node) || !n->now)
			continue;
		struct ep_membership list = draw_list(w, &w->epochs[n->now->epoch].list);
		if (list.n == 0 || alive(w, &list, NODES) < check_slow(list.n))
			continue;
		propose(w, node, &list);
	}
	queue_push(&w->queue, w->now + 1 + below(w, 2 * w->draw.change_every), EVENT_SWEEP, 1, NULL);
}

// ---- faults ----------------------------------------------------------------------------------------------------------------------
static void cut_off(struct world *w)
{
	for (uint8_t node = 0; node < NODES; node++)
		w->cut[node] = 0;
	if (below(w, 3) == 0)
		return;
	uint32_t side = below(w, 1u << NODES);
	bool is_one_way = below(w, 3) == 0;
	for (uint8_t node = 0; node < NODES; node++)
		if (side >> node & 1)
			w->cut[node] = ~side;
		else if (!is_one_way)
			w->cut[node] = side;
}

void change_strike(struct world *w)
{
	uint8_t node = (uint8_t)below(w, NODES);
	struct node *n = &w->nodes[node];
	switch (below(w, 6)) {
	case 0:
		if (w->draw.has_kills && node_is_up(w, node))
			node_kill(w, node);
		break;
	case 1:
	case 2:
		if (w->draw.has_cuts && node_is_up(w, node))
			n->cut_in = 1 + below(w, below(w, 2) ? 60 : 1500);
		break;
	case 3:
		if (w->draw.has_losses && !n->is_gone && below(w, 2) && may_lose(w, node)) {
			node_lose(w, node);
		} else if (n->is_gone && below(w, 2)) { // comes back with empty memory: as another
			n->is_gone = false;
			n->me.incarnation++;
			node_plan(w, node, w->now);
		}
		break;
	case 4:
		if (w->draw.has_partitions)
			cut_off(w);
		break;
	case 5:
		if (w->draw.has_pauses)
			n->paused_until = w->now + below(w, 30000000);
		break;
	}
	if (!w->is_healed)
		queue_push(&w->queue, w->now + 1 + below(w, 2 * w->draw.fault_every), EVENT_FAULT, 0, NULL);
}

void change_heal(struct world *w)
{
	w->is_healed = true;
	memset(w->cut, 0, sizeof w->cut);
	for (uint8_t node = 0; node < NODES; node++) {
		w->nodes[node].paused_until = 0;
		w->nodes[node].cut_in = 0;
		node_plan(w, node, w->now);
	}
}
