// The scopes: small worlds, each with what it is there to show.
#include "tests/explore/explore.h"
#include <string.h>
#include "tests/sim/kv_bytes.h"
#include "tests/sim/verdict.h"

// Interference: all commands on one key, so all pairs but two reads. The order of one column's commands is that of the list.
const struct scope scopes[] = {
	{ .name = "n3-h3-k3", .text = "the shipped combination: designated peers, two instances of one column and one of another",
	  .n = 3, .mode = EP_MODE_D, .window = 4, .count = 3, .commands = { { 0, 1, 'X', 0 }, { 0, 2, 'X', 0 }, { 1, 2, 'X', 0 } },
	  .recoveries = { 1, 1, 1 }, .restarts = { 1 }, .has_quiet_restarts = true },
	{ .name = "n3-h3-k2", .text = "designated peers, two leaders that restart",
	  .n = 3, .mode = EP_MODE_D, .window = 4, .count = 2, .commands = { { 0, 1, 'X', 0 }, { 1, 2, 'X', 0 } },
	  .recoveries = { 1, 1 }, .restarts = { 1, 1 } },
	{ .name = "n3-h3-duel", .text = "a designated peer, two attempts for one instance, with Nacks",
	  .n = 3, .mode = EP_MODE_D, .window = 4, .count = 1, .commands = { { 0, 1, 'X', 0 } }, .recoveries = { 2 }, .has_nacks = true },
	{ .name = "n3-h3-nacks", .text = "designated peers, two leaders, with Nacks",
	  .n = 3, .mode = EP_MODE_D, .window = 4, .count = 2, .commands = { { 0, 1, 'X', 0 }, { 1, 2, 'X', 0 } },
	  .recoveries = { 1, 0 }, .has_nacks = true },
	{ .name = "n3-e-k2", .text = "the general rule at n = 3, two leaders",
	  .n = 3, .mode = EP_MODE_E, .window = 4, .count = 2, .commands = { { 0, 0, 'X', 0 }, { 1, 0, 'X', 0 } },
	  .recoveries = { 2, 1 } },
	{ .name = "n3-e-k3", .text = "the general rule at n = 3, one instance against two of another column",
	  .n = 3, .mode = EP_MODE_E, .window = 4, .count = 3, .commands = { { 0, 0, 'X', 0 }, { 1, 0, 'X', 0 }, { 1, 0, 'X', 0 } },
	  .recoveries = { 1, 1, 0 } },
	{ .name = "n3-rw", .text = "one write and two reads, each at another leader",
	  .n = 3, .mode = EP_MODE_E, .window = 4, .count = 3, .commands = { { 0, 0, 'X', 0 }, { 1, 0, 'x', 0 }, { 2, 0, 'x', 0 } },
	  .recoveries = { 1, 1, 0 } },
	{ .name = "n3-recycle", .text = "a window of two: a slot is used again when everybody has executed what was in it",
	  .n = 3, .mode = EP_MODE_D, .window = 2, .count = 3, .commands = { { 0, 1, 'X', 0 }, { 0, 2, 'X', 0 }, { 0, 1, 'X', 0 } },
	  .recoveries = { 0, 0, 1 }, .has_status = true },
	{ .name = "n2-recycle", .text = "a window of two, two members: a third instance of one column, against one of the other",
	  .n = 2, .mode = EP_MODE_D, .window = 2, .count = 4,
	  .commands = { { 0, 1, 'X', 0 }, { 0, 1, 'X', 0 }, { 0, 1, 'X', 0 }, { 1, 0, 'X', 0 } },
	  .recoveries = { 1, 0, 1, 1 }, .restarts = { 1 }, .has_status = true },
	{ .name = "n4-k1", .text = "one leader, which may die at any time; every member may restart",
	  .n = 4, .mode = EP_MODE_E, .window = 4, .count = 1, .commands = { { 0, 0, 'X', 0 } }, .recoveries = { 2 },
	  .restarts = { 1, 1, 1, 1 } },
	{ .name = "n5-k1", .text = "one leader, which may die at any time",
	  .n = 5, .mode = EP_MODE_E, .window = 4, .count = 1, .commands = { { 0, 0, 'X', 0 } }, .recoveries = { 2 } },
	{ .name = "n4-k2", .text = "two living leaders",
	  .n = 4, .mode = EP_MODE_E, .window = 4, .count = 2, .commands = { { 0, 0, 'X', 0 }, { 1, 0, 'X', 0 } },
	  .recoveries = { 1, 1 } },
	{ .name = "n4-dead1", .text = "a dead leader's command, known to one member, against one of a living leader",
	  .n = 4, .mode = EP_MODE_E, .window = 4, .count = 2, .commands = { { 0, 0, 'X', 1 << 2 }, { 1, 0, 'X', 0 } }, .dead = 1,
	  .recoveries = { 2, 2 } },
	{ .name = "n4-under-way", .text = "a leader that died with its PreAccepts under way, and a living leader",
	  .n = 4, .mode = EP_MODE_E, .window = 4, .count = 2, .commands = { { 0, 0, 'X', 0 }, { 1, 0, 'X', 0 } }, .dead = 1,
	  .recoveries = { 2, 1 } },
	{ .name = "n5-under-way", .text = "two leaders that died with their PreAccepts under way",
	  .n = 5, .mode = EP_MODE_E, .window = 4, .count = 2, .commands = { { 0, 0, 'X', 0 }, { 1, 0, 'X', 0 } }, .dead = 3,
	  .recoveries = { 2, 1 } },
	{ .name = "n5-dead2", .text = "two dead leaders' commands, each known to one living member",
	  .n = 5, .mode = EP_MODE_E, .window = 4, .count = 2, .commands = { { 0, 0, 'X', 1 << 2 }, { 1, 0, 'X', 1 << 3 } }, .dead = 3,
	  .recoveries = { 2, 2 } },
	{ .name = "n5-dead1", .text = "a dead leader's command, known to one member, against one of a living leader",
	  .n = 5, .mode = EP_MODE_E, .window = 4, .count = 2, .commands = { { 0, 0, 'X', 1 << 2 }, { 3, 0, 'X', 0 } }, .dead = 1,
	  .recoveries = { 1, 1 } },
	{ .name = "n3-walk", .text = "a window of two: a third instance of one column, against one of another",
	  .n = 3, .mode = EP_MODE_D, .window = 2, .count = 4,
	  .commands = { { 0, 1, 'X', 0 }, { 0, 2, 'X', 0 }, { 0, 1, 'X', 0 }, { 1, 2, 'X', 0 } },
	  .recoveries = { 1, 1, 1, 1 }, .restarts = { 1, 1, 1 }, .has_status = true, .walks = 20000 },
	{ .name = "n5-walk", .text = "three living leaders",
	  .n = 5, .mode = EP_MODE_E, .window = 4, .count = 3, .commands = { { 0, 0, 'X', 0 }, { 1, 0, 'X', 0 }, { 4, 0, 'X', 0 } },
	  .recoveries = { 2, 2, 1 }, .restarts = { 1, 1 }, .walks = 20000 },
	{ .name = "n6-walk", .text = "three living leaders",
	  .n = 6, .mode = EP_MODE_E, .window = 4, .count = 3, .commands = { { 0, 0, 'X', 0 }, { 1, 0, 'X', 0 }, { 2, 0, 'X', 0 } },
	  .recoveries = { 2, 2, 1 }, .restarts = { 1, 1 }, .walks = 20000 },
	{ .name = "n7-walk", .text = "three living leaders",
	  .n = 7, .mode = EP_MODE_E, .window = 4, .count = 3, .commands = { { 0, 0, 'X', 0 }, { 1, 0, 'X', 0 }, { 2, 0, 'X', 0 } },
	  .recoveries = { 2, 2, 1 }, .restarts = { 1, 1 }, .walks = 20000 },
	{ .name = "n3-amnesia", .text = "must fail: the designated peer forgets what it promised",
	  .n = 3, .mode = EP_MODE_D, .window = 4, .count = 1, .commands = { { 0, 1, 'X', 0 } }, .recoveries = { 1 }, .restarts = { 0, 1 },
	  .has_amnesia = true },
};
const uint32_t scopes_count = sizeof scopes / sizeof scopes[0];

