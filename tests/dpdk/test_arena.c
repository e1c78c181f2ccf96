// The arena's file: made, locked, taken up again, refused.
#include "dataplane/arena.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/dpdk/eal.h"
#include "tests/unit/unit.h"

static char folder[64], error[512];
static const char uuid[] = "00000000-0000-4000-8000-000000000001";
static struct ep_config config;
static struct dp_arena a, b;
static struct ep_replica *replica;

static void setup(void)
{
	config = (struct ep_config){ .cluster = 5, .n = 3, .hash_seed = 7 };
	ep_config_defaults(&config);
	config.window = 128;
	config.own_max = 64;
	config.index_keys = 64;
	config.sessions_max = 16;
	config.cost_max = 100;
	config.app_capacity = 4096;
	for (uint8_t m = 0; m < 3; m++) {
		config.members[m].uuid[0] = (uint8_t)(m + 1);
		config.members[m].ip[3] = (uint8_t)(m + 1);
		config.members[m].port = EP_UDP_PORT;
	}
}

static bool open_at(struct dp_arena *arena, const char *where, enum dp_arena_may may)
{
	error[0] = 0;
	return dp_arena_open(arena, &config, where, uuid, may, error, sizeof error);
}

static bool says(const char *words)
{
	if (strstr(error, words))
		return true;
	printf("\n%s\n", error);
	return false;
}

// Nobody begins empty who was not told to: neither where the configuration says, nor anywhere else.
static void test_none_there(void)
{
	setup();
	CU_ASSERT_FALSE(open_at(&a, folder, DP_ARENA_KEEP));
	CU_ASSERT(says("there is no arena of this member"));
	CU_ASSERT(says(folder));
	CU_ASSERT_FALSE(open_at(&a, "", DP_ARENA_KEEP));
	CU_ASSERT(says("--new-cluster"));
	CU_ASSERT_EQUAL(rmdir(folder), 0); // nothing was made
	CU_ASSERT_EQUAL(mkdir(folder, 0700), 0);
}

