// How answers look: for people, as JSON, raw.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/cli/cli.h"

#define STDIN_MAX 65536 // above every frame

int exit_code(enum pnyx_status status)
{
	switch (status) {
	case PNYX_OK:
		return EXIT_DONE;
	case PNYX_NOT_FOUND:
	case PNYX_NO_MATCH:
		return EXIT_NOT_FOUND;
	case PNYX_NOT_NUMBER:
	case PNYX_TOO_LARGE:
	case PNYX_OVERFLOW:
	case PNYX_REFUSED:
	case PNYX_NO_ROOM:
		return EXIT_REFUSED;
	case PNYX_TIMEOUT:
		return EXIT_NOBODY;
	case PNYX_UNKNOWN:
		return EXIT_UNKNOWN;
	case PNYX_INVALID:
	case PNYX_AGAIN:
	case PNYX_STATUSES:
		break;
	}
	return EXIT_USAGE;
}

struct pnyx_bytes bytes_of(const char *text)
{
	return (struct pnyx_bytes){text, strlen(text)};
}

struct pnyx_bytes value_of(const struct cli *cli, const char *arg)
{
	static char stdin_bytes[STDIN_MAX];
	if (strcmp(arg, "-") != 0)
		return bytes_of(arg);
	size_t len = fread(stdin_bytes, 1, sizeof stdin_bytes, stdin);
	if (ferror(stdin))
		cli_fail(cli, EXIT_USAGE, "cannot read stdin");
	if (len == sizeof stdin_bytes)
		cli_fail(cli, EXIT_USAGE,
			 "stdin holds %d bytes or more; right would be a value that fits a frame",
			 STDIN_MAX);
	return (struct pnyx_bytes){stdin_bytes, len};
}

void print_escaped(struct pnyx_bytes bytes)
{
	const unsigned char *p = bytes.data;
	json_t *text = json_stringn(bytes.len > 0 ? bytes.data : "", bytes.len); // NULL: not UTF-8
	bool is_utf8 = text != NULL;
	json_decref(text);
	for (size_t i = 0; i < bytes.len; i++) {
		if (p[i] == '\\')
			fputs("\\\\", stdout);
		else if (p[i] >= 0x20 && p[i] != 0x7f && (p[i] < 0x80 || is_utf8))
			putchar(p[i]);
		else
			printf("\\x%02x", p[i]);
	}
}

json_t *json_of(struct pnyx_bytes bytes)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes.data;
	json_t *text = json_stringn(bytes.len > 0 ? bytes.data : "", bytes.len);
	if (text != NULL)
		return text;
	char *hex = malloc(2 * bytes.len + 1);
	if (hex == NULL)
		return json_null();
	for (size_t i = 0; i < bytes.len; i++) {
		hex[2 * i] = digits[p[i] >> 4];
		hex[2 * i + 1] = digits[p[i] & 15];
	}
	json_t *object = json_pack("{s:s%}", "hex", hex, 2 * bytes.len);
	free(hex);
	return object;
}

void print_json(json_t *object)
{
	json_dumpf(object, stdout, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(object);
}

static double micros(const struct pnyx_completion *c)
{
	return c->received_ns > c->intended_ns ? (double)(c->received_ns - c->intended_ns) / 1000
					       : 0;
}

static void report_json(const struct cli *cli, enum pnyx_status status,
			const struct pnyx_completion *c, json_t *more)
{
	json_t *object = json_pack("{s:s}", "status", pnyx_status_text(status));
	if (more != NULL)
		json_object_update(object, more);
	if (c != NULL && c->server >= 0) {
		json_object_set_new(object, "server", json_string(member_name(cli, c->server)));
		json_object_set_new(object, "fast", json_boolean(c->is_fast));
		json_object_set_new(object, "us", json_real(micros(c)));
	}
	if (!pnyx_is_executed(status))
		json_object_set_new(object, "error", json_string(pnyx_error(cli->client)));
	print_json(object);
}

static void report_verbose(const struct cli *cli, const struct pnyx_completion *c)
{
	if (!cli->is_verbose || c == NULL || c->server < 0)
		return;
	fprintf(stderr, "pnyx: %s (%s) answered in %.1f us, %s path, %u datagrams\n",
		member_name(cli, c->server), member_address(cli, c->server), micros(c),
		c->is_fast ? "fast" : "slow", c->tries);
}

int report(const struct cli *cli, enum pnyx_status status, const struct pnyx_completion *c,
	   const char *done, json_t *more)
{
	report_verbose(cli, c);
	if (cli->is_json) {
		report_json(cli, status, c, more);
	} else if (status == PNYX_OK) {
		if (done != NULL)
			puts(done);
	} else {
		const char *why = pnyx_is_executed(status) ? "" : pnyx_error(cli->client);
		fprintf(stderr, "pnyx: %s%s%s\n", pnyx_status_text(status), why[0] != 0 ? ": " : "",
			why);
	}
	json_decref(more);
	return exit_code(status);
}

int report_value(const struct cli *cli, enum pnyx_status status, const struct pnyx_completion *c)
{
	if (cli->is_json)
		return report(cli, status, c, NULL,
			      status == PNYX_OK ? json_pack("{s:o}", "value", json_of(c->value))
						: NULL);
	if (status == PNYX_OK && cli->is_raw) {
		fwrite(c->value.data, 1, c->value.len, stdout);
	} else if (status == PNYX_OK) {
		print_escaped(c->value);
		putchar('\n');
	}
	return report(cli, status, c, NULL, NULL);
}
