// The loads of the bench: many operations outstanding, or one at a time with an echo after each.
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "client/cli/bench.h"

#define BURST_MAX 64	 // completions taken at once
#define WAIT_US 1000	 // longest wait for a completion, so that the clock is looked at
#define WAIT_PROBE_US 50 // the same while an echo is out
#define GRACE_NS                                                                                   \
	2000000000ULL // beyond the deadline, after which the library is not believed any more

volatile bool bench_is_stopped;

uint64_t bench_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int server_of(const struct bench *b, uint64_t slot)
{
	return b->o.is_spread ? (int)(slot % (uint64_t)b->n) : b->cli->server;
}

// Takes one operation off what --rate allows; what is not used within the time of a whole round of
// slots lapses.
static bool may_submit(struct bench *b)
{
	if (b->o.rate == 0)
		return true;
	uint64_t now = bench_now_ns();
	b->allowance += (double)(now - b->allowed_ns) * 1e-9 * (double)b->o.rate;
	b->allowed_ns = now;
	if (b->allowance > (double)b->o.outstanding)
		b->allowance = (double)b->o.outstanding;
	if (b->allowance < 1)
		return false;
	b->allowance--;
	return true;
}

bool load_submit(struct bench *b, uint64_t index, uint64_t meant_ns)
{
	struct slot *s = &b->slots[index];
	struct pnyx_op op = workload_op(s);
	s->server = server_of(b, index);
	s->call_ns = bench_now_ns();
	s->meant_ns = op.intended_ns = meant_ns != 0 ? meant_ns : s->call_ns;
	s->is_open = true;
	enum pnyx_status status = pnyx_submit(b->cli->client, &op, s->server, index);
	if (status == PNYX_OK)
		return true;
	s->is_open = false;
	if (status == PNYX_INVALID)
		cli_fail(b->cli, EXIT_USAGE, "bench: %s", pnyx_error(b->cli->client));
	return false;
}

// One operation of the slot ended.
static void complete(struct bench *b, const struct pnyx_completion *c)
{
	struct slot *s = &b->slots[c->token];
	struct phase *p = b->now;
	history_write(b, s, c);
	s->is_open = false;
	if (b->free != NULL)
		b->free[b->free_count++] = c->token;
	if (c->status == PNYX_UNKNOWN)
		s->process = ++b->processes;
	p->busy += c->busy;
	p->retries += c->tries > 1 ? c->tries - 1u : 0;
	if (c->status == PNYX_UNKNOWN) {
		p->unknown++;
	} else if (!pnyx_is_executed(c->status)) {
		p->failed++;
	} else {
		p->executed++;
		p->not_fast += !c->is_fast;
		histogram_add(&p->latency, c->received_ns - s->meant_ns);
	}
}

static int take(struct bench *b, int64_t wait_us, bool is_going_on)
{
	struct pnyx_completion done[BURST_MAX];
	int count = pnyx_poll(b->cli->client, wait_us, done, BURST_MAX);
	for (int i = 0; i < count; i++)
		complete(b, &done[i]);
	for (int i = 0; i < count && is_going_on && may_submit(b); i++) {
		workload_next(b, &b->slots[done[i].token]);
		load_submit(b, done[i].token, 0);
	}
	return count;
}

void load_take(struct bench *b, int64_t wait_us)
{
	take(b, wait_us, false);
}

// Waits until every operation has its outcome. The library promises that by the deadline; the grace
// is for a bug in it, and what is open then is counted as unknown, never dropped.
static void drain(struct bench *b)
{
	uint64_t end = bench_now_ns() + b->cli->options.deadline_ms * 1000000ULL + GRACE_NS;
	while (pnyx_outstanding(b->cli->client) > 0 && bench_now_ns() < end)
		take(b, WAIT_US, false);
	for (uint64_t i = 0; i < b->o.outstanding; i++) {
		struct slot *s = &b->slots[i];
		if (!s->is_open)
			continue;
		history_write_open(b, s, bench_now_ns());
		s->process = ++b->processes;
		b->now->unknown++;
	}
}

