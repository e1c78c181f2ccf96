// Tests of the bank: transfers, refusals, the invariant sum, kills.
#include <stdlib.h>
#include "consensus/app/app.h"
#include "consensus/base/rng.h"
#include "tests/app/bank_format.h"
#include "tests/unit/cut.h"
#include "tests/unit/unit.h"

#define ACCOUNTS 20u

static const struct pnyx_app_config config = {.capacity = ACCOUNTS, .seed = 5, .result_max = 1368};

static struct arena {
	struct ep_journal journal;
	_Alignas(64) uint8_t state[1024];
} arena, snapshot;

static struct ep_txn txn = {.arena = (uint8_t *)&arena, .journal = &arena.journal};
static struct bank_command command;
static struct bank_result result;

static void apply(void *unused)
{
	(void)unused;
	pnyx_app_apply(arena.state, &txn, (const uint8_t *)&command, sizeof command,
		       (uint8_t *)&result, sizeof result);
	ep_txn_commit(&txn);
	pnyx_app_committed(arena.state);
}

static enum bank_code run(enum bank_op op, uint32_t from, uint32_t to, uint64_t amount)
{
	struct pnyx_intent intent;
	command =
	    (struct bank_command){.op = (uint8_t)op, .from = from, .to = to, .amount = amount};
	CU_ASSERT_EQUAL(pnyx_app_inspect((const uint8_t *)&command, sizeof command, 1384, &intent),
			PNYX_FINE);
	CU_ASSERT_EQUAL(intent.is_read, op == BANK_READ);
	CU_ASSERT_EQUAL(intent.keys_count, from == to ? 1 : 2);
	CU_ASSERT_EQUAL(intent.keys[0].is_write, op == BANK_TRANSFER);
	apply(NULL);
	return (enum bank_code)result.code;
}

static void begin(void)
{
	memset(&arena, 0, sizeof arena);
	CU_ASSERT_FATAL(pnyx_app_size(&config) <= sizeof arena.state);
	pnyx_app_init(arena.state, &config);
}

static uint64_t digest(uint32_t budget)
{
	uint64_t cursor = 0, sum = 0;
	while (!pnyx_app_digest(arena.state, &cursor, &sum, budget))
		;
	return sum;
}

static uint64_t total(void)
{
	uint64_t sum = 0;
	for (uint32_t a = 0; a < ACCOUNTS; a++) {
		CU_ASSERT_EQUAL(run(BANK_READ, a, a, 0), BANK_OK);
		sum += result.from;
	}
	return sum;
}

static void transfers(void)
{
	begin();
	CU_ASSERT_EQUAL(run(BANK_TRANSFER, 0, 1, 400), BANK_OK);
	CU_ASSERT_EQUAL(result.from, BANK_START - 400);
	CU_ASSERT_EQUAL(result.to, BANK_START + 400);
	CU_ASSERT_EQUAL(run(BANK_TRANSFER, 0, 1, 601), BANK_INSUFFICIENT);
	CU_ASSERT_EQUAL(result.from, BANK_START - 400);
	CU_ASSERT_EQUAL(result.to, BANK_START + 400);
	CU_ASSERT_EQUAL(run(BANK_TRANSFER, 0, 1, 600), BANK_OK);
	CU_ASSERT_EQUAL(result.from, 0);
	CU_ASSERT_EQUAL(run(BANK_TRANSFER, 1, 1, 5), BANK_OK); // to itself: nothing moves
	CU_ASSERT_EQUAL(result.to, BANK_START + 1000);
	CU_ASSERT_EQUAL(run(BANK_TRANSFER, 1, 0, UINT64_MAX), BANK_INSUFFICIENT);
	CU_ASSERT_EQUAL(run(BANK_TRANSFER, 1, ACCOUNTS, 1), BANK_NO_ACCOUNT);
	CU_ASSERT_EQUAL(run(BANK_READ, UINT32_MAX, 1, 0), BANK_NO_ACCOUNT);
	CU_ASSERT_EQUAL(run(BANK_READ, 0, 1, 0), BANK_OK);
	CU_ASSERT_EQUAL(result.to, 2 * BANK_START);
	CU_ASSERT_EQUAL(total(), ACCOUNTS * BANK_START);
	CU_ASSERT_EQUAL(pnyx_app_used(arena.state), 0);
}

static void short_reply_moves_nothing(void)
{
	begin();
	uint64_t before = digest(100);
	command = (struct bank_command){.op = BANK_TRANSFER, .from = 0, .to = 1, .amount = 1};
	uint8_t byte = 0;
	CU_ASSERT_EQUAL(
	    pnyx_app_apply(arena.state, &txn, (const uint8_t *)&command, sizeof command, &byte, 1),
	    1);
	CU_ASSERT_EQUAL(byte, BANK_TOO_LARGE);
	CU_ASSERT_EQUAL(digest(100), before);
}

static void inspect_refuses_garbage(void)
{
	struct pnyx_intent intent;
	uint64_t rng = 1;
	uint32_t fine = 0;
	for (int round = 0; round < 100000; round++) {
		uint8_t bytes[32] = {0};
		uint32_t len = round % 2 ? 24 : (uint32_t)(ep_random(&rng) % 32);
		for (uint32_t k = 0; k < len; k++)
			bytes[k] =
			    (uint8_t)(ep_random(&rng) & ep_random(&rng) & ep_random(&rng) & 3);
		uint8_t *exact = malloc(len ? len : 1);
		memcpy(exact, bytes, len);
		bool is_fine = pnyx_app_inspect(exact, len, 1384, &intent) == PNYX_FINE;
		CU_ASSERT(!is_fine || (len == 24 && (bytes[0] == 1 || bytes[0] == 2)));
		fine += is_fine;
		free(exact);
	}
	CU_ASSERT(fine > 100);
}

static void sum_survives_every_kill(void)
{
	begin();
	uint64_t rng = 7;
	uint32_t olds = 0, news = 0;
	for (int round = 0; round < 500; round++) {
		uint64_t before = digest(3);
		snapshot = arena;
		command = (struct bank_command){.op = BANK_TRANSFER,
						.from = (uint32_t)(ep_random(&rng) % ACCOUNTS),
						.to = (uint32_t)(ep_random(&rng) % ACCOUNTS),
						.amount = 1 + ep_random(&rng) % 500};
		for (uint32_t nth = 1;; nth++) {
			arena = snapshot;
			bool killed = cut_run(nth, apply, NULL);
			ep_txn_rollback(&txn);
			CU_ASSERT(pnyx_app_attach(arena.state, &config));
			if (!killed)
				break;
			olds += digest(100) == before;
			news += digest(100) != before;
		}
	}
	CU_ASSERT(olds > 1000 && news > 300);
	CU_ASSERT_EQUAL(total(), ACCOUNTS * BANK_START);
	arena.state[64]++; // one coin from nowhere
	CU_ASSERT_FALSE(pnyx_app_attach(arena.state, &config));
}

static const struct unit_test tests[] = {
    {"transfers", transfers},
    {"a short reply moves nothing", short_reply_moves_nothing},
    {"inspect refuses garbage", inspect_refuses_garbage},
    {"the sum survives every kill", sum_survives_every_kill},
};

UNIT_MAIN("bank", tests)
