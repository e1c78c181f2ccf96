// The `submit` lines of a script: which command a client sends, and in which session.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/scenario/play.h"
#include "tests/sim/kv_bytes.h"

static char said[200];
#define SAY(...) (snprintf(said, sizeof said, __VA_ARGS__), said)

static const struct operation {
	const char *name;
	enum ep_command_kind kind;
	uint8_t op;
	uint8_t words; // behind the operation
} operations[] = { { "get", EP_CMD_READ, PNYX_KV_GET, 1 },	  { "put", EP_CMD_UPDATE, PNYX_KV_PUT, 2 },
		   { "del", EP_CMD_UPDATE, PNYX_KV_DELETE, 1 }, { "incr", EP_CMD_UPDATE, PNYX_KV_INCR, 2 },
		   { "append", EP_CMD_UPDATE, PNYX_KV_APPEND, 2 }, { "open", EP_CMD_OPEN, 0, 0 },
		   { "expire", EP_CMD_EXPIRE, 0, 0 } };

static const struct operation *operation_of(const char *word)
{
	for (size_t o = 0; o < sizeof operations / sizeof operations[0]; o++)
		if (strcmp(operations[o].name, word) == 0)
			return &operations[o];
	return NULL;
}

static void write_command(struct name *name, const struct operation *o, char **words)
{
	name->kind = (uint8_t)o->kind;
	if (o->words == 0)
		return; // only the session counts
	struct kv_text key = { words[0], (uint32_t)strlen(words[0]) }, none = { "", 0 }, value = none;
	int64_t number = 0;
	if (o->op == PNYX_KV_INCR) {
		number = atoll(words[1]);
		value = (struct kv_text){ &number, sizeof number };
	} else if (o->words == 2) {
		value = (struct kv_text){ words[1], (uint32_t)strlen(words[1]) };
	}
	name->len = kv_bytes_begin(name->command, o->op, 0);
	name->len = kv_bytes_add(name->command, name->len, key, value, none);
}

// The session of an earlier command, or the one that it opens; the next number of it, or with EXPIRE the last.
static const char *join_session(struct play *play, struct name *name, const char *word)
{
	const struct name *of = play_name(play, word, false);
	if (!of || of == name || of->kind == EP_CMD_READ)
		return SAY("`%s` has no session", word);
	bool is_opened = of->kind == EP_CMD_OPEN;
	name->session = is_opened ? (struct ep_session_id){ .i = of->i, .epoch = play->hosts[of->col].config.epoch, .col = of->col } :
				    of->session;
	name->seq = play_last_seq(play, &name->session) + (name->kind == EP_CMD_UPDATE);
	name->has_session = true;
	return NULL;
}

const char *submit_line(struct play *play, char **words, uint32_t count)
{
	static const char usage[] = "submit pK get|put|del|incr|append KEY [VALUE] as NAME [of NAME], "
				    "submit pK open as NAME, submit pK expire as NAME of NAME";
	uint8_t p;
	const char *wrong = count >= 4 ? parse_alive(play, words[0], &p) : usage;
	if (wrong)
		return wrong;
	const struct operation *o = operation_of(words[1]);
	if (!o)
		return SAY("there is no `%s`", words[1]);
	char **rest = words + 2 + o->words;
	uint32_t left = count - 2 - o->words;
	bool has_of = count == 6u + o->words && strcmp(rest[2], "of") == 0;
	if ((count != 4u + o->words && !has_of) || strcmp(rest[0], "as") != 0 || left < 2)
		return usage;
	struct name *name = play_name(play, rest[1], true);
	if (!name)
		return SAY("the name `%s` is taken, or too long", rest[1]);
	write_command(name, o, words + 2);
	if (has_of)
		wrong = join_session(play, name, rest[3]);
	if (!wrong)
		play_submit(play, p, name);
	return wrong;
}
