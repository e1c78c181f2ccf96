// INV1 Agreement: every committed copy and every Commit in flight says the same. INV2 by log_bind_payload().
#include <inttypes.h>
#include <string.h>
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

bool check_decided(struct check *k, struct log_instance *x, bool is_nop, const uint64_t *dep, uint64_t bal, const char *where)
{
	uint32_t n = k->log.config.n;
	if (!x->is_committed) {
		x->is_committed = true;
		x->is_nop = is_nop;
		x->decided_at = bal;
		memcpy(x->dep, dep, 8u * n);
		k->log.committed++;
		k->log.nops += is_nop;
		return true;
	}
	char a[200], b[200];
	if (x->is_nop != is_nop || memcmp(x->dep, dep, 8u * n) != 0)
		verdict_fail("INV1 Agreement: %s was committed as %s%s, %s says %s%s", log_name(x), x->is_nop ? "Nop " : "",
			     decode_vector(a, sizeof a, x->dep, NULL, n), where, is_nop ? "Nop " : "",
			     decode_vector(b, sizeof b, dep, NULL, n));
	return false;
}
