// Reads the configuration file: defaults, groups, environment, cross checks, in this order.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/config/internal.h"
#include "consensus/base/rng.h"

#define CONFIG_FILE_MAX (1u << 20) // bytes of a configuration file

static void set_defaults(struct pnyx_config *c)
{
	memset(c, 0, sizeof *c);
	c->cluster.frame_max = 1472;
	c->replica.prefix = 24;
	c->client.deadline_ms = 5000;
	c->control.metrics = (struct pnyx_config_address){{127, 0, 0, 1}, PNYX_CONFIG_METRICS_PORT};
	c->control.suspect_ms = 50;
	c->control.trust_ms = 200;
}

// The whole file with a final 0, NULL on failure; free() it. libconfig never opens the file itself:
// it ends the program when that is a directory.
static char *read_text(const char *path)
{
	char *text = malloc(CONFIG_FILE_MAX + 1);
	FILE *file = fopen(path, "re");
	size_t len = 0;
	bool is_good = text != NULL && file != NULL;
	if (is_good) {
		len = fread(text, 1, CONFIG_FILE_MAX + 1, file);
		is_good = !ferror(file) && len <= CONFIG_FILE_MAX && memchr(text, 0, len) == NULL;
	}
	if (file != NULL)
		fclose(file);
	if (!is_good) {
		free(text);
		return NULL;
	}
	text[len] = 0;
	return text;
}

static bool parse_text(struct loader *l, const char *text)
{
	if (!check_numbers(l, text))
		return false;
	if (config_read_string(&l->file, text) == CONFIG_TRUE)
		return true;
	const char *file = config_error_file(&l->file);
	int line = config_error_line(&l->file);
	snprintf(l->error, l->error_size,
		 "%.200s:%d: %.80s; right would be name = value; once for each name, and every {, "
		 "( and [ closed",
		 file != NULL ? file : l->path, line > 0 ? line : 1, config_error_text(&l->file));
	return false;
}

static bool open_file(struct loader *l)
{
	errno = 0;
	char *text = read_text(l->path);
	if (text == NULL)
		return fail_line(l, 1, "%s; right would be a readable text file below 1 MiB",
				 errno != 0 ? strerror(errno) : "too large, or no text");
	bool is_good = parse_text(l, text);
	free(text);
	return is_good;
}

static bool read_root_names(struct loader *l, const config_setting_t *root)
{
	static const char *const known[] = {"cluster", "members", "replica", "client", "control"};
	for (unsigned i = 0; i < (unsigned)config_setting_length(root); i++) {
		const config_setting_t *s = config_setting_get_elem(root, i);
		bool is_known = false;
		for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
			is_known = is_known || strcmp(known[k], config_setting_name(s)) == 0;
		if (!is_known)
			return fail_at(l, s,
				       "unknown setting '%.60s' at the top; known are cluster, "
				       "members, replica, client, control",
				       config_setting_name(s));
	}
	return true;
}

static void complete_member(struct pnyx_config_member *m, const config_setting_t *s)
{
	snprintf(m->uuid_text, sizeof m->uuid_text, "%s",
		 config_setting_get_string(config_setting_get_member(s, "uuid")));
	if (m->control.port == 0) {
		memcpy(m->control.ip, m->address.ip, 4);
		m->control.port = PNYX_CONFIG_CONTROL_PORT;
	}
}

static bool read_members(struct loader *l, const config_setting_t *root)
{
	const config_setting_t *list = config_setting_get_member(root, "members");
	if (list == NULL)
		return fail_at(l, NULL,
			       "there are no members; right would be members = ( { ... }, ... );");
	unsigned count = (unsigned)config_setting_length(list);
	if (!config_setting_is_list(list))
		return fail_at(l, list,
			       "members is not a list; right would be members = ( { ... }, ... );");
	if (count < 1 || count > PNYX_CONFIG_MEMBERS_MAX)
		return fail_at(l, list, "there are %u members; right would be 1 to %d", count,
			       PNYX_CONFIG_MEMBERS_MAX);
	for (unsigned i = 0; i < count; i++) {
		const config_setting_t *s = config_setting_get_elem(list, i);
		struct pnyx_config_member *m = &l->result.members[i];
		m->address.port = PNYX_CONFIG_PORT;
		m->incarnation = 1;
		if (!read_group(l, s, &group_member, m))
			return false;
		complete_member(m, s);
		l->result.first_count += !m->is_joiner;
	}
	l->result.members_count = count;
	return true;
}

