// Running: all ends in turn on the processors at hand, or each on a processor of its own in virtual time.
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include "tests/lab/lab.h"

static struct lab_node *node_of(struct lab_end *end)
{
	return end->is_client ? NULL : (struct lab_node *)end;
}

static struct lab_client *client_of(struct lab_end *end)
{
	return end->is_client ? (struct lab_client *)end : NULL;
}

static uint32_t turn(struct lab_end *end)
{
	if (!end->is_client && lab.o.away != LAB_NOBODY)
		return lab_away_turn((uint32_t)(node_of(end) - lab.nodes), dp_turn_fused);
	if (!end->is_client)
		return dp_turn_fused(&node_of(end)->loop);
	lab_stages_switch(false);
	uint64_t began = rte_rdtsc();
	uint32_t work = lab_client_turn(client_of(end));
	if (work > 0)
		client_of(end)->cycles += rte_rdtsc() - began;
	lab_stages_switch(true);
	return work;
}

// ---- real clock ----------------------------------------------------------------------------------------------------
static void round_real(uint32_t lcore)
{
	for (uint32_t e = 0; e < lab.ends_count; e++) {
		struct lab_end *end = lab.ends[e];
		if (end->lcore != lcore || e == lab.o.silent)
			continue;
		if (lab_is_away(e))
			continue;
		if (lab.wire > 0)
			lab_wire_deliver(end, rte_rdtsc());
		turn(end);
		lab_wire_send(end);
	}
}

static int second_lcore(void *unused)
{
	(void)unused;
	while (!lab.stop)
		round_real(1);
	return 0;
}

// ---- virtual clock -------------------------------------------------------------------------------------------------
// When the end has something to do, in its own time: a frame, found at the next look at the port, or a timer.
static uint64_t next_of(struct lab_end *end)
{
	uint64_t frame = lab_wire_next(end), timer = UINT64_MAX;
	if (frame != UINT64_MAX) {
		uint64_t late = frame > end->now ? frame - end->now : 0;
		frame = end->now + (late + end->poll - 1) / end->poll * end->poll;
	}
	if (!end->is_client) {
		ep_time due = ep_deadline(node_of(end)->loop.consensus.now.replica);
		timer = due == EP_NEVER ? UINT64_MAX : (uint64_t)((unsigned __int128)due * lab.hz / 1000000000) + 1;
	} else if (client_of(end)->period > 0) {
		timer = client_of(end)->is_stopping ? end->now + lab.hz / 1000000 : client_of(end)->due;
	} else if (lab.o.is_echo || client_of(end)->turns == 0 || client_of(end)->busy > 0) {
		timer = end->now + lab.hz / 1000000;
	}
	timer = timer > end->now ? timer : end->now;
	return frame < timer ? frame : timer;
}

static uint64_t turn_at(struct lab_end *end, uint64_t start)
{
	lab_wire_deliver(end, start);
	uint64_t began = rte_rdtsc();
	end->offset = (int64_t)(start - began);
	end->began = start;
	if (!end->is_client)
		node_of(end)->loop.consensus.tsc_start = began - start;
	turn(end);
	uint64_t cycles = rte_rdtsc() - began, cap = lab.hz / 1000000 * lab.o.cap_us;
	cycles -= cycles > lab.stamp_cost ? lab.stamp_cost : 0;
	if (cycles > cap) {
		lab.disturbed++;
		cycles = cap;
	}
	end->now = start + cycles;
	return cycles;
}

