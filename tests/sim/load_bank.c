// Clients of the bank: transfers between accounts, and sums that must never change.
#include <string.h>
#include "tests/app/bank_format.h"
#include "tests/sim/load.h"
#include "tests/sim/verdict.h"

const char *const load_name = "bank";

#define ACCOUNTS 64
#define ROGUE_FIRST 48 // accounts from here on belong to dishonest clients

static uint32_t below(uint64_t *rng, uint32_t n)
{
	return (uint32_t)(ep_random(rng) % n);
}

void load_configure(struct ep_config *c, uint64_t *rng)
{
	(void)rng;
	c->cost_max = 1;
	c->app_capacity = ACCOUNTS;
}

static uint32_t write_command(uint8_t *out, struct bank_command c)
{
	memcpy(out, &c, sizeof c);
	return sizeof c;
}

// Accounts come in pairs. With an odd shift money stays inside a pair, so that every single read can be judged.
static bool stays_in_pair(const struct load_config *c)
{
	return c->shift & 1;
}

static uint32_t accounts(const struct load_config *c)
{
	uint32_t pairs = c->keys < ROGUE_FIRST / 2 ? c->keys : ROGUE_FIRST / 2;
	return 2 * pairs;
}

uint32_t load_next(const struct load_config *c, uint64_t *rng, uint64_t unique, bool *is_read, uint8_t *out)
{
	(void)unique;
	uint32_t from = below(rng, 100) < c->hot_percent ? below(rng, 2) : below(rng, accounts(c));
	*is_read = below(rng, 100) < c->read_percent;
	if (*is_read)
		return write_command(out, (struct bank_command){.op = BANK_READ, .from = from & ~1u, .to = from | 1u});
	uint32_t to = stays_in_pair(c) ? from ^ 1u : below(rng, accounts(c));
	return write_command(out, (struct bank_command){.op = BANK_TRANSFER, .from = from, .to = to, .amount = below(rng, 400)});
}

uint32_t load_rogue(uint64_t *rng, uint8_t *out)
{
	uint32_t room = ACCOUNTS - ROGUE_FIRST + 8; // some do not exist
	struct bank_command c = {.op = BANK_TRANSFER, .from = ROGUE_FIRST + below(rng, room)};
	c.to = ROGUE_FIRST + below(rng, room);
	c.amount = below(rng, 3000);
	return write_command(out, c);
}

uint32_t load_final(const struct load_config *c, uint32_t k, uint8_t *out)
{
	(void)c;
	return k < ACCOUNTS / 2 ? write_command(out, (struct bank_command){.op = BANK_READ, .from = 2 * k, .to = 2 * k + 1}) : 0;
}

uint32_t load_clean(const struct load_config *c, uint32_t k, uint8_t *out)
{
	(void)c, (void)k, (void)out;
	return 0; // accounts stay as they are: sums are what counts
}

void load_check(const struct load_config *c, const struct history *h, struct load_report *report)
{
	uint64_t balance[ACCOUNTS] = {0}, sum = 0, latest[ACCOUNTS] = {0};
	for (uint32_t o = 0; o < h->count; o++) {
		const struct history_op *op = &h->ops[o];
		struct bank_command command;
		struct bank_result result;
		if (!op->is_answered)
			continue;
		if (op->result_len != sizeof result)
			verdict_fail("INV9: an answer of %u bytes is not the bank's", op->result_len);
		memcpy(&command, op->command, sizeof command);
		memcpy(&result, op->result, sizeof result);
		if (stays_in_pair(c) && command.from < ROGUE_FIRST && result.from + result.to != 2 * BANK_START)
			verdict_fail("the accounts %u and %u were seen with %llu and %llu: money was made or lost", command.from,
				     command.to, (unsigned long long)result.from, (unsigned long long)result.to);
		report->checked++;
		if (command.op != BANK_READ || op->call < latest[command.from])
			continue;
		latest[command.from] = op->call;
		balance[command.from] = result.from;
		balance[command.to] = result.to;
	}
	for (uint32_t a = 0; a < ROGUE_FIRST; a++) // late transfers of dishonest clients may come between the last reads of their accounts
		sum += balance[a];
	if (h->has_final && sum != (uint64_t)ROGUE_FIRST * BANK_START)
		verdict_fail("all accounts together hold %llu at the end, not %u", (unsigned long long)sum, ROGUE_FIRST * BANK_START);
}
