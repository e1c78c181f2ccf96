// Rejection-inversion (Hörmann, Derflinger, ACM TOMACS 1996): no table, so that a hundred million keys cost nothing. The area under the
// density x^-exponent is drawn uniformly and turned back into x, which is rounded to a whole number; the area that belongs to each
// number is a little larger than its weight, and what lies in the difference is drawn again.
#include "client/cli/skew.h"
#include <math.h>
#include "consensus/base/rng.h"

// The integral of x^-exponent from 1 to x, and its inverse; near exponent 1 both become logarithm and exponential.
static double area(const struct skew *s, double x)
{
	double power = 1 - s->exponent, l = log(x);
	return fabs(power * l) < 1e-8 ? l : expm1(power * l) / power;
}

static double area_inverse(const struct skew *s, double y)
{
	double power = 1 - s->exponent;
	return fabs(power * y) < 1e-8 ? exp(y) : exp(log1p(power * y) / power);
}

static double weight(const struct skew *s, double x)
{
	return exp(-s->exponent * log(x));
}

void skew_init(struct skew *s, double exponent, uint64_t keys)
{
	*s = (struct skew){.exponent = exponent, .keys = (double)keys};
	s->first = area(s, 1.5) - 1;
	s->last = area(s, s->keys + 0.5);
	s->sure = 2 - area_inverse(s, area(s, 2.5) - weight(s, 2)); // so near to a number nothing is drawn again
}

uint64_t skew_next(const struct skew *s, uint64_t *random)
{
	for (;;) {
		double chance = (double)(ep_random(random) >> 11) * 0x1p-53;
		double y = s->last + chance * (s->first - s->last), x = area_inverse(s, y), k = floor(x + 0.5);
		k = k < 1 ? 1 : k > s->keys ? s->keys : k;
		if (k - x <= s->sure || y >= area(s, k + 0.5) - weight(s, k))
			return (uint64_t)k - 1;
	}
}
