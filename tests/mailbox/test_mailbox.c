// The file from both sides: made, found again, of another version, damaged; snapshots from an honest and a hostile replica.
#include "mailbox/mailbox.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <signal.h>
#include <sys/wait.h>
#include "consensus/base/rng.h"
#include "mailbox/life.h"
#include "tests/unit/unit.h"

static char dir[64], path[80], error[300];
static struct mb_end replica, control;

static void begin(void)
{
	strcpy(dir, "/tmp/pnyx-mailbox-XXXXXX");
	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof path, "%s/mailbox", dir);
}

static void end(void)
{
	mb_close(&replica);
	mb_close(&control);
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0); // nothing else was left there
}

static struct mb_snapshot snapshot(uint64_t count)
{
	struct mb_snapshot s = { .pid = 100, .pid_start = 5, .state = MB_SERVING, .count = count, .n = 3, .self = 1, .pace = 1, .window = 128 };
	s.columns[2].heard_ns = count;
	s.drops[EP_DROP_REASONS - 1] = count;
	return s;
}

static void test_both_sides(void)
{
	struct mb_message m = { .type = MB_SUSPECT, .member = 2, .number = 1 }, got;
	struct mb_snapshot s = snapshot(1), seen;
	begin();
	CU_ASSERT_EQUAL(mb_open_control(&control, dir), MB_OPEN_NONE);
	CU_ASSERT_FATAL(mb_open_replica(&replica, dir, error, sizeof error));
	CU_ASSERT_EQUAL_FATAL(mb_open_control(&control, dir), MB_OPEN_OK);
	CU_ASSERT_FALSE(mb_look(&control, &seen)); // nothing published yet
	mb_publish(&replica, &s);
	CU_ASSERT(mb_look(&control, &seen) && memcmp(&s, &seen, sizeof s) == 0);
	CU_ASSERT(mb_push(&control.commands, &m));
	CU_ASSERT(mb_pop(&replica.commands, &got) && got.member == 2);
	CU_ASSERT(mb_push(&replica.events, &m));
	CU_ASSERT(mb_pop(&control.events, &got) && got.number == 1);
	uint64_t beat = mb_beat_of(&replica);
	mb_beat(&control);
	CU_ASSERT_NOT_EQUAL(mb_beat_of(&replica), beat);
	CU_ASSERT_FALSE(mb_is_replaced(&control, dir));
	struct mb_end second; // of another replica, while the first lives
	CU_ASSERT_FALSE(mb_open_replica(&second, dir, error, sizeof error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "in use"));
	CU_ASSERT(mb_look(&control, &seen));
	end();
}

// Either side dies and comes again; the file stays.
static void test_again(void)
{
	struct mb_message m = { .type = MB_TRUST }, got;
	struct mb_snapshot s = snapshot(1), seen;
	begin();
	CU_ASSERT_FATAL(mb_open_replica(&replica, dir, error, sizeof error));
	CU_ASSERT_EQUAL_FATAL(mb_open_control(&control, dir), MB_OPEN_OK);
	mb_publish(&replica, &s);
	mb_push(&control.commands, &m);
	// It dies in the middle of a snapshot.
	__atomic_add_fetch(&replica.shared->replica.sequence, 1, __ATOMIC_RELAXED);
	mb_close(&replica);
	CU_ASSERT_FALSE(mb_look(&control, &seen));
	CU_ASSERT_FATAL(mb_open_replica(&replica, dir, error, sizeof error));
	CU_ASSERT_FALSE(mb_is_replaced(&control, dir));
	CU_ASSERT_FALSE(mb_pop(&replica.commands, &got)); // meant for the dead one
	s = snapshot(7);
	mb_publish(&replica, &s);
	CU_ASSERT(mb_look(&control, &seen) && seen.count == 7);
	CU_ASSERT(mb_push(&control.commands, &m) && mb_pop(&replica.commands, &got));
	mb_close(&control);
	CU_ASSERT_EQUAL_FATAL(mb_open_control(&control, dir), MB_OPEN_OK);
	CU_ASSERT(mb_look(&control, &seen) && seen.count == 7);
	CU_ASSERT(mb_push(&control.commands, &m) && mb_pop(&replica.commands, &got));
	end();
}

