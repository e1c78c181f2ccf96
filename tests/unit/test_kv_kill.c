// Kills the key-value store at every cut point of random commands: what attach finds is the old or
// the new state.
#include <stdlib.h>
#include "tests/unit/cut.h"
#include "tests/unit/kv_model.h"
#include "tests/unit/unit.h"

#define RESULT_MAX 400u

static struct bed bed;
static struct command command;
static uint8_t result[RESULT_MAX];

static void apply(void *unused)
{
	(void)unused;
	bed_apply(&bed, &command, result, RESULT_MAX);
}

// Several commands in one transaction, as a batch may be.
static const struct command *batch;
static uint32_t batch_count;

static void apply_batch(void *unused)
{
	(void)unused;
	for (uint32_t k = 0; k < batch_count; k++)
		pnyx_app_apply(bed.store, &bed.txn, batch[k].bytes, batch[k].len, result,
			       RESULT_MAX);
	ep_txn_commit(&bed.txn);
	pnyx_app_committed(bed.store);
}

static void rollback(void *unused)
{
	(void)unused;
	ep_txn_rollback(&bed.txn);
}

static void attach(void)
{
	ep_txn_rollback(&bed.txn);
	CU_ASSERT_FATAL(pnyx_app_attach(bed.store, &bed.config));
}

struct tally {
	uint32_t cuts, olds, news;
};

// Runs `body` from the present state once for each of its cut points, killed there; then once to
// its end.
static void kill_everywhere(void (*body)(void *), const struct model *before,
			    const struct model *after, struct tally *tally)
{
	uint8_t *snapshot = malloc(bed.size);
	memcpy(snapshot, bed.arena, bed.size);
	uint64_t digest_before = bed_digest(&bed, 1000000);
	for (uint32_t nth = 1;; nth++) {
		memcpy(bed.arena, snapshot, bed.size);
		if (!cut_run(nth, body, NULL))
			break;
		tally->cuts++;
		bool is_open = bed.txn.journal->len > 0;
		cut_run(1 + nth % 7, rollback, NULL); // the restarted process is killed as well
		attach();
		bool is_old = bed_digest(&bed, 1000000) == digest_before;
		tally->olds += is_old;
		tally->news += !is_old;
		CU_ASSERT(is_old || !is_open);
		CU_ASSERT(bed_equals(&bed, is_old ? before : after));
	}
	CU_ASSERT(bed_equals(&bed, after));
	free(snapshot);
}

static void every_kill_of_every_operation(void)
{
	static struct model before, after;
	static uint8_t expected[RESULT_MAX];
	struct tally tally[PNYX_KV_MPUT + 1] = {0};
	bed = bed_make(256, RESULT_MAX);
	model_init(&after, RESULT_MAX);
	uint64_t rng = 1;
	for (int round = 0; round < 5000; round++) {
		random_command(&rng, &after, &command);
		before = after;
		model_apply(&after, &command, expected, RESULT_MAX);
		kill_everywhere(apply, &before, &after, &tally[command.bytes[0]]);
	}
	for (int op = PNYX_KV_GET; op <= PNYX_KV_MPUT; op++) {
		bool is_read = op == PNYX_KV_GET || op == PNYX_KV_MGET;
		CU_ASSERT(tally[op].cuts > 100);
		CU_ASSERT(tally[op].olds > 100);
		CU_ASSERT(is_read ? tally[op].news == 0 : tally[op].news > 10);
	}
	bed_free(&bed);
}

static void every_kill_of_a_batch(void)
{
	static struct model before, after;
	static uint8_t expected[RESULT_MAX];
	struct tally tally = {0};
	struct command *commands = malloc(8 * sizeof *commands);
	bed = bed_make(2048, RESULT_MAX);
	model_init(&after, RESULT_MAX);
	uint64_t rng = 2;
	for (int round = 0; round < 60; round++) {
		before = after;
		batch = commands;
		batch_count = 2 + below(&rng, 7);
		for (uint32_t k = 0; k < batch_count; k++) {
			random_command(&rng, &after, &commands[k]);
			model_apply(&after, &commands[k], expected, RESULT_MAX);
		}
		kill_everywhere(apply_batch, &before, &after, &tally);
	}
	CU_ASSERT(tally.cuts > 1000 && tally.olds > 1000 && tally.news > 10);
	bed_free(&bed);
	free(commands);
}

// Killed after the commit point and before its old chains were freed: nothing is lost by it, not
// even slowly.
static void kills_do_not_leak(void)
{
	static struct model m;
	static uint8_t expected[RESULT_MAX];
	bed = bed_make(256, RESULT_MAX);
	model_init(&m, RESULT_MAX);
	uint64_t rng = 3;
	for (int round = 0; round < 3000; round++) {
		random_command(&rng, &m, &command);
		pnyx_app_apply(bed.store, &bed.txn, command.bytes, command.len, result, RESULT_MAX);
		if (below(&rng, 2)) {
			model_apply(&m, &command, expected, RESULT_MAX);
			ep_txn_commit(&bed.txn);
		}
		attach();
		if (round % 50 == 0)
			CU_ASSERT(bed_equals(&bed, &m));
	}
	CU_ASSERT(bed_equals(&bed, &m));
	bed_free(&bed);
}

static const struct unit_test tests[] = {
    {"every kill of every operation", every_kill_of_every_operation},
    {"every kill of a batch", every_kill_of_a_batch},
    {"kills do not leak", kills_do_not_leak},
};

UNIT_MAIN("kv_kill", tests)
