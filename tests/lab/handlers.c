// Every step of the failure-free path, again and again, each inside a function of its own: callgrind counts its instructions.
//
// Replicas in lockstep, without a network: all requests, then all PreAccepts, and so on. A frame therefore carries messages of one
// type. Prints how many messages each step has handled; instructions.py puts that and callgrind's counts together.
#include <stdio.h>
#include <stdlib.h>
#include "consensus/app/kv_format.h"
#include "consensus/epaxos.h"

#define BURST 16
#define ROUNDS 64
#define WARM 16 // rounds before anything is counted
#define FRAMES 96
#define QUEUE 4096
#define KEYS 512

#define STEP __attribute__((noinline))
#define ALONE(name) __asm__ volatile("# " #name) // no two are alike: they are not folded into one

struct frame {
	uint8_t from, to;
	uint32_t len;
	uint8_t data[EP_FRAME_MAX_DEFAULT];
};

struct node {
	struct ep_replica *r;
	struct ep_frame frames[FRAMES];
	uint8_t room[FRAMES][EP_FRAME_MAX_DEFAULT];
	struct ep_effects fx;
};

static struct node nodes[EP_MEMBERS_MAX];
static struct frame queue[QUEUE];
static uint32_t head, tail, n;
static ep_time now = 1;
static bool is_counted;
static struct ep_session_id sessions[EP_MEMBERS_MAX][BURST];
static uint64_t seq;

static void need(bool holds, const char *why)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", why);
	exit(1);
}

// ---- what is counted -----------------------------------------------------------------------------------------------
#define COUNTED(X) \
	X(check) X(request) X(submit) X(preaccept) X(preaccept_ok) X(accept) X(accept_ok) X(commit) X(status) X(execute) X(seal)
#define COUNT(name) static uint64_t count_##name;
COUNTED(COUNT)
#undef COUNT

#define RECEIVE(name) \
	STEP void step_##name(struct ep_replica *r, const struct ep_source *from, struct ep_view *in, struct ep_effects *fx); \
	STEP void step_##name(struct ep_replica *r, const struct ep_source *from, struct ep_view *in, struct ep_effects *fx) \
	{ \
		ALONE(name); \
		need(ep_receive(r, now, from, in, fx), "the lent frames are too few"); \
	}
RECEIVE(request)
RECEIVE(preaccept)
RECEIVE(preaccept_ok)
RECEIVE(accept)
RECEIVE(accept_ok)
RECEIVE(commit)
RECEIVE(status)

STEP void step_execute(struct ep_replica *r, struct ep_effects *fx);
STEP void step_execute(struct ep_replica *r, struct ep_effects *fx)
{
	ALONE(execute);
	ep_tick(r, now, fx);
}

STEP void step_submit(struct ep_replica *r, struct ep_effects *fx);
STEP void step_submit(struct ep_replica *r, struct ep_effects *fx)
{
	ALONE(submit);
	ep_tick(r, now, fx);
}

STEP void step_seal(struct ep_replica *r, struct ep_frame *frame);
STEP void step_seal(struct ep_replica *r, struct ep_frame *frame)
{
	ep_seal(r, frame);
	ep_wire_seal(frame->data, frame->len);
}

STEP void step_check(const struct frame *f);
STEP void step_check(const struct frame *f)
{
	need(ep_wire_check(f->data, f->len) == EP_DROP_NONE, "a replica sends what is no frame");
}

// ---- the lockstep --------------------------------------------------------------------------------------------------
static void flush(uint8_t from)
{
	struct node *node = &nodes[from];
	for (uint32_t k = 0; k < node->fx.used; k++) {
		struct ep_frame *frame = &node->frames[k];
		if (is_counted) {
			step_seal(node->r, frame);
			count_seal += ((const struct ep_wire_header *)(const void *)frame->data)->count;
		} else {
			ep_seal(node->r, frame);
			ep_wire_seal(frame->data, frame->len);
		}
		struct frame *f = &queue[tail++ % QUEUE];
		need(tail - head <= QUEUE, "too many frames");
		*f = (struct frame){ .from = from, .to = frame->member, .len = frame->len };
		memcpy(f->data, frame->data, frame->len);
		frame->len = 0;
	}
	ep_effects_reset(&node->fx);
}

