// Fuzzing the core: the input is a script of what happens to three to five replicas - requests, deliveries in any order, losses,
// copies, damage, hostile frames, timers, kills - with Agreement and the order of execution checked all the way, and everything
// converging at the end.
#include <string.h>
#include "consensus/decide.h"
#include "tests/fuzz/fuzz.h"
#include "tests/scenario/play.h"
#include "tests/sim/kv_bytes.h"
#include "tests/sim/verdict.h"

static struct play play;
static struct input {
	const uint8_t *at;
	size_t left;
} in;

static uint8_t next(void)
{
	if (in.left == 0)
		return 0;
	in.left--;
	return *in.at++;
}

// INV1: all that hold an instance as committed hold the same.
static void check_agreement(void)
{
	for (uint8_t col = 0; col < play.n; col++)
		for (uint64_t i = 1; i <= 200; i++) {
			struct ep_peek first = { 0 };
			for (uint8_t p = 0; p < play.n; p++) {
				if (!play.hosts[p].replica || i > ep_known(play.hosts[p].replica, col))
					continue;
				struct ep_peek peek = ep_peek(play.hosts[p].replica, col, i);
				if (!peek.exists || peek.phase != EP_COMMITTED)
					continue;
				if (!first.exists)
					first = peek;
				else if (peek.is_nop != first.is_nop || memcmp(peek.dep, first.dep, 8u * play.n) != 0)
					verdict_fail("Agreement: two values for (%u,%llu)", col, (unsigned long long)i);
			}
		}
}

static void submit(uint8_t p)
{
	char text[8];
	uint8_t what = next();
	snprintf(text, sizeof text, "c%u", play.names_count);
	struct name *name = play_name(&play, text, true);
	if (!name)
		return;
	static const uint8_t ops[] = { PNYX_KV_PUT, PNYX_KV_GET, PNYX_KV_APPEND, PNYX_KV_DELETE };
	uint8_t op = ops[what % 4];
	char key[2] = { (char)('a' + (what >> 2) % 3), 0 };
	struct kv_text none = { "", 0 }, value = { "x", op == PNYX_KV_PUT || op == PNYX_KV_APPEND };
	name->len = kv_bytes_begin(name->command, op, 0);
	name->len = kv_bytes_add(name->command, name->len, (struct kv_text){ key, 1 }, value, none);
	name->kind = op == PNYX_KV_GET ? EP_CMD_READ : EP_CMD_UPDATE;
	play_submit(&play, p, name);
}

static void hostile(uint8_t p, bool is_damaged)
{
	uint8_t frame[200];
	uint32_t len = 64 + next() % 100;
	struct ep_source source = { .member = (uint8_t)(is_damaged ? (p + 1) % play.n : EP_CLIENT) };
	ep_wire_begin(frame, is_damaged ? EP_FRAME_MEMBER : EP_FRAME_REQUEST, is_damaged ? source.member : EP_SENDER_CLIENT, 3, 1);
	for (uint32_t k = 64; k < len; k++)
		frame[k] = next();
	frame[7] = next() % 3;
	if (!is_damaged) // a client may say anything with a good checksum; a member's frame is damaged on its way
		ep_wire_seal(frame, len);
	host_receive(&play.hosts[p], play.clocks[p], &source, frame, len);
	host_flush(&play.hosts[p]);
	play_tick(&play, p);
}

// The k-th message under way, by its position.
static void touch(uint8_t k, uint8_t how)
{
	if (play.flights == 0)
		return;
	struct flying f = play.flight[k % play.flights];
	struct filter one = { f.from, f.to, f.type, NULL };
	if (how == 0)
		flight_deliver(&play, &one, false);
	else if (how == 1)
		flight_drop(&play, &one);
	else if (play.flights < PLAY_FLIGHT_MAX / 2)
		flight_deliver(&play, &one, true);
}

static void act(void)
{
	uint8_t op = next(), p = (uint8_t)(next() % play.n);
	struct host *h = &play.hosts[p];
	if (!h->replica) {
		if (play_restart(&play, p) != EP_ATTACH_OK)
			verdict_fail("p%u does not start again", p);
		return;
	}
	switch (op % 16) {
	case 0:
	case 1:
	case 2:
		submit(p);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		touch(next(), 0);
		break;
	case 7:
		touch(next(), 1);
		break;
	case 8:
		touch(next(), 2);
		break;
	case 9:
		play_wait(&play, p, 1000ull * next() + 1, false);
		break;
	case 10:
		play_wait(&play, p, 2000000ull * next() + 1, false);
		break;
	case 11:
		play_kill(&play, p);
		break;
	case 12: {
		uint8_t col = (uint8_t)(next() % play.n);
		uint64_t i = 1 + next() % 20;
		if (i <= ep_known(h->replica, col)) { // nobody recovers what nobody heard of
			ep_recover(h->replica, &h->effects, col, i);
			host_flush(h);
			play_tick(&play, p);
		}
		break;
	}
	case 13:
		hostile(p, next() & 1);
		break;
	case 14:
		if (play.names_count > 0 && play.names[next() % play.names_count].is_submitted)
			play_submit(&play, p, &play.names[next() % play.names_count]);
		break;
	case 15:
		ep_control(h->replica, play.clocks[p], &(struct ep_command){ .type = next() & 1 ? EP_SUSPECT : EP_TRUST, .member = (uint8_t)(next() % play.n) },
			   &h->effects);
		break;
	}
	if (play.flights > PLAY_FLIGHT_MAX / 2)
		play_quiet(&play);
}

static void body(void *arg)
{
	(void)arg;
	uint8_t first = next();
	struct ep_config config = { .cluster = 3, .hash_seed = 11, .n = (uint8_t)(3 + first % 3), .mode = (uint8_t)(first & 8 && first % 3 == 0 ? EP_MODE_E : 0), .seed = first };
	ep_config_defaults(&config);
	config.window = 256;
	config.own_max = 64;
	config.keys_max = 8;
	config.index_keys = first & 16 ? 16 : 1024; // a pool of keys that runs full
	config.sessions_max = 64;
	config.cost_max = 8 * 256;
	config.app_capacity = 1u << 15;
	config.status_ns = 5000000;
	for (uint8_t m = 0; m < config.n; m++)
		config.members[m].uuid[0] = (uint8_t)(m + 1);
	play_start(&play, &config);
	while (in.left > 0) {
		act();
		check_agreement();
	}
	for (uint8_t p = 0; p < play.n; p++)
		if (!play.hosts[p].replica && play_restart(&play, p) != EP_ATTACH_OK)
			verdict_fail("p%u does not start again", p);
	struct ep_wire_digest digests[EP_MEMBERS_MAX];
	for (uint32_t tries = 0; tries < 60; tries++) { // liveness: a virtual minute without faults
		play_quiet(&play);
		play_wait(&play, 0xff, 1000000000, true);
		bool is_equal = true;
		for (uint8_t p = 0; p < play.n; p++) {
			ep_digest_now(play.hosts[p].replica, &digests[p]);
			is_equal = is_equal && memcmp(&digests[0], &digests[p], sizeof digests[0]) == 0;
		}
		if (is_equal)
			return;
	}
	verdict_fail("no convergence within a virtual minute: executed %llu, %llu, %llu", (unsigned long long)digests[0].executed,
		     (unsigned long long)digests[1].executed, (unsigned long long)digests[2].executed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in = (struct input){ data, size };
	bool is_good = verdict_run(body, NULL);
	if (!is_good) {
		play_draw(&play);
		fprintf(stderr, "%s\n", verdict_text());
		abort();
	}
	play_end(&play);
	return 0;
}
