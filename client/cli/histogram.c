// A log-linear histogram: the octave and the next seven bits of a value choose its bucket (the idea
// of HdrHistogram).
#include <string.h>
#include "client/cli/histogram.h"

#define SUB (1u << HISTOGRAM_BITS) // buckets an octave

static uint32_t bucket_of(uint64_t value)
{
	if (value < SUB)
		return (uint32_t)value;
	uint32_t shift = 63u - (uint32_t)__builtin_clzll(value) - HISTOGRAM_BITS;
	return (shift << HISTOGRAM_BITS) + (uint32_t)(value >> shift);
}

// The largest value of a bucket.
static uint64_t bucket_top(uint32_t bucket)
{
	if (bucket < 2 * SUB)
		return bucket;
	uint32_t shift = (bucket >> HISTOGRAM_BITS) - 1;
	uint64_t low = (uint64_t)(bucket - (shift << HISTOGRAM_BITS)) << shift;
	return low + ((1ULL << shift) - 1);
}

void histogram_reset(struct histogram *h)
{
	memset(h, 0, sizeof *h);
	h->min = UINT64_MAX;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	h->buckets[bucket_of(value)]++;
	h->count++;
	h->sum += value;
	h->min = value < h->min ? value : h->min;
	h->max = value > h->max ? value : h->max;
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
	// The rank is rounded up; the small term keeps 0.99 * 100 from becoming 100. Not ceil(): link-time optimisation would make
	// it a call into libm.
	double exact = share * (double)h->count - 1e-9;
	uint64_t rank = exact > 0 ? (uint64_t)exact + 1 : 0;
	rank -= rank > 0 && (double)(rank - 1) >= exact;
	uint64_t seen = 0;
	if (h->count == 0)
		return 0;
	rank = rank < 1 ? 1 : rank;
	for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++) {
		seen += h->buckets[b];
		if (seen >= rank) {
			uint64_t top = bucket_top(b);
			return top < h->max ? top : h->max;
		}
	}
	return h->max;
}

uint64_t histogram_count_to(const struct histogram *h, uint64_t value)
{
	uint64_t count = 0;
	for (uint32_t b = 0, last = bucket_of(value); b <= last; b++)
		count += h->buckets[b];
	return count;
}

uint64_t histogram_bucket_middle(uint32_t bucket)
{
	uint64_t top = bucket_top(bucket);
	return bucket < 2 * SUB ? top : top - (1ULL << ((bucket >> HISTOGRAM_BITS) - 1)) / 2;
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
	for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++)
		h->buckets[b] += from->buckets[b];
	h->count += from->count;
	h->sum += from->sum;
	h->min = from->min < h->min ? from->min : h->min;
	h->max = from->max > h->max ? from->max : h->max;
}
