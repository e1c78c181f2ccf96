// The `expect` lines of a script: what a replica holds, what is under way, what a client was told.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/scenario/play.h"

static char said[400];
#define SAY(...) (snprintf(said, sizeof said, __VA_ARGS__), said)

static const char *const phases[] = { "initial", "preaccepted", "accepted", "committed" };

// The named instances that A's dependencies cover.
static void depends(const struct play *play, const struct name *a, const uint64_t *dep, char *out, size_t cap)
{
	size_t used = 0;
	out[0] = 0;
	for (uint32_t k = 0; k < play->names_count; k++) {
		const struct name *b = &play->names[k];
		if (b == a || !b->is_submitted || dep[b->col] < b->i)
			continue;
		used += (size_t)snprintf(out + used, used < cap ? cap - used : 0, "%s%s", used ? " " : "", b->text);
	}
}

static bool is_listed(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == 0))
			return true;
	return false;
}

static const char *check_deps(const char *seen, char **words, uint32_t count)
{
	uint32_t wanted = 0, got = seen[0] != 0;
	for (const char *c = seen; *c; c++)
		got += *c == ' ';
	if (count == 1 && strcmp(words[0], "none") == 0)
		count = 0;
	for (; wanted < count; wanted++)
		if (!is_listed(seen, words[wanted]))
			return SAY("deps are: %s", seen[0] ? seen : "none");
	return got == wanted ? NULL : SAY("deps are: %s", seen[0] ? seen : "none");
}

// expect pK A PHASE [nop|value] [ballot N] [deps A B.. | none]
static const char *check_instance(struct play *play, uint8_t p, const struct name *a, char **words, uint32_t count)
{
	struct ep_peek peek = ep_peek(play->hosts[p].replica, a->col, a->i);
	char deps[300];
	depends(play, a, peek.dep, deps, sizeof deps);
	for (uint32_t k = 0; k < count; k++) {
		if (strcmp(words[k], "executed") == 0) {
			if (!peek.is_executed)
				return SAY("%s is %s and not executed", a->text, phases[peek.phase]);
		} else if (strcmp(words[k], "waiting") == 0) {
			if (peek.is_executed || peek.phase != EP_COMMITTED)
				return SAY("%s is %s, %s", a->text, phases[peek.phase], peek.is_executed ? "executed" : "not executed");
		} else if (!peek.exists && strcmp(words[k], "initial") != 0) {
			return SAY("%s is %s", a->text, peek.is_executed ? "executed by all and recycled" : "not known here");
		} else if (strcmp(words[k], "nop") == 0 || strcmp(words[k], "value") == 0) {
			if (peek.is_nop != (words[k][0] == 'n'))
				return SAY("%s is %s", a->text, peek.is_nop ? "Nop" : "its command");
		} else if (strcmp(words[k], "ballot") == 0 && k + 1 < count) {
			if (peek.bal != strtoull(words[++k], NULL, 10))
				return SAY("the ballot is %llu", (unsigned long long)peek.bal);
		} else if (strcmp(words[k], "accepted-at") == 0 && k + 1 < count) {
			if (peek.abal != strtoull(words[++k], NULL, 10))
				return SAY("its value was taken at ballot %llu", (unsigned long long)peek.abal);
		} else if (strcmp(words[k], "deps") == 0) {
			return check_deps(deps, words + k + 1, count - k - 1);
		} else {
			int phase = -1;
			for (int f = 0; f < 4; f++)
				phase = strcmp(words[k], phases[f]) == 0 ? f : phase;
			if (phase < 0)
				return SAY("what is `%s`? initial, preaccepted, accepted, committed, executed, waiting, nop, value, "
					   "ballot N, accepted-at N, deps ...", words[k]);
			if (peek.phase != phase)
				return SAY("%s is %s%s", a->text, phases[peek.phase], peek.is_executed ? ", executed" : "");
		}
	}
	return NULL;
}

