// INV9 for lists: the final list is the order; every answer must fit it, and so must real time.
#include "tests/sim/sequence.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct point { // an operation in the order: it saw `length` elements
	uint64_t call, ret, length;
	bool is_append;
};

static char text[200];

static int by_call(const void *x, const void *y)
{
	const struct point *a = x, *b = y;
	return a->call < b->call ? -1 : a->call > b->call;
}

static int by_ret(const void *x, const void *y)
{
	const struct point *a = x, *b = y;
	return a->ret < b->ret ? -1 : a->ret > b->ret;
}

// What returned before x was called has seen no more than x has; and less, if x appends.
static const char *check_real_time(struct point *points, uint32_t count)
{
	struct point *returned = malloc((count + 1) * sizeof *returned);
	memcpy(returned, points, count * sizeof *points);
	qsort(points, count, sizeof *points, by_call);
	qsort(returned, count, sizeof *returned, by_ret);
	uint64_t longest = 0;
	uint32_t r = 0;
	const char *wrong = NULL;
	for (uint32_t p = 0; p < count && !wrong; p++) {
		for (; r < count && returned[r].ret < points[p].call; r++)
			longest = returned[r].length > longest ? returned[r].length : longest;
		if (points[p].length >= longest + (points[p].is_append ? 1 : 0))
			continue;
		snprintf(text, sizeof text,
			 "an operation called at %" PRIu64 " saw %" PRIu64 " elements, one that had returned saw %" PRIu64, points[p].call,
			 points[p].length, longest);
		wrong = text;
	}
	free(returned);
	return wrong;
}

static uint64_t count_of(const uint64_t *list, uint64_t length, uint64_t element)
{
	uint64_t count = 0;
	for (uint64_t k = 0; k < length; k++)
		count += list[k] == element;
	return count;
}

static const char *check_one(const struct sequence_op *o, const uint64_t *final, uint64_t final_length)
{
	if (o->is_append) {
		uint64_t times = count_of(final, final_length, o->element);
		if (times > 1)
			return "an element was appended twice";
		if (o->is_answered && times == 0)
			return "an acknowledged element is lost";
		if (o->is_answered && (o->length == 0 || o->length > final_length || final[o->length - 1] != o->element))
			return "an element is not where its answer said";
		return NULL;
	}
	if (o->is_answered && (o->length > final_length || memcmp(o->seen, final, o->length * sizeof *final) != 0))
		return "a read saw what is not a prefix of the final list";
	return NULL;
}

const char *sequence_check(const struct sequence_op *ops, uint32_t count, const uint64_t *final, uint64_t final_length)
{
	const char *wrong = NULL;
	struct point *points = malloc((count + 1) * sizeof *points);
	uint32_t points_count = 0;
	for (uint32_t o = 0; o < count && !wrong; o++) {
		wrong = check_one(&ops[o], final, final_length);
		if (ops[o].is_answered)
			points[points_count++] = (struct point){ops[o].call, ops[o].ret, ops[o].length, ops[o].is_append};
	}
	for (uint64_t k = 0; k < final_length && !wrong; k++) {
		bool is_known = false;
		for (uint32_t o = 0; o < count; o++)
			is_known |= ops[o].is_append && ops[o].element == final[k];
		wrong = is_known ? NULL : "the final list holds an element that nobody appended";
	}
	if (!wrong)
		wrong = check_real_time(points, points_count);
	free(points);
	return wrong;
}
