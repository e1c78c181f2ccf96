// A histogram in the text format of HdrHistogram's percentile output, which its plotters and gnuplot read.
#include <inttypes.h>
#include <math.h>
#include "client/cli/histogram.h"

#define TICKS 5 // lines for each halving of the distance to 100 %

// The next share after this one: the distance to 1 is halved in TICKS equal steps, then halved again.
static double next_share(double share)
{
	int halvings = (int)floor(-log2(1 - share)) + 1;
	return share + 1 / (ldexp(1, halvings) * TICKS);
}

static double deviation(const struct histogram *h, double mean)
{
	double sum = 0;
	for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++) {
		double off = (double)histogram_bucket_middle(b) - mean;
		sum += (double)h->buckets[b] * off * off;
	}
	return h->count > 0 ? sqrt(sum / (double)h->count) : 0;
}

void histogram_print(FILE *f, const struct histogram *h, double unit)
{
	double mean = h->count > 0 ? (double)h->sum / (double)h->count : 0;
	fprintf(f, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
	for (double share = 0; h->count > 0;) {
		uint64_t value = histogram_quantile(h, share), up_to = histogram_count_to(h, value);
		if (up_to == h->count)
			break;
		fprintf(f, "%12.3f %2.12f %10" PRIu64 " %14.2f\n", (double)value / unit, share, up_to, 1 / (1 - share));
		share = next_share(share);
	}
	if (h->count > 0)
		fprintf(f, "%12.3f %2.12f %10" PRIu64 "\n", (double)h->max / unit, 1.0, h->count);
	fprintf(f, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean / unit, deviation(h, mean) / unit);
	fprintf(f, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n", (double)(h->count > 0 ? h->max : 0) / unit, h->count);
	fprintf(f, "#[Buckets = %12d, SubBuckets     = %12d]\n", 65 - HISTOGRAM_BITS, 1 << HISTOGRAM_BITS);
}
