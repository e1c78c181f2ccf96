// Use of memory over a run: samples of every pool, and the straight line through the last nine tenths of them.
#include "consensus/digest.h"
#include "consensus/state.h"
#include "tests/lab/lab.h"

#define SAMPLES_MAX 4096
#define POOLS 5

// Summed over the replicas, except the last, which is the latest that is known.
static const char *const names[POOLS] = { "units", "sessions", "index_entries", "live", "buffers" };
static const char *const texts[POOLS] = { "application units in use", "sessions", "entries of the conflict index in use",
					  "instances not executed by all", "packet buffers in use" };
static double samples[SAMPLES_MAX][POOLS], at[SAMPLES_MAX];
static uint32_t count;

static uint32_t entries_in_use(const struct ep_replica *r)
{
	uint32_t free = 0;
	for (uint32_t e = r->entry_free; e != EP_NIL; e = ep_entry(r, e)->next)
		free++;
	return r->config.index_keys - free;
}

void lab_sample(void)
{
	if (count == SAMPLES_MAX)
		return;
	double *s = samples[count];
	for (uint32_t k = 0; k < lab.o.n; k++) {
		struct ep_replica *r = lab.nodes[k].loop.consensus.replica;
		ep_counters_refresh(r);
		s[0] += (double)r->counters.arena_used;
		s[1] += (double)r->counters.sessions;
		s[2] += entries_in_use(r);
		s[3] += (double)r->counters.live;
		s[4] += rte_mempool_in_use_count(lab.nodes[k].end.port.pool);
	}
	at[count++] = (double)lab_done();
}

// Least squares: change a command, times the commands between first and last sample.
static double growth(uint32_t pool, uint32_t from, double *mean)
{
	double n = count - from, x = 0, y = 0, xx = 0, xy = 0;
	for (uint32_t k = from; k < count; k++) {
		x += at[k];
		y += samples[k][pool];
		xx += at[k] * at[k];
		xy += at[k] * samples[k][pool];
	}
	*mean = y / n;
	return (n * xy - x * y) / (n * xx - x * x) * (at[count - 1] - at[from]);
}

bool lab_samples_report(void)
{
	bool is_flat = true;
	uint32_t from = count / 10;
	if (count < 20) {
		lab_figure("samples", count, "", "samples of memory: too few, the run was too short");
		return false;
	}
	for (uint32_t p = 0; p < POOLS; p++) {
		double mean, change = growth(p, from, &mean);
		char name[64], text[128];
		snprintf(name, sizeof name, "%s_mean", names[p]);
		lab_figure(name, mean, "", texts[p]);
		snprintf(name, sizeof name, "%s_growth", names[p]);
		snprintf(text, sizeof text, "  change over the last 90 %% of the run, by its slope");
		lab_figure(name, change, "", text);
		// What comes and goes with the load leaves a slope of chance: a hundredth of its mean is none.
		is_flat = is_flat && change <= mean / 100;
	}
	return is_flat;
}