static void write_at(off_t at, uint64_t value)
{
	int fd = open(path, O_RDWR);
	CU_ASSERT_FATAL(fd >= 0 && pwrite(fd, &value, sizeof value, at) == sizeof value);
	close(fd);
}

// Control says so and leaves the file alone; the replica puts its own in its place.
static void test_other_version(void)
{
	static const off_t fields[] = { offsetof(struct mb_header, magic), offsetof(struct mb_header, version),
					offsetof(struct mb_header, snapshot_bytes), offsetof(struct mb_header, ring) };
	begin();
	for (uint32_t k = 0; k < 5; k++) {
		CU_ASSERT_FATAL(mb_open_replica(&replica, dir, error, sizeof error));
		mb_close(&replica);
		CU_ASSERT_EQUAL_FATAL(mb_open_control(&control, dir), MB_OPEN_OK);
		if (k < 4)
			write_at(fields[k], 99);
		else
			CU_ASSERT_EQUAL_FATAL(truncate(path, 100), 0);
		struct mb_end other;
		CU_ASSERT_EQUAL(mb_open_control(&other, dir), MB_OPEN_VERSION);
		CU_ASSERT_FALSE(mb_is_replaced(&control, dir));
		CU_ASSERT_FATAL(mb_open_replica(&replica, dir, error, sizeof error));
		CU_ASSERT(mb_is_replaced(&control, dir));
		mb_close(&control);
		CU_ASSERT_EQUAL(mb_open_control(&control, dir), MB_OPEN_OK);
		mb_close(&control);
		mb_close(&replica);
	}
	CU_ASSERT_EQUAL_FATAL(unlink(path), 0);
	CU_ASSERT_EQUAL_FATAL(symlink("/etc/hostname", path), 0); // not followed
	CU_ASSERT_EQUAL(mb_open_control(&control, dir), MB_OPEN_NONE);
	CU_ASSERT(mb_open_replica(&replica, dir, error, sizeof error));
	end();
}

static void test_no_directory(void)
{
	CU_ASSERT_FALSE(mb_open_replica(&replica, "/nonexistent/pnyx", error, sizeof error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "make the directory"));
	CU_ASSERT_EQUAL(mb_open_control(&control, "/nonexistent/pnyx"), MB_OPEN_NONE);
}

