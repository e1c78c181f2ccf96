// INV5 to INV7, from the messages that replicas send: ballots have owners, a ballot has one value, and a fast commit
// binds every later proposal. Also that answers once given are not given differently.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/check.h"
#include "tests/sim/verdict.h"

static void check_owner(const struct log *log, const struct log_instance *x, uint8_t from, uint64_t bal, const char *what)
{
	uint8_t owner = (uint8_t)(bal == 0 ? x->col : (bal - 1) % log->config.n);
	if (owner != from)
		verdict_fail("INV5: p%d sends %s of %s at ballot %" PRIu64 ", which belongs to p%d", from, what, log_name(x), bal,
			     owner);
}

static bool same(const struct log *log, bool is_nop, const uint64_t *dep, bool other_nop, const uint64_t *other)
{
	return is_nop == other_nop && memcmp(dep, other, 8u * log->config.n) == 0;
}

static void check_fast_binds(const struct log *log, const struct log_instance *x, bool is_nop, const uint64_t *dep, uint64_t bal)
{
	char a[200], b[200];
	if (x->is_fast && !same(log, is_nop, dep, x->is_nop, x->dep))
		verdict_fail("INV7: %s was committed fast with %s, and ballot %" PRIu64 " proposes %s%s", log_name(x),
			     decode_vector(a, sizeof a, x->dep, NULL, log->config.n), bal, is_nop ? "Nop " : "",
			     decode_vector(b, sizeof b, dep, NULL, log->config.n));
}

static void on_accept(struct check *k, struct log_instance *x, uint8_t from, const struct message *m)
{
	struct log *log = &k->log;
	check_owner(log, x, from, m->bal, "Accept");
	check_fast_binds(log, x, m->is_nop, m->dep, m->bal);
	x->is_proposed_zero |= m->bal == 0;
	for (struct log_accept *a = x->accepts; a; a = a->next)
		if (a->bal == m->bal) {
			if (!same(log, a->is_nop, a->dep, m->is_nop, m->dep))
				verdict_fail("INV5: %s has two values at ballot %" PRIu64, log_name(x), m->bal);
			return;
		}
	struct log_accept *a = calloc(1, sizeof *a);
	*a = (struct log_accept){.bal = m->bal, .is_nop = m->is_nop, .next = x->accepts};
	memcpy(a->dep, m->dep, sizeof a->dep);
	x->accepts = a;
}

static void on_commit(struct check *k, struct log_instance *x, uint8_t from, const struct message *m)
{
	struct log *log = &k->log;
	check_decided(k, x, m->is_nop, m->dep, m->bal, "a Commit in flight");
	if (from != x->col || m->bal != 0 || x->is_proposed_zero || x->is_fast)
		return;
	// The leader's first Commit at ballot 0 without a proposal: the fast path.
	for (const struct log_accept *a = x->accepts; a; a = a->next)
		if (!same(log, a->is_nop, a->dep, m->is_nop, m->dep))
			verdict_fail("INV7: %s is committed fast, but ballot %" PRIu64 " proposed another value", log_name(x),
				     a->bal);
	if (x->copies[from].bal > 0 && x->copies[from].phase < EP_COMMITTED)
		verdict_fail("INV6: %s is committed fast after its leader joined ballot %" PRIu64, log_name(x),
			     x->copies[from].bal);
	x->is_fast = true;
	log->fast++;
}

static void on_preaccept(struct check *k, struct log_instance *x, uint8_t from, const struct message *m)
{
	uint32_t n = k->log.config.n;
	char a[200], b[200];
	if (from != x->col)
		verdict_fail("INV5: p%d sends PreAccept of %s", from, log_name(x));
	if (!x->is_submitted) {
		x->is_submitted = true;
		x->fq = m->fq;
		memcpy(x->idep, m->dep, 8u * n);
	}
	if (m->fq != x->fq)
		verdict_fail("INV6: the designated peer of %s changed from p%d to p%d", log_name(x), x->fq, m->fq);
	if (memcmp(x->idep, m->dep, 8u * n) != 0)
		verdict_fail("INV6: PreAccept of %s says %s, before it said %s", log_name(x), decode_vector(a, sizeof a, m->dep, NULL, n),
			     decode_vector(b, sizeof b, x->idep, NULL, n));
}

static void on_preaccept_ok(struct check *k, struct log_instance *x, uint8_t from, const struct message *m)
{
	uint32_t n = k->log.config.n;
	struct log_copy *copy = &x->copies[from];
	char a[200], b[200];
	if (copy->has_ok && memcmp(copy->ok, m->dep, 8u * n) != 0)
		verdict_fail("p%d answers PreAccept of %s with %s, before with %s", from, log_name(x),
			     decode_vector(a, sizeof a, m->dep, NULL, n), decode_vector(b, sizeof b, copy->ok, NULL, n));
	if (m->dep[x->col] >= x->i)
		verdict_fail("%s depends on its own column up to %" PRIu64, log_name(x), m->dep[x->col]);
	copy->has_ok = true;
	memcpy(copy->ok, m->dep, 8u * n);
}

static void on_recover_ok(struct check *k, struct log_instance *x, uint8_t from, const struct message *m)
{
	if (m->phase == EP_PREACCEPTED && x->is_submitted && k->log.config.mode != EP_MODE_E && m->fq != x->fq)
		verdict_fail("INV6: p%d tells designated peer p%d of %s, its leader sent p%d", from, m->fq, log_name(x), x->fq);
	if (m->phase == EP_COMMITTED)
		check_decided(k, x, m->is_nop, m->dep, m->abal, "a RecoverOK in flight");
}

void check_message(struct check *k, uint8_t from, const struct message *m)
{
	if (m->type >= EP_FETCH)
		return; // about no single instance
	struct log_instance *x = log_at(&k->log, m->col, m->i);
	if (m->payload)
		log_bind_payload(&k->log, x, m->payload, m->payload_len, m->seq);
	switch (m->type) {
	case EP_PREACCEPT:
		on_preaccept(k, x, from, m);
		return;
	case EP_PREACCEPT_OK:
		on_preaccept_ok(k, x, from, m);
		return;
	case EP_ACCEPT:
		on_accept(k, x, from, m);
		return;
	case EP_COMMIT:
		on_commit(k, x, from, m);
		return;
	case EP_RECOVER:
		check_owner(&k->log, x, from, m->bal, "Recover");
		return;
	case EP_VALIDATE:
		check_owner(&k->log, x, from, m->bal, "Validate");
		return;
	case EP_RECOVER_OK:
		on_recover_ok(k, x, from, m);
		return;
	}
}
