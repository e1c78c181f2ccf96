// A bank: a second application behind consensus/app/app.h, whose commands touch two keys and keep a
// sum.
//
// The state is one balance for each of `capacity` accounts, all there from the start, so that no
// command ever needs room. A transfer overwrites two words under the undo journal.
#include "consensus/app/app.h"
#include "consensus/base/bytes.h"
#include "tests/app/bank_format.h"

#define MAGIC 0x31616e6b626e6162ULL

struct bank {
	uint64_t magic;
	uint64_t seed;
	uint64_t accounts;
	uint64_t zero[5];
	uint64_t balance[];
};

size_t pnyx_app_size(const struct pnyx_app_config *config)
{
	return (sizeof(struct bank) + config->capacity * sizeof(uint64_t) + 63) & ~(size_t)63;
}

void pnyx_app_init(void *state, const struct pnyx_app_config *config)
{
	struct bank *bank = state;
	CHECK_OP(config->capacity, <=, (uint64_t)UINT32_MAX);
	bank->magic = MAGIC;
	bank->seed = config->seed;
	bank->accounts = config->capacity;
	for (uint64_t a = 0; a < bank->accounts; a++)
		bank->balance[a] = BANK_START;
}

bool pnyx_app_attach(void *state, const struct pnyx_app_config *config)
{
	const struct bank *bank = state;
	if (bank->magic != MAGIC || bank->seed != config->seed ||
	    bank->accounts != config->capacity)
		return false;
	uint64_t sum = 0;
	for (uint64_t a = 0; a < bank->accounts; a++)
		sum += bank->balance[a];
	return sum == bank->accounts * BANK_START;
}

enum pnyx_verdict pnyx_app_inspect(const uint8_t *command, uint32_t len, uint32_t result_max,
				   struct pnyx_intent *intent)
{
	(void)result_max;
	const struct bank_command *c = (const void *)command;
	if (len != sizeof *c || (c->op != BANK_TRANSFER && c->op != BANK_READ))
		return PNYX_MALFORMED;
	if (c->zero[0] || c->zero[1] || c->zero[2] || c->zero2 || (c->op == BANK_READ && c->amount))
		return PNYX_MALFORMED;
	bool is_write = c->op == BANK_TRANSFER;
	intent->is_read = !is_write;
	intent->cost = intent->growth = 0;
	intent->keys_count = c->from == c->to ? 1 : 2;
	intent->keys[0] = (struct pnyx_key){(const uint8_t *)&c->from, sizeof c->from, is_write};
	if (intent->keys_count == 2)
		intent->keys[1] =
		    (struct pnyx_key){(const uint8_t *)&c->to, sizeof c->to, is_write};
	return PNYX_FINE;
}

static enum bank_code transfer(struct bank *bank, struct ep_txn *txn, const struct bank_command *c)
{
	if (bank->balance[c->from] < c->amount)
		return BANK_INSUFFICIENT;
	ep_txn_set64(txn, &bank->balance[c->from], bank->balance[c->from] - c->amount);
	ep_txn_set64(txn, &bank->balance[c->to], bank->balance[c->to] + c->amount);
	return BANK_OK;
}

uint32_t pnyx_app_apply(void *state, struct ep_txn *txn, const uint8_t *command, uint32_t len,
			uint8_t *result, uint32_t cap)
{
	struct bank *bank = state;
	const struct bank_command *c = (const void *)command;
	CHECK_OP(len, ==, sizeof *c);
	struct bank_result r = {.code = BANK_NO_ACCOUNT};
	if (cap < sizeof r) {
		CHECK_OP(cap, >=, 1u);
		*result = BANK_TOO_LARGE;
		return 1;
	}
	if (c->from < bank->accounts && c->to < bank->accounts) {
		r.code = BANK_OK;
		if (c->op == BANK_TRANSFER)
			r.code = (uint8_t)transfer(bank, txn, c);
		r.from = bank->balance[c->from];
		r.to = bank->balance[c->to];
	}
	memcpy(result, &r, sizeof r);
	return sizeof r;
}

// Nothing is ever allocated or freed.
void pnyx_app_committed(void *state)
{
	(void)state;
}

uint64_t pnyx_app_used(const void *state)
{
	(void)state;
	return 0;
}

// Accounts are an array: nothing is searched.
void pnyx_app_prefetch(const void *state, uint64_t key, uint32_t step)
{
	(void)state, (void)key, (void)step;
}

bool pnyx_app_digest(const void *state, uint64_t *cursor, uint64_t *sum, uint32_t budget)
{
	const struct bank *bank = state;
	for (; budget > 0 && *cursor < bank->accounts; budget--, (*cursor)++)
		*sum += ep_mix64(ep_mix64(bank->seed ^ *cursor) ^ bank->balance[*cursor]);
	return *cursor == bank->accounts;
}