// A replica that is killed: the kernel marks its word. Until then waiting ends by time, or when it is disturbed.
static void test_life(void)
{
	begin();
	int ready[2];
	char byte;
	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		bool is_held = mb_open_replica(&replica, dir, error, sizeof error) && mb_life_hold(&replica);
		if (write(ready[1], "", is_held) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	CU_ASSERT_EQUAL_FATAL(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	CU_ASSERT_EQUAL_FATAL(mb_open_control(&control, dir), MB_OPEN_OK);
	uint32_t held = mb_life_of(control.shared);
	CU_ASSERT_NOT_EQUAL(held, 0);
	CU_ASSERT_FALSE(mb_life_wait(control.shared, held, 10));
	mb_life_disturb(control.shared);
	CU_ASSERT_EQUAL(mb_life_of(control.shared), held);
	kill(child, SIGKILL);
	for (uint32_t k = 0; k < 600 && !mb_life_wait(control.shared, held, 100); k++)
		;
	CU_ASSERT_EQUAL(mb_life_of(control.shared), 0);
	waitpid(child, NULL, 0);
	CU_ASSERT(mb_life_wait(control.shared, held, 60000)); // over is over: no waiting
	end();
}

// A proposal is there as a whole and under its number, or not at all.
static void test_proposal(void)
{
	uint64_t words[MB_PROPOSAL_WORDS] = { 0x0102030405060708, 9 }, got[MB_PROPOSAL_WORDS];
	struct mb_message m;
	begin();
	CU_ASSERT_FATAL(mb_open_replica(&replica, dir, error, sizeof error));
	CU_ASSERT_EQUAL_FATAL(mb_open_control(&control, dir), MB_OPEN_OK);
	CU_ASSERT_EQUAL(mb_proposal(&replica, 7, got), 0); // nothing was ever proposed
	CU_ASSERT(mb_propose(&control, words, 11, 7, 1));
	CU_ASSERT(mb_pop(&replica.commands, &m) && m.type == MB_PROPOSE && m.number == 7);
	CU_ASSERT_EQUAL(mb_proposal(&replica, 6, got), 0);
	CU_ASSERT_EQUAL(mb_proposal(&replica, 7, got), 11);
	words[1] &= 0xffffff;
	CU_ASSERT(memcmp(got, words, sizeof got) == 0);
	control.shared->control.proposal_begun = 8; // the next one is being written
	CU_ASSERT_EQUAL(mb_proposal(&replica, 7, got), 0);
	CU_ASSERT_EQUAL(mb_proposal(&replica, 8, got), 0);
	CU_ASSERT(mb_propose(&control, words, sizeof words, 8, 1));
	CU_ASSERT_EQUAL(mb_proposal(&replica, 8, got), sizeof words);
	CU_ASSERT_FALSE(mb_propose(&control, words, sizeof words + 1, 9, 1));
	control.shared->control.proposal_bytes = sizeof words + 1; // a length that leads out of the page
	CU_ASSERT_EQUAL(mb_proposal(&replica, 8, got), 0);
	end();
}

// Whatever a replica publishes: control sees nothing, or numbers that it can use as indices.
static void test_hostile_replica(void)
{
	uint64_t rng = 3, seen_count = 0, refused = 0;
	struct mb_snapshot s, seen;
	struct mb_message got;
	begin();
	CU_ASSERT_FATAL(mb_open_replica(&replica, dir, error, sizeof error));
	CU_ASSERT_EQUAL_FATAL(mb_open_control(&control, dir), MB_OPEN_OK);
	struct mb_control_side *ours = &control.shared->control;
	for (uint32_t round = 0; round < 20000; round++) {
		s = snapshot(round);
		uint64_t *words = (uint64_t *)&s;
		for (uint32_t k = 0; k < 2; k++)
			words[ep_random(&rng) % (round % 2 ? 16 : MB_SNAPSHOT_WORDS)] = ep_random(&rng) >> ep_random(&rng) % 64;
		mb_publish(&replica, &s);
		if (round % 16 == 0)
			replica.shared->replica.sequence = replica.sequence = ep_random(&rng);
		replica.shared->replica.event_head = ep_random(&rng);
		replica.shared->replica.command_tail = ep_random(&rng);
		uint32_t popped = 0;
		while (mb_pop(&control.events, &got))
			popped++;
		CU_ASSERT_FATAL(popped <= MB_RING);
		mb_push(&control.commands, &got);
		CU_ASSERT_FATAL(ours->event_tail == replica.shared->replica.event_head);
		if (!mb_look(&control, &seen)) {
			refused++;
			continue;
		}
		seen_count++;
		bool is_waiting = seen.state == MB_WAITING && seen.n == 0 && seen.self == 0;
		CU_ASSERT_FATAL(seen.n <= EP_MEMBERS_MAX && (seen.self < seen.n || is_waiting) && seen.suspects < 1u << seen.n);
		CU_ASSERT_FATAL(seen.pid >= 1 && seen.pid <= INT32_MAX && seen.pace >= 1 && seen.pace <= 100 && seen.window != 0);
		CU_ASSERT_FATAL(seen.now.n <= EP_MEMBERS_MAX || seen.now.epoch == 0);
		CU_ASSERT_FATAL(strlen((char *)seen.arena) < sizeof seen.arena && strlen((char *)seen.frozen_arena) < sizeof seen.arena);
	}
	CU_ASSERT(seen_count > 1000 && refused > 1000);
	s = snapshot(1); // without members only who waits for them
	s.n = s.self = 0;
	replica.shared->replica.sequence = replica.sequence = 0;
	mb_publish(&replica, &s);
	CU_ASSERT_FALSE(mb_look(&control, &seen));
	s.state = MB_WAITING;
	mb_publish(&replica, &s);
	CU_ASSERT(mb_look(&control, &seen) && seen.state == MB_WAITING);
	end();
}

static const struct unit_test tests[] = { { "both sides", test_both_sides }, { "again", test_again }, { "other version", test_other_version },
					  { "no directory", test_no_directory }, { "life", test_life }, { "proposal", test_proposal }, { "hostile replica", test_hostile_replica } };
UNIT_MAIN("mailbox", tests)
