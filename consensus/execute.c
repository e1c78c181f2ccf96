// The search for strongly connected components: iterative, resumable, its state in the records (Tarjan 1972; protocol.md D.3).
//
// Edges. dep[c] = k means every interfering instance of column c up to k. Of one key's list in one column only the
// newest committed writer is followed, and readers above it: a writer interferes with everything older that touched the
// key, and its command leader put all of its own column into the initial deps, so the older ones are reached through it.
// Reachability, and with it components and their order, stays the same, and a hot key costs n edges an instance.
#include "consensus/execute.h"
#include "consensus/decide.h"
#include "consensus/keys.h"

// What stops a search: an undecided instance, or a column whose payloads are not all known up to a number.
struct blocker {
	uint32_t col;
	uint64_t i;
	bool is_hole; // all payloads of the column up to i are needed, and one is unknown
};

// A blocker as one word: slot + 1, whether payloads are needed, low bits of its number.
static uint64_t blocker_word(const struct ep_replica *r, struct blocker b)
{
	return (uint64_t)(ep_slot_of(r, b.col, b.i) + 1) << 32 | (uint64_t)b.is_hole << 31 | (b.i & 0x7fffffff);
}

static void queue_root(struct ep_replica *r, ep_slot slot)
{
	struct ep_exec *exec = ep_exec(r, slot);
	if (exec->marks & (EP_MARK_QUEUED | EP_MARK_WAITING | EP_MARK_ORDERED))
		return;
	exec->marks |= EP_MARK_QUEUED;
	exec->next = EP_NIL;
	if (r->root_tail != EP_NIL)
		ep_exec(r, r->root_tail)->next = slot;
	else
		r->root_head = slot;
	r->root_tail = slot;
}

// Fetches what the commands of an instance will touch in the application, in two steps: see pnyx_app_prefetch(). Their keys are hashed
// already, in the index.
static void fetch_keys(const struct ep_replica *r, ep_slot slot, uint32_t step)
{
	uint32_t link = ep_link_of(r, slot, 0);
	for (uint32_t end = link + ep_rec(r, slot)->links; link < end; link++) {
		const struct ep_link *at = ep_link(r, link);
		if (at->is_app)
			pnyx_app_prefetch(ep_at(r, r->at_app), ep_entry(r, at->entry)->hash, step);
	}
}

void ep_exec_root(struct ep_replica *r, ep_slot slot)
{
	queue_root(r, slot);
	fetch_keys(r, slot, 0);
}

void ep_exec_wake(struct ep_replica *r, ep_slot slot)
{
	uint32_t at = *ep_waiters(r, slot);
	*ep_waiters(r, slot) = EP_NIL;
	while (at != EP_NIL) {
		struct ep_exec *exec = ep_exec(r, at);
		uint32_t next = exec->next;
		exec->marks &= (uint8_t)~EP_MARK_WAITING;
		queue_root(r, at);
		at = next;
	}
}

static void know_next(struct ep_replica *r, uint32_t col)
{
	struct ep_column *c = &r->columns[col];
	c->kprefix++;
	c->k_moved = r->now;
	c->hole_wait = 0;
	ep_exec_wake(r, ep_slot_of(r, col, c->kprefix));
}

void ep_exec_passes(struct ep_replica *r, uint32_t col, uint64_t top)
{
	while (r->columns[col].kprefix < top)
		know_next(r, col);
}

bool ep_exec_knows(struct ep_replica *r, uint32_t col, uint64_t top, uint32_t budget)
{
	struct ep_column *c = &r->columns[col];
	for (; c->kprefix < top && budget > 0 && ep_is_payload_known(r, col, c->kprefix + 1); budget--)
		know_next(r, col);
	return c->kprefix >= top;
}

// Reads a blocker's word; false when what it names is out of the way.
static bool still_blocks(struct ep_replica *r, uint64_t word, struct blocker *b)
{
	if (word == 0)
		return false;
	ep_slot slot = (ep_slot)(word >> 32) - 1;
	uint32_t col = ep_slot_col(r, slot);
	uint64_t low = r->columns[col].exec_prefix + 1;
	uint64_t i = low + ((slot - low) & ep_mask(r)); // the only undecided instance that this slot can stand for
	if ((i & 0x7fffffff) != (word & 0x7fffffff) || ep_is_executed(r, col, i))
		return false;
	*b = (struct blocker){ col, i, word & (1u << 31) };
	if (b->is_hole)
		return !ep_exec_knows(r, col, i, UINT32_MAX);
	const struct ep_record *rec = ep_rec(r, slot);
	return !rec_is_live(rec) || rec->i != i || !rec_is_committed(rec);
}

