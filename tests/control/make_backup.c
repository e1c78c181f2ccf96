// make_backup FILE: a backup of a small cluster, as control/backup.c writes it. make_backup FILE check: what a state file holds, checked.
#include <time.h>
#include "client/config/backup.h"
#include "tests/control/transfer.h"

static int check(const char *path)
{
	static uint8_t bytes[8u << 20];
	struct ep_state_head head;
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof bytes);
	if (n < EP_STATE_OFFSET || !ep_state_check(bytes, EP_STATE_OFFSET, &head) || (uint64_t)n != EP_STATE_OFFSET + head.handover.bytes ||
	    ep_crc32c(0, bytes + EP_STATE_OFFSET, (uint32_t)head.handover.bytes) != head.state_crc)
		return 1;
	printf("cluster %llx epoch %u:", (unsigned long long)head.handover.cluster, head.handover.next.epoch);
	for (uint32_t m = 0; m < head.handover.next.n; m++)
		printf(" %.16s@%u.%u.%u.%u", head.handover.next.members[m].name, head.handover.next.members[m].ip[0], head.handover.next.members[m].ip[1],
		       head.handover.next.members[m].ip[2], head.handover.next.members[m].ip[3]);
	printf("\n");
	return 0;
}

static const char *to;

static void make(void)
{
	struct pnyx_config config = { .cluster = { .hash_seed = 4, .name = "old", .frame_max = EP_FRAME_MAX_DEFAULT } };
	struct pnyx_backup_note note;
	begin(4096);
	pnyx_backup_seal(&note, &config, 1);
	memcpy(truth + PNYX_BACKUP_NOTE_AT, &note, sizeof note);
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
	CU_ASSERT(write(fd, truth, truth_bytes) == (ssize_t)truth_bytes);
	end();
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = { { "make", make } };
	to = argv[1];
	return argc == 3 ? check(argv[1]) : unit_run("make", tests, 1, NULL);
}