static struct ep_source source_of(uint8_t from)
{
	struct ep_source s = { .member = from };
	if (from == EP_CLIENT)
		s.addr = (struct ep_addr){ .ip = { 10, 0, 0, 9 }, .port = 4000 };
	else
		s.addr = (struct ep_addr){ .ip = { 10, 0, 0, (uint8_t)(from + 1) }, .port = EP_UDP_PORT };
	return s;
}

static void take_session(const struct frame *f)
{
	for (uint32_t at = sizeof(struct ep_wire_header); at < f->len; at += ep_wire_msg(f->data, at)->len) {
		const struct ep_msg *msg = ep_wire_msg(f->data, at);
		const struct ep_wire_reply *reply = (const void *)(msg + 1);
		need(msg->type == EP_C_REPLY && reply->status == EP_OK, "a request is refused");
		if (seq == 0)
			sessions[f->from][msg->i] = reply->instance;
	}
}

static void count_receive(struct node *node, const struct ep_source *from, struct ep_view *in, uint32_t messages)
{
	switch (ep_wire_msg(in->data, sizeof(struct ep_wire_header))->type) {
#define COUNT(type, name) \
	case type: \
		step_##name(node->r, from, in, &node->fx); \
		count_##name += messages; \
		return;
		COUNT(EP_C_REQUEST, request)
		COUNT(EP_PREACCEPT, preaccept)
		COUNT(EP_PREACCEPT_OK, preaccept_ok)
		COUNT(EP_ACCEPT, accept)
		COUNT(EP_ACCEPT_OK, accept_ok)
		COUNT(EP_COMMIT, commit)
		COUNT(EP_STATUS, status)
#undef COUNT
	}
	need(false, "a message that this program does not know");
}

static void deliver(const struct frame *f)
{
	struct node *node = &nodes[f->to];
	struct ep_view in = { f->data, f->len, 0 };
	struct ep_source from = source_of(f->from);
	uint32_t messages = ((const struct ep_wire_header *)(const void *)f->data)->count;
	if (!is_counted) {
		need(ep_receive(node->r, now, &from, &in, &node->fx), "the lent frames are too few");
	} else {
		step_check(f);
		count_check += messages;
		count_receive(node, &from, &in, messages);
	}
	if (f->from == EP_CLIENT && is_counted) { // what is staged becomes an instance when the burst ends
		step_submit(node->r, &node->fx);
		count_submit += messages;
	} else if (f->from == EP_CLIENT) {
		ep_tick(node->r, now, &node->fx);
	}
	flush(f->to);
}

static void tick(uint8_t k)
{
	struct node *node = &nodes[k];
	uint64_t before = ep_counters(node->r)->executed;
	if (is_counted)
		step_execute(node->r, &node->fx);
	else
		ep_tick(node->r, now, &node->fx);
	count_execute += is_counted ? ep_counters(node->r)->executed - before : 0;
	flush(k);
}

static void settle(void)
{
	while (head != tail) {
		const struct frame *f = &queue[head++ % QUEUE];
		if (f->to == EP_CLIENT)
			take_session(f);
		else
			deliver(f);
		for (uint8_t k = 0; k < n && head == tail; k++) // nobody is under way: execute
			do
				tick(k);
			while (ep_deadline(nodes[k].r) <= now);
	}
}