static const char *check_counter(const struct play *play, uint8_t p, const char *name, const char *value)
{
	const struct ep_counters *now = ep_counters(play->hosts[p].replica);
	uint64_t delta;
#define ONE(field, text) \
	if (strcmp(name, #field) == 0) { \
		delta = now->field - play->before[p].field; \
		goto found; \
	}
	EP_COUNTERS(ONE)
#undef ONE
	return SAY("`%s` is neither a command nor a counter", name);
found:
	return delta == strtoull(value, NULL, 10) ? NULL : SAY("%s moved by %llu", name, (unsigned long long)delta);
}

// expect order pK A B C: executed there in this order.
static const char *check_order(struct play *play, char **words, uint32_t count)
{
	uint8_t p;
	const char *wrong = parse_replica(play, words[0], &p);
	if (wrong)
		return wrong;
	uint64_t at = 0, end = ep_executed_count(play->hosts[p].replica);
	at = end > EP_TRACE_MAX ? end - EP_TRACE_MAX : 0;
	for (uint32_t k = 1; k < count; k++) {
		const struct name *a = play_name(play, words[k], false);
		if (!a)
			return SAY("nobody is called %s", words[k]);
		for (;; at++) {
			if (at == end)
				return SAY("%s was not executed, or before %s", words[k], k > 1 ? words[k - 1] : "that");
			struct ep_session_id id = ep_executed_at(play->hosts[p].replica, at);
			if (id.col == a->col && id.i == a->i)
				break;
		}
	}
	return NULL;
}

static const char *check_reply(struct play *play, char **words, uint32_t count)
{
	const struct name *a = count >= 2 ? play_name(play, words[0], false) : NULL;
	if (!a)
		return "expect reply NAME none|busy|RESULT [times N]";
	if (strcmp(words[1], "none") == 0)
		return a->replies == 0 ? NULL : SAY("%s was answered: %s", a->text, a->reply);
	if (strcmp(words[1], "busy") == 0)
		return a->refusals > 0 ? NULL : SAY("%s was not refused", a->text);
	if (a->replies == 0)
		return SAY("%s was not answered", a->text);
	char want[80] = "";
	uint32_t k = 1;
	for (; k < count && strcmp(words[k], "times") != 0; k++)
		snprintf(want + strlen(want), sizeof want - strlen(want), "%s%s", k > 1 ? " " : "", words[k]);
	if (k + 1 < count && strtoul(words[k + 1], NULL, 10) != a->replies)
		return SAY("%s was answered %u times", a->text, a->replies);
	return strcmp(want, a->reply) == 0 ? NULL : SAY("%s was answered: %s", a->text, a->reply);
}

static const char *check_same(struct play *play)
{
	struct ep_wire_digest first, other;
	int one = -1;
	for (uint8_t p = 0; p < play->n; p++) {
		if (!play->hosts[p].replica)
			continue;
		ep_digest_now(play->hosts[p].replica, one < 0 ? &first : &other);
		if (one >= 0 && memcmp(&first, &other, sizeof first) != 0)
			return SAY("p%d and p%u differ: executed %llu and %llu instances", one, p, (unsigned long long)first.executed,
				   (unsigned long long)other.executed);
		one = one < 0 ? p : one;
	}
	return NULL;
}

static const char *check_flight(struct play *play, char **words, uint32_t count, bool is_there)
{
	struct filter want;
	uint64_t times = 0;
	bool is_counted = count >= 2 && strcmp(words[count - 2], "times") == 0;
	if (is_counted)
		times = strtoull(words[count - 1], NULL, 10), count -= 2;
	const char *wrong = parse_filter(play, words, count, &want);
	if (wrong)
		return wrong;
	uint32_t seen = flight_count(play, &want);
	if (is_counted)
		return seen == times ? NULL : SAY("%u are under way", seen);
	return (seen > 0) == is_there ? NULL : SAY("%u are under way", seen);
}

const char *expect_line(struct play *play, char **words, uint32_t count)
{
	uint8_t p;
	if (count == 0)
		return "expect what?";
	if (strcmp(words[0], "sent") == 0 || strcmp(words[0], "no") == 0)
		return check_flight(play, words + 1, count - 1, words[0][0] == 's');
	if (strcmp(words[0], "reply") == 0)
		return check_reply(play, words + 1, count - 1);
	if (strcmp(words[0], "order") == 0 && count >= 3)
		return check_order(play, words + 1, count - 1);
	if (strcmp(words[0], "same") == 0)
		return check_same(play);
	const char *wrong = parse_replica(play, words[0], &p);
	if (wrong)
		return wrong;
	if (!play->hosts[p].replica)
		return SAY("p%u is dead", p);
	const struct name *a = count >= 3 ? play_name(play, words[1], false) : NULL;
	if (a)
		return check_instance(play, p, a, words + 2, count - 2);
	return count == 3 ? check_counter(play, p, words[1], words[2]) : "expect pK NAME ... or expect pK COUNTER N";
}
