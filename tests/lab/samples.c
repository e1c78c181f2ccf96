// Use of memory over a run: samples of every pool, and the straight line through the last nine tenths of them.
//
// What is kept (the application's units, sessions, buffers, the process) must not grow. What is in flight comes and goes with the load, so its
// line has a slope of chance; of it nothing may be left when the load has ended.
#include <unistd.h>
#include "consensus/digest.h"
#include "consensus/state.h"
#include "tests/lab/lab.h"

#define SAMPLES_MAX 4096
#define POOLS 6

// Summed over the replicas, except the last: of the process, with everything in it.
static const char *const names[POOLS] = { "units", "sessions", "index_entries", "live", "buffers", "resident" };
static const char *const texts[POOLS] = { "application units in use", "sessions", "entries of the conflict index in use",
					  "instances not executed by all", "packet buffers in use", "resident KiB of the process" };
static const bool is_in_flight[POOLS] = { [2] = true, [3] = true };
static double samples[SAMPLES_MAX][POOLS], at[SAMPLES_MAX];
static uint32_t count;

static uint32_t entries_in_use(const struct ep_replica *r)
{
	uint32_t free = 0;
	for (uint32_t e = r->entry_free; e != EP_NIL; e = ep_entry(r, e)->next)
		free++;
	return r->config.index_keys - free;
}

static double resident_kib(void)
{
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f && fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

void lab_sample(void)
{
	if (count == SAMPLES_MAX)
		return;
	double *s = samples[count];
	for (uint32_t k = 0; k < lab.o.n; k++) {
		struct ep_replica *r = lab.nodes[k].loop.consensus.now.replica;
		ep_counters_refresh(r);
		s[0] += (double)r->counters.arena_used;
		s[1] += (double)r->counters.sessions;
		s[2] += entries_in_use(r);
		s[3] += (double)r->counters.live;
		s[4] += rte_mempool_in_use_count(lab.nodes[k].end.port.pool);
	}
	s[5] = resident_kib();
	at[count++] = (double)lab_done();
}

// One line a sample, for a plot. False: the file cannot be written.
static bool write_samples(const char *path)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return false;
	fprintf(f, "commands");
	for (uint32_t p = 0; p < POOLS; p++)
		fprintf(f, "\t%s", names[p]);
	for (uint32_t k = 0; k < count; k++) {
		fprintf(f, "\n%.0f", at[k]);
		for (uint32_t p = 0; p < POOLS; p++)
			fprintf(f, "\t%.0f", samples[k][p]);
	}
	return fprintf(f, "\n") > 0 && fclose(f) == 0;
}

// Least squares: change a command, times the commands between first and last sample. *variance: of the samples around their mean.
static double growth(uint32_t pool, uint32_t from, double *mean, double *variance)
{
	double n = count - from, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
	for (uint32_t k = from; k < count; k++) {
		x += at[k];
		y += samples[k][pool];
		xx += at[k] * at[k];
		xy += at[k] * samples[k][pool];
		yy += samples[k][pool] * samples[k][pool];
	}
	*mean = y / n;
	*variance = yy / n - *mean * *mean;
	return (n * xy - x * y) / (n * xx - x * x) * (at[count - 1] - at[from]);
}

bool lab_is_recycled(void)
{
	for (uint32_t k = 0; k < lab.o.n; k++) {
		struct ep_replica *r = lab.nodes[k].loop.consensus.now.replica;
		for (uint32_t c = 0; c < lab.o.n; c++)
			if (r->columns[c].stable != r->columns[c].known)
				return false;
		if (entries_in_use(r) != 0)
			return false;
	}
	return true;
}

bool lab_samples_report(void)
{
	bool is_flat = lab.o.silent != LAB_NOBODY || lab_is_recycled();
	uint32_t from = count / 10;
	lab_figure("recycled", is_flat, "", "1: at rest no instance and no entry of the conflict index was left");
	if (count < 20) {
		lab_figure("samples", count, "", "samples of memory: too few, the run was too short");
		return false;
	}
	for (uint32_t p = 0; p < POOLS; p++) {
		double mean, variance, change = growth(p, from, &mean, &variance);
		char name[64], text[128];
		snprintf(name, sizeof name, "%s_mean", names[p]);
		lab_figure(name, mean, "", texts[p]);
		snprintf(name, sizeof name, "%s_growth", names[p]);
		snprintf(text, sizeof text, "  change over the last 90 %% of the run, by its slope");
		lab_figure(name, change, "", text);
		// A line that only rises is longer than three of its standard deviations.
		is_flat = is_flat && (is_in_flight[p] ? change < 0 || change * change <= 9 * variance : change <= mean / 1000);
	}
	if (lab.o.samples && !write_samples(lab.o.samples)) {
		fprintf(stderr, "pnyx-lab: %s cannot be written\n", lab.o.samples);
		return false;
	}
	return is_flat;
}
