// pnyx restore: a backup becomes the state that one node of a new cluster starts from.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "client/config/backup.h"
#include "consensus/epaxos.h"

static union { // the first bytes of both files
	struct ep_state_head head;
	uint8_t bytes[EP_STATE_OFFSET];
} first;

static void read_head(const struct cli *cli, const char *path, int fd, struct pnyx_backup_note *note)
{
	struct ep_state_head head;
	struct stat st;
	ssize_t n = fd >= 0 ? pread(fd, &first, sizeof first, 0) : -1;
	if (n < 0)
		cli_fail(cli, EXIT_USAGE, "%s: %s", path, strerror(errno));
	if (n != sizeof first || !ep_state_check(&first, sizeof first, &head) || !pnyx_backup_read(first.bytes + PNYX_BACKUP_NOTE_AT, note))
		cli_fail(cli, EXIT_USAGE, "%s is no backup, or its head is damaged", path);
	if (fstat(fd, &st) != 0 || (uint64_t)st.st_size != EP_STATE_OFFSET + head.handover.bytes)
		cli_fail(cli, EXIT_USAGE, "%s is cut short, or too long: %lld bytes, not %llu", path, (long long)st.st_size,
			 (unsigned long long)(EP_STATE_OFFSET + head.handover.bytes));
	memcpy(&first.head, &head, sizeof head);
}

static void check_fit(const struct cli *cli, const struct pnyx_backup_note *note)
{
	const struct pnyx_config_cluster *c = &cli->config.cluster;
	if (c->id == first.head.handover.cluster)
		cli_fail(cli, EXIT_USAGE, "the backup is of this very cluster, whose members may still live; right would be a new one: pnyx init --from FILE");
	if (c->hash_seed != note->hash_seed)
		cli_fail(cli, EXIT_USAGE, "the state is ordered by another hash_seed; right would be hash_seed = \"0x%016llx\" in `cluster`, as pnyx init --from FILE writes it",
			 (unsigned long long)note->hash_seed);
	if (c->frame_max != note->frame_max)
		cli_fail(cli, EXIT_USAGE, "the state was made with another frame_max; right would be frame_max = %u in `cluster`", note->frame_max);
}

// The same state, of the cluster in the configuration.
static void adopt(const struct pnyx_config *c)
{
	struct ep_handover h = first.head.handover;
	uint32_t crc = first.head.state_crc;
	struct ep_membership *list = &h.next;
	h.cluster = c->cluster.id;
	list->n = (uint8_t)c->first_count;
	list->e = (uint8_t)c->cluster.e;
	list->mode = EP_MODE_AUTO;
	memset(list->members, 0, sizeof list->members);
	for (uint32_t m = 0; m < c->first_count; m++) {
		const struct pnyx_config_member *from = &c->members[m];
		struct ep_member *to = &list->members[m];
		memcpy(to->uuid, from->uuid, sizeof to->uuid);
		memcpy(to->ip, from->address.ip, sizeof to->ip);
		to->incarnation = from->incarnation;
		to->port = from->address.port;
		to->control_port = from->control.port;
		memcpy(to->name, from->name, strnlen(from->name, sizeof to->name));
	}
	memset(&first, 0, sizeof first);
	ep_state_seal(&first.head, &h, crc);
}

static void copy(const struct cli *cli, int from, int to, const char *draft)
{
	static uint8_t piece[1u << 20];
	uint64_t left = first.head.handover.bytes, at = EP_STATE_OFFSET;
	uint32_t crc = 0;
	errno = 0;
	while (left > 0) {
		ssize_t n = pread(from, piece, left < sizeof piece ? left : sizeof piece, (off_t)at);
		if (n <= 0 || pwrite(to, piece, (size_t)n, (off_t)at) != n)
			break;
		crc = ep_crc32c(crc, piece, (uint32_t)n);
		left -= (uint64_t)n;
		at += (uint64_t)n;
	}
	if (left == 0 && crc == first.head.state_crc && pwrite(to, &first, sizeof first, 0) == sizeof first)
		return;
	int why = errno;
	unlink(draft);
	if (left > 0)
		cli_fail(cli, EXIT_USAGE, "%s: %s", draft, why != 0 ? strerror(why) : "no room");
	cli_fail(cli, EXIT_USAGE, "the backup is damaged: its check does not hold; nothing was restored");
}

// It becomes the file of whoever owns the run directory: the programs do not run as root.
static void lay_down(const struct cli *cli, int from)
{
	char base[128], dir[256], draft[300], name[300];
	struct stat st;
	control_folder(cli, base, sizeof base);
	snprintf(dir, sizeof dir, "%s/%s", base, cli->via);
	snprintf(draft, sizeof draft, "%s/state.new", dir);
	snprintf(name, sizeof name, "%s/state", dir);
	if (stat(dir, &st) != 0)
		cli_fail(cli, EXIT_USAGE, "%s: %s; it is the run directory of that node, which its control plane makes", dir, strerror(errno));
	unlink(draft);
	int to = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		cli_fail(cli, EXIT_USAGE, "%s: %s", draft, strerror(errno));
	copy(cli, from, to, draft);
	if ((getuid() == 0 && fchown(to, st.st_uid, st.st_gid) != 0) || rename(draft, name) != 0) {
		int why = errno;
		unlink(draft);
		cli_fail(cli, EXIT_USAGE, "%s: %s", name, strerror(why));
	}
	close(to);
}

static int run(struct cli *cli)
{
	struct pnyx_backup_note note;
	const char *path = cli->args[0];
	if (cli->via == NULL || !cli->has_config)
		cli_fail(cli, EXIT_USAGE, "which node of which cluster? right would be -c FILE --via NAME");
	if (pnyx_config_member_named(&cli->config, cli->via) == cli->config.members_count)
		cli_fail(cli, EXIT_USAGE, "no member is named '%s' in %s", cli->via, cli->config_path);
	if (cli->config.members[pnyx_config_member_named(&cli->config, cli->via)].is_joiner)
		cli_fail(cli, EXIT_USAGE, "%s joins later and gets the state then; right would be a member without join = true", cli->via);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	read_head(cli, path, fd, &note);
	check_fit(cli, &note);
	adopt(&cli->config);
	lay_down(cli, fd);
	close(fd);
	uint64_t bytes = first.head.handover.bytes;
	if (cli->is_json)
		print_json(json_pack("{s:s, s:s, s:i, s:I}", "status", "ok", "member", cli->via, "epoch", (int)first.head.handover.next.epoch, "bytes",
				     (json_int_t)bytes));
	else
		printf("%s: the state of %s is laid down, %llu MiB, epoch %u. Do the same for each of %u members, then start them.\n", cli->via,
		       note.name, (unsigned long long)(bytes >> 20), first.head.handover.next.epoch, cli->config.first_count);
	return EXIT_DONE;
}

const struct command command_restore = {
    .name = "restore",
    .args_doc = "FILE",
    .doc = "Lays a backup down as the state that node --via NAME of a new cluster starts from: -c names that cluster's configuration (pnyx init "
	   "--from FILE). On each of its nodes, before the first start.",
    .args_min = 1,
    .args_max = 1,
    .run = run,
    .connects = CONNECTS_ITSELF,
};
