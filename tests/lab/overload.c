// pnyx-lab-overload: what becomes of more than the cluster can do. Operations begin when they are meant to (open loop) and latencies count from
// then; whoever is refused (BUSY) does not ask again. Virtual clock: each replica and each client has a processor of its own.
//
// First the peak: the rate rises until the cluster no longer follows. Then 2, 5 and 10 times the peak, and after each half of it again.
#include <string.h>
#include "tests/dpdk/eal.h"
#include "tests/lab/lab.h"

#define STEP_SECONDS 0.02
#define OVERLOAD_SECONDS 0.1
#define RECOVERY_WINDOW 0.002
#define RECOVERY_WINDOWS 250

struct load {
	double rate, goodput, refused, lost, unsent; // a second
	double p50, p99;                             // us of what was executed, from the intended time
};

static struct load measure(double seconds)
{
	static struct histogram all;
	uint64_t done = 0, busy = 0, lost = 0, unsent = 0, meant = 0;
	histogram_reset(&all);
	for (uint32_t c = 0; c < lab.o.clients; c++)
		lab_client_reset(&lab.clients[c]);
	lab_run(0, 0, seconds);
	seconds = (double)(lab.ended - lab.began) / (double)lab.hz; // a little more
	for (uint32_t k = 0; k < lab.o.clients; k++) {
		const struct lab_client *c = &lab.clients[k];
		histogram_merge(&all, &c->reply);
		done += c->done;
		busy += c->busy;
		lost += c->lost;
		unsent += c->unsent;
		meant += c->meant;
	}
	double us = 1e6 / (double)lab.hz;
	return (struct load){ .rate = (double)meant / seconds, .goodput = (double)done / seconds, .refused = (double)busy / seconds,
			      .lost = (double)lost / seconds, .unsent = (double)unsent / seconds,
			      .p50 = (double)histogram_quantile(&all, 0.5) * us, .p99 = (double)histogram_quantile(&all, 0.99) * us };
}

static void show(const char *name, const struct load *l)
{
	printf("%-10s %10.0f %10.0f %10.0f %10.0f %10.0f %9.0f %9.0f\n", name, l->rate, l->goodput, l->refused, l->lost, l->unsent, l->p50, l->p99);
}

// The rate that the clients have reached, not the one that was asked for, is what counts.
static struct load at(double rate, double warmup, double seconds)
{
	lab_settle();
	lab_client_pace(rate);
	measure(warmup);
	return measure(seconds);
}

static double find_peak(void)
{
	double peak = 0;
	uint32_t below = 0;
	for (double rate = 100000; below < 3; rate *= 1.25) {
		struct load l = at(rate, STEP_SECONDS / 2, STEP_SECONDS);
		below = l.goodput < 0.9 * l.rate ? below + 1 : 0;
		peak = l.goodput > peak ? l.goodput : peak;
		show("", &l);
	}
	return peak;
}

// Milliseconds until the latency is what it was before, 3 windows running.
static double until_normal(double rate, double p99)
{
	uint32_t good = 0;
	for (uint32_t c = 0; c < lab.o.clients; c++) { // without a rest in between: the overload's remains are there
		lab.clients[c].period = (uint64_t)((double)lab.hz * lab.o.clients / rate);
		lab.clients[c].due = lab.clients[c].end.now;
	}
	for (uint32_t w = 1; w <= RECOVERY_WINDOWS; w++) {
		struct load l = measure(RECOVERY_WINDOW);
		good = l.p99 <= 2 * p99 && l.goodput > 0.9 * l.rate ? good + 1 : 0;
		if (good == 3)
			return (w - 2) * RECOVERY_WINDOW * 1000;
	}
	return -1;
}

static const double factors[] = { 2, 5, 10 };

static bool overload(double peak, const struct load *normal)
{
	bool is_good = true;
	for (uint32_t k = 0; k < 3; k++) {
		char name[16], figure[32];
		struct load l = at(factors[k] * peak, STEP_SECONDS / 2, OVERLOAD_SECONDS);
		double back = until_normal(peak / 2, normal->p99);
		snprintf(name, sizeof name, "%.0f x peak", factors[k]);
		show(name, &l);
		printf("           normal again after %.0f ms\n", back);
		snprintf(figure, sizeof figure, "x%.0f_goodput", factors[k]);
		lab_figure(figure, l.goodput / peak, "", "goodput / peak");
		is_good &= l.goodput >= 0.8 * peak && l.refused > 0 && back >= 0;
	}
	return is_good;
}

int lab_main(void)
{
	printf("%-10s %10s %10s %10s %10s %10s %9s %9s\n", "", "offered/s", "executed", "refused", "no answer", "not sent", "p50 us", "p99 us");
	double peak = find_peak();
	struct load normal = at(peak / 2, STEP_SECONDS, OVERLOAD_SECONDS);
	show("0.5 x peak", &normal);
	bool is_good = overload(peak, &normal);
	lab_drain();
	bool is_equal = lab_is_equal();
	printf("PNYX overload n=%u peak=%.0f goodput=%s state=%s\n", lab.o.n, peak, is_good ? "kept" : "LOST", is_equal ? "equal" : "DIFFERENT");
	return is_equal && is_good ? 0 : 1;
}
