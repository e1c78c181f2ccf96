// What a run came to: one table, and the same figures as one JSON object.
#include <malloc.h>
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>
#include "consensus/state.h"
#include "tests/lab/lab.h"

#define FIGURES_MAX 128

static struct figure {
	char name[64], unit[24], text[128];
	double value;
} figures[FIGURES_MAX];
static uint32_t figures_count;
static struct ep_counters core[2];
static struct ep_shell_counters shell[2];
static uint64_t bytes[2], overflows[2], heap[2], lost[2];
static struct histogram reply, echo, spared;

void lab_figure(const char *name, double value, const char *unit, const char *text)
{
	if (figures_count == FIGURES_MAX)
		return;
	struct figure *f = &figures[figures_count++];
	snprintf(f->name, sizeof f->name, "%s", name);
	snprintf(f->unit, sizeof f->unit, "%s", unit);
	snprintf(f->text, sizeof f->text, "%s", text);
	f->value = value;
}

static void sum(uint64_t *to, const uint64_t *from, size_t words)
{
	for (size_t w = 0; w < words; w++)
		to[w] += from[w];
}

static void take(uint32_t when)
{
	for (uint32_t k = 0; k < lab.o.n; k++) {
		struct ep_replica *r = lab.nodes[k].loop.consensus.now.replica;
		sum((uint64_t *)&core[when], (const uint64_t *)ep_counters(r), sizeof core[0] / 8);
		sum((uint64_t *)&shell[when], (const uint64_t *)ep_shell(r), sizeof shell[0] / 8);
		bytes[when] += lab.nodes[k].end.bytes_sent;
	}
	for (uint32_t e = 0; e < lab.ends_count; e++) {
		overflows[when] += lab.ends[e]->overflows;
		lost[when] += lab.ends[e]->lost;
	}
	heap[when] = mallinfo2().uordblks;
}

void lab_report_begin(void)
{
	for (uint32_t c = 0; c < lab.o.clients; c++)
		lab_client_reset(&lab.clients[c]);
	for (uint32_t k = 0; k < lab.o.n; k++) { // the OPENs before the run all wait for each other
		struct ep_replica *r = lab.nodes[k].loop.consensus.now.replica;
		r->counters.scc_largest = r->counters.chain_longest = 0;
	}
	lab_stages_reset();
	take(0);
}

void lab_report_end(void)
{
	take(1);
	histogram_reset(&reply);
	histogram_reset(&echo);
	histogram_reset(&spared);
	for (uint32_t c = 0; c < lab.o.clients; c++) {
		histogram_merge(&reply, &lab.clients[c].reply);
		histogram_merge(&echo, &lab.clients[c].echo);
		histogram_merge(&spared, &lab.clients[c].spared);
	}
}

static double us(double cycles)
{
	return cycles * 1e6 / (double)lab.hz;
}

void lab_distribution(const char *name, const struct histogram *h, const char *text)
{
	static const struct {
		const char *name;
		double share;
	} points[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 }, { "max", 1 } };
	for (uint32_t k = 0; h->count > 0 && k < sizeof points / sizeof points[0]; k++) {
		char full[64], line[128];
		snprintf(full, sizeof full, "%s_%s_us", name, points[k].name);
		snprintf(line, sizeof line, "%s: %s", text, points[k].name);
		lab_figure(full, us((double)(k == 4 ? h->max : histogram_quantile(h, points[k].share))), "us", line);
	}
}

