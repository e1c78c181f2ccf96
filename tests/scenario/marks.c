// pnyx-marks: plays all scripts against a core with coverage marks, and compares who takes which with the table in MARKS.md.
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "consensus/base/mark.h"
#include "tests/scenario/play.h"

#define MARKS_MAX 200
#define NAMED_MAX 3 // scripts that the table names for one mark
#define TABLE_MAX 65536

static struct row {
	const char *name;
	unsigned long hits, before;
	const char *scripts[NAMED_MAX];
	unsigned scripts_count;
} rows[MARKS_MAX];
static unsigned rows_count, scripts_failed;
static const char *table_path;
static bool is_writing;

// Answers that no replica of this version gives, and that are understood all the same: unit tests give them.
static const struct {
	const char *mark, *test;
} by_hand[] = { { "branch_1_committed", "tests/unit/test_recover.c" }, { "v4d_committed", "tests/unit/test_validate.c" },
	       { "outbid_no_more", "tests/unit/test_recover.c" } };

static const char *test_of(const char *mark)
{
	for (size_t k = 0; k < sizeof by_hand / sizeof by_hand[0]; k++)
		if (strcmp(by_hand[k].mark, mark) == 0)
			return by_hand[k].test;
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static struct row *row_of(const char *name)
{
	for (unsigned k = 0; k < rows_count; k++)
		if (strcmp(rows[k].name, name) == 0)
			return &rows[k];
	if (rows_count == MARKS_MAX) {
		fprintf(stderr, "more than %d marks\n", MARKS_MAX);
		exit(2);
	}
	rows[rows_count] = (struct row){ .name = name };
	return &rows[rows_count++];
}

static void count(void)
{
	for (unsigned k = 0; k < rows_count; k++)
		rows[k].before = rows[k].hits, rows[k].hits = 0;
	for (const struct ep_mark *m = __start_ep_marks; m < __stop_ep_marks; m++)
		row_of(m->name)->hits += m->hits;
}

static void play(const char *path)
{
	const char *slash = strrchr(path, '/');
	scripts_failed += !script_run(path, false);
	count();
	for (unsigned k = 0; k < rows_count; k++)
		if (rows[k].hits > rows[k].before && rows[k].scripts_count < NAMED_MAX)
			rows[k].scripts[rows[k].scripts_count++] = slash ? slash + 1 : path;
}

// The table as it is now; returns how many marks no script takes.
static unsigned draw(char *out, size_t room)
{
	unsigned missed = 0;
	size_t used = 0;
	qsort(rows, rows_count, sizeof rows[0], by_name);
	for (unsigned k = 0; k < rows_count; k++) {
		used += (size_t)snprintf(out + used, room - used, "| `%s` |", rows[k].name);
		for (unsigned s = 0; s < rows[k].scripts_count; s++)
			used += (size_t)snprintf(out + used, room - used, " %.*s", (int)strcspn(rows[k].scripts[s], "."), rows[k].scripts[s]);
		const char *test = test_of(rows[k].name);
		used += (size_t)snprintf(out + used, room - used, "%s%s |\n", test ? " " : "", test ? test : "");
		if (rows[k].scripts_count > 0 || test)
			continue;
		printf("no script takes the mark %s\n", rows[k].name);
		missed++;
	}
	return missed;
}

#define HEAD_END "|---|---|\n"

// Puts the table behind the file's head, or compares it with what stands there. False: the file is out of date.
static bool settle(const char *table)
{
	static char text[TABLE_MAX];
	FILE *file = fopen(table_path, "r");
	size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
	if (file)
		fclose(file);
	text[len] = 0;
	char *at = strstr(text, HEAD_END);
	if (!at) {
		printf("%s has no table\n", table_path);
		return false;
	}
	at += strlen(HEAD_END);
	if (!is_writing) {
		bool is_true = strcmp(at, table) == 0;
		if (!is_true)
			printf("%s is out of date: pnyx-marks --write %s SCRIPT...\n", table_path, table_path);
		return is_true;
	}
	*at = 0;
	file = fopen(table_path, "w");
	bool is_written = file && fprintf(file, "%s%s", text, table) > 0;
	return (file ? fclose(file) == 0 : false) && is_written;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'w':
		is_writing = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			table_path = arg;
		else
			play(arg);
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < 2)
			argp_error(state, "which table, which scripts?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = { { "write", 'w', NULL, 0, "write the table anew (give it first)", 0 }, { 0 } };
	static const struct argp argp = { options, parse, "MARKS.md SCRIPT...", "Which script takes which coverage mark.", NULL, NULL, NULL };
	static char table[TABLE_MAX];
	setvbuf(stdout, NULL, _IOLBF, 0);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);
	unsigned missed = draw(table, sizeof table);
	bool is_settled = settle(table);
	printf("%u marks, %u taken by no script\n", rows_count, missed);
	return missed > 0 || scripts_failed > 0 || !is_settled || rows_count == 0;
}
