// pnyx-mass: what it costs to recover everything that a dead leader left open, in virtual time, frames and messages.
//
// Every link takes the same time, a frame is handled when it arrives, and processors cost nothing: what is measured is how many round
// trips the protocol needs, not how fast a machine is.
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "consensus/state.h"
#include "tests/sim/host.h"
#include "tests/sim/kv_bytes.h"
#include "tests/sim/queue.h"
#include "tests/sim/verdict.h"

static struct settings {
	uint32_t open, members, rtt_us;
	bool is_suspected, is_unseen;
} settings = { .open = 50000, .members = 3, .rtt_us = 20 };

static struct mass {
	struct host hosts[EP_MEMBERS_MAX];
	struct queue queue;
	ep_time now, turn_at[EP_MEMBERS_MAX];
	uint64_t frames, messages;
	bool is_silent; // nothing is delivered
} mass;

static void plan(uint8_t p, ep_time at)
{
	if (!mass.hosts[p].replica || at == EP_NEVER)
		return;
	at = at > mass.now ? at : mass.now + 1;
	if (mass.turn_at[p] > mass.now && mass.turn_at[p] <= at)
		return;
	mass.turn_at[p] = at;
	queue_push(&mass.queue, at, EVENT_TURN, p, NULL);
}

static void on_sent(void *owner, uint8_t self, const struct ep_frame *frame)
{
	(void)owner;
	if (frame->member == EP_CLIENT || mass.is_silent)
		return;
	mass.frames++;
	mass.messages += ((const struct ep_wire_header *)(const void *)frame->data)->count;
	struct packet *p = malloc(sizeof *p + frame->len);
	*p = (struct packet){ .from = self, .to = frame->member, .len = frame->len };
	memcpy(p->data, frame->data, frame->len);
	queue_push(&mass.queue, mass.now + settings.rtt_us * 500ull, EVENT_PACKET, frame->member, p);
}

static void step(void)
{
	struct event e;
	if (!queue_pop(&mass.queue, &e))
		verdict_fail("nothing happens any more");
	mass.now = e.at;
	struct host *h = &mass.hosts[e.who];
	if (h->replica && e.packet) {
		struct ep_source from = { .member = e.packet->from };
		host_receive(h, mass.now, &from, e.packet->data, e.packet->len);
	}
	if (h->replica) {
		ep_tick(h->replica, mass.now, &h->effects);
		host_flush(h);
		plan((uint8_t)e.who, ep_deadline(h->replica));
	}
	free(e.packet);
}

static void start(void)
{
	struct ep_config c = { .cluster = 1, .hash_seed = 2, .n = (uint8_t)settings.members };
	ep_config_defaults(&c);
	c.window = EP_WINDOW_MIN;
	while (c.window < settings.open + EP_WINDOW_RESERVE + 1)
		c.window *= 2;
	c.own_max = settings.open;
	c.batch_max = 1; // an instance for each command
	c.keys_max = 2;
	c.index_keys = 1024;
	c.sessions_max = 16;
	for (uint8_t m = 0; m < c.n; m++)
		c.members[m].uuid[0] = (uint8_t)(m + 1);
	for (uint8_t p = 0; p < c.n; p++) {
		c.self = p;
		c.seed = p + 1u;
		mass.hosts[p].sent = on_sent;
		host_start(&mass.hosts[p], &c, HOST_FRAMES_MAX);
		plan(p, 1);
	}
	while (mass.now < 100000000) // round trips are known, members are
		step();
}

// p0 takes a read of one of a hundred keys.
static void submit(uint64_t nth)
{
	uint8_t frame[EP_FRAME_MAX_DEFAULT], bytes[KV_BYTES_MAX];
	char key[16];
	struct kv_text none = { "", 0 }, name = { key, (uint32_t)snprintf(key, sizeof key, "k%u", (unsigned)(nth % 100)) };
	struct host *h = &mass.hosts[0];
	uint32_t len = kv_bytes_add(bytes, kv_bytes_begin(bytes, PNYX_KV_GET, 0), name, none, none);
	uint32_t used = ep_wire_begin(frame, EP_FRAME_REQUEST, EP_SENDER_CLIENT, h->config.cluster, h->config.epoch);
	struct ep_msg *msg = ep_wire_append(frame, &used, sizeof frame, EP_C_REQUEST,
					    (uint32_t)(sizeof *msg + sizeof(struct ep_wire_command)) + len);
	struct ep_wire_command *command = (void *)(msg + 1);
	*command = (struct ep_wire_command){ .len = (uint16_t)(sizeof *command + len), .kind = EP_CMD_READ };
	memcpy(command + 1, bytes, len);
	ep_wire_seal(frame, used);
	struct ep_source from = { .member = EP_CLIENT, .addr.port = 1 };
	host_receive(h, mass.now, &from, frame, used);
	host_flush(h);
}

