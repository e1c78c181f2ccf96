// Reading a script line by line and doing what it says. The language: README.md.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "consensus/decide.h"
#include "tests/scenario/play.h"
#include "tests/sim/kv_bytes.h"
#include "tests/sim/verdict.h"

#define WORDS_MAX 24

static struct play play;
static char said[300];
#define SAY(...) (snprintf(said, sizeof said, __VA_ARGS__), said)

const char *parse_replica(const struct play *at, const char *word, uint8_t *p)
{
	*p = (uint8_t)(word[1] - '0');
	if (word[0] != 'p' || !isdigit((unsigned char)word[1]) || word[2] || *p >= at->n)
		return SAY("`%s` is not a replica; p0 to p%d are", word, at->n - 1);
	return NULL;
}

const char *parse_alive(const struct play *at, const char *word, uint8_t *p)
{
	const char *wrong = parse_replica(at, word, p);
	return wrong ? wrong : at->hosts[*p].replica ? NULL : SAY("%s is dead", word);
}

static const char *alive(const char *word, uint8_t *p)
{
	return parse_alive(&play, word, p);
}

// pA->pB, * on either side for any.
static const char *parse_link(const struct play *at, const char *word, struct filter *out)
{
	char side[4] = { 0 };
	const char *arrow = strstr(word, "->"), *wrong = NULL;
	if (arrow - word > 2 || strlen(arrow + 2) > 2)
		return SAY("`%s` is not a link; p0->p1, p0->* or *->p1 are", word);
	memcpy(side, word, (size_t)(arrow - word));
	if (strcmp(side, "*") != 0)
		wrong = parse_replica(at, side, &out->from);
	if (!wrong && strcmp(arrow + 2, "*") != 0)
		wrong = parse_replica(at, arrow + 2, &out->to);
	return wrong;
}

const char *parse_filter(struct play *at, char **words, uint32_t count, struct filter *out)
{
	*out = (struct filter){ 0xff, 0xff, 0, NULL };
	for (uint32_t k = 0; k < count; k++) {
		if (strstr(words[k], "->")) {
			const char *wrong = parse_link(at, words[k], out);
			if (wrong)
				return wrong;
			continue;
		}
		uint8_t type = 0;
		for (uint8_t t = EP_PREACCEPT; t <= EP_HELLO_OK; t++)
			type = strcmp(ep_wire_type_name(t), words[k]) == 0 ? t : type;
		if (type)
			out->type = type;
		else if (!(out->name = play_name(at, words[k], false)))
			return SAY("`%s` is neither a link, nor a message, nor the name of a command", words[k]);
	}
	return NULL;
}

static const char *parse_time(const char *word, ep_time *ns)
{
	char *end;
	*ns = strtoull(word, &end, 10);
	uint64_t unit = strcmp(end, "us") == 0 ? 1000 : strcmp(end, "ms") == 0 ? 1000000 : strcmp(end, "s") == 0 ? 1000000000 : 0;
	*ns *= unit;
	return unit && *ns ? NULL : SAY("`%s` is not a time; 20us, 5ms and 1s are", word);
}