static void test_fresh(void)
{
	setup();
	CU_ASSERT_FATAL(open_at(&a, folder, DP_ARENA_NEW));
	CU_ASSERT_FALSE(a.was_there);
	CU_ASSERT(a.bytes >= ep_replica_size(&config) && a.bytes % 4096 == 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(a.path, uuid));
	struct stat st;
	CU_ASSERT_NOT_EQUAL(stat(a.path, &st), 0); // it gets its name when it is whole
	CU_ASSERT(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	CU_ASSERT_EQUAL(stat(a.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT(st.st_blocks * 512 >= (off_t)a.bytes); // reserved, so that no page is missing later
	CU_ASSERT_EQUAL((void *)replica, a.base);
	dp_arena_close(&a);
}

// What the first process did is there for the second; and only one of them lives.
static void test_attached(void)
{
	setup();
	CU_ASSERT_FATAL(open_at(&a, folder, DP_ARENA_NEW));
	CU_ASSERT(a.was_there);
	CU_ASSERT_FALSE(open_at(&b, folder, DP_ARENA_NEW));
	char self[32];
	snprintf(self, sizeof self, "process %d:", (int)getpid());
	CU_ASSERT(says("in use by another running pnyx-replica"));
	CU_ASSERT(says(self));
	close(b.fd);
	CU_ASSERT(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	dp_arena_close(&a);
	CU_ASSERT_FATAL(open_at(&a, folder, DP_ARENA_NEW));
	CU_ASSERT_FALSE(open_at(&b, folder, DP_ARENA_FRESH)); // nor is it thrown away while another lives
	CU_ASSERT(says("in use by another running pnyx-replica"));
	CU_ASSERT(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	dp_arena_close(&a);
	CU_ASSERT_FATAL(open_at(&a, folder, DP_ARENA_FRESH));
	CU_ASSERT_FALSE(a.was_there); // thrown away on request
	CU_ASSERT(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	dp_arena_close(&a);
}

// A refused arena is left as it is, and the sentence says why.
static void test_refused(void)
{
	struct ep_config good;
	setup();
	good = config;
	CU_ASSERT_FATAL(open_at(&a, folder, DP_ARENA_FRESH));
	CU_ASSERT_FATAL(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	dp_arena_close(&a);
	CU_ASSERT_FATAL(open_at(&a, folder, DP_ARENA_NEW));
	config.cluster = 6;
	CU_ASSERT_FALSE(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	CU_ASSERT(says("belongs to another cluster:"));
	config = good;
	config.self = 1;
	CU_ASSERT_FALSE(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	CU_ASSERT(says("belongs to another member:"));
	config = good;
	config.boot_id[0]++;
	CU_ASSERT_FALSE(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	CU_ASSERT(says("before the machine's last boot"));
	config = good;
	config.sessions_max = 15;
	CU_ASSERT_FALSE(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	CU_ASSERT(says("with other sizes"));
	config.own_max = 1000;
	CU_ASSERT_FALSE(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	CU_ASSERT(says("own_max"));
	config = good;
	CU_ASSERT(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	ep_poison(replica);
	CU_ASSERT_FALSE(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	CU_ASSERT(says("internal error"));
	memset(a.base, 0x5a, 4096);
	CU_ASSERT_FALSE(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	CU_ASSERT(says("is not an arena"));
	dp_arena_close(&a);
	unlink(a.path);
}

// What the file's size alone tells.
static void test_sizes(void)
{
	setup();
	CU_ASSERT_FATAL(open_at(&a, folder, DP_ARENA_FRESH));
	CU_ASSERT_FATAL(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	dp_arena_close(&a);
	config.window = 256; // needs more than the file has
	CU_ASSERT_FALSE(open_at(&b, folder, DP_ARENA_NEW));
	CU_ASSERT(says("was made with other sizes"));
	close(b.fd);
	config.cluster = 6; // and whose it is comes first
	CU_ASSERT_FALSE(open_at(&b, folder, DP_ARENA_NEW));
	CU_ASSERT(says("belongs to another cluster:"));
	close(b.fd);
	config.cluster = 5;
	config.window = 128;
	off_t cuts[] = { (off_t)a.bytes - 4096, 4096, 200, 0 };
	const char *words[] = { "is cut short", "is cut short", "does not begin like an arena", "does not begin like an arena" };
	for (int k = 0; k < 4; k++) {
		CU_ASSERT_EQUAL(truncate(a.path, cuts[k]), 0);
		CU_ASSERT_FALSE(open_at(&b, folder, DP_ARENA_NEW));
		CU_ASSERT(says(words[k]));
		close(b.fd);
	}
	unlink(a.path);
}

// A start that is killed before its arena is whole leaves nothing that the next one trips over.
static void test_half(void)
{
	setup();
	CU_ASSERT_FATAL(open_at(&a, folder, DP_ARENA_NEW));
	((uint8_t *)a.base)[8192] = 1; // some of it was written
	dp_arena_close(&a);
	CU_ASSERT_FATAL(open_at(&a, folder, DP_ARENA_NEW));
	CU_ASSERT_FALSE(a.was_there);
	CU_ASSERT_EQUAL(((uint8_t *)a.base)[8192], 0);
	CU_ASSERT(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	dp_arena_close(&a);
	unlink(a.path);
}

// Two starts at once have both found nothing: the second does not take the first one's place.
static void test_race(void)
{
	setup();
	CU_ASSERT_FATAL(open_at(&a, folder, DP_ARENA_NEW));
	CU_ASSERT_FALSE(open_at(&b, folder, DP_ARENA_NEW));
	CU_ASSERT(says("in use by another running pnyx-replica"));
	close(b.fd);
	int fd = open(a.path, O_CREAT | O_RDWR, 0600);
	CU_ASSERT(fd >= 0 && ftruncate(fd, 77) == 0);
	close(fd);
	CU_ASSERT_FALSE(dp_arena_replica(&a, &config, &replica, error, sizeof error));
	CU_ASSERT(says("has just made it"));
	struct stat st;
	CU_ASSERT(stat(a.path, &st) == 0 && st.st_size == 77);
	dp_arena_close(&a);
	unlink(a.path);
}

static void test_places(void)
{
	char path[128];
	setup();
	snprintf(path, sizeof path, "%s/own-name", folder);
	CU_ASSERT_FATAL(open_at(&a, path, DP_ARENA_NEW)); // a file's name is taken as it is
	CU_ASSERT_STRING_EQUAL(a.path, path);
	dp_arena_close(&a);
	unlink(a.path_new);
	snprintf(path, sizeof path, "%s/none/there", folder);
	CU_ASSERT_FALSE(open_at(&a, path, DP_ARENA_NEW));
	CU_ASSERT(says("set `arena` in `replica` to a directory that may be written"));
}

// No room is a sentence at the start, not a signal later, and leaves no file.
static void test_no_room(void)
{
	setup();
	config.window = 1u << 24;
	config.n = 7;
	config.frame_max = EP_FRAME_MAX_MAX; // a terabyte
	CU_ASSERT_FALSE(open_at(&a, folder, DP_ARENA_NEW));
	CU_ASSERT(says("no room for"));
	CU_ASSERT_NOT_EQUAL(access(a.path, F_OK), 0);
	CU_ASSERT_NOT_EQUAL(access(a.path_new, F_OK), 0);
	close(a.fd);
}

static const struct unit_test tests[] = {
	{ "none there", test_none_there },
	{ "fresh", test_fresh },
	{ "attached, and only once", test_attached },
	{ "refused", test_refused },
	{ "sizes", test_sizes },
	{ "half of an arena", test_half },
	{ "two at once", test_race },
	{ "places", test_places },
	{ "no room", test_no_room },
};

int main(int argc, char **argv)
{
	snprintf(folder, sizeof folder, "/tmp/pnyx-arena-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	int code = unit_run("arena", tests, sizeof tests / sizeof tests[0], argc > 1 ? argv[1] : NULL);
	return rmdir(folder) == 0 ? code : 1; // not empty: a file was left behind
}
