// Reads settings by their table: one value from the file or from the environment, checked and
// stored.
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/config/internal.h"

#define TEXT_MAX 512 // of a text that is quoted in a message, and of a list in the environment

// One value before it is understood. Legal: text != NULL, or is_number, or is_bool, or none of them
// (a list, a fraction).
struct value {
	const char *text;
	bool is_number, is_negative, is_bool, is_true;
	uint64_t number;
};

// What is wrong with a value and what would be right.
struct complaint {
	char wrong[TEXT_MAX / 2], right[TEXT_MAX / 4];
};

static bool vfail(struct loader *l, const char *where, const char *format, va_list args)
{
	size_t used = (size_t)snprintf(l->error, l->error_size, "%.200s: ", where);
	if (used < l->error_size)
		vsnprintf(l->error + used, l->error_size - used, format, args);
	return false;
}

bool fail_at(struct loader *l, const config_setting_t *setting, const char *format, ...)
{
	char where[TEXT_MAX];
	const char *file = setting != NULL ? config_setting_source_file(setting) : NULL;
	// The root has line 0; a missing group is a fault of the file's first line.
	unsigned line = setting != NULL ? config_setting_source_line(setting) : 0;
	snprintf(where, sizeof where, "%.180s:%u", file != NULL ? file : l->path,
		 line > 0 ? line : 1);
	va_list args;
	va_start(args, format);
	vfail(l, where, format, args);
	va_end(args);
	return false;
}

bool fail_line(struct loader *l, int line, const char *format, ...)
{
	char where[TEXT_MAX];
	snprintf(where, sizeof where, "%.180s:%d", l->path, line);
	va_list args;
	va_start(args, format);
	vfail(l, where, format, args);
	va_end(args);
	return false;
}

bool fail_env(struct loader *l, const char *variable, const char *format, ...)
{
	char where[TEXT_MAX];
	snprintf(where, sizeof where, "environment %.100s", variable);
	va_list args;
	va_start(args, format);
	vfail(l, where, format, args);
	va_end(args);
	return false;
}

bool fail_setting(struct loader *l, const char *setting, const char *format, ...)
{
	char where[TEXT_MAX], variable[128], text[TEXT_MAX];
	env_name(setting, variable, sizeof variable);
	va_list args;
	va_start(args, format);
	if (getenv(variable) != NULL) {
		snprintf(where, sizeof where, "environment %s", variable);
		vfail(l, where, format, args);
	} else {
		vsnprintf(text, sizeof text, format, args);
		fail_at(l, config_lookup(&l->file, setting), "%s", text);
	}
	va_end(args);
	return false;
}

