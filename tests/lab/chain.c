// A chain of dependencies: commands of one column on one key, committed from the last to the first, then executed by one search.
//
// Usage: lab-chain [LENGTH]. Prints the time an instance and how deep the search went; the stack of the process stays as it is.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include "consensus/app/kv_format.h"
#include "consensus/epaxos.h"

#define FRAMES 64
#define A_FRAME 8 // Commits

static struct ep_replica *replica;
static struct ep_frame frames[FRAMES];
static uint8_t room[FRAMES][EP_FRAME_MAX_DEFAULT];
static struct ep_effects fx = { .frames = frames, .count = FRAMES };
static ep_time now = 1;

static void need(bool holds, const char *why)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", why);
	exit(1);
}

static void start(uint32_t window)
{
	struct ep_config c = { .cluster = 77, .n = 3, .hash_seed = 5, .window = window };
	ep_config_defaults(&c);
	c.window = window;
	c.frame_max = EP_FRAME_MAX_MIN;
	c.keys_max = 2;
	c.index_keys = 1024;
	c.cost_max = 8 * 1024;
	c.app_capacity = 1u << 18;
	c.sessions_max = 16;
	for (uint32_t m = 0; m < c.n; m++)
		c.members[m] = (struct ep_member){ .uuid = { (uint8_t)(m + 1) }, .ip = { 10, 0, 0, (uint8_t)(m + 1) }, .port = EP_UDP_PORT };
	size_t bytes = ep_replica_size(&c);
	void *arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	need(arena != MAP_FAILED, "no memory for the arena");
	need(ep_replica_init(arena, bytes, &c, &replica) == EP_ATTACH_OK, "the core does not start");
	for (uint32_t f = 0; f < FRAMES; f++)
		frames[f].data = room[f];
}

// What the replica says is thrown away: its peers are not there.
static void forget(void)
{
	for (uint32_t f = 0; f < fx.used; f++)
		frames[f].len = 0;
	ep_effects_reset(&fx);
}

// Commit of (1, i), which depends on (1, i - 1): a PUT of the one key, or a READ of it; the session does not exist.
static void commit(uint8_t *frame, uint32_t *used, uint64_t i)
{
	struct pnyx_kv_command kv = { .op = PNYX_KV_GET, .count = 1 };
	struct pnyx_kv_entry entry = { .key_len = 1 };
	struct ep_wire_command command = { .kind = EP_CMD_READ, .len = sizeof command + sizeof kv + sizeof entry + 1 };
	struct ep_wire_payload payload = { .count = 1, .len = (uint16_t)(sizeof payload + command.len) };
	struct ep_wire_value value = { .bal = 0, .seq = i };
	uint64_t deps[3] = { 0, i - 1, 0 };
	if (i % 2 == 1) { // a write between two reads: each interferes with the one before
		kv.op = PNYX_KV_PUT;
		command.kind = EP_CMD_UPDATE;
		command.session = (struct ep_session_id){ .i = 1, .epoch = 1, .col = 1 };
		command.seq = i;
	}
	struct ep_msg *msg = ep_wire_append(frame, used, EP_FRAME_MAX_MIN, EP_COMMIT,
					    (uint32_t)(sizeof *msg + sizeof value + sizeof deps) + payload.len);
	need(msg != NULL, "the frame is full");
	msg->col = 1;
	msg->i = i;
	uint8_t *at = (uint8_t *)(msg + 1);
	memcpy(at, &value, sizeof value);
	memcpy(at += sizeof value, deps, sizeof deps);
	memcpy(at += sizeof deps, &payload, sizeof payload);
	memcpy(at += sizeof payload, &command, sizeof command);
	memcpy(at += sizeof command, &kv, sizeof kv);
	memcpy(at += sizeof kv, &entry, sizeof entry);
	at[sizeof entry] = 'k';
}

static void feed(uint64_t length)
{
	struct ep_source from = { .addr = { .ip = { 10, 0, 0, 2 }, .port = EP_UDP_PORT }, .member = 1 };
	uint32_t config_hash = 0;
	ep_tick(replica, now, &fx); // its first Status tells the hash of the configuration
	need(fx.used > 0, "the replica says nothing");
	config_hash = ((const struct ep_wire_header *)(const void *)frames[0].data)->config_hash;
	forget();
	for (uint64_t i = length; i > 0;) {
		uint8_t frame[EP_FRAME_MAX_MIN];
		uint32_t used = ep_wire_begin(frame, EP_FRAME_MEMBER, 1, 77, 1);
		((struct ep_wire_header *)(void *)frame)->config_hash = config_hash;
		for (uint32_t k = 0; k < A_FRAME && i > 0; k++, i--)
			commit(frame, &used, i);
		ep_wire_seal(frame, used);
		struct ep_view in = { frame, used, 0 };
		while (!ep_receive(replica, now, &from, &in, &fx))
			forget();
		forget();
	}
	need(ep_counters(replica)->commits == length, "not every Commit was taken");
}

int main(int argc, char **argv)
{
	uint64_t length = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
	uint32_t window = 1024;
	while (window < length + 64 && window < 1u << 24)
		window *= 2;
	need(length > 0 && length < window, "lab-chain takes a length from 1 to 16777151");
	start(window);
	feed(length);
	struct timespec began, ended;
	clock_gettime(CLOCK_MONOTONIC, &began);
	while (ep_executed_count(replica) < length && ep_deadline(replica) <= now) {
		ep_tick(replica, now, &fx);
		forget();
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	double us = (double)(ended.tv_sec - began.tv_sec) * 1e6 + (double)(ended.tv_nsec - began.tv_nsec) / 1e3;
	printf("chain=%llu depth=%llu us=%.3f\n", (unsigned long long)ep_executed_count(replica),
	       (unsigned long long)ep_counters(replica)->chain_longest, us / (double)length);
	return ep_executed_count(replica) == length ? 0 : 1;
}