// A burst of commands from a client to one replica: OPEN first, then PUTs of 8 and 16 bytes.
static void request(uint8_t to, bool is_hot)
{
	struct frame *f = &queue[tail++ % QUEUE];
	f->from = EP_CLIENT;
	f->to = to;
	f->len = ep_wire_begin(f->data, EP_FRAME_REQUEST, EP_SENDER_CLIENT, 77, 1);
	for (uint32_t k = 0; k < BURST; k++) {
		struct pnyx_kv_command kv = { .op = PNYX_KV_PUT, .count = 1 };
		struct pnyx_kv_entry entry = { .key_len = 8, .value_len = 16 };
		uint32_t bytes = seq == 0 ? 0 : (uint32_t)(sizeof kv + sizeof entry) + 24;
		struct ep_msg *msg = ep_wire_append(f->data, &f->len, EP_FRAME_MAX_DEFAULT, EP_C_REQUEST,
						    (uint32_t)(sizeof *msg + sizeof(struct ep_wire_command)) + bytes);
		need(msg != NULL, "the burst does not fit a frame");
		struct ep_wire_command *command = (void *)(msg + 1);
		msg->i = k;
		command->len = (uint16_t)(sizeof *command + bytes);
		command->kind = seq == 0 ? EP_CMD_OPEN : EP_CMD_UPDATE;
		if (seq == 0)
			continue;
		command->session = sessions[to][k];
		command->seq = seq;
		uint64_t key = is_hot ? 0 : 1 + (seq * 31 + k * 7 + to * 11) % KEYS;
		uint8_t *at = (uint8_t *)(command + 1);
		memcpy(at, &kv, sizeof kv);
		memcpy(at + sizeof kv, &entry, sizeof entry);
		memcpy(at + sizeof kv + sizeof entry, &key, 8);
	}
	ep_wire_seal(f->data, f->len);
}

static void start(uint32_t members)
{
	n = members;
	seq = head = tail = 0;
	for (uint8_t k = 0; k < n; k++) {
		struct ep_config c = { .cluster = 77, .n = (uint8_t)n, .self = k, .hash_seed = 5, .seed = k, .window = 1024 };
		ep_config_defaults(&c);
		c.window = 1024;
		c.own_max = 512;
		c.batch_max = 1;
		c.index_keys = 4096;
		c.sessions_max = 256;
		c.cost_max = 8 * 1024;
		c.app_capacity = 1u << 18;
		for (uint32_t m = 0; m < n; m++)
			c.members[m] = (struct ep_member){ .uuid = { (uint8_t)(m + 1) }, .ip = { 10, 0, 0, (uint8_t)(m + 1) }, .port = EP_UDP_PORT };
		size_t bytes = (ep_replica_size(&c) + 63) / 64 * 64;
		void *arena = aligned_alloc(64, bytes);
		need(arena != NULL, "no memory");
		memset(arena, 0, bytes);
		need(ep_replica_init(arena, bytes, &c, &nodes[k].r) == EP_ATTACH_OK, "the core does not start");
		for (uint32_t f = 0; f < FRAMES; f++)
			nodes[k].frames[f].data = nodes[k].room[f];
		nodes[k].fx = (struct ep_effects){ .frames = nodes[k].frames, .count = FRAMES };
	}
}

// `hot`: all on one key, by all leaders at once. Then most commands of five replicas take the slow path.
static void run(bool is_hot)
{
	for (uint32_t round = 0; round < WARM + ROUNDS; round++, seq++) {
		is_counted = round >= WARM;
		for (uint8_t k = 0; k < n; k++)
			request(k, is_hot);
		now += 100000;
		settle();
	}
	is_counted = false;
	for (uint8_t k = 0; k < n; k++)
		free(nodes[k].r);
}

static void print(void)
{
#define COUNT(name) \
	if (count_##name > 0) \
		printf("%s %llu\n", #name, (unsigned long long)count_##name); \
	count_##name = 0;
	COUNTED(COUNT)
#undef COUNT
}

int main(int argc, char **argv)
{
	bool is_slow = argc > 1 && strcmp(argv[1], "slow") == 0;
	start(is_slow ? 5 : 3);
	run(is_slow);
	print();
	return 0;
}
