// A backup by the control plane: the epoch ends when it is proposed, its arena goes away at once, and its state is written all the same.
#include "control/control.h"
#include "tests/control/transfer.h"

static struct ctl c;
static uint8_t *arena; // as it will be when it is frozen
static size_t arena_bytes;
static uint32_t proposals, ends_after, answers;
static char refusal[128], saved_path[96];

// ---- the replica's side
void ctl_page_list(const struct mb_snapshot *page, struct ep_membership *ret)
{
	(void)page;
	*ret = truth_handover.next;
	ret->epoch--;
}

void ctl_page_arena(const struct mb_snapshot *page, char *ret, size_t size)
{
	(void)page;
	snprintf(ret, size, "%s", arena_path);
}

void ctl_propose(struct ctl *ctl, const struct ep_membership *list)
{
	CU_ASSERT(ctl == &c && list->epoch == truth_handover.next.epoch - 1 && list->n == 3);
	if (++proposals != ends_after)
		return;
	int fd = open(arena_path, O_WRONLY);
	CU_ASSERT(pwrite(fd, arena, arena_bytes, 0) == (ssize_t)arena_bytes);
	close(fd);
	unlink(arena_path);
}

// ---- the operator's
static void on_done(void *arg, const char *why, const struct ep_handover *handover)
{
	CU_ASSERT(arg == &answers);
	answers++;
	snprintf(refusal, sizeof refusal, "%s", why ? why : "");
	if (!why)
		CU_ASSERT(handover->next.epoch == truth_handover.next.epoch && handover->bytes == truth_handover.bytes);
}

static void start(uint32_t after)
{
	struct stat st;
	begin(1u << 16);
	CU_ASSERT_FATAL(stat(arena_path, &st) == 0);
	arena_bytes = (size_t)st.st_size;
	arena = malloc(arena_bytes);
	int fd = open(arena_path, O_RDWR);
	CU_ASSERT_FATAL(read(fd, arena, arena_bytes) == (ssize_t)arena_bytes);
	CU_ASSERT_FATAL(ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)arena_bytes) == 0); // not frozen yet
	close(fd);
	c = (struct ctl){ .event = event, .replica.life = CTL_LIFE_SERVING, .file.cluster = { .hash_seed = 4, .frame_max = 1472, .name = "x" } };
	snprintf(saved_path, sizeof saved_path, "%s/saved", dir);
	proposals = answers = 0;
	ends_after = after;
}

static void finish(void)
{
	free(arena);
	unlink(saved_path);
	end();
}

static void tend_until(const uint32_t *counter, uint32_t least)
{
	uint64_t began = ctl_now();
	while (*counter < least && ctl_now() - began < 60000000000ULL) {
		c.backup.proposed_ns = 0; // its pauses pass at once
		ctl_backup_tend(&c);
		sd_event_run(event, 1000);
	}
	CU_ASSERT_FATAL(*counter >= least);
}

static int open_saved(void)
{
	return open(saved_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

// ---- tests
static void test_saved(void)
{
	struct pnyx_backup_note note;
	start(3);
	CU_ASSERT_PTR_NULL_FATAL(ctl_backup_start(&c, open_saved(), on_done, &answers));
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_backup_start(&c, open_saved(), on_done, &answers), "another backup"));
	tend_until(&answers, 1);
	CU_ASSERT_STRING_EQUAL(refusal, "");
	CU_ASSERT_EQUAL(proposals, 3);
	uint8_t *bytes = malloc(truth_bytes + 1);
	int fd = open(saved_path, O_RDONLY);
	CU_ASSERT_EQUAL(read(fd, bytes, truth_bytes + 1), (ssize_t)truth_bytes);
	close(fd);
	CU_ASSERT_FATAL(pnyx_backup_read(bytes + PNYX_BACKUP_NOTE_AT, &note));
	CU_ASSERT(note.hash_seed == 4 && note.frame_max == 1472 && strcmp(note.name, "x") == 0 && note.saved_s > 1700000000);
	memset(bytes + PNYX_BACKUP_NOTE_AT, 0, sizeof note);
	CU_ASSERT(memcmp(bytes, truth, truth_bytes) == 0);
	free(bytes);
	CU_ASSERT(c.backup.done == NULL && c.backup.map == NULL && c.backup.fd < 0);
	finish();
}

static void test_refused(void)
{
	start(1);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_backup_start(&c, -1, on_done, &answers), "wants a file"));
	c.replica.life = CTL_LIFE_STARTING;
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_backup_start(&c, open_saved(), on_done, &answers), "does not serve"));
	c.replica.life = CTL_LIFE_SERVING;
	strcat(arena_path, "-not");
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_backup_start(&c, open_saved(), on_done, &answers), "cannot be read"));
	arena_path[strlen(arena_path) - 4] = 0;
	CU_ASSERT(proposals == 0 && answers == 0);
	finish();
}

// No room, and a descriptor that may not be written.
static void test_unwritable(void)
{
	for (int k = 0; k < 2; k++) {
		start(1);
		CU_ASSERT_PTR_NULL_FATAL(ctl_backup_start(&c, open(k == 0 ? "/dev/full" : "/dev/zero", k == 0 ? O_WRONLY : O_RDONLY), on_done, &answers));
		tend_until(&answers, 1);
		CU_ASSERT_STRING_NOT_EQUAL(refusal, "");
		finish();
	}
}

static void test_no_quorum(void)
{
	start(UINT32_MAX);
	CU_ASSERT_PTR_NULL_FATAL(ctl_backup_start(&c, open_saved(), on_done, &answers));
	tend_until(&proposals, 5);
	CU_ASSERT_EQUAL(answers, 0);
	c.backup.began_ns -= 3600000000000ULL;
	ctl_backup_tend(&c);
	CU_ASSERT_EQUAL(answers, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(refusal, "quorum"));
	finish();
}

// The replica says no. When the epoch has ended meanwhile, that does not matter.
static void test_proposal_refused(void)
{
	start(2);
	ctl_backup_refused(&c); // none is under way
	CU_ASSERT_PTR_NULL_FATAL(ctl_backup_start(&c, open_saved(), on_done, &answers));
	ctl_backup_refused(&c);
	CU_ASSERT_EQUAL(answers, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(refusal, "does not take the proposal"));
	ends_after = proposals + 1;
	CU_ASSERT_PTR_NULL_FATAL(ctl_backup_start(&c, open_saved(), on_done, &answers));
	ctl_backup_refused(&c); // late
	tend_until(&answers, 2);
	CU_ASSERT_STRING_EQUAL(refusal, "");
	finish();
}

static const struct unit_test tests[] = {
	{ "saved", test_saved },
	{ "refused", test_refused },
	{ "unwritable", test_unwritable },
	{ "no_quorum", test_no_quorum },
	{ "proposal_refused", test_proposal_refused },
};
UNIT_MAIN("backup", tests)
