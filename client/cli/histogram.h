// A log-linear histogram of durations: fixed memory, relative error below 1/128.
#pragma once
#include <stdint.h>
#include <stdio.h>

// 128 equal buckets an octave. Values below 256 are exact; above, a quantile is at most 1/128 (0.8
// %) above the true value and never below it. Count, sum, smallest and largest value are exact.
#define HISTOGRAM_BITS 7
#define HISTOGRAM_BUCKETS ((65 - HISTOGRAM_BITS) << HISTOGRAM_BITS)

struct histogram {
	uint64_t count, sum, min, max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_reset(struct histogram *);
// One value (the bench: nanoseconds).
void histogram_add(struct histogram *, uint64_t value);
// Smallest recorded value that `share` of all values do not exceed, up to the error above. 0 <
// share <= 1; 0 when nothing was recorded.
uint64_t histogram_quantile(const struct histogram *, double share);
// How many values lie in the buckets up to the one of `value`.
uint64_t histogram_count_to(const struct histogram *, uint64_t value);
// The middle of a bucket (below HISTOGRAM_BUCKETS).
uint64_t histogram_bucket_middle(uint32_t bucket);
// Writes it as HdrHistogram's percentile output does, values divided by `unit` (percentiles.c).
void histogram_print(FILE *, const struct histogram *, double unit);
// Adds all of `from`.
void histogram_merge(struct histogram *, const struct histogram *from);
