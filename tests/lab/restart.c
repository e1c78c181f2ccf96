// lab-restart: how long a start on a killed replica's arena takes, by the instances that it holds.
//
// Commits are laid before a core until its arena holds as many live instances as asked for: executed here, not by all, as when a
// member is dead; or, with --held, not executed here either, because the first of each column is missing. The arena is a file that is unmapped
// and mapped again, as by a new process; then it is attached. At last everything is recycled and attached once more: an idle arena of
// the same size. --keys 1 lets all of them write one key.
#include <argp.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "consensus/app/kv_format.h"
#include "consensus/state.h"

#define N 3
#define SESSIONS 1024
#define FRAMES 64

static struct {
	uint32_t instances, window, keys;
	bool is_held;
	const char *dir;
} options = { .instances = 1000000, .window = 1u << 19, .keys = 100000, .dir = "/dev/shm" };

static struct ep_config config;
static struct ep_replica *replica;
static struct ep_frame frames[FRAMES];
static struct ep_effects effects = { .frames = frames, .count = FRAMES };
static uint8_t room[FRAMES][EP_FRAME_MAX_MIN];
static size_t bytes;
static int fd;
static ep_time now = 1;

static void need(bool holds, const char *why)
{
	if (holds)
		return;
	fprintf(stderr, "lab-restart: %s\n", why);
	exit(1);
}

static double ms_between(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) * 1e3 + (double)(b->tv_nsec - a->tv_nsec) / 1e6;
}

static void *map(void)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(p != MAP_FAILED, "the arena cannot be mapped");
	return p;
}

// ---- one message of a member ------------------------------------------------------------------------------------------
static uint8_t frame[EP_FRAME_MAX_MIN];
static uint32_t frame_len;

static void *begin(uint8_t from, enum ep_msg_type type, uint8_t col, uint64_t i, uint32_t body)
{
	frame_len = ep_wire_begin(frame, EP_FRAME_MEMBER, from, config.cluster, config.epoch);
	((struct ep_wire_header *)(void *)frame)->config_hash = replica->config_hash;
	struct ep_msg *msg = ep_wire_append(frame, &frame_len, sizeof frame, type, (uint32_t)sizeof *msg + body);
	msg->col = col;
	msg->i = i;
	return msg + 1;
}

static void tick(void)
{
	ep_tick(replica, now, &effects);
	effects.used = 0;
	ep_effects_reset(&effects);
	for (uint32_t f = 0; f < FRAMES; f++)
		frames[f].len = 0;
}

static void deliver(uint8_t from)
{
	struct ep_source source = { .member = from };
	struct ep_view view = { .data = frame, .len = frame_len };
	ep_wire_seal(frame, frame_len);
	now += 1000;
	need(ep_receive(replica, now, &source, &view, &effects), "the lent frames are too few");
	for (int turns = 0; turns < 100 && ep_deadline(replica) <= now; turns++)
		tick();
}

// The k-th instance of a column: first a session each, then updates of these in turn.
static uint32_t payload_of(uint8_t *out, uint8_t col, uint64_t k)
{
	struct ep_wire_payload head = { .count = 1 };
	struct ep_wire_command command = { .kind = EP_CMD_OPEN, .len = sizeof command };
	if (k > SESSIONS) {
		struct pnyx_kv_command put = { .op = PNYX_KV_PUT, .count = 1 };
		struct pnyx_kv_entry entry = { .key_len = 16, .value_len = 16 };
		char key[33];
		snprintf(key, sizeof key, "key %012llu%016llu", (unsigned long long)(k * N + col) % options.keys, (unsigned long long)k);
		command.kind = EP_CMD_UPDATE;
		command.session = (struct ep_session_id){ .i = 1 + k % SESSIONS, .epoch = 1, .col = col };
		command.seq = k;
		uint8_t *at = out + sizeof head + sizeof command;
		memcpy(at, &put, sizeof put);
		memcpy(at + sizeof put, &entry, sizeof entry);
		memcpy(at + sizeof put + sizeof entry, key, 32);
		command.len = (uint16_t)(sizeof command + sizeof put + sizeof entry + 32);
	}
	head.len = (uint16_t)(sizeof head + command.len);
	memcpy(out, &head, sizeof head);
	memcpy(out + sizeof head, &command, sizeof command);
	return head.len;
}

static void commit(uint8_t col, uint64_t i)
{
	uint8_t payload[256];
	uint32_t len = payload_of(payload, col, i);
	struct ep_wire_value value = { .bal = 0, .seq = i };
	uint64_t deps[N] = { 0 };
	uint8_t from = col == 0 ? 1 : col;
	deps[col] = i - 1;
	uint8_t *body = begin(from, EP_COMMIT, col, i, (uint32_t)(sizeof value + sizeof deps) + len);
	memcpy(body, &value, sizeof value);
	memcpy(body + sizeof value, deps, sizeof deps);
	memcpy(body + sizeof value + sizeof deps, payload, len);
	deliver(from);
}

// What was missing arrives: everything can be executed.
static void fill(uint64_t i)
{
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (uint8_t col = 0; col < N; col++)
		commit(col, 1);
	for (uint64_t turns = 0; turns < 100ULL * options.instances && ep_deadline(replica) <= now; turns++)
		tick();
	clock_gettime(CLOCK_MONOTONIC, &b);
	need(ep_exec_prefix(replica, 0) == i && ep_exec_prefix(replica, 1) == i && ep_exec_prefix(replica, 2) == i, "not everything is executed");
	printf("%-28s %9llu instances      %9.1f ms\n", "executed, when it can be", (unsigned long long)(N * i), ms_between(&a, &b));
}

