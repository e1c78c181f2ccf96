// Epochs end and begin while three replicas serve: arenas in files, a thread that makes the next one, the same client throughout.
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/dpdk/eal.h"
#include "tests/dpdk/lab_kv.h"
#include "tests/unit/unit.h"

static struct lab lab;
static char dir[64];
static uint64_t seq;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static void start(void)
{
	strcpy(dir, "/dev/shm/pnyx-test-XXXXXX");
	eal_need(mkdtemp(dir) != NULL, "no directory for arenas");
	lab_start_in(&lab, false, dir);
	CU_ASSERT_FATAL(lab_open(&lab));
	seq = 0;
}

static void end(void)
{
	CU_ASSERT_EQUAL(lab_end(&lab), 0);
	nftw(dir, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

static uint32_t files(void)
{
	uint32_t count = 0;
	DIR *d = opendir(dir);
	for (struct dirent *entry; d && (entry = readdir(d));)
		count += entry->d_name[0] != '.';
	closedir(d);
	return count;
}

// Numbers the client's updates; every key is written once.
static void put(uint32_t node, uint32_t count)
{
	for (uint32_t k = 0; k < count; k++) {
		char key[16];
		snprintf(key, sizeof key, "key-%u", (unsigned)++seq);
		CU_ASSERT(lab_put(&lab, node, seq, key, key));
	}
}

static void check_all(uint32_t node)
{
	for (uint64_t k = 1; k <= seq; k++) {
		char key[16];
		snprintf(key, sizeof key, "key-%u", (unsigned)k);
		CU_ASSERT(lab_get(&lab, node, key, key));
	}
}

// The next epoch's list: of the present one, those in the mask.
static void propose(uint32_t node, uint32_t mask)
{
	struct dp_consensus *c = &lab.nodes[node].loop.consensus;
	const struct ep_config *config = &lab.nodes[node].epochs.config;
	struct ep_membership next = { 0 };
	uint8_t bytes[EP_RECONFIG_MAX];
	for (uint32_t m = 0; m < config->n; m++)
		if (mask & 1u << m)
			next.members[next.n++] = config->members[m];
	ep_reconfig(config->epoch, &next, bytes);
	CU_ASSERT_EQUAL(ep_propose(c->now.replica, 0, (const void *)bytes, &c->fx), EP_PROPOSED);
}

// Until these nodes serve this epoch and have given up the one before, or have not.
static bool reaches_with(uint32_t mask, uint32_t epoch, bool has_old)
{
	for (uint32_t tries = 0; tries < 3000; tries++) {
		bool is_there = true;
		lab_run(&lab, 1100); // more than a look at the epoch
		for (uint32_t k = 0; k < LAB_MEMBERS; k++) {
			const struct dp_consensus *c = &lab.nodes[k].loop.consensus;
			bool is_serving = c->now.number == epoch && ep_standing(c->now.replica) == EP_STANDING_MEMBER && (c->old.replica != NULL) == has_old;
			is_there = is_there && (!(mask & 1u << k) || is_serving);
		}
		if (is_there)
			return true;
	}
	for (uint32_t k = 0; k < LAB_MEMBERS; k++) {
		const struct dp_consensus *c = &lab.nodes[k].loop.consensus;
		printf("    node %u: epoch %u, standing %d, stage %d, old %d; %s\n", k, c->now.number, (int)ep_standing(c->now.replica),
		       (int)lab.nodes[k].epochs.stage, c->old.replica != NULL, lab.nodes[k].epochs.error);
	}
	return false;
}

static bool reaches(uint32_t mask, uint32_t epoch)
{
	return reaches_with(mask, epoch, false);
}

static bool waits_for_files(uint32_t count) // the worker removes the old ones
{
	for (uint32_t tries = 0; tries < 1000 && files() != count; tries++)
		usleep(1000);
	return files() == count;
}

// The same members again: all state is there, a request that was answered is not executed twice, and one file a member remains.
static void test_same(void)
{
	start();
	put(1, 20);
	uint64_t submits = ep_counters(lab.nodes[1].loop.consensus.now.replica)->submits;
	propose(2, 7);
	CU_ASSERT_FATAL(reaches(7, 2));
	CU_ASSERT_EQUAL(ep_counters(lab.nodes[1].loop.consensus.now.replica)->submits, submits);
	CU_ASSERT(waits_for_files(3));
	CU_ASSERT(lab_ask(&lab, 0, EP_CMD_UPDATE, seq, PNYX_KV_PUT, "key-20", "key-20")->status == EP_OK);
	CU_ASSERT(lab_ask(&lab, 0, EP_CMD_UPDATE, seq, PNYX_KV_PUT, "key-20", "another")->status == EP_MISMATCH);
	put(0, 5);
	for (uint32_t k = 0; k < 3; k++)
		check_all(k);
	propose(0, 7);
	CU_ASSERT_FATAL(reaches(7, 3));
	check_all(2);
	end();
}

// A start finds the newest epoch's arena, and its list in it.
static void test_restart(void)
{
	start();
	put(0, 3);
	propose(0, 7);
	CU_ASSERT_FATAL(reaches(7, 2));
	CU_ASSERT_EQUAL(lab_end(&lab), 0);
	lab_start_in(&lab, false, dir);
	CU_ASSERT_EQUAL(lab.nodes[1].loop.consensus.now.number, 2);
	CU_ASSERT_FATAL(reaches(7, 2));
	CU_ASSERT_FATAL(lab_open(&lab));
	check_all(1);
	end();
}

// Two of three go on without the third, which stays frozen and sends clients away.
static void test_remove(void)
{
	start();
	put(2, 5);
	propose(2, 3);
	CU_ASSERT_FATAL(reaches(3, 2));
	CU_ASSERT(lab.nodes[2].epochs.is_retired);
	CU_ASSERT_EQUAL(lab.nodes[0].epochs.config.n, 2);
	put(1, 5);
	check_all(0);
	CU_ASSERT_PTR_NULL(lab_ask(&lab, 2, EP_CMD_READ, 0, PNYX_KV_GET, "key-1", ""));
	CU_ASSERT_EQUAL(ep_wire_msg(lab.reply, sizeof(struct ep_wire_header))->type, EP_C_WRONG_EPOCH);
	end();
}

// A member that slept through the end of its epoch learns it from the others' frozen arenas, which are kept for it until it is heard;
// also when these others are started again meanwhile.
static void late(bool is_restarted)
{
	start();
	put(0, 5);
	lab.asleep = 4;
	propose(0, 7);
	CU_ASSERT_FATAL(reaches_with(3, 2, true));
	put(0, 5); // two of three are a quorum of the new epoch
	if (is_restarted) {
		CU_ASSERT_EQUAL(lab_end(&lab), 0);
		lab_start_in(&lab, false, dir);
		CU_ASSERT_EQUAL(lab.nodes[0].loop.consensus.now.number, 2);
		CU_ASSERT_PTR_NOT_NULL(lab.nodes[0].loop.consensus.old.replica);
		CU_ASSERT_EQUAL(lab.nodes[2].loop.consensus.now.number, 1);
	}
	lab.asleep = 0;
	CU_ASSERT_FATAL(reaches(7, 2));
	CU_ASSERT(waits_for_files(3));
	if (is_restarted)
		CU_ASSERT_FATAL(lab_open(&lab));
	check_all(2);
	end();
}

static void test_late(void)
{
	late(false);
}

static void test_late_restarted(void)
{
	late(true);
}

static const struct unit_test tests[] = {
	{ "the same members again", test_same },
	{ "a start in the second epoch", test_restart },
	{ "a member is removed", test_remove },
	{ "a member comes late", test_late },
	{ "a member comes late, the others were started again", test_late_restarted },
};

int main(int argc, char **argv)
{
	eal_start("test_epochs", NULL);
	return unit_run("epochs", tests, sizeof tests / sizeof tests[0], argc > 1 ? argv[1] : NULL);
}