const struct scope *scope_find(const char *name)
{
	for (uint32_t s = 0; s < scopes_count; s++)
		if (strcmp(scopes[s].name, name) == 0)
			return &scopes[s];
	return NULL;
}

uint64_t scope_number(const struct scope *s, uint32_t command)
{
	uint64_t i = 1;
	for (uint32_t k = 0; k < command; k++)
		i += s->commands[k].col == s->commands[command].col;
	return i;
}

uint32_t scope_command_of(const struct scope *s, uint32_t col, uint64_t i)
{
	uint32_t k = 0;
	while (k < s->count && (s->commands[k].col != col || --i > 0))
		k++;
	return k < s->count ? k : COMMANDS_MAX;
}

// Each of its own session, so that only keys make commands interfere. Nobody opened the sessions: the update runs to NO_SESSION.
const struct ep_wire_command *scope_bytes(const struct scope *s, uint32_t command)
{
	static _Alignas(8) uint8_t out[sizeof(struct ep_wire_command) + KV_BYTES_MAX];
	const struct scope_command *c = &s->commands[command];
	bool is_read = c->key >= 'a';
	uint8_t bytes[KV_BYTES_MAX];
	char key = is_read ? (char)(c->key - 'a' + 'A') : c->key;
	struct kv_text none = { "", 0 };
	uint32_t len = kv_bytes_begin(bytes, is_read ? PNYX_KV_GET : PNYX_KV_PUT, 0);
	len = kv_bytes_add(bytes, len, (struct kv_text){ &key, 1 }, none, none);
	struct ep_wire_command head = { .len = (uint16_t)(sizeof head + len), .kind = is_read ? EP_CMD_READ : EP_CMD_UPDATE };
	if (!is_read) {
		head.session = (struct ep_session_id){ .i = 1000 + command, .epoch = 1, .col = c->col };
		head.seq = 1;
	}
	memcpy(out, &head, sizeof head);
	memcpy(out + sizeof head, bytes, len);
	return (const void *)out;
}

struct ep_config scope_config(const struct scope *s, uint8_t self)
{
	struct ep_config c = { .cluster = 5, .n = s->n, .self = self, .mode = s->mode, .hello = EP_HELLO_NEVER, .hash_seed = 8 };
	ep_config_defaults(&c);
	c.frame_max = EP_FRAME_MAX_MIN;
	c.window = s->window;
	c.own_max = s->window / 2;
	c.keys_max = 2;
	c.batch_max = 1;
	c.index_keys = 16;
	c.sessions_max = 1;
	c.cost_max = 256;
	c.app_capacity = 4096;
	for (uint8_t m = 0; m < c.n; m++)
		c.members[m].uuid[0] = (uint8_t)(m + 1);
	return c;
}

bool scope_interfere(const struct scope *s, uint32_t a, uint32_t b)
{
	char x = s->commands[a].key, y = s->commands[b].key;
	return (x | 0x20) == (y | 0x20) && (x < 'a' || y < 'a'); // one of them a write
}