void env_name(const char *setting, char *ret, size_t size)
{
	snprintf(ret, size, "PNYX_%s", setting);
	for (char *c = ret; *c != 0; c++)
		*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

static void say_value(const struct value *v, char *ret, size_t size)
{
	if (v->text != NULL)
		snprintf(ret, size, "\"%.100s\"", v->text);
	else if (v->is_number)
		snprintf(ret, size, "%s%" PRIu64, v->is_negative ? "-" : "", v->number);
	else
		snprintf(ret, size, "this value");
}

static bool wrong(struct complaint *c, const struct field *f, const struct value *v,
		  const char *right)
{
	char said[128];
	say_value(v, said, sizeof said);
	snprintf(c->wrong, sizeof c->wrong, "%s cannot be %s", f->name, said);
	snprintf(c->right, sizeof c->right, "%s", right);
	return false;
}

// ---- one value
// ----------------------------------------------------------------------------------------------
static bool number_in_range(const struct field *f, const struct value *v, struct complaint *c,
			    uint64_t *ret)
{
	if (v->is_number && !v->is_negative && v->number >= f->min && v->number <= f->max) {
		*ret = v->number;
		return true;
	}
	char range[96];
	snprintf(range, sizeof range, "a whole number from %" PRIu64 " to %" PRIu64, f->min,
		 f->max);
	return wrong(c, f, v, f->right != NULL ? f->right : range);
}

static bool store_number(const struct field *f, const struct value *v, struct complaint *c,
			 uint8_t *at)
{
	uint64_t number;
	if (!number_in_range(f, v, c, &number))
		return false;
	uint32_t word = (uint32_t)number;
	uint16_t half = (uint16_t)number;
	if (f->kind == FIELD_U64)
		memcpy(at, &number, sizeof number);
	else if (f->max == UINT16_MAX) // a port is the only number of 16 bits
		memcpy(at, &half, sizeof half);
	else
		memcpy(at, &word, sizeof word);
	return true;
}

static bool store_bits(const struct field *f, const struct value *v, struct complaint *c,
		       uint8_t *at)
{
	uint64_t bits = v->number;
	bool is_text = v->text != NULL && parse_u64(v->text, &bits);
	if (!is_text && (!v->is_number || v->is_negative))
		return wrong(c, f, v, "a 64-bit number such as 0x9d1f3c22L, or the same in quotes");
	memcpy(at, &bits, sizeof bits);
	return true;
}

static bool is_name(const char *text)
{
	size_t len = strlen(text);
	if (len < 1 || len >= PNYX_CONFIG_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	}
	return true;
}

static bool store_choice(const struct field *f, const struct value *v, struct complaint *c,
			 uint8_t *at)
{
	uint32_t index = 0;
	size_t len = v->text != NULL ? strlen(v->text) : 0;
	for (const char *p = f->choices; len > 0 && p != NULL; index++) {
		const char *bar = strchr(p, '|');
		size_t width = bar != NULL ? (size_t)(bar - p) : strlen(p);
		if (width == len && memcmp(p, v->text, len) == 0) {
			memcpy(at, &index, sizeof index);
			return true;
		}
		p = bar != NULL ? bar + 1 : NULL;
	}
	char right[96];
	snprintf(right, sizeof right, "one of %s (in quotes)", f->choices);
	return wrong(c, f, v, right);
}

static bool store_bool(const struct field *f, const struct value *v, struct complaint *c,
		       uint8_t *at)
{
	bool is_true = v->is_bool && v->is_true;
	if (!v->is_bool)
		return wrong(c, f, v, "true or false, without quotes");
	memcpy(at, &is_true, sizeof is_true);
	return true;
}

static bool store_text(const struct field *f, const struct value *v, struct complaint *c,
		       uint8_t *at)
{
	const char *text = v->text != NULL ? v->text : "";
	switch (f->kind) {
	case FIELD_NAME:
		if (!is_name(text))
			return wrong(c, f, v, "1 to 31 letters, digits, '-' or '_' in quotes");
		strcpy((char *)at, text);
		return true;
	case FIELD_PATH:
		if (text[0] != '/' || strlen(text) >= PNYX_CONFIG_PATH_MAX)
			return wrong(c, f, v, "an absolute path in quotes, below 256 bytes");
		strcpy((char *)at, text);
		return true;
	case FIELD_IP:
		return parse_ip(text, at) ||
		       wrong(c, f, v, "an IPv4 address in quotes such as \"10.77.0.1\"");
	case FIELD_MAC:
		return (parse_mac(text, at) && (at[0] & 1) == 0) ||
		       wrong(c, f, v,
			     "a unicast MAC address in quotes such as \"02:00:0a:4d:00:01\"");
	case FIELD_UUID:
		return parse_uuid(text, at) ||
		       wrong(c, f, v,
			     "36 characters from uuidgen, xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
	case FIELD_ADDRESS: {
		struct pnyx_config_address address;
		if (!pnyx_config_parse_address(text, (uint16_t)f->min, &address))
			return wrong(c, f, v, "\"IP\" or \"IP:PORT\", ports from 1 to 65535");
		memcpy(at, &address, sizeof address);
		return true;
	}
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_BITS:
	case FIELD_CHOICE:
	case FIELD_BOOL:
	case FIELD_LCORES:
	case FIELD_SERVERS:
		break;
	}
	return wrong(c, f, v, "another kind of value");
}

static bool store_lcore(const struct field *f, const struct value *v, struct complaint *c,
			struct pnyx_config_replica *r)
{
	uint64_t core;
	if (!number_in_range(f, v, c, &core))
		return false;
	if (r->lcores_count == PNYX_CONFIG_LCORES_MAX)
		return wrong(c, f, v, "at most 8 of them");
	r->lcores[r->lcores_count++] = (uint32_t)core;
	return true;
}

static bool store_server(const struct field *f, const struct value *v, struct complaint *c,
			 struct pnyx_config_client *client)
{
	if (v->text == NULL || v->text[0] == 0 || strlen(v->text) >= PNYX_CONFIG_SERVER_MAX)
		return wrong(c, f, v, "\"IP\", \"IP:PORT\" or the name of a member");
	if (client->servers_count == PNYX_CONFIG_SERVERS_MAX)
		return wrong(c, f, v, "at most 16 of them");
	strcpy(client->servers[client->servers_count++], v->text);
	return true;
}

// `base` is the struct of the field's group.
static bool store(const struct field *f, const struct value *v, struct complaint *c, void *base)
{
	uint8_t *at = (uint8_t *)base + f->offset;
	switch (f->kind) {
	case FIELD_U32:
	case FIELD_U64:
		return store_number(f, v, c, at);
	case FIELD_BITS:
		return store_bits(f, v, c, at);
	case FIELD_CHOICE:
		return store_choice(f, v, c, at);
	case FIELD_BOOL:
		return store_bool(f, v, c, at);
	case FIELD_NAME:
	case FIELD_PATH:
	case FIELD_IP:
	case FIELD_MAC:
	case FIELD_UUID:
	case FIELD_ADDRESS:
		if (!store_text(f, v, c, at))
			return false;
		if (f->offset_has != 0)
			*((bool *)base + f->offset_has) = true;
		return true;
	case FIELD_LCORES:
		return store_lcore(f, v, c, (struct pnyx_config_replica *)base);
	case FIELD_SERVERS:
		return store_server(f, v, c, (struct pnyx_config_client *)base);
	}
	return false;
}

static bool is_list(const struct field *f)
{
	return f->kind == FIELD_LCORES || f->kind == FIELD_SERVERS;
}

static void clear_list(const struct field *f, void *base)
{
	if (f->kind == FIELD_LCORES)
		((struct pnyx_config_replica *)base)->lcores_count = 0;
	if (f->kind == FIELD_SERVERS)
		((struct pnyx_config_client *)base)->servers_count = 0;
}

// ---- from the file
// ------------------------------------------------------------------------------------------
static struct value value_of(const config_setting_t *s)
{
	struct value v = {0};
	int type = config_setting_type(s);
	if (type == CONFIG_TYPE_STRING)
		v.text = config_setting_get_string(s);
	if (type == CONFIG_TYPE_BOOL) {
		v.is_bool = true;
		v.is_true = config_setting_get_bool(s) == CONFIG_TRUE;
	}
	if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) {
		long long number = type == CONFIG_TYPE_INT ? config_setting_get_int(s)
							   : config_setting_get_int64(s);
		bool is_hex =
		    config_setting_get_format(s) == CONFIG_FORMAT_HEX; // its top bit is no sign
		v.is_number = true;
		v.is_negative = number < 0 && !is_hex;
		v.number = v.is_negative ? 0 - (uint64_t)number : (uint64_t)number;
		if (is_hex && type == CONFIG_TYPE_INT)
			v.number = (uint32_t)number;
	}
	return v;
}

static bool read_value(struct loader *l, const config_setting_t *s, const struct field *f,
		       void *base)
{
	struct complaint c;
	struct value v = value_of(s);
	return store(f, &v, &c, base) || fail_at(l, s, "%s; right would be %s", c.wrong, c.right);
}

static bool read_list(struct loader *l, const config_setting_t *s, const struct field *f,
		      void *base)
{
	if (!config_setting_is_array(s) && !config_setting_is_list(s))
		return fail_at(l, s, "%s is not a list; right would be %s = [ ... ];", f->name,
			       f->name);
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
		if (!read_value(l, config_setting_get_elem(s, i), f, base))
			return false;
	}
	return true;
}

