// When a command is committed and executed at the replica that a client asked: three stamps a command, by the linker's --wrap.
#include "consensus/stage.h"
#include "tests/lab/lab.h"

static struct histogram committed, executed; // cycles since the request arrived
static uint64_t *arrivals;                   // [replica][window]
static uint64_t arrival;                     // of the frame that is being handled

static struct lab_end *end_of(const struct ep_replica *r)
{
	return &lab.nodes[r->self].end;
}

static uint64_t *arrival_of(const struct ep_replica *r, uint64_t i)
{
	if (!arrivals)
		arrivals = calloc((size_t)lab.o.n * lab.o.window, sizeof arrivals[0]);
	return &arrivals[(size_t)r->self * lab.o.window + (i & ep_mask(r))];
}

__typeof__(ep_receive) __real_ep_receive, __wrap_ep_receive;
bool __wrap_ep_receive(struct ep_replica *r, ep_time now, const struct ep_source *from, struct ep_view *in, struct ep_effects *fx)
{
	// The source lies in the buffer's private part, which follows its head.
	arrival = lab_wire_arrival((const struct rte_mbuf *)(const void *)from - 1);
	return __real_ep_receive(r, now, from, in, fx);
}

// The first command of an instance stands for all that share it.
__typeof__(ep_stage) __real_ep_stage, __wrap_ep_stage;
enum ep_admission __wrap_ep_stage(struct ep_replica *r, struct ep_effects *fx, const struct ep_wire_command *command,
				  const struct ep_request *request)
{
	uint64_t newest = r->staged > 0 ? ep_stage_at(r, r->staged - 1)->i : 0;
	enum ep_admission verdict = __real_ep_stage(r, fx, command, request);
	if (verdict == EP_ADMIT && ep_stage_at(r, r->staged - 1)->i != newest)
		*arrival_of(r, ep_stage_at(r, r->staged - 1)->i) = command->kind != EP_CMD_OPEN ? arrival : 0;
	return verdict;
}

static void note(struct histogram *h, const struct ep_replica *r, uint64_t i)
{
	uint64_t from = *arrival_of(r, i), now = lab_time(end_of(r));
	if (from != 0 && now > from)
		histogram_add(h, now - from);
}

// Called from other files only where a command leader decides; the record is published a few instructions later.
__typeof__(ep_commit_now) __real_ep_commit_now, __wrap_ep_commit_now;
void __wrap_ep_commit_now(struct ep_replica *r, struct ep_effects *fx, ep_slot slot, uint64_t bal, bool is_nop, const uint64_t *deps)
{
	if (ep_slot_col(r, slot) == r->self)
		note(&committed, r, ep_rec(r, slot)->i);
	__real_ep_commit_now(r, fx, slot, bal, is_nop, deps);
}

__typeof__(ep_send_reply) __real_ep_send_reply, __wrap_ep_send_reply;
void __wrap_ep_send_reply(struct ep_replica *r, struct ep_effects *fx, const struct ep_addr *to, uint64_t cookie, uint8_t flags,
			  enum ep_status status, const struct ep_session_id *instance, const void *result, uint32_t len)
{
	if (instance && instance->i != 0)
		note(&executed, r, instance->i);
	__real_ep_send_reply(r, fx, to, cookie, flags, status, instance, result, len);
}

void lab_stages_reset(void)
{
	histogram_reset(&committed);
	histogram_reset(&executed);
}

void lab_stages_switch(bool is_on)
{
	(void)is_on;
}

static double median(const struct histogram *h)
{
	return (double)histogram_quantile(h, 0.5);
}

void lab_stages_report(uint64_t commands)
{
	(void)commands;
	lab_distribution("commit", &committed, "commit at the replica");
	lab_distribution("execute", &executed, "execution at the replica");
	lab_figure("execute_ratio_p99", (double)histogram_quantile(&executed, 0.99) / (double)histogram_quantile(&committed, 0.99), "",
		   "executed p99 / commit p99");
	struct histogram echo = lab.clients[0].echo;
	for (uint32_t c = 1; c < lab.o.clients; c++)
		histogram_merge(&echo, &lab.clients[c].echo);
	if (echo.count == 0)
		return;
	lab_figure("commit_ratio", median(&committed) / median(&echo), "", "commit at the replica / raw echo, p50");
	lab_figure("commit_beyond_echo", median(&committed) - median(&echo), "cyc", "  cycles on its critical path beyond the echo");
}