// BLOCK: everything on the component stack reaches the blocker; the root waits for it. A hole wakes its waiters when all payloads
// up to the number that they need are known, not one by one: a replica that catches up fills thousands, with thousands waiting.
static void block(struct ep_replica *r, struct blocker b)
{
	ep_slot slot = ep_slot_of(r, b.col, b.i);
	uint64_t word = blocker_word(r, b);
	r->counters.blocked++;
	r->counters.blocked_on_hole += b.is_hole;
	for (uint32_t at = r->run_stack; at != EP_NIL; at = ep_exec(r, at)->below) {
		ep_exec(r, at)->marks &= (uint8_t)~(EP_MARK_STACKED | EP_MARK_STARTED);
		ep_exec(r, at)->blocked_on = word;
		ep_exec(r, at)->run = 0; // no unordered record keeps the number of an earlier search
	}
	struct ep_exec *root = ep_exec(r, r->run_root);
	if (!(root->marks & (EP_MARK_QUEUED | EP_MARK_WAITING))) {
		root->marks |= EP_MARK_WAITING;
		root->next = *ep_waiters(r, slot);
		*ep_waiters(r, slot) = r->run_root;
	}
	r->run_vertex = r->run_stack = EP_NIL;
}

static void visit(struct ep_replica *r, ep_slot slot, uint32_t parent)
{
	struct ep_exec *exec = ep_exec(r, slot);
	exec->run = r->run;
	exec->index = exec->low = ++r->run_index;
	exec->parent = parent;
	exec->col = exec->key = 0;
	exec->marks = (uint8_t)((exec->marks | EP_MARK_STACKED) & ~EP_MARK_STARTED);
	exec->below = r->run_stack;
	r->run_stack = slot;
	r->run_vertex = slot;
	if (r->run_index > r->counters.chain_longest)
		r->counters.chain_longest = r->run_index;
}

enum edge { EDGE_NONE, EDGE_TO, EDGE_BLOCKED, EDGE_SKIP };

// Where the list of (key, column) starts for v: what v may depend on, newest first.
static uint32_t list_start(struct ep_replica *r, ep_slot v, uint32_t col, const struct ep_link *own, uint64_t top)
{
	if (col == ep_slot_col(r, v))
		return own->older;
	ep_slot guess = ep_slot_of(r, col, top);
	const struct ep_record *rec = ep_rec(r, guess);
	if (rec_is_live(rec) && rec->i == top)
		for (uint32_t k = 0; k < rec->links; k++) {
			const struct ep_link *link = ep_link(r, ep_link_of(r, guess, k));
			if (link->entry == own->entry && link->is_listed)
				return ep_link_of(r, guess, k);
		}
	return ep_index_older(r, own->entry, col, top + 1);
}

// What one candidate of a list means for v.
static enum edge judge(struct ep_replica *r, ep_slot u, struct blocker *b)
{
	const struct ep_record *rec = ep_rec(r, u);
	const struct ep_exec *exec = ep_exec(r, u);
	if (exec->marks & EP_MARK_ORDERED)
		return EDGE_SKIP;
	if (!rec_is_committed(rec)) {
		*b = (struct blocker){ ep_slot_col(r, u), rec->i, false };
		return EDGE_BLOCKED;
	}
	if (rec_is_nop(rec))
		return EDGE_SKIP;
	return still_blocks(r, exec->blocked_on, b) ? EDGE_BLOCKED : EDGE_TO;
}

// Whether the cursor's link left its list while the search was elsewhere.
static bool is_moved(const struct ep_replica *r, const struct ep_link *own, const struct ep_exec *exec)
{
	if (exec->link == EP_NIL)
		return false;
	const struct ep_link *at = ep_link(r, exec->link);
	return !at->is_listed || at->entry != own->entry || ep_slot_col(r, ep_link_slot(r, exec->link)) != exec->col;
}