// ---- statements: each gets the words after its own ----------------------------------------------------------------
static const char *do_cluster(char **words, uint32_t count)
{
	struct ep_config config = { .cluster = 3, .hash_seed = 11, .n = 3, .seed = 1 };
	uint32_t own = 64, room = 0, sessions = 64;
	if (play.n)
		return "there is a cluster already";
	for (uint32_t k = 0; k < count; k++) {
		char *value = strchr(words[k], '=');
		if (!value)
			return SAY("`%s`: cluster n=3 mode=D|E own=N seed=N window=N room=N sessions=N", words[k]);
		*value++ = 0;
		if (strcmp(words[k], "n") == 0)
			config.n = (uint8_t)atoi(value);
		else if (strcmp(words[k], "mode") == 0)
			config.mode = value[0] == 'D' ? EP_MODE_D : EP_MODE_E;
		else if (strcmp(words[k], "own") == 0)
			own = (uint32_t)atoi(value);
		else if (strcmp(words[k], "seed") == 0)
			config.seed = strtoull(value, NULL, 10);
		else if (strcmp(words[k], "window") == 0)
			config.window = (uint32_t)atoi(value);
		else if (strcmp(words[k], "room") == 0)
			room = (uint32_t)atoi(value);
		else if (strcmp(words[k], "sessions") == 0)
			sessions = (uint32_t)atoi(value);
		else
			return SAY("a cluster has no `%s`", words[k]);
	}
	uint32_t window = config.window ? config.window : 256;
	ep_config_defaults(&config);
	config.window = window;
	config.own_max = own;
	config.keys_max = 16;
	config.index_keys = 4096;
	config.sessions_max = sessions;
	config.cost_max = 8 * window;
	config.app_capacity = room ? 2ULL * config.n * config.cost_max + room : 1u << 16;
	// Times that a script can count on: nothing happens by itself before they have passed.
	config.fast_min_ns = 1000000;
	config.resend_min_ns = 20000000;
	config.open_min_ns = 100000000;
	config.status_ns = 50000000;
	for (uint8_t m = 0; m < config.n; m++)
		config.members[m].uuid[0] = (uint8_t)(m + 1);
	play_start(&play, &config);
	return NULL;
}

static const char *do_submit(char **words, uint32_t count)
{
	return submit_line(&play, words, count);
}

// again pK NAME: the client repeats the request, perhaps at another replica.
static const char *do_again(char **words, uint32_t count)
{
	uint8_t p;
	const char *wrong = count == 2 ? alive(words[0], &p) : "again pK NAME";
	struct name *name = wrong ? NULL : play_name(&play, words[1], false);
	if (name)
		play_submit(&play, p, name);
	return wrong ? wrong : name ? NULL : SAY("nobody is called %s", words[1]);
}

// newest pK as NAME: the newest instance of pK, made for a repeated request, gets a name.
static const char *do_call(char **words, uint32_t count)
{
	uint8_t p;
	const char *wrong = count == 3 && strcmp(words[1], "as") == 0 ? alive(words[0], &p) : "newest pK as NAME";
	if (wrong)
		return wrong;
	struct name *name = play_name(&play, words[2], true);
	if (!name)
		return SAY("the name `%s` is taken, or too long", words[2]);
	name->col = p;
	name->i = ep_known(play.hosts[p].replica, p);
	name->is_submitted = true;
	return NULL;
}

static const char *filtered(char **words, uint32_t count, uint32_t (*act)(const struct filter *))
{
	struct filter want;
	const char *wrong = parse_filter(&play, words, count, &want);
	if (wrong)
		return wrong;
	return act(&want) > 0 ? NULL : "no such message is under way";
}
static uint32_t act_deliver(const struct filter *want)
{
	return flight_deliver(&play, want, false);
}
static uint32_t act_copy(const struct filter *want)
{
	return flight_deliver(&play, want, true);
}
static uint32_t act_drop(const struct filter *want)
{
	return flight_drop(&play, want);
}
// forge epoch|chain|life|pK WHICH: a copy arrives in a frame of another epoch, chain of configurations, incarnation, or sender.
static const char *do_forge(char **words, uint32_t count)
{
	static const char *const lies[] = { "epoch", "chain", "life" };
	struct filter want;
	struct forgery how = { .lie = 0xff, .sender = 0xff };
	if (count < 2)
		return "forge epoch|chain|life|pK WHICH";
	for (uint8_t l = 0; l < sizeof lies / sizeof lies[0]; l++)
		how.lie = strcmp(words[0], lies[l]) == 0 ? l : how.lie;
	const char *wrong = how.lie == 0xff ? parse_replica(&play, words[0], &how.sender) : NULL;
	if (!wrong)
		wrong = parse_filter(&play, words + 1, count - 1, &want);
	return wrong ? wrong : flight_forge(&play, &want, &how) > 0 ? NULL : "no such message is under way";
}
static const char *do_deliver(char **words, uint32_t count)
{
	return filtered(words, count, act_deliver);
}
static const char *do_copy(char **words, uint32_t count)
{
	return filtered(words, count, act_copy);
}
static const char *do_drop(char **words, uint32_t count)
{
	return filtered(words, count, act_drop);
}

