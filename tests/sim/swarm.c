// From one seed to one configuration.
#include "tests/sim/swarm.h"
#include <stdio.h>
#include <string.h>
#include "consensus/limits.h"

#define US 1000ULL
#define MS 1000000ULL
#define TINY_PACE 1000 // of --tiny: a world whose microseconds are milliseconds

static const struct {
	const char *name;
	enum fault fault;
} names[] = {
	{"loss", FAULT_LOSS},       {"dup", FAULT_DUP},     {"reorder", FAULT_REORDER}, {"delay", FAULT_DELAY},
	{"damage", FAULT_DAMAGE},   {"pause", FAULT_PAUSE}, {"rogue", FAULT_ROGUE},     {"partition", FAULT_PARTITION},
	{"restart", FAULT_RESTART}, {"crash", FAULT_CRASH}, {"suspect", FAULT_SUSPECT}, {"clog", FAULT_CLOG},
	{"clock", FAULT_CLOCK},     {"forge", FAULT_FORGE}, {"replay", FAULT_REPLAY},   {"flood", FAULT_FLOOD},
	{"ambush", FAULT_AMBUSH},   {"core", FAULT_CORE},   {"cut", FAULT_CUT},
};
#define NAMES (sizeof names / sizeof names[0])

const char *fault_text(uint32_t faults)
{
	static char text[200];
	text[0] = 0;
	for (uint32_t f = 0; f < NAMES; f++)
		if (faults & names[f].fault) {
			if (text[0])
				strcat(text, ",");
			strcat(text, names[f].name);
		}
	return text[0] ? text : "none";
}

bool fault_parse(const char *list, uint32_t *faults)
{
	uint32_t found = 0;
	while (*list) {
		size_t len = strcspn(list, ",");
		bool is_known = true;
		if (len == 3 && strncmp(list, "all", 3) == 0) {
			found = FAULTS_ALL;
		} else if (len != 4 || strncmp(list, "none", 4) != 0) {
			is_known = false;
			for (uint32_t f = 0; f < NAMES; f++)
				if (strlen(names[f].name) == len && strncmp(list, names[f].name, len) == 0) {
					found |= names[f].fault;
					is_known = true;
				}
		}
		if (!is_known)
			return false;
		list += len + (list[len] == ',');
	}
	*faults = found;
	return true;
}

static uint32_t pick(uint64_t *rng, const uint32_t *from, uint32_t count)
{
	return from[ep_random(rng) % count];
}
#define PICK(rng, ...) pick(rng, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static uint64_t between(uint64_t *rng, uint64_t low, uint64_t high) // both included
{
	return low + ep_random(rng) % (high - low + 1);
}

// Half of them, or all. (One draw in an expression: C does not say in which order two would be made.)
static uint32_t draw_faults(uint64_t *rng)
{
	uint32_t some = (uint32_t)ep_random(rng);
	return ep_random(rng) % 4 == 0 ? FAULTS_ALL : some;
}

// Where a counter starts: mostly at the beginning, else so that it passes 2^31, 2^32 or a large number soon.
static uint64_t draw_counter(uint64_t *rng, uint64_t top)
{
	uint64_t below = between(rng, 1, 300);
	switch (ep_random(rng) % 8) {
	case 0:
		return (1ULL << 31) - below;
	case 1:
		return (1ULL << 32) - below;
	case 2:
		return top - below;
	case 3:
		return between(rng, 1, 1ULL << 40) % top;
	}
	return 0;
}

static void draw_sizes(struct ep_config *c, bool is_tiny, uint64_t *rng)
{
	c->frame_max = PICK(rng, EP_FRAME_MAX_DEFAULT, EP_FRAME_MAX_DEFAULT, EP_FRAME_MAX_MIN, 4000);
	c->window = is_tiny ? 128 : PICK(rng, 128, 128, 128, 256, 1024);
	c->own_max = (uint32_t)between(rng, 1, c->window - 64);
	c->batch_max = PICK(rng, 1, 2, 5, 16, 64);
	c->keys_max = PICK(rng, 2, 4, 32, 32);
	c->index_keys = is_tiny ? PICK(rng, 16, 64) : PICK(rng, 16, 64, 1024, 4096);
	c->sessions_max = is_tiny ? PICK(rng, 4, 16) : PICK(rng, 4, 16, 64, 256);
	c->exec_budget = PICK(rng, 16, 32, 512);
}