// Those of the first list come first, each part in the file's order: what an index means does not depend on where joiners stand.
static void put_first_first(struct pnyx_config *c)
{
	struct pnyx_config_member ordered[PNYX_CONFIG_MEMBERS_MAX];
	uint32_t count = 0, self = c->self;
	for (uint32_t pass = 0; pass < 2; pass++) {
		for (uint32_t m = 0; m < c->members_count; m++) {
			if (c->members[m].is_joiner != (pass == 1))
				continue;
			if (m == c->self)
				self = count;
			ordered[count++] = c->members[m];
		}
	}
	memcpy(c->members, ordered, count * sizeof ordered[0]);
	c->self = self;
}

static bool read_optional(struct loader *l, const char *path, const struct group *g, void *base)
{
	const config_setting_t *s = config_lookup(&l->file, path);
	return (s == NULL || read_group(l, s, g, base)) && read_env(l, g, base);
}

static bool read_all(struct loader *l)
{
	struct pnyx_config *c = &l->result;
	const config_setting_t *root = config_root_setting(&l->file);
	const config_setting_t *cluster = config_setting_get_member(root, "cluster");
	if (!read_root_names(l, root))
		return false;
	if (cluster == NULL)
		return fail_at(
		    l, NULL,
		    "there is no cluster; right would be cluster = { id = ...; name = ...; };");
	if (!read_group(l, cluster, &group_cluster, &c->cluster) || !read_members(l, root))
		return false;
	if (config_setting_get_member(cluster, "hash_seed") == NULL)
		c->cluster.hash_seed = ep_mix64(c->cluster.id);
	return read_optional(l, "replica", &group_replica, &c->replica) &&
	       read_optional(l, "replica.timers", &group_timers, &c->replica.timers) &&
	       read_optional(l, "client", &group_client, &c->client) &&
	       read_optional(l, "control", &group_control, &c->control);
}

// Which member this program is.
static bool find_self(struct loader *l, const char *name)
{
	struct pnyx_config *c = &l->result;
	c->self = c->members_count;
	if (name == NULL)
		return true;
	c->self = pnyx_config_member_named(c, name);
	if (c->self < c->members_count)
		return true;
	char known[PNYX_CONFIG_MEMBERS_MAX * (PNYX_CONFIG_NAME_MAX + 2)] = "";
	for (uint32_t i = 0; i < c->members_count; i++) {
		strcat(known, i > 0 ? ", " : "");
		strcat(known, c->members[i].name);
	}
	return fail_at(l, config_lookup(&l->file, "members"),
		       "no member is named '%.60s'; right would be one of %s", name, known);
}

bool pnyx_config_load(const char *path, const char *name, struct pnyx_config *ret, char *error,
		      size_t error_size)
{
	struct loader l = {.path = path, .error = error, .error_size = error_size};
	config_init(&l.file);
	set_defaults(&l.result);
	bool is_good = open_file(&l) && read_all(&l) && find_self(&l, name) && check_all(&l);
	config_destroy(&l.file);
	if (!is_good)
		return false;
	put_first_first(&l.result);
	*ret = l.result;
	return true;
}

// "replica.window" where the file or the environment sets that, else the group.
static void find_setting(const struct loader *l, const char *name, size_t len, char *ret,
			 size_t size)
{
	static const char *const groups[] = {"replica", "replica.timers", "cluster"};
	char variable[128];
	for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
		snprintf(ret, size, "%s.%.*s", groups[g], (int)len, name);
		env_name(ret, variable, sizeof variable);
		if (config_lookup(&l->file, ret) != NULL || getenv(variable) != NULL)
			return;
	}
	snprintf(ret, size, "replica");
}

void pnyx_config_blame(const char *path, const char *complaint, char *error, size_t error_size)
{
	struct loader l = {.path = path, .error = error, .error_size = error_size};
	char setting[128];
	config_init(&l.file);
	open_file(&l); // it was good a moment ago; if it is not any more, line 1 is blamed
	find_setting(&l, complaint, strcspn(complaint, ":"), setting, sizeof setting);
	fail_setting(&l, setting, "%s", complaint);
	config_destroy(&l.file);
}

uint32_t pnyx_config_member_named(const struct pnyx_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->members_count; i++) {
		if (strcmp(c->members[i].name, name) == 0)
			return i;
	}
	return c->members_count;
}