// run [TIME]: everything is delivered; clocks move only when a time is given.
static const char *do_run(char **words, uint32_t count)
{
	ep_time ns = 0;
	const char *wrong = count ? parse_time(words[0], &ns) : NULL;
	if (wrong)
		return wrong;
	play_quiet(&play);
	if (ns)
		play_wait(&play, 0xff, ns, true);
	return NULL;
}

// Until a message is sent; timer after timer, at most a virtual minute.
static const char *wait_until(uint8_t p, char **words, uint32_t count)
{
	struct filter want;
	const char *wrong = parse_filter(&play, words, count, &want);
	ep_time end = play.clocks[p] + 60000000000;
	while (!wrong && flight_count(&play, &want) == 0) {
		ep_time next = ep_deadline(play.hosts[p].replica);
		if (next > end)
			return "no such message is sent within a minute";
		play_wait(&play, p, next > play.clocks[p] ? next - play.clocks[p] : 1, false);
	}
	return wrong;
}

// wait [pK] TIME, wait pK until MESSAGE: clocks move, nothing is delivered.
static const char *do_wait(char **words, uint32_t count)
{
	uint8_t p = 0xff;
	ep_time ns;
	if (count > 2 && strcmp(words[1], "until") == 0) {
		const char *wrong = alive(words[0], &p);
		return wrong ? wrong : wait_until(p, words + 2, count - 2);
	}
	const char *wrong = count == 2 ? alive(words[0], &p) : count == 1 ? NULL : "wait [pK] TIME, or wait pK until MESSAGE";
	if (!wrong)
		wrong = parse_time(words[count - 1], &ns);
	if (!wrong)
		play_wait(&play, p, ns, false);
	return wrong;
}

static const char *do_kill(char **words, uint32_t count)
{
	uint8_t p;
	const char *wrong = count == 1 ? alive(words[0], &p) : "kill pK";
	if (!wrong)
		play_kill(&play, p);
	return wrong;
}

static const char *do_restart(char **words, uint32_t count)
{
	uint8_t p;
	const char *wrong = count == 1 ? parse_replica(&play, words[0], &p) : "restart pK";
	if (wrong || play.hosts[p].replica)
		return wrong ? wrong : SAY("%s lives", words[0]);
	enum ep_attach verdict = play_restart(&play, p);
	return verdict == EP_ATTACH_OK ? NULL : SAY("attach says %d", verdict);
}

// recover pK NAME: pK starts an attempt now, as its timer would.
static const char *do_recover(char **words, uint32_t count)
{
	uint8_t p;
	const char *wrong = count == 2 ? alive(words[0], &p) : "recover pK NAME";
	const struct name *name = wrong ? NULL : play_name(&play, words[1], false);
	if (!name)
		return wrong ? wrong : SAY("nobody is called %s", words[1]);
	struct host *h = &play.hosts[p];
	play_note(&play, p, "recovers %s", name->text);
	if (!ep_recover(h->replica, &h->effects, name->col, name->i))
		return "no attempt was started: one runs, or it is committed";
	host_flush(h);
	play_tick(&play, p);
	return NULL;
}

// slow: from now on each message is followed by one turn of one unit of work.
static const char *do_slow(char **words, uint32_t count)
{
	(void)words;
	play.turns = 1;
	for (uint8_t p = 0; p < play.n; p++)
		play_pace(&play, p);
	return count == 0 ? NULL : "slow";
}

// turn pK [N]: one turn of a slow replica, or N.
static const char *do_turn(char **words, uint32_t count)
{
	uint8_t p;
	const char *wrong = count >= 1 ? alive(words[0], &p) : "turn pK [N]";
	for (long k = count > 1 ? atol(words[1]) : 1; !wrong && k > 0; k--)
		play_tick(&play, p);
	return wrong;
}