static const struct field *field_named(const struct group *g, const char *name)
{
	for (uint32_t i = 0; i < g->fields_count; i++) {
		if (strcmp(g->fields[i].name, name) == 0)
			return &g->fields[i];
	}
	return NULL;
}

static bool fail_unknown(struct loader *l, const config_setting_t *s, const struct group *g)
{
	char known[256] = "";
	for (uint32_t i = 0; i < g->fields_count; i++) {
		strcat(known, i > 0 ? ", " : "");
		strcat(known, g->fields[i].name);
	}
	if (g->others != NULL) {
		strcat(known, ", ");
		strcat(known, g->others);
	}
	return fail_at(l, s, "unknown setting '%.60s' in %s; known are %s", config_setting_name(s),
		       g->name, known);
}

bool read_group(struct loader *l, const config_setting_t *group, const struct group *g, void *base)
{
	if (!config_setting_is_group(group))
		return fail_at(l, group, "%s is not a group; right would be { name = value; ... }",
			       g->name);
	for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, i);
		const struct field *f = field_named(g, config_setting_name(s));
		if (f == NULL && g->others != NULL &&
		    strcmp(g->others, config_setting_name(s)) == 0)
			continue;
		if (f == NULL)
			return fail_unknown(l, s, g);
		if (is_list(f) ? !read_list(l, s, f, base) : !read_value(l, s, f, base))
			return false;
	}
	for (uint32_t i = 0; i < g->fields_count; i++) {
		const struct field *f = &g->fields[i];
		if (f->is_required && config_setting_get_member(group, f->name) == NULL)
			return fail_at(l, group, "%s has no %s; right would be a line %s = ...;",
				       g->name, f->name, f->name);
	}
	return true;
}