// Next edge out of v within its present (column, key); EDGE_NONE when that list is exhausted.
static enum edge next_in_list(struct ep_replica *r, ep_slot v, ep_slot *to, struct blocker *b, uint32_t *budget)
{
	struct ep_exec *exec = ep_exec(r, v);
	const struct ep_link *own = ep_link(r, ep_link_of(r, v, exec->key));
	uint64_t top = rec_dep(ep_rec(r, v), r->n)[exec->col];
	bool is_restart = !(exec->marks & EP_MARK_STARTED) || is_moved(r, own, exec);
	uint32_t at = is_restart ? list_start(r, v, exec->col, own, top) : exec->link;
	exec->marks |= EP_MARK_STARTED;
	for (; at != EP_NIL; at = ep_link(r, at)->older) {
		const struct ep_link *link = ep_link(r, at);
		ep_slot u = ep_link_slot(r, at);
		*budget -= *budget > 0;
		if (u == v || ep_rec(r, u)->i > top || !(own->is_write || link->is_write))
			continue;
		enum edge edge = judge(r, u, b);
		if (edge == EDGE_SKIP)
			continue;
		exec->link = link->is_write ? EP_NIL : link->older;
		*to = u;
		return edge;
	}
	exec->link = EP_NIL;
	return EDGE_NONE;
}

// Edges to instances outside the index: real interference by their keys. v itself may be one of them.
static enum edge next_unindexed(struct ep_replica *r, ep_slot v, ep_slot *to, struct blocker *b)
{
	struct ep_exec *exec = ep_exec(r, v);
	uint64_t top = rec_dep(ep_rec(r, v), r->n)[exec->col];
	struct ep_keys mine, theirs;
	bool is_collected = false;
	for (uint32_t u = r->columns[exec->col].unindexed; u != EP_NIL; u = *ep_unindexed(r, u)) {
		struct ep_record *rec = ep_rec(r, u);
		if (u == v || rec->i > top || (ep_exec(r, u)->run == r->run && !(ep_exec(r, u)->marks & EP_MARK_STACKED)))
			continue;
		if (!is_collected)
			CHECK(ep_keys_collect(&r->config, ep_slot_col(r, v), ep_rec(r, v)->i, ep_payload(r, v), &mine));
		is_collected = true;
		CHECK(ep_keys_collect(&r->config, exec->col, rec->i, ep_payload(r, u), &theirs));
		if (!ep_keys_meet(&mine, &theirs))
			continue;
		enum edge edge = judge(r, u, b);
		if (edge == EDGE_TO && ep_exec(r, u)->run == r->run) {
			if (ep_exec(r, u)->index < exec->low)
				exec->low = ep_exec(r, u)->index;
			continue;
		}
		if (edge == EDGE_SKIP)
			continue;
		*to = u;
		return edge;
	}
	return EDGE_NONE;
}

// An unindexed v has no links: every live instance below its deps is a candidate.
static enum edge next_by_scan(struct ep_replica *r, ep_slot v, ep_slot *to, struct blocker *b, uint32_t *budget)
{
	struct ep_exec *exec = ep_exec(r, v);
	struct ep_record *me = ep_rec(r, v);
	uint64_t top = rec_dep(me, r->n)[exec->col];
	struct ep_keys mine, theirs;
	CHECK(ep_keys_collect(&r->config, ep_slot_col(r, v), me->i, ep_payload(r, v), &mine));
	bool is_all = mine.is_barrier; // RECONFIG: whatever their keys are
	for (uint64_t i = r->columns[exec->col].exec_prefix + 1; i <= top; i++) {
		ep_slot u = ep_slot_of(r, exec->col, i);
		struct ep_record *rec = ep_rec(r, u);
		*budget -= *budget > 0;
		if (u == v || !ep_is_payload_known(r, exec->col, i)) // unknown: void (F.1)
			continue;
		if (ep_is_executed(r, exec->col, i) || ep_exec(r, u)->marks & EP_MARK_ORDERED)
			continue;
		if (rec_is_committed(rec) && rec_is_nop(rec))
			continue;
		if (!is_all) {
			CHECK(ep_keys_collect(&r->config, exec->col, i, ep_payload(r, u), &theirs));
			if (!ep_keys_meet(&mine, &theirs))
				continue;
		}
		enum edge edge = judge(r, u, b);
		if (edge == EDGE_TO && ep_exec(r, u)->run == r->run) {
			if (ep_exec(r, u)->marks & EP_MARK_STACKED && ep_exec(r, u)->index < exec->low)
				exec->low = ep_exec(r, u)->index;
			continue;
		}
		if (edge == EDGE_SKIP)
			continue;
		*to = u;
		return edge;
	}
	return EDGE_NONE;
}