// The end that is due first has its turn. Returns the time that it began.
static uint64_t step_virtual(void)
{
	struct lab_end *first = NULL;
	uint64_t due = UINT64_MAX;
	for (uint32_t e = 0; e < lab.ends_count; e++) {
		uint64_t next = e == lab.o.silent ? UINT64_MAX : next_of(lab.ends[e]);
		if (next < due || !first) {
			due = next;
			first = lab.ends[e];
		}
	}
	turn_at(first, due);
	lab_wire_send(first);
	return due;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

// What a turn without work takes: how long a frame lies until the port is looked at again.
static void measure_poll(struct lab_end *end)
{
	uint64_t cycles[1001];
	for (uint32_t k = 0; k < 1001; k++) {
		cycles[k] = turn_at(end, end->now);
		lab_wire_send(end);
	}
	qsort(cycles, 1001, sizeof cycles[0], by_value);
	end->poll = cycles[500] > 0 ? cycles[500] : 1;
}

// ---- phases --------------------------------------------------------------------------------------------------------
static uint64_t now_of_run(void)
{
	if (lab.o.clock == LAB_REAL)
		return rte_rdtsc();
	uint64_t latest = 0;
	for (uint32_t e = 0; e < lab.ends_count; e++)
		latest = lab.ends[e]->now > latest ? lab.ends[e]->now : latest;
	return latest;
}

static void step(void)
{
	if (lab.o.clock == LAB_REAL)
		round_real(0);
	else
		step_virtual();
}

uint64_t lab_done(void)
{
	uint64_t done = 0;
	for (uint32_t c = 0; c < lab.o.clients; c++)
		done += lab.clients[c].done;
	return done;
}

// Cycles of the replicas over a few thousand commands at a time: on a machine that is shared, the better slices are those
// that nobody interrupted.
static void slice(void)
{
	static uint64_t done_before, cycles_before;
	uint64_t done = lab_done(), cycles = 0;
	if (done >= done_before && done - done_before < LAB_SLICE)
		return;
	for (uint32_t k = 0; k < lab.o.n; k++)
		cycles += lab.nodes[k].end.counters->cycles_busy;
	if (done > done_before && done_before > 0 && lab.slices_count < LAB_SLICES_MAX)
		lab.slices[lab.slices_count++] = (double)(cycles - cycles_before) / (double)(done - done_before);
	done_before = done;
	cycles_before = cycles;
}

void lab_run(uint64_t count, double seconds, double virtual_seconds)
{
	lab.slices_count = 0;
	uint64_t before = lab_done(), steps = 0, limit = (uint64_t)(seconds * (double)lab.hz), next_sample = 0;
	lab.began = now_of_run();
	lab.began_real = rte_rdtsc();
	for (;;) {
		step();
		if (count > 0 && lab_done() - before >= count)
			break;
		lab_die_in_time(count > 0 ? lab_done() - before : 0);
		if ((++steps & 1) != 0)
			continue;
		slice();
		if (lab.o.away != LAB_NOBODY)
			lab_away_watch(lab_done());
		if (limit > 0 && rte_rdtsc() - lab.began_real >= limit)
			break;
		if (virtual_seconds > 0 && (steps & 1023) == 0 && (double)(now_of_run() - lab.began) >= virtual_seconds * (double)lab.hz)
			break;
		if (lab.o.is_long && lab_done() - before >= next_sample) {
			lab_sample();
			next_sample += count > 0 ? count / 1000 + 1 : 100000;
		}
	}
	lab.ended = now_of_run();
	lab.ended_real = rte_rdtsc();
}

static bool is_idle(void)
{
	for (uint32_t c = 0; c < lab.o.clients; c++)
		if (!lab_client_is_idle(&lab.clients[c]))
			return false;
	return true;
}

void lab_begin(void)
{
	for (uint32_t e = 0; e < lab.ends_count; e++) {
		lab.ends[e]->poll = 1;
		if (lab.o.clock == LAB_VIRTUAL && e != lab.o.silent)
			measure_poll(lab.ends[e]);
	}
	if (lab.o.lcores == 2)
		rte_eal_remote_launch(second_lcore, NULL, rte_get_next_lcore(rte_lcore_id(), 1, 0));
	for (uint64_t opened = 0; opened < lab.o.outstanding;) { // the same for every session, and for every key's first value
		step();
		opened = 0;
		for (uint32_t c = 0; c < lab.o.clients; c++)
			opened += lab.clients[c].opened;
	}
	while (lab_done() < lab.o.keys)
		step();
}

void lab_settle(void)
{
	for (uint32_t c = 0; c < lab.o.clients; c++)
		lab.clients[c].is_stopping = true;
	while (!is_idle())
		step();
	// Status and the last Commits take their time.
	for (uint32_t k = 0; k < 2000000 && ((k & 1023) != 0 || !lab_is_settled()); k++)
		step();
}

void lab_drain(void)
{
	lab_settle();
	for (uint32_t k = 0; lab.o.is_long && k < 2000000 && ((k & 1023) != 0 || !lab_is_recycled()); k++)
		step(); // frontiers have to be told twice
	lab.stop = true;
	if (lab.o.lcores == 2)
		rte_eal_mp_wait_lcore();
}