// Slots that the library did not take back then get another chance; so do those that had to wait
// for --rate. Another slot goes first each time, so that a low rate is spread over all members.
static void fill(struct bench *b)
{
	for (uint64_t k = 0; k < b->o.outstanding; k++) {
		uint64_t i = (b->turn + k) % b->o.outstanding;
		if (b->slots[i].is_open)
			continue;
		if (!may_submit(b))
			return;
		b->turn = i + 1;
		workload_next(b, &b->slots[i]);
		if (!load_submit(b, i, 0))
			return;
	}
}

static void keep_full(struct bench *b, uint64_t end, struct probe *probe)
{
	fill(b);
	while (bench_now_ns() < end && !bench_is_stopped) {
		take(b, probe->is_out ? WAIT_PROBE_US : WAIT_US, true);
		if (pnyx_outstanding(b->cli->client) < b->o.outstanding)
			fill(b);
		probe_turn(probe, b, b->now);
	}
}

void load_run(struct bench *b, uint64_t seconds, struct phase *phase)
{
	struct probe probe = {.fd = -1};
	b->now = phase;
	if (phase == &b->load && b->o.is_echo && !probe_open(&probe, b))
		cli_fail(b->cli, EXIT_USAGE, "bench: no socket for echoes");
	uint64_t start = bench_now_ns(), end = start + seconds * 1000000000ULL;
	if (b->o.loop == LOOP_CLOSED)
		keep_full(b, end, &probe);
	else
		open_run(b, end, &probe);
	drain(b);
	free(b->free);
	b->free = NULL;
	phase->start_ns = start;
	phase->end_ns = bench_now_ns();
	probe_close(&probe);
}

// Submits slot 0's operation and waits for it.
static void one_by_one(struct bench *b, int server)
{
	struct slot *s = &b->slots[0];
	struct pnyx_op op = workload_op(s);
	s->server = server;
	s->call_ns = s->meant_ns = bench_now_ns();
	s->is_open = true;
	enum pnyx_status status = pnyx_submit(b->cli->client, &op, server, 0);
	if (status != PNYX_OK)
		cli_fail(b->cli, EXIT_USAGE, "bench: %s: %s", pnyx_status_text(status),
			 pnyx_error(b->cli->client));
	while (s->is_open && pnyx_outstanding(b->cli->client) > 0)
		take(b, -1, false);
}

void latency_run(struct bench *b, uint64_t seconds)
{
	struct phase *p = &b->latency;
	uint64_t turn = 0;
	b->now = p;
	p->start_ns = bench_now_ns();
	uint64_t end = p->start_ns + seconds * 1000000000ULL;
	while (bench_now_ns() < end && !bench_is_stopped) {
		int server = server_of(b, turn++);
		uint64_t rtt;
		workload_next(b, &b->slots[0]);
		one_by_one(b, server);
		if (!b->o.is_echo)
			continue;
		int echo_to = server >= 0 ? server : pnyx_cluster(b->cli->client)->preferred;
		if (pnyx_echo(b->cli->client, echo_to, (uint32_t)b->o.echo_size, &rtt) == PNYX_OK)
			histogram_add(&p->echo, rtt);
		else
			p->echoes_lost++;
	}
	p->end_ns = bench_now_ns();
}

// Keeps the slots busy with operations that `next` makes until it has no more.
static void run_list(struct bench *b, bool (*next)(const struct bench *, uint64_t, struct slot *))
{
	uint64_t nth = 0;
	bool has_more = true;
	b->now = &b->rest;
	while (has_more && !bench_is_stopped) {
		for (uint64_t i = 0; i < b->o.outstanding && has_more; i++) {
			if (b->slots[i].is_open)
				continue;
			has_more = next(b, nth, &b->slots[i]);
			if (has_more && !load_submit(b, i, 0))
				break;
			nth += has_more;
		}
		take(b, WAIT_US, false);
	}
	drain(b);
}

void load_final_reads(struct bench *b)
{
	run_list(b, workload_final);
}

void load_preload(struct bench *b)
{
	run_list(b, workload_preload);
}