// p0's commands reach everybody, no answer reaches p0, and it dies.
static void leave_open(void)
{
	struct event e;
	for (uint32_t k = 0; k < settings.open; k++)
		submit(k);
	ep_tick(mass.hosts[0].replica, mass.now, &mass.hosts[0].effects); // what is staged becomes an instance
	host_flush(&mass.hosts[0]);
	host_kill(&mass.hosts[0]);
	mass.is_silent = true;
	while (queue_pop(&mass.queue, &e)) {
		struct host *h = &mass.hosts[e.who];
		bool is_lost = settings.is_unseen && e.packet && e.packet->from == 0 && e.who != 1;
		mass.now = e.at > mass.now ? e.at : mass.now;
		if (h->replica && e.packet && !is_lost) {
			struct ep_source from = { .member = e.packet->from };
			host_receive(h, mass.now, &from, e.packet->data, e.packet->len);
			host_flush(h);
		}
		free(e.packet);
	}
	mass.is_silent = false;
}

static bool is_done(void)
{
	for (uint8_t p = 1; p < settings.members; p++)
		if (mass.hosts[p].replica->columns[0].cprefix < settings.open)
			return false;
	return true;
}

static void body(void *arg)
{
	(void)arg;
	start();
	leave_open();
	ep_time began = mass.now, first = 0;
	mass.frames = mass.messages = 0;
	for (uint8_t p = 1; p < settings.members; p++) {
		struct ep_command suspect = { .type = EP_SUSPECT, .member = 0 };
		if (settings.is_suspected)
			ep_control(mass.hosts[p].replica, mass.now, &suspect, &mass.hosts[p].effects);
		mass.turn_at[p] = 0;
		plan(p, mass.now + 1);
	}
	while (!is_done() && mass.now < began + 600000000000) {
		step();
		for (uint8_t p = 1; p < settings.members && first == 0; p++)
			if (mass.hosts[p].replica->counters.recoveries > 0)
				first = mass.now;
	}
	if (!is_done())
		verdict_fail("not recovered within ten virtual minutes");
	uint64_t attempts = 0, nops = 0;
	for (uint8_t p = 1; p < settings.members; p++) {
		attempts += mass.hosts[p].replica->counters.recoveries;
		nops += mass.hosts[p].replica->counters.recovered_nop;
	}
	double ms = (double)(mass.now - first) / 1e6;
	printf("MASS members=%u open=%u rtt_us=%u detection_ms=%.2f recovery_ms=%.2f round_trips=%.0f attempts=%" PRIu64 " nops=%" PRIu64
	       " frames=%" PRIu64 " messages=%" PRIu64 "\n",
	       settings.members, settings.open, settings.rtt_us, (double)(first - began) / 1e6, ms, ms * 1000 / settings.rtt_us, attempts, nops,
	       mass.frames, mass.messages);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'o':
		settings.open = (uint32_t)strtoul(arg, NULL, 10);
		return settings.open >= 1 && settings.open <= 1000000 ? 0 : (argp_error(state, "--open takes 1 to 1000000"), 0);
	case 'm':
		settings.members = (uint32_t)strtoul(arg, NULL, 10);
		return settings.members >= 3 && settings.members <= 7 ? 0 : (argp_error(state, "--members takes 3 to 7"), 0);
	case 'r':
		settings.rtt_us = (uint32_t)strtoul(arg, NULL, 10);
		return settings.rtt_us >= 1 && settings.rtt_us <= 1000000 ? 0 : (argp_error(state, "--rtt takes 1 to 1000000"), 0);
	case 's':
		settings.is_suspected = true;
		return 0;
	case 'u':
		settings.is_unseen = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "open", 'o', "N", 0, "instances that the dead leader left open (50000)", 0 },
		{ "members", 'm', "N", 0, "3 to 7 (3)", 0 },
		{ "rtt", 'r', "US", 0, "round trip in microseconds (20)", 0 },
		{ "suspect", 's', 0, 0, "the others are told at once that it is dead", 0 },
		{ "unseen", 'u', 0, 0, "its commands had reached one other member only", 0 },
		{ 0 },
	};
	static const struct argp argp = { options, parse, NULL, "What the recovery of a dead leader's open instances costs.", NULL, NULL, NULL };
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	bool is_fine = verdict_run(body, NULL);
	if (!is_fine)
		printf("%s\n", verdict_text());
	return is_fine ? 0 : 1;
}
