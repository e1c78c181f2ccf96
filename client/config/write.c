// Writes the configuration file of a new cluster: under another name until it is whole and has passed every check.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/config/internal.h"

static const char head[] = "// A Pnyx cluster. The same file for every machine; pnyx.conf(5) lists all settings.\n"
			   "// The id and the uuids are this cluster's alone: never copy them into the file of another one.\n";

static bool put_text(config_setting_t *group, const char *name, const char *text)
{
	return config_setting_set_string(config_setting_add(group, name, CONFIG_TYPE_STRING), text) == CONFIG_TRUE;
}

static bool put_number(config_setting_t *group, const char *name, uint32_t value)
{
	return config_setting_set_int(config_setting_add(group, name, CONFIG_TYPE_INT), (int)value) == CONFIG_TRUE;
}

static bool put_member(config_setting_t *list, const struct pnyx_config_member *m)
{
	char ip[16], control[24];
	config_setting_t *group = config_setting_add(list, NULL, CONFIG_TYPE_GROUP);
	const uint8_t *a = m->address.ip, *c = m->control.ip;
	snprintf(ip, sizeof ip, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	snprintf(control, sizeof control, "%u.%u.%u.%u:%u", c[0], c[1], c[2], c[3], m->control.port);
	bool is_usual = memcmp(a, c, 4) == 0 && m->control.port == PNYX_CONFIG_CONTROL_PORT;
	return group && put_text(group, "name", m->name) && put_text(group, "uuid", m->uuid_text) && put_text(group, "ip", ip) &&
	       (m->address.port == PNYX_CONFIG_PORT || put_number(group, "port", m->address.port)) && (is_usual || put_text(group, "control", control)) &&
	       (!m->is_joiner || config_setting_set_bool(config_setting_add(group, "join", CONFIG_TYPE_BOOL), CONFIG_TRUE) == CONFIG_TRUE);
}

// What differs from the defaults, and nothing else.
static bool put_replica(config_setting_t *root, const struct pnyx_config_replica *r)
{
	char ip[16];
	snprintf(ip, sizeof ip, "%u.%u.%u.%u", r->gateway[0], r->gateway[1], r->gateway[2], r->gateway[3]);
	if (r->prefix == 24 && !r->has_gateway)
		return true;
	config_setting_t *group = config_setting_add(root, "replica", CONFIG_TYPE_GROUP);
	return group && (r->prefix == 24 || put_number(group, "prefix", r->prefix)) && (!r->has_gateway || put_text(group, "gateway", ip));
}

static bool put_all(config_t *file, const struct pnyx_config *c)
{
	char id[24], seed[24];
	config_setting_t *root = config_root_setting(file);
	config_setting_t *cluster = config_setting_add(root, "cluster", CONFIG_TYPE_GROUP);
	config_setting_t *members = config_setting_add(root, "members", CONFIG_TYPE_LIST);
	snprintf(id, sizeof id, "0x%016llx", (unsigned long long)c->cluster.id);
	bool is_good = cluster && members && put_text(cluster, "id", id) && put_text(cluster, "name", c->cluster.name);
	snprintf(seed, sizeof seed, "0x%016llx", (unsigned long long)c->cluster.hash_seed);
	is_good = is_good && (c->cluster.hash_seed == 0 || put_text(cluster, "hash_seed", seed)) &&
		  (c->cluster.frame_max == 1472 || put_number(cluster, "frame_max", c->cluster.frame_max));
	for (uint32_t m = 0; m < c->members_count; m++)
		is_good = is_good && put_member(members, &c->members[m]);
	return is_good && put_replica(root, &c->replica);
}

static bool write_file(const char *path, const struct pnyx_config *c)
{
	config_t file;
	FILE *out = fopen(path, "wxe");
	if (!out)
		return false;
	config_init(&file);
	config_set_options(&file, CONFIG_OPTION_SEMICOLON_SEPARATORS);
	config_set_tab_width(&file, 2);
	bool is_good = fputs(head, out) >= 0 && put_all(&file, c);
	if (is_good)
		config_write(&file, out);
	config_destroy(&file);
	is_good = is_good && !ferror(out) && fflush(out) == 0 && fsync(fileno(out)) == 0;
	return fclose(out) == 0 && is_good;
}

// Its reader's checks, said of the settings and not of a file that will be gone.
static bool is_sound(const char *path, char *error, size_t size)
{
	struct pnyx_config read;
	char why[PNYX_CONFIG_ERROR_MAX];
	if (pnyx_config_load(path, NULL, &read, why, sizeof why))
		return true;
	const char *text = strncmp(why, path, strlen(path)) == 0 ? strstr(why + strlen(path), ": ") : NULL;
	snprintf(error, size, "%s", text ? text + 2 : why);
	return false;
}

// A link, because a rename would replace what has got that name since.
static bool give_name(const char *from, const char *to)
{
	return link(from, to) == 0;
}

bool pnyx_config_create(const char *path, const struct pnyx_config *c, char *error, size_t size)
{
	char draft[PNYX_CONFIG_PATH_MAX + 8];
	bool is_written = false, is_good = false;
	error[0] = 0;
	if (snprintf(draft, sizeof draft, "%s.new", path) >= (int)sizeof draft)
		snprintf(error, size, "%.100s...: the name is too long", path);
	else if (access(path, F_OK) == 0)
		errno = EEXIST;
	else
		is_written = write_file(draft, c);
	if (is_written)
		is_good = is_sound(draft, error, size) && give_name(draft, path);
	int why = errno;
	if (is_written)
		unlink(draft);
	if (!is_good && error[0] == 0 && why == EEXIST)
		snprintf(error, size, "%.200s (or %.200s.new) is there already, and the file of a cluster is never overwritten; right would be another name", path, path);
	else if (!is_good && error[0] == 0)
		snprintf(error, size, "%.200s: %s", path, strerror(why));
	return is_good;
}

bool pnyx_config_draw(struct pnyx_config *c)
{
	uint64_t id = 0;
	while (id == 0)
		if (getrandom(&id, sizeof id, 0) != sizeof id)
			return false;
	c->cluster.id = id;
	for (uint32_t k = 0; k < c->members_count; k++) {
		struct pnyx_config_member *m = &c->members[k];
		uint8_t *u = m->uuid;
		if (getrandom(u, sizeof m->uuid, 0) != sizeof m->uuid)
			return false;
		u[6] = (uint8_t)((u[6] & 0x0f) | 0x40); // a random one, RFC 4122
		u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
		snprintf(m->uuid_text, sizeof m->uuid_text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3],
			 u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	}
	return true;
}
