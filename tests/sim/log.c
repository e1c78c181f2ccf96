// The checkers' memory of every instance, and which keys each of them touches.
#include "tests/sim/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "consensus/app/app.h"
#include "tests/sim/verdict.h"

#define NAME_SESSIONS 1 // first byte of a key's name: the checkers' own name spaces
#define NAME_SESSION 2
#define NAME_APP 3

void log_init(struct log *log, const struct ep_config *config)
{
	*log = (struct log){.config = *config, .names_room = 256, .commands_room = 1024};
	log->names = calloc(log->names_room, sizeof *log->names);
	log->commands = calloc(log->commands_room, sizeof *log->commands);
	for (uint32_t p = 0; p < EP_MEMBERS_MAX; p++) {
		log->columns[p].base = config->first;
		for (uint32_t c = 0; c < EP_MEMBERS_MAX; c++)
			log->executed_by[p][c] = config->first;
	}
}

static void free_instance(struct log_instance *x)
{
	while (x->accepts) {
		struct log_accept *next = x->accepts->next;
		free(x->accepts);
		x->accepts = next;
	}
	free(x->payload);
	free(x->keys);
	free(x->outcomes);
	free(x);
}

void log_forget(struct log *log)
{
	for (uint32_t c = 0; c < EP_MEMBERS_MAX; c++) {
		struct log_column *column = &log->columns[c];
		for (uint64_t k = 0; k < column->count; k++)
			if (column->instances[k])
				free_instance(column->instances[k]);
		column->base += column->count;
		if (column->room > 0)
			memset(column->instances, 0, column->room * sizeof(struct log_instance *));
		column->count = 0;
	}
}

void log_free(struct log *log)
{
	log_forget(log);
	for (uint32_t c = 0; c < EP_MEMBERS_MAX; c++)
		free(log->columns[c].instances);
	free(log->names);
	free(log->commands);
}

uint64_t log_last(const struct log *log, uint8_t col)
{
	return log->columns[col].base + log->columns[col].count;
}

struct log_instance *log_find(struct log *log, uint8_t col, uint64_t i)
{
	if (col >= log->config.n || i <= log->columns[col].base || i > log_last(log, col))
		return NULL;
	return log->columns[col].instances[i - log->columns[col].base - 1];
}

struct log_instance *log_at(struct log *log, uint8_t col, uint64_t i)
{
	if (col >= log->config.n || i <= log->columns[col].base || i - log->columns[col].base > 1u << 22)
		verdict_fail("instance (%d,%" PRIu64 ") cannot exist", col, i);
	struct log_column *column = &log->columns[col];
	uint64_t at = i - column->base - 1;
	if (at >= column->room) {
		uint64_t room = column->room ? column->room : 64;
		while (room <= at)
			room *= 2;
		column->instances = realloc(column->instances, room * sizeof *column->instances);
		memset(column->instances + column->room, 0, (room - column->room) * sizeof *column->instances);
		column->room = room;
	}
	if (at >= column->count)
		column->count = at + 1;
	if (!column->instances[at]) {
		struct log_instance *x = calloc(1, sizeof *x);
		x->col = col;
		x->i = i;
		column->instances[at] = x;
	}
	return column->instances[at];
}

const char *log_name(const struct log_instance *x)
{
	static char names[4][32];
	static uint32_t turn;
	char *name = names[turn++ % 4];
	snprintf(name, sizeof names[0], "(%d,%" PRIu64 ")", x->col, x->i);
	return name;
}

// ---- commands that clients sent ------------------------------------------------------------------------------
static uint64_t *command_place(struct log *log, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & (log->commands_room - 1);
	while (log->commands[at] != 0 && log->commands[at] != hash)
		at = (at + 1) & (log->commands_room - 1);
	return &log->commands[at];
}

static void grow_commands(struct log *log)
{
	uint64_t *old = log->commands;
	uint32_t room = log->commands_room;
	log->commands_room *= 2;
	log->commands = calloc(log->commands_room, sizeof *log->commands);
	for (uint32_t k = 0; k < room; k++)
		if (old[k] != 0)
			*command_place(log, old[k]) = old[k];
	free(old);
}

static uint64_t command_hash(const uint8_t *command, uint32_t len)
{
	return ep_hash64(0x636f6d6d616e64, command, len) | 1;
}

void log_client_sent(struct log *log, const uint8_t *command, uint32_t len)
{
	uint64_t hash = command_hash(command, len), *place = command_place(log, hash);
	if (*place == hash)
		return;
	*place = hash;
	if (++log->commands_count > log->commands_room / 2)
		grow_commands(log);
}

// ---- keys ----------------------------------------------------------------------------------------------------
static struct log_key_name *name_place(struct log *log, const uint64_t hash[2])
{
	uint32_t at = (uint32_t)hash[0] & (log->names_room - 1);
	while (log->names[at].key != 0 && memcmp(log->names[at].hash, hash, sizeof log->names[at].hash) != 0)
		at = (at + 1) & (log->names_room - 1);
	return &log->names[at];
}

static void grow_names(struct log *log)
{
	struct log_key_name *old = log->names;
	uint32_t room = log->names_room;
	log->names_room *= 2;
	log->names = calloc(log->names_room, sizeof *log->names);
	for (uint32_t k = 0; k < room; k++)
		if (old[k].key != 0)
			*name_place(log, old[k].hash) = old[k];
	free(old);
}

