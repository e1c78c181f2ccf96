// Beginning from a state that another member, or a backup, has handed over.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "consensus/base/bytes.h"
#include "dataplane/epochs.h"

#define PIECE (1u << 20) // read at once

// The state's bytes into the arena. False: the file is shorter, or not what its head says.
static bool fill(int fd, struct ep_state to, const struct ep_state_head *head)
{
	uint32_t crc = 0;
	for (uint64_t at = 0; at < to.bytes;) {
		uint64_t wanted = to.bytes - at < PIECE ? to.bytes - at : PIECE;
		ssize_t got = pread(fd, to.at + at, wanted, (off_t)(EP_STATE_OFFSET + at));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		crc = ep_crc32c(crc, to.at + at, (uint32_t)got);
		at += (uint64_t)got;
	}
	return crc == head->state_crc;
}

static enum dp_state make(struct dp_epochs *e, int fd, const struct ep_state_head *head, const struct dp_place *all, uint32_t count,
			  struct ep_replica **ret, char *error, size_t size)
{
	struct ep_replica *r;
	if (!dp_arena_make_somewhere(&e->arena, &e->config, all, count, error, size))
		return DP_STATE_FAILED;
	enum ep_attach verdict = ep_epoch_begin(e->arena.base, e->arena.bytes, &e->config, &head->handover, &r);
	if (verdict == EP_ATTACH_OK && !fill(fd, ep_state(r), head)) {
		snprintf(error, size, "its bytes are not those that its head promises");
		unlink(e->arena.path_new);
		dp_arena_close(&e->arena);
		return DP_STATE_NONE;
	}
	if (verdict == EP_ATTACH_OK)
		verdict = ep_epoch_finish(r, &head->handover, true);
	if (!dp_arena_publish(&e->arena, verdict, error, size))
		return DP_STATE_FAILED;
	*ret = r;
	return DP_STATE_TAKEN;
}

enum dp_state dp_state_take(struct dp_epochs *e, const struct dp_place *all, uint32_t count, uint32_t newest, struct ep_replica **ret, char *error,
			    size_t size)
{
	char path[512], first[EP_STATE_OFFSET];
	struct ep_state_head head;
	struct ep_config config = e->config;
	error[0] = 0;
	if (!e->run_dir)
		return DP_STATE_NONE;
	snprintf(path, sizeof path, "%s/state", e->run_dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return DP_STATE_NONE;
	enum dp_state said = DP_STATE_NONE;
	if (pread(fd, first, sizeof first, 0) != (ssize_t)sizeof first || !ep_state_check(first, sizeof first, &head))
		snprintf(error, size, "it is not a whole state");
	else if (head.handover.cluster != config.cluster)
		snprintf(error, size, "it is another cluster's");
	else if (!dp_arena_follow(&config, e->uuid, &head.handover.next))
		snprintf(error, size, "its list does not name this member");
	else if (head.handover.next.epoch > newest) {
		e->config = config;
		said = make(e, fd, &head, all, count, ret, error, size);
	}
	close(fd);
	if (said == DP_STATE_TAKEN || (said == DP_STATE_NONE && error[0] == 0)) // the second: taken before, by a start that was killed
		unlink(path);
	return said;
}