static void draw_cluster(struct swarm *s, const struct sim_options *o, uint64_t *rng)
{
	struct ep_config *c = &s->config;
	ep_config_defaults(c);
	uint8_t n = (uint8_t)PICK(rng, 1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7);
	c->n = o->n ? o->n : n;
	uint32_t mode = PICK(rng, EP_MODE_AUTO, EP_MODE_AUTO, EP_MODE_E);
	c->mode = (uint8_t)(o->mode != EP_MODE_AUTO ? o->mode : mode);
	if (c->n > 3 && c->mode == EP_MODE_D)
		c->mode = EP_MODE_AUTO;
	uint32_t e = PICK(rng, 0, 0, 0, 1);
	c->e = c->n >= 5 ? (uint8_t)e : 0;
	c->hello = (uint8_t)PICK(rng, EP_HELLO_ATTACHED, EP_HELLO_ALWAYS);
	c->cluster = ep_random(rng);
	c->hash_seed = ep_random(rng);
	draw_sizes(c, o->is_tiny, rng);
	c->session_idle_ns = PICK(rng, 0, 0, 20, 200) * MS * s->pace; // less than a pause that a fault may cause, or more
	c->first = draw_counter(rng, (1ULL << 63) - (1ULL << 32));
	c->fast_min_ns *= s->pace;
	c->resend_min_ns *= s->pace;
	c->fast_rtts = PICK(rng, 2, 4, 4, 8);
	c->resend_rtts = PICK(rng, 4, 8, 8, 16);
	c->open_rtts = PICK(rng, 10, 50, 50);
	c->open_min_ns = PICK(rng, 500, 5000, 5000) * US * s->pace;
	c->status_ns = PICK(rng, 200, 1000, 1000, 3000) * US * s->pace;
	load_configure(c, rng);
	for (uint8_t m = 0; m < EP_MEMBERS_MAX; m++) {
		for (uint32_t b = 0; b < sizeof c->members[m].uuid; b++)
			c->members[m].uuid[b] = (uint8_t)ep_random(rng);
		c->members[m].incarnation = 1;
		memcpy(c->members[m].ip, (uint8_t[]){10, 77, 0, (uint8_t)(1 + m)}, 4);
		c->members[m].port = EP_UDP_PORT;
	}
	if (c->n < EP_MEMBERS_MAX)
		memset(&c->members[c->n], 0, (EP_MEMBERS_MAX - c->n) * sizeof c->members[0]);
}

static void draw_counters(struct swarm *s, uint64_t *rng)
{
	s->clock = draw_counter(rng, (1ULL << 63) - (1ULL << 32)); // seq is below 2^63 on the wire
	s->ballot = draw_counter(rng, EP_BALLOT_MAX - (1ULL << 32));
	s->frame_seq = draw_counter(rng, UINT64_MAX);
	s->client_seq = draw_counter(rng, (1ULL << 63) - (1ULL << 32));
	s->search = draw_counter(rng, UINT32_MAX) % UINT32_MAX;
	uint64_t own = ep_mix64(s->seed ^ 0x74696d65);
	s->time = draw_counter(&own, 1ULL << 63); // nanoseconds
}

static void draw_load(struct swarm *s, uint64_t *rng)
{
	s->clients = (uint32_t)between(rng, 1, 8);
	s->rogues = s->faults & FAULT_ROGUE ? (uint32_t)between(rng, 1, 2) : 0;
	s->ops = (uint32_t)between(rng, 20, 150);
	s->think_max = PICK(rng, 0, 20, 200, 1000) * US * s->pace;
	s->load.keys = PICK(rng, 1, 2, 3, 6, 20);
	s->load.read_percent = PICK(rng, 0, 20, 50, 90);
	s->load.hot_percent = PICK(rng, 0, 0, 50, 100);
	s->load.shift = (uint32_t)between(rng, 0, 5);
	s->expire_percent = PICK(rng, 0, 0, 3);
	s->give_up_percent = PICK(rng, 0, 0, 2);
	s->slow_exec = s->faults & FAULT_AMBUSH ? PICK(rng, 1, 2, 3, 5) : PICK(rng, 0, 0, 0, 3);
}