// All members have executed everything: recycled by and by.
static void recycle(void)
{
	uint64_t prefix[N];
	for (uint8_t c = 0; c < N; c++)
		prefix[c] = ep_exec_prefix(replica, c);
	for (uint32_t k = 0; k < options.window; k++) {
		uint8_t from = (uint8_t)(1 + k % 2);
		uint8_t *body = begin(from, EP_STATUS, 0, 0, 3 * sizeof prefix);
		memcpy(body, prefix, sizeof prefix);
		memcpy(body + sizeof prefix, prefix, sizeof prefix);
		memcpy(body + 2 * sizeof prefix, prefix, sizeof prefix);
		now += 1000000;
		deliver(from);
		if (ep_stable(replica, 0) == prefix[0] && ep_stable(replica, 1) == prefix[1] && ep_stable(replica, 2) == prefix[2])
			return;
	}
	need(false, "not everything is recycled");
}

// ---- start ------------------------------------------------------------------------------------------------------------
static void set_up(void)
{
	char path[512];
	config = (struct ep_config){ .cluster = 7, .n = N, .hash_seed = 5, .hello = EP_HELLO_NEVER };
	ep_config_defaults(&config);
	config.frame_max = EP_FRAME_MAX_MIN;
	config.window = options.window;
	config.keys_max = 4;
	config.index_keys = 1u << 18;
	config.sessions_max = 4 * SESSIONS;
	config.session_idle_ns = 0;
	config.cost_max = 4096;
	config.app_capacity = 1u << 19;
	for (uint8_t m = 0; m < N; m++)
		config.members[m].uuid[0] = (uint8_t)(m + 1);
	for (uint32_t f = 0; f < FRAMES; f++)
		frames[f].data = room[f];
	const char *wrong = ep_config_check(&config);
	need(!wrong, wrong);
	bytes = ep_replica_size(&config);
	snprintf(path, sizeof path, "%s/lab-restart.%d", options.dir, (int)getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	need(fd >= 0 && unlink(path) == 0 && posix_fallocate(fd, 0, (off_t)((bytes + (2u << 20) - 1) / (2u << 20) * (2u << 20))) == 0,
	     "no room for the arena");
	need(ep_replica_init(map(), bytes, &config, &replica) == EP_ATTACH_OK, "the core does not start");
}

// A new process: nothing is mapped, no page table filled.
static void restart(const char *what, uint64_t live)
{
	struct ep_wire_digest before, after;
	struct timespec a, b;
	ep_digest_now(replica, &before);
	munmap(replica, bytes);
	clock_gettime(CLOCK_MONOTONIC, &a);
	enum ep_attach verdict = ep_replica_attach(map(), bytes, &config, &replica);
	clock_gettime(CLOCK_MONOTONIC, &b);
	need(verdict == EP_ATTACH_OK, "attach refuses");
	ep_digest_now(replica, &after);
	need(before.application == after.application && before.sessions == after.sessions && before.executed_set == after.executed_set,
	     "the state is another after the restart");
	printf("%-28s %9llu instances live %9.1f ms\n", what, (unsigned long long)live, ms_between(&a, &b));
}

static const struct argp_option manual[] = {
	{ "instances", 'i', "N", 0, "Live instances at the most (1000000)", 0 },
	{ "window", 'w', "N", 0, "Instances a column (524288)", 0 },
	{ "keys", 'k', "N", 0, "That they write (100000)", 0 },
	{ "held", 'H', NULL, 0, "The first instance of each column is missing until the end: nothing is executed", 0 },
	{ "dir", 'd', "DIR", 0, "Where the arena's file lies (/dev/shm)", 0 },
	{ 0 },
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'i':
		options.instances = (uint32_t)strtoul(arg, NULL, 10);
		return 0;
	case 'w':
		options.window = (uint32_t)strtoul(arg, NULL, 10);
		return 0;
	case 'k':
		options.keys = (uint32_t)strtoul(arg, NULL, 10);
		return options.keys > 0 ? 0 : ARGP_ERR_UNKNOWN;
	case 'H':
		options.is_held = true;
		return 0;
	case 'd':
		options.dir = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "what is `%s`?", arg);
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { manual, on_option, NULL, "How long a start on an arena takes, by the instances in it.", NULL, NULL, NULL };
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	set_up();
	printf("arena of %zu MiB, window %u, %zu bytes an instance\n", bytes >> 20, options.window, bytes / (N * (size_t)options.window));
	restart("never used", 0);
	uint64_t i = options.is_held;
	for (uint64_t live = options.instances > 1000 ? 1000 : options.instances; live <= options.instances; live *= 10) {
		for (; i < live / N; i++)
			for (uint8_t col = 0; col < N; col++)
				commit(col, i + 1);
		need(ep_exec_prefix(replica, 1) == (options.is_held ? 0 : i) && ep_stable(replica, 1) == 0, "not what should be executed or recycled is");
		restart(options.is_held ? "committed, not executed" : "executed, not by all", N * (i - options.is_held));
	}
	if (options.is_held)
		fill(i);
	recycle();
	restart("idle, once full", 0);
	return 0;
}