static void of_clients(double commands)
{
	uint64_t cycles = 0, busy = 0, failed = 0, retries = 0, not_fast = 0;
	for (uint32_t c = 0; c < lab.o.clients; c++) {
		cycles += lab.clients[c].cycles;
		busy += lab.clients[c].busy;
		failed += lab.clients[c].failed;
		retries += lab.clients[c].retries;
		not_fast += lab.clients[c].not_fast;
	}
	lab_figure("cycles_clients", (double)cycles / commands, "", "  of all clients");
	lab_figure("fast_percent", 100 * (1 - (double)not_fast / commands), "%", "committed in one round trip");
	lab_figure("busy", (double)busy, "", "requests refused as BUSY");
	lab_figure("failed", (double)failed, "", "commands answered with an error");
	lab_figure("client_retries", (double)retries, "", "requests sent again by a client");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

// The longest time without an answer, of the client that keeps apart and of the others.
static void of_gaps(void)
{
	uint64_t apart = lab.o.is_apart ? lab.clients[0].gap : 0, others = 0;
	for (uint32_t c = lab.o.is_apart; c < lab.o.clients; c++)
		others = lab.clients[c].gap > others ? lab.clients[c].gap : others;
	if (lab.o.is_apart) {
		lab_figure("gap_apart_us", us((double)apart), "us", "longest time without an answer: the client that keeps apart");
		lab_distribution("apart", &lab.clients[0].reply, "its latency");
	}
	lab_figure("gap_us", us((double)others), "us", lab.o.is_apart ? "  one of the others" : "longest time without an answer to a client");
}

// How far a search for components went. D.4 bounds it: own commands submitted and not executed are at most own_max at a member.
static bool of_searches(void)
{
	uint64_t largest = 0, longest = 0, bound = 0;
	for (uint32_t k = 0; k < lab.o.n; k++) {
		const struct ep_counters *c = ep_counters(lab.nodes[k].loop.consensus.now.replica);
		largest = c->scc_largest > largest ? c->scc_largest : largest;
		longest = c->chain_longest > longest ? c->chain_longest : longest;
		bound += lab.nodes[k].loop.consensus.now.replica->config.own_max;
	}
	lab_figure("scc_largest", (double)largest, "", "instances of the largest component");
	lab_figure("chain_longest", (double)longest, "", "instances of the longest search");
	lab_figure("search_bound", (double)bound, "", "  what bounds it: members * own_max (D.4)");
	return longest <= bound;
}

// With a silent member nothing is recycled: what the last commands of the run cost, by the first ones.
static void growth(void)
{
	double early = 1e18, late = 1e18;
	uint32_t count = lab.slices_count;
	for (uint32_t s = 2; s < 22 && count > 44; s++) {
		early = lab.slices[s] < early ? lab.slices[s] : early;
		late = lab.slices[count - s] < late ? lab.slices[count - s] : late;
	}
	if (lab.o.silent != LAB_NOBODY && lab.o.dies == LAB_NOBODY && count > 44)
		lab_figure("late_over_early", late / early, "", "cycles a command of the last 5,000 / of the first");
}

static void of_cluster(double commands)
{
	growth();
	qsort(lab.slices, lab.slices_count, sizeof lab.slices[0], by_value);
#define CORE(field) ((double)(core[1].field - core[0].field))
#define SHELL(field) ((double)(shell[1].field - shell[0].field))
	lab_figure("cycles_cluster", SHELL(cycles_busy) / commands, "", "cycles a command: of all replicas, turns with work");
	if (lab.slices_count > 10)
		lab_figure("cycles_cluster_p10", lab.slices[lab.slices_count / 10], "", "  in the least disturbed tenth of the run");
	of_clients(commands);
	lab_figure("executed", CORE(executed) / commands, "", "executions a command, all replicas");
	lab_figure("batch", CORE(executed) / CORE(commits), "", "commands an instance");
	lab_figure("messages", CORE(steps) / commands, "", "messages a command handled by replicas");
	lab_figure("frames", SHELL(tx_frames) / commands, "", "frames a command sent by replicas");
	lab_figure("bytes", (double)(bytes[1] - bytes[0]) / commands, "", "bytes a command sent by replicas, with all heads");
	lab_figure("frames_a_turn", SHELL(rx_frames) / SHELL(turns_busy), "", "frames taken in one turn with work");
	lab_figure("bytes_in_copied", CORE(bytes_in_copied) / commands, "", "bytes a command copied from buffers into arenas");
	lab_figure("bytes_out_copied", CORE(bytes_out_copied) / commands, "", "bytes a command copied from arenas into frames");
	lab_figure("heap_growth", (double)(heap[1] - heap[0]), "bytes", "heap taken during the run");
	lab_figure("resent", CORE(resent), "", "messages sent again by replicas");
	lab_figure("recoveries", CORE(recoveries), "", "recoveries");
	lab_figure("blocked_percent", 100 * CORE(blocked) / commands, "%", "executions that met an undecided instance");
	lab_figure("blocked_on_hole", CORE(blocked_on_hole), "", "executions that met an unknown payload");
	lab_figure("lost", (double)(lost[1] - lost[0]), "", "frames lost by --loss");
	lab_figure("overflows", (double)(overflows[1] - overflows[0]), "", "frames lost because a ring was full");
	lab_figure("no_mbuf", SHELL(no_mbuf) + SHELL(tx_failed) + SHELL(drop_unresolved), "", "frames lost for want of a buffer");
#undef CORE
#undef SHELL
}

static void write_json(bool is_equal)
{
	FILE *f = fopen(lab.o.json, "we");
	if (!f) {
		perror(lab.o.json);
		return;
	}
	fprintf(f, "{\"n\": %u, \"clock\": \"%s\", \"lcores\": %u, \"outstanding\": %u, \"clients\": %u, \"hot\": %g, \"reads\": %g, \"keys\": %llu, "
		   "\"value_size\": %u, \"wire_ns\": %u, \"window\": %u, \"batch\": %u, \"tsc_hz\": %llu, \"state\": \"%s\"",
		lab.o.n, lab.o.clock == LAB_REAL ? "real" : "virtual", lab.o.lcores, lab.o.outstanding, lab.o.clients, lab.o.hot, lab.o.reads,
		(unsigned long long)lab.o.keys, lab.o.value, lab.o.wire_ns, lab.o.window, lab.o.batch, (unsigned long long)lab.hz, is_equal ? "equal" : "DIFFERENT");
	for (uint32_t k = 0; k < figures_count; k++)
		fprintf(f, ", \"%s\": %.6g", figures[k].name, figures[k].value);
	fprintf(f, "}\n");
	if (fclose(f) != 0)
		perror(lab.o.json);
}

bool lab_report(bool is_equal)
{
	double commands = (double)lab_done(), seconds = (double)(lab.ended - lab.began) / (double)lab.hz;
	lab_figure("commands", commands, "", "commands measured");
	lab_figure("seconds", seconds, "s", lab.o.clock == LAB_REAL ? "time" : "virtual time");
	lab_figure("ops", commands / seconds, "/s", "commands a second");
	lab_distribution("client", &reply, "a client's latency");
	lab_distribution("spared", &spared, "  of whose instance no frame was lost");
	lab_distribution("echo", &echo, "raw echo");
	if (echo.count > 0)
		lab_figure("client_ratio", (double)histogram_quantile(&reply, 0.5) / (double)histogram_quantile(&echo, 0.5), "",
			   "a client's latency / raw echo, p50");
	of_gaps();
	of_cluster(commands);
	bool is_bounded = of_searches() || lab.o.away != LAB_NOBODY; // who catches up searches through a window
	lab_stages_report((uint64_t)commands);
	if (lab.o.clock == LAB_VIRTUAL)
		lab_figure("disturbed", (double)lab.disturbed, "", "turns that the machine interrupted");
	if (lab.o.away != LAB_NOBODY)
		lab_away_report();
	bool is_flat = !lab.o.is_long || lab_samples_report();
	uint64_t busy = 0;
	for (uint32_t c = 0; c < lab.o.clients; c++)
		busy += lab.clients[c].busy;
	for (uint32_t k = 0; k < figures_count; k++)
		printf("%14.*f %-5s %s\n", figures[k].value < 100 ? 2 : 0, figures[k].value, figures[k].unit, figures[k].text);
	if (lab.o.json)
		write_json(is_equal);
	printf("PNYX lab n=%u clock=%s commands=%.0f ops=%.0f search=%s state=%s%s\n", lab.o.n, lab.o.clock == LAB_REAL ? "real" : "virtual", commands,
	       commands / seconds, is_bounded ? "bounded" : "UNBOUNDED", is_equal ? "equal" : "DIFFERENT", !lab.o.is_long ? "" : is_flat && busy == 0 ? " memory=flat busy=0" : " memory=GROWS-OR-BUSY");
	return is_equal && is_bounded && is_flat && (!lab.o.is_long || busy == 0);
}