static bool has_hole(struct ep_replica *r, uint32_t col, uint64_t top, struct blocker *b)
{
	*b = (struct blocker){ col, top, true };
	return !ep_exec_knows(r, col, top, UINT32_MAX);
}

static enum edge next_edge(struct ep_replica *r, ep_slot v, ep_slot *to, struct blocker *b, uint32_t *budget)
{
	struct ep_exec *exec = ep_exec(r, v);
	struct ep_record *rec = ep_rec(r, v);
	bool is_unindexed = exec->marks & EP_MARK_UNINDEXED;
	// A column's prefix may pass v's deps in the middle of its search: the next column must start afresh all the same.
	for (; exec->col < r->n; exec->col++, exec->key = 0, exec->marks &= (uint8_t)~EP_MARK_STARTED) {
		uint64_t top = rec_dep(rec, r->n)[exec->col];
		if (top <= r->columns[exec->col].exec_prefix)
			continue;
		if (exec->key == 0 && !(exec->marks & EP_MARK_STARTED) && has_hole(r, exec->col, top, b))
			return EDGE_BLOCKED;
		enum edge edge = EDGE_NONE;
		while (edge == EDGE_NONE && exec->key < rec->links) {
			edge = next_in_list(r, v, to, b, budget);
			if (edge == EDGE_NONE) {
				exec->key++;
				exec->marks &= (uint8_t)~EP_MARK_STARTED;
			}
		}
		if (edge == EDGE_NONE)
			edge = is_unindexed ? next_by_scan(r, v, to, b, budget) : next_unindexed(r, v, to, b);
		if (edge != EDGE_NONE)
			return edge;
	}
	return EDGE_NONE;
}

// Order inside a component: (is RECONFIG, seq, column, number), EX2.
static bool is_before(const struct ep_replica *r, ep_slot a, ep_slot b)
{
	const struct ep_record *x = ep_rec(r, a), *y = ep_rec(r, b);
	const struct ep_wire_command *p = (const void *)(ep_payload(r, a) + sizeof(struct ep_wire_payload));
	const struct ep_wire_command *q = (const void *)(ep_payload(r, b) + sizeof(struct ep_wire_payload));
	bool p_last = p->kind == EP_CMD_RECONFIG, q_last = q->kind == EP_CMD_RECONFIG;
	if (p_last != q_last)
		return q_last;
	if (x->seq != y->seq)
		return x->seq < y->seq;
	return a < b; // column, then number: one column has distinct seqs
}

static ep_slot chain_next(const struct ep_replica *r, ep_slot slot)
{
	return order_next(ep_rec(r, slot)->order) - 1; // 0 wraps to EP_NIL
}

static void chain_set(struct ep_replica *r, ep_slot slot, ep_slot next)
{
	ep_rec(r, slot)->order = order_link(next + 1); // EP_NIL wraps to 0
}

// Takes `width` members off *from.
static ep_slot chain_cut(struct ep_replica *r, ep_slot *from, uint32_t width)
{
	ep_slot head = *from, at = head;
	if (head == EP_NIL)
		return EP_NIL;
	while (--width > 0 && chain_next(r, at) != EP_NIL)
		at = chain_next(r, at);
	*from = chain_next(r, at);
	chain_set(r, at, EP_NIL);
	return head;
}

// Appends the merge of two sorted chains behind *tail (EP_NIL: starts *head).
static void chain_merge(struct ep_replica *r, ep_slot a, ep_slot b, ep_slot *head, ep_slot *tail)
{
	while (a != EP_NIL || b != EP_NIL) {
		ep_slot *from = b == EP_NIL || (a != EP_NIL && is_before(r, a, b)) ? &a : &b;
		ep_slot one = chain_cut(r, from, 1);
		if (*tail == EP_NIL)
			*head = one;
		else
			chain_set(r, *tail, one);
		*tail = one;
	}
}