// ---- from the environment
// -----------------------------------------------------------------------------------
static bool read_variable(struct loader *l, const char *variable, const struct field *f,
			  const char *text, void *base)
{
	struct complaint c;
	struct value v = {.text = text};
	uint64_t number;
	if (f->kind == FIELD_U32 || f->kind == FIELD_U64 || f->kind == FIELD_LCORES) {
		v.is_number = parse_u64(text, &number);
		if (v.is_number) {
			v.number = number;
			v.text = NULL;
		}
	}
	if (f->kind == FIELD_BOOL && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
		v.is_bool = true;
		v.is_true = text[0] == 't';
		v.text = NULL;
	}
	return store(f, &v, &c, base) ||
	       fail_env(l, variable, "%s; right would be %s", c.wrong, c.right);
}

static bool read_variable_list(struct loader *l, const char *variable, const struct field *f,
			       const char *text, void *base)
{
	char copy[TEXT_MAX], *rest = copy;
	if (strlen(text) >= sizeof copy)
		return fail_env(l, variable, "the list is too long; right would be below %d bytes",
				TEXT_MAX);
	strcpy(copy, text);
	clear_list(f, base);
	for (char *item = strsep(&rest, ","); item != NULL; item = strsep(&rest, ",")) {
		if (!read_variable(l, variable, f, item, base))
			return false;
	}
	return true;
}

bool read_env(struct loader *l, const struct group *g, void *base)
{
	for (uint32_t i = 0; i < g->fields_count; i++) {
		const struct field *f = &g->fields[i];
		char setting[64], variable[128];
		snprintf(setting, sizeof setting, "%s.%s", g->name, f->name);
		env_name(setting, variable, sizeof variable);
		const char *text = getenv(variable);
		if (text == NULL)
			continue;
		if (is_list(f) ? !read_variable_list(l, variable, f, text, base)
			       : !read_variable(l, variable, f, text, base))
			return false;
	}
	return true;
}
