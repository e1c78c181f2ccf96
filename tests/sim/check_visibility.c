// INV3 Visibility: of two committed interfering instances one depends on the other (protocol.md A.4, E.3).
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

static bool sees(const struct log_instance *x, const struct log_instance *y)
{
	return y->i <= x->dep[y->col];
}

// Only a recovery that validated may have passed over an instance that all had executed (E.3).
static bool is_exempt(const struct log_instance *x, const uint64_t *stable, const struct log_instance *y)
{
	return (x->decided_at > 0 || y->decided_at > 0) && (x->i <= stable[x->col] || y->i <= stable[y->col]);
}

void check_visible(struct check *k, struct log_instance *x, const uint64_t *stable)
{
	struct log *log = &k->log;
	if (x->is_nop || !x->has_payload)
		return;
	for (uint8_t c = 0; c < log->config.n; c++)
		for (uint64_t i = log->columns[c].base + 1; i <= log_last(log, c); i++) {
			const struct log_instance *y = log_find(log, c, i);
			if (!y || y == x || !y->is_committed || y->is_nop || !y->has_payload || sees(x, y) || sees(y, x) ||
			    is_exempt(x, stable, y))
				continue;
			k->pairs++;
			if (!log_keys_meet(x, y))
				continue;
			char a[200], b[200];
			decode_vector(a, sizeof a, x->dep, NULL, log->config.n);
			decode_vector(b, sizeof b, y->dep, NULL, log->config.n);
			verdict_fail("INV3 Visibility: %s %s and %s %s interfere and do not see each other", log_name(x), a,
				     log_name(y), b);
		}
}
