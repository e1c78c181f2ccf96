// INV4: what a replica has made durable of an instance only moves forward, and a value once taken stays. INV6: initial values are the same everywhere.
#include <inttypes.h>
#include <string.h>
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

static void check_monotone(const struct log_instance *x, const struct log_copy *was, const struct ep_peek *is, uint8_t p)
{
	if (is->abal > is->bal)
		verdict_fail("INV4: %s at p%d has abal %" PRIu64 " above bal %" PRIu64, log_name(x), p, is->abal, is->bal);
	if (!was->is_seen)
		return;
	if (is->bal < was->bal || is->abal < was->abal)
		verdict_fail("INV4: %s at p%d went back from ballot %" PRIu64 "/%" PRIu64 " to %" PRIu64 "/%" PRIu64,
			     log_name(x), p, was->bal, was->abal, is->bal, is->abal);
	if (is->phase < was->phase)
		verdict_fail("INV4: %s at p%d went back from %s to %s", log_name(x), p, decode_phase(was->phase),
			     decode_phase(is->phase));
}

// A value is taken once for each phase and ballot: what a kill interrupted is the old one or the new one, never a mixture.
static void check_value(const struct log *log, const struct log_instance *x, struct log_copy *was, const struct ep_peek *is, uint8_t p)
{
	uint32_t n = log->config.n;
	char a[200], b[200];
	bool is_same = was->is_seen && was->phase == is->phase && was->abal == is->abal && is->phase > EP_INITIAL;
	if (is_same && (was->is_nop != is->is_nop || memcmp(was->dep, is->dep, 8u * n) != 0))
		verdict_fail("INV4: %s at p%d, %s at ballot %" PRIu64 ", had %s and has %s", log_name(x), p, decode_phase(is->phase),
			     is->abal, decode_vector(a, sizeof a, was->dep, NULL, n), decode_vector(b, sizeof b, is->dep, NULL, n));
	was->is_nop = is->is_nop;
	memcpy(was->dep, is->dep, 8u * n);
}

// The facts that its leader bound to the instance: idep, and in mode D the designated peer.
static void check_initial(struct check *k, struct log_instance *x, const struct ep_peek *is, uint8_t p)
{
	uint32_t n = k->log.config.n;
	char a[200], b[200];
	if (!x->is_submitted)
		return; // nothing to compare with: the leader's record and PreAccepts bind it first
	if (memcmp(x->idep, is->idep, 8u * n) != 0)
		verdict_fail("INV6: %s has idep %s at p%d, its leader sent %s", log_name(x),
			     decode_vector(a, sizeof a, is->idep, NULL, n), p, decode_vector(b, sizeof b, x->idep, NULL, n));
	if (is->phase == EP_PREACCEPTED && is->bal == 0 && is->fq != x->fq)
		verdict_fail("INV6: %s has designated peer p%d at p%d, its leader sent p%d", log_name(x), is->fq, p, x->fq);
}

void check_copy(struct check *k, const struct ep_replica *r, uint8_t p, uint8_t col, uint64_t i)
{
	struct ep_peek is = ep_peek(r, col, i);
	uint32_t n = k->log.config.n;
	if (!is.exists)
		return;
	struct log_instance *x = log_at(&k->log, col, i);
	struct log_copy *was = &x->copies[p];
	check_monotone(x, was, &is, p);
	check_value(&k->log, x, was, &is, p);
	was->is_seen = true;
	was->phase = is.phase;
	was->bal = is.bal;
	was->abal = is.abal;
	if (is.payload)
		log_bind_payload(&k->log, x, is.payload, is.payload_len, is.seq);
	if (p == col && is.has_init && !x->is_submitted) {
		x->is_submitted = true;
		x->fq = is.fq;
		memcpy(x->idep, is.idep, 8u * n);
	}
	if (is.has_init)
		check_initial(k, x, &is, p);
	if (is.phase != EP_COMMITTED)
		return;
	if (!is.is_nop && !x->has_payload)
		verdict_fail("INV2: %s is committed at p%d without a payload", log_name(x), p);
	check_decided(k, x, is.is_nop, is.dep, is.abal, "a record");
}