// Bottom-up merge sort of a chain through rec->order, which nobody reads yet.
static void chain_sort(struct ep_replica *r, ep_slot *head, ep_slot *tail, uint32_t count)
{
	for (uint32_t width = 1; width < count; width *= 2) {
		ep_slot rest = *head;
		*tail = EP_NIL;
		while (rest != EP_NIL) {
			ep_slot a = chain_cut(r, &rest, width);
			ep_slot b = chain_cut(r, &rest, width);
			chain_merge(r, a, b, head, tail);
		}
	}
}

// v is the root of a component: everything above it on the stack.
static void pop_component(struct ep_replica *r, ep_slot v)
{
	ep_slot head = EP_NIL, tail = EP_NIL, at;
	uint32_t count = 0;
	do {
		at = r->run_stack;
		struct ep_exec *exec = ep_exec(r, at);
		r->run_stack = exec->below;
		exec->marks &= (uint8_t)~EP_MARK_STACKED;
		chain_set(r, at, head);
		tail = tail == EP_NIL ? at : tail;
		head = at;
		count++;
	} while (at != v);
	if (count > 1) {
		chain_sort(r, &head, &tail, count);
		r->counters.scc_multi++;
		if (count > r->counters.scc_largest)
			r->counters.scc_largest = count;
	}
	ep_order_append(r, head, tail);
}

static void finish_vertex(struct ep_replica *r, ep_slot v)
{
	struct ep_exec *exec = ep_exec(r, v);
	uint32_t parent = exec->parent, low = exec->low;
	if (low == exec->index)
		pop_component(r, v);
	r->run_vertex = parent;
	if (parent != EP_NIL && low < ep_exec(r, parent)->low)
		ep_exec(r, parent)->low = low;
}

// One edge or one finished vertex of the search under way.
static void search_step(struct ep_replica *r, uint32_t *budget)
{
	ep_slot v = r->run_vertex, to = EP_NIL;
	struct blocker b = { 0 };
	*budget -= *budget > 0;
	switch (next_edge(r, v, &to, &b, budget)) {
	case EDGE_NONE:
	case EDGE_SKIP:
		finish_vertex(r, v);
		break;
	case EDGE_BLOCKED:
		block(r, b);
		break;
	case EDGE_TO: {
		struct ep_exec *exec = ep_exec(r, to);
		if (exec->run != r->run)
			visit(r, to, v);
		else if (exec->marks & EP_MARK_STACKED && exec->index < ep_exec(r, v)->low)
			ep_exec(r, v)->low = exec->index;
		break;
	}
	}
}

// Whether all that an instance depends on is executed: most often so, and then it is a component of its own.
static inline bool is_free(const struct ep_replica *r, struct ep_record *rec)
{
	const uint64_t *dep = rec_dep(rec, r->n);
	bool is_so = true;
	for (uint32_t c = 0; c < r->n; c++)
		is_so &= dep[c] <= r->columns[c].exec_prefix;
	return is_so;
}

static void start_root(struct ep_replica *r)
{
	ep_slot root = r->root_head;
	struct ep_record *rec = ep_rec(r, root);
	struct ep_exec *exec = rec_exec(rec, r->n);
	r->root_head = exec->next;
	if (r->root_head == EP_NIL)
		r->root_tail = EP_NIL;
	else
		fetch_keys(r, r->root_head, 1); // while this one runs
	exec->marks &= (uint8_t)~EP_MARK_QUEUED;
	if (exec->marks & EP_MARK_ORDERED)
		return;
	if (rec_is_nop(rec) || is_free(r, rec)) {
		chain_set(r, root, EP_NIL);
		ep_order_append(r, root, root);
		return;
	}
	r->run_root = root;
	r->run += r->run == UINT32_MAX ? 2 : 1; // 0 means never
	r->run_index = 0;
	r->run_stack = EP_NIL;
	visit(r, root, EP_NIL);
}

bool ep_exec_run(struct ep_replica *r, struct ep_effects *fx, uint32_t budget)
{
	while (budget > 0) {
		if (!ep_has_frames(fx))
			return true;
		if (r->order_head != 0) {
			if (!ep_order_drain_one(r, fx))
				return false;
			budget--;
		} else if (r->run_vertex != EP_NIL) {
			search_step(r, &budget);
		} else if (r->root_head != EP_NIL) {
			start_root(r);
			budget--;
		} else {
			return false;
		}
	}
	return r->order_head != 0 || r->run_vertex != EP_NIL || r->root_head != EP_NIL;
}
