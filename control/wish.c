// The list that an operator's wish leads to.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "control/wish.h"

struct wish {
	const struct pnyx_config *file;
	struct ep_membership *next;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static const char *refuse(const struct wish *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(w->error, w->error_size, format, args);
	va_end(args);
	return w->error;
}

static uint32_t column_of(const struct ep_membership *list, const uint8_t uuid[16])
{
	uint32_t m = 0;
	while (m < list->n && memcmp(list->members[m].uuid, uuid, 16) != 0)
		m++;
	return m;
}

// By the file's name for it, else by the list's; n: it is not there.
static uint32_t listed(const struct wish *w, const char *name)
{
	uint32_t k = pnyx_config_member_named(w->file, name), m = 0;
	if (k < w->file->members_count)
		return column_of(w->next, w->file->members[k].uuid);
	while (m < w->next->n && (strlen(name) > sizeof w->next->members[m].name || strncmp(w->next->members[m].name, name, sizeof w->next->members[m].name) != 0))
		m++;
	return m;
}

// A member comes in as the file describes it: an incarnation that this list knows is never used again.
static struct ep_member described(const struct wish *w, uint32_t k)
{
	const struct pnyx_config_member *from = &w->file->members[k];
	struct ep_member to = { .incarnation = from->incarnation, .port = from->address.port, .control_port = from->control.port };
	uint32_t m = column_of(w->next, from->uuid);
	memcpy(to.uuid, from->uuid, sizeof to.uuid);
	memcpy(to.ip, from->address.ip, sizeof to.ip);
	memcpy(to.name, from->name, strnlen(from->name, sizeof to.name));
	if (m < w->next->n && to.incarnation <= w->next->members[m].incarnation)
		to.incarnation = w->next->members[m].incarnation + 1;
	return to;
}

static const char *add(struct wish *w, const char *name)
{
	uint32_t k = pnyx_config_member_named(w->file, name);
	if (k == w->file->members_count)
		return refuse(w, "%s is not in the configuration file of this node; right would be an entry there with join = true", name);
	if (column_of(w->next, w->file->members[k].uuid) < w->next->n)
		return refuse(w, "%s is a member already", name);
	if (w->next->n == EP_MEMBERS_MAX)
		return refuse(w, "there are %d members, and there cannot be more", EP_MEMBERS_MAX);
	w->next->members[w->next->n] = described(w, k);
	w->next->n++;
	return NULL;
}

static const char *drop(struct wish *w, const char *name)
{
	uint32_t m = listed(w, name);
	if (m == w->next->n)
		return refuse(w, "%s is not a member", name);
	if (w->next->n == 1)
		return refuse(w, "%s is the last member", name);
	w->next->n--;
	memmove(&w->next->members[m], &w->next->members[m + 1], (w->next->n - m) * sizeof w->next->members[0]);
	memset(&w->next->members[w->next->n], 0, sizeof w->next->members[0]);
	return NULL;
}

// In the same column. A member may replace itself: that is a new identity for one that has lost its arena.
static const char *replace(struct wish *w, const char *old, const char *new)
{
	uint32_t m = listed(w, old), k = pnyx_config_member_named(w->file, new);
	if (m == w->next->n)
		return refuse(w, "%s is not a member", old);
	if (k == w->file->members_count)
		return refuse(w, "%s is not in the configuration file of this node; right would be an entry there with join = true", new);
	uint32_t there = column_of(w->next, w->file->members[k].uuid);
	if (there < w->next->n && there != m)
		return refuse(w, "%s is a member already", new);
	w->next->members[m] = described(w, k);
	return NULL;
}

const char *ctl_wish_list(const struct pnyx_config *file, const struct ep_membership *now, const char *text, struct ep_membership *next, char *error,
			    size_t error_size)
{
	struct wish w = { file, next, error, error_size };
	char what[10] = "", a[PNYX_CONFIG_NAME_MAX] = "", b[PNYX_CONFIG_NAME_MAX] = "", more[2] = "";
	int words = sscanf(text, "%9s %31s %31s %1s", what, a, b, more);
	const char *refusal;
	*next = *now;
	if (words == 2 && strcmp(what, "add") == 0)
		refusal = add(&w, a);
	else if (words == 2 && strcmp(what, "remove") == 0)
		refusal = drop(&w, a);
	else if (words == 3 && strcmp(what, "replace") == 0)
		refusal = replace(&w, a, b);
	else
		refusal = refuse(&w, "members cannot do that; right would be add NAME, remove NAME or replace OLD NEW");
	next->e = next->n >= 5 ? (uint8_t)file->cluster.e : 0;
	return refusal;
}

bool ctl_wish_is_same(const struct ep_membership *a, const struct ep_membership *b)
{
	bool is_same = a->n == b->n;
	for (uint32_t m = 0; is_same && m < a->n; m++)
		is_same = memcmp(a->members[m].uuid, b->members[m].uuid, 16) == 0 && a->members[m].incarnation == b->members[m].incarnation;
	return is_same;
}