static void draw_network(struct swarm *s, uint64_t *rng)
{
	uint32_t nodes = EP_MEMBERS_MAX + SIM_CLIENTS_MAX;
	ep_time base = between(rng, 2, 50) * US * s->pace;
	for (uint32_t a = 0; a < nodes; a++)
		for (uint32_t b = 0; b < nodes; b++)
			s->link[a][b] = s->faults & FAULT_DELAY ? base * between(rng, 1, 20) / 4 : base;
	s->jitter = PICK(rng, 1, 5, 50) * US * s->pace;
	s->loss_permille = s->faults & FAULT_LOSS ? PICK(rng, 5, 20, 100, 300) : 0;
	s->dup_permille = s->faults & FAULT_DUP ? PICK(rng, 10, 100, 500) : 0;
	s->late_permille = s->faults & FAULT_DELAY ? PICK(rng, 0, 5, 30) : 0;
	s->damage_permille = s->faults & FAULT_DAMAGE ? PICK(rng, 2, 20) : 0;
	s->forge_permille = s->faults & FAULT_FORGE ? PICK(rng, 2, 20, 200) : 0;
	s->archive_permille = s->faults & FAULT_REPLAY ? PICK(rng, 5, 50) : 0;
	s->late_max = PICK(rng, 1, 10, 50) * MS * s->pace;
	s->frames = PICK(rng, EP_STEP_FRAMES_MAX + 1, 2 * EP_STEP_FRAMES_MAX, 4 * EP_STEP_FRAMES_MAX);
	s->burst = PICK(rng, 1, 4, 32);
	s->turn_ns = PICK(rng, 200, 1000, 5000) * s->pace;
	for (uint32_t m = 0; m < EP_MEMBERS_MAX; m++)
		s->clock_ppm[m] = s->faults & FAULT_CLOCK ? PICK(rng, 500000, 900000, 999900, 1000100, 1200000, 2000000) : 1000000;
}

// Most worlds are short and rough; in some, faults outlast every timeout.
static void draw_times(struct swarm *s, uint64_t *rng)
{
	bool is_long = ep_random(rng) % 8 == 0;
	s->fault_every = PICK(rng, 1, 5, 20) * MS * s->pace * (is_long ? 10 : 1);
	s->fault_length = (is_long ? 600 : 10) * MS * s->pace;
	s->heal_after = between(rng, 30, 120) * MS * s->pace * (is_long ? 20 : 1);
	if (is_long)
		s->think_max *= 10;
	s->converge_max = 60000 * MS * s->pace;
}

void swarm_draw(struct swarm *s, const struct sim_options *o)
{
	uint64_t rng = ep_mix64(o->seed ^ 0x737761726d);
	*s = (struct swarm){.seed = o->seed, .pace = o->is_tiny ? TINY_PACE : 1};
	s->faults = o->faults & draw_faults(&rng);
	if (o->rounds > 1)
		s->faults &= ~(uint32_t)FAULT_CRASH; // nobody takes the place of the lost yet
	draw_cluster(s, o, &rng);
	draw_counters(s, &rng);
	draw_load(s, &rng);
	draw_network(s, &rng);
	draw_times(s, &rng);
}

void swarm_draw_round(struct swarm *s, const struct sim_options *o, uint32_t round)
{
	uint64_t rng = ep_mix64(ep_mix64(o->seed ^ 0x726f756e64) + round);
	s->faults = o->faults & draw_faults(&rng) & ~(uint32_t)FAULT_CRASH;
	struct load_config load = s->load;
	draw_load(s, &rng);
	s->load.shift = load.shift;
	draw_network(s, &rng);
	draw_times(s, &rng);
}
