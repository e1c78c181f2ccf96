// Faults that strike replicas and links, one at a time. What happens to single frames is in network.c and forge.c, ways to cut the
// network in partition.c, and how it all ends in heal.c.
#include "tests/sim/sim.h"
#include "tests/sim/verdict.h"

static uint64_t below(struct sim *s, uint64_t n)
{
	return ep_random(&s->fault_rng) % n;
}

// Mostly short, now and then longer than every timeout.
static ep_time length(struct sim *s)
{
	return 1 + below(s, 2 * s->swarm.fault_length * (below(s, 4) ? 1 : 3));
}

static void pause_one(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	node->paused_until = s->now + length(s);
	SIM_TRACE(s, p, "--- paused until %.3f ms", (double)node->paused_until / 1e6);
	queue_push(&s->queue, node->paused_until, EVENT_RECOVER, p, NULL);
}

static void restart_one(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	if (below(s, 2)) { // dies between what it did and what it would have said
		node->host.is_mute = true;
		SIM_TRACE(s, p, "--- will be killed before it sends");
		return;
	}
	sim_kill(s, p);
	queue_push(&s->queue, s->now + length(s), EVENT_RECOVER, p, NULL);
}

static void lose(struct sim *s, uint8_t p)
{
	if (s->lost == (s->n - 1u) / 2 || below(s, 3))
		return;
	sim_kill(s, p);
	s->nodes[p].is_lost = true;
	s->lost++;
	SIM_TRACE(s, p, "--- lost for good");
}

static void suspect(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	struct ep_command command = {.type = below(s, 3) ? EP_SUSPECT : EP_TRUST};
	command.member = (uint8_t)below(s, s->n);
	if (command.member == p)
		return;
	SIM_TRACE(s, p, "--- %s p%d", command.type == EP_SUSPECT ? "suspects" : "trusts", command.member);
	ep_control(node->host.replica, clock_now(s, p), &command, &node->host.effects);
	host_flush(&node->host);
	sim_plan_turn(s, p, s->now);
}

// A link, or all links into a member, hold back what is sent; then it arrives at once.
static void clog_links(struct sim *s, uint8_t p)
{
	ep_time until = s->now + length(s);
	uint8_t only = (uint8_t)below(s, 2 * s->n);
	for (uint8_t from = 0; from < s->n; from++)
		if (from != p && (only >= s->n || from == only))
			s->clog_until[from][p] = until;
	SIM_TRACE(s, p, "--- hears nothing of %s%.0d until %.3f ms", only < s->n ? "p" : "anybody", only < s->n ? only : 0,
		  (double)until / 1e6);
}

static void jump(struct sim *s, uint8_t p)
{
	ep_time forward = below(s, 3) ? length(s) : 1000 * length(s);
	SIM_TRACE(s, p, "--- its clock jumps by %.3f ms", (double)forward / 1e6);
	clock_jump(s, p, forward);
	sim_plan_turn(s, p, s->now);
}

// More requests than it has room for, and perhaps it dies with them.
static void flood(struct sim *s, uint8_t p)
{
	SIM_TRACE(s, p, "--- is flooded");
	rogue_flood(s, p);
	if (below(s, 2))
		queue_push(&s->queue, s->now + below(s, 500000 * s->swarm.pace), EVENT_KILL, p, NULL);
}

static void ambush(struct sim *s, uint8_t p)
{
	s->nodes[p].is_ambushed = true;
	SIM_TRACE(s, p, "--- will be killed inside a component");
}

static void cut_between_stores(struct sim *s, uint8_t p)
{
	s->nodes[p].cut_in = 1 + (uint32_t)below(s, below(s, 2) ? 30 : 600);
	SIM_TRACE(s, p, "--- will be killed at its store boundary %u from now", s->nodes[p].cut_in);
}

static void partition(struct sim *s, uint8_t p)
{
	(void)p;
	partition_strike(s);
}

static void replay(struct sim *s, uint8_t p)
{
	(void)p;
	forge_replay(s);
}

static const struct {
	enum fault fault;
	void (*strike)(struct sim *, uint8_t p);
} kinds[] = {{FAULT_PAUSE, pause_one}, {FAULT_RESTART, restart_one}, {FAULT_PARTITION, partition}, {FAULT_SUSPECT, suspect},
	     {FAULT_CRASH, lose},      {FAULT_CLOG, clog_links},	     {FAULT_CLOCK, jump},	   {FAULT_REPLAY, replay},
	     {FAULT_FLOOD, flood},     {FAULT_AMBUSH, ambush},	     {FAULT_CUT, cut_between_stores}};
#define KINDS (sizeof kinds / sizeof kinds[0])

void fault_strike(struct sim *s)
{
	uint32_t allowed[KINDS], count = 0;
	if (s->phase != SIM_FAULTS)
		return;
	queue_push(&s->queue, s->now + 1 + below(s, 2 * s->swarm.fault_every), EVENT_FAULT, s->round, NULL);
	uint8_t p = (uint8_t)below(s, s->n);
	for (uint8_t m = 0; m < s->n; m++)
		s->cut[m] = below(s, 2) ? 0 : s->cut[m];
	for (uint32_t k = 0; k < KINDS; k++)
		if ((s->swarm.faults & kinds[k].fault) && (kinds[k].fault != FAULT_CUT || cut_is_possible))
			allowed[count++] = k;
	if (count == 0 || !sim_is_alive(s, p) || s->nodes[p].host.is_mute)
		return;
	kinds[allowed[below(s, count)]].strike(s, p);
}

void fault_recover(struct sim *s, uint8_t p)
{
	struct node *node = &s->nodes[p];
	if (node->is_lost || node->is_out)
		return;
	if (node->is_down)
		sim_attach(s, p);
	if (node->paused_until <= s->now)
		sim_plan_turn(s, p, s->now);
}