// suspect pK pJ, trust pK pJ: what a control plane would tell pK.
static const char *tell(char **words, uint32_t count, bool is_suspect)
{
	uint8_t p, whom;
	const char *wrong = count == 2 ? alive(words[0], &p) : "suspect pK pJ, trust pK pJ";
	if (!wrong)
		wrong = parse_replica(&play, words[1], &whom);
	if (!wrong)
		play_suspect(&play, p, whom, is_suspect);
	return wrong;
}
static const char *do_suspect(char **words, uint32_t count)
{
	return tell(words, count, true);
}
static const char *do_trust(char **words, uint32_t count)
{
	return tell(words, count, false);
}

// fill pK N [KEY]: N clients read, each another key, or all the same.
static const char *do_fill(char **words, uint32_t count)
{
	uint8_t p;
	const char *wrong = count == 2 || count == 3 ? alive(words[0], &p) : "fill pK N [KEY]";
	long n = wrong ? 0 : atol(words[1]);
	if (!wrong && (n < 1 || n > 1000))
		return SAY("`%s` is not a number from 1 to 1000", words[1]);
	if (!wrong)
		play_fill(&play, p, (uint32_t)n, count == 3 ? words[2] : NULL);
	return wrong;
}

static const char *do_expect(char **words, uint32_t count)
{
	return expect_line(&play, words, count);
}

static const struct {
	const char *word;
	const char *(*act)(char **words, uint32_t count);
} statements[] = { { "cluster", do_cluster }, { "submit", do_submit }, { "again", do_again },	 { "newest", do_call },
		   { "deliver", do_deliver }, { "copy", do_copy },     { "forge", do_forge },   { "drop", do_drop },	 { "run", do_run },
		   { "wait", do_wait },	      { "kill", do_kill },     { "restart", do_restart }, { "recover", do_recover },
		   { "suspect", do_suspect }, { "trust", do_trust },    { "fill", do_fill },
		   { "slow", do_slow },	   { "turn", do_turn },	      { "expect", do_expect } };

static const char *do_line(char *line)
{
	char *words[WORDS_MAX];
	uint32_t count = 0;
	line[strcspn(line, "#\n")] = 0;
	for (char *w = strtok(line, " \t"); w; w = strtok(NULL, " \t")) {
		if (count == WORDS_MAX)
			return "too many words";
		words[count++] = w;
	}
	if (count == 0)
		return NULL;
	if (play.n == 0 && strcmp(words[0], "cluster") != 0)
		return "a script begins with `cluster n=...`";
	for (size_t s = 0; s < sizeof statements / sizeof statements[0]; s++)
		if (strcmp(words[0], statements[s].word) == 0)
			return statements[s].act(words + 1, count - 1);
	return SAY("what is `%s`?", words[0]);
}

struct run {
	const char *path;
	FILE *file;
	char text[400];
	uint32_t line, expectations;
};

static void run_lines(void *arg)
{
	struct run *run = arg;
	char line[400];
	while (fgets(line, sizeof line, run->file)) {
		run->line++;
		snprintf(run->text, sizeof run->text, "%.*s", (int)strcspn(line, "\n"), line);
		const char *wrong = do_line(line);
		if (wrong)
			verdict_fail("%s", wrong);
		run->expectations += strncmp(run->text + strspn(run->text, " \t"), "expect", 6) == 0;
	}
	if (run->expectations == 0)
		verdict_fail("a script without `expect` shows nothing");
}

bool script_run(const char *path, bool is_drawn)
{
	struct run run = { .path = path, .file = fopen(path, "r") };
	if (!run.file) {
		printf("%s: cannot be read\n", path);
		return false;
	}
	bool is_good = verdict_run(run_lines, &run);
	fclose(run.file);
	if (!is_good || is_drawn)
		play_draw(&play);
	if (is_good)
		printf("%s: %u expectations hold\n", path, run.expectations);
	else
		printf("%s:%u: %s\n%s\n", path, run.line, run.text, verdict_text());
	play_end(&play);
	return is_good;
}