static uint32_t key_number(struct log *log, uint8_t space, const void *bytes, uint32_t len)
{
	uint64_t hash[2] = {ep_hash64(space, bytes, len), ep_hash64(space + 0x100u, bytes, len)};
	struct log_key_name *name = name_place(log, hash);
	if (name->key != 0)
		return name->key;
	*name = (struct log_key_name){{hash[0], hash[1]}, ++log->keys_count};
	uint32_t key = name->key;
	if (log->keys_count > log->names_room / 2)
		grow_names(log);
	return key;
}

struct gather {
	struct log *log;
	struct log_key keys[LOG_KEYS_MAX];
	uint32_t count;
};

static void add_key(struct gather *g, uint8_t space, const void *bytes, uint32_t len, bool is_write)
{
	uint32_t key = key_number(g->log, space, bytes, len);
	for (uint32_t k = 0; k < g->count; k++)
		if (g->keys[k].key == key) {
			g->keys[k].is_write |= is_write;
			return;
		}
	if (g->count == LOG_KEYS_MAX)
		verdict_fail("more keys in one payload than the checkers can hold");
	g->keys[g->count++] = (struct log_key){.key = key, .is_write = is_write};
}

static void add_session(struct gather *g, const struct ep_session_id *id)
{
	add_key(g, NAME_SESSION, id, sizeof *id, true);
}

static void add_command(struct gather *g, const struct log_instance *x, const struct ep_wire_command *c)
{
	struct pnyx_intent intent = {0};
	struct ep_session_id self = {.i = x->i, .epoch = g->log->config.epoch, .col = x->col};
	switch ((enum ep_command_kind)c->kind) {
	case EP_CMD_UPDATE:
		add_session(g, &c->session);
		__attribute__((fallthrough));
	case EP_CMD_READ:
		if (pnyx_app_inspect((const uint8_t *)(c + 1), c->len - (uint32_t)sizeof *c,
				     ep_result_max(g->log->config.frame_max), &intent) != PNYX_FINE)
			verdict_fail("%s carries a command that the application refuses", log_name(x));
		for (uint32_t k = 0; k < intent.keys_count; k++)
			add_key(g, NAME_APP, intent.keys[k].data, intent.keys[k].len, intent.keys[k].is_write);
		return;
	case EP_CMD_OPEN:
		add_session(g, &self);
		add_key(g, NAME_SESSIONS, NULL, 0, true);
		return;
	case EP_CMD_EXPIRE:
		add_session(g, &c->session);
		add_key(g, NAME_SESSIONS, NULL, 0, true);
		return;
	case EP_CMD_RECONFIG:
		verdict_fail("%s carries RECONFIG, which no client may send", log_name(x));
	}
}

const struct ep_wire_command *log_command(const struct log_instance *x, uint32_t *offset)
{
	if (*offset == 0)
		*offset = sizeof(struct ep_wire_payload);
	if (*offset >= x->payload_len)
		return NULL;
	const struct ep_wire_command *c = (const void *)(x->payload + *offset);
	*offset += c->len;
	return c;
}

void log_bind_payload(struct log *log, struct log_instance *x, const uint8_t *payload, uint32_t len, uint64_t seq)
{
	if (x->has_payload) {
		if (x->payload_len != len || memcmp(x->payload, payload, len) != 0)
			verdict_fail("INV2: %s has two different payloads", log_name(x));
		if (x->seq != seq)
			verdict_fail("INV2: %s has two seqs, %" PRIu64 " and %" PRIu64, log_name(x), x->seq, seq);
		return;
	}
	if (!ep_wire_check_payload(payload, len))
		verdict_fail("INV2: %s has a payload that does not parse", log_name(x));
	x->has_payload = true;
	x->payload = malloc(len);
	memcpy(x->payload, payload, len);
	x->payload_len = len;
	x->seq = seq;
	struct gather g = {.log = log};
	const struct ep_wire_command *c;
	uint32_t count = ((const struct ep_wire_payload *)(const void *)payload)->count;
	x->outcomes = calloc(count, sizeof *x->outcomes);
	for (uint32_t n = 0; n < count; n++)
		x->outcomes[n].instance = x;
	for (uint32_t at = 0; (c = log_command(x, &at)) != NULL;) {
		uint64_t hash = command_hash((const uint8_t *)c, c->len);
		bool is_ours = c->kind == EP_CMD_EXPIRE && log->config.session_idle_ns > 0; // replicas end silent sessions themselves
		if (*command_place(log, hash) != hash && !is_ours)
			verdict_fail("INV2: %s carries a command that no client sent", log_name(x));
		add_command(&g, x, c);
	}
	x->keys_count = g.count;
	x->keys = malloc((g.count + 1) * sizeof *x->keys);
	memcpy(x->keys, g.keys, g.count * sizeof *x->keys);
}

bool log_keys_meet(const struct log_instance *x, const struct log_instance *y)
{
	for (uint32_t a = 0; a < x->keys_count; a++)
		for (uint32_t b = 0; b < y->keys_count; b++)
			if (x->keys[a].key == y->keys[b].key && (x->keys[a].is_write || y->keys[b].is_write))
				return true;
	return false;
}
