// Finds numbers that libconfig would cut silently: it keeps 32 bits of a number without a final L,
// and 64 with one.
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/config/internal.h"

// Skips what is not code: a string or a comment that starts at `p`; else `p` itself.
static const char *skip_quiet(const char *p)
{
	bool is_line = p[0] == '#' || (p[0] == '/' && p[1] == '/');
	if (is_line)
		return p + strcspn(p, "\n");
	if (p[0] == '/' && p[1] == '*') {
		const char *end = strstr(p + 2, "*/");
		return end != NULL ? end + 2 : p + strlen(p);
	}
	if (p[0] != '"')
		return p;
	for (p++; *p != 0 && *p != '"'; p++) {
		if (*p == '\\' && p[1] != 0)
			p++;
	}
	return *p == '"' ? p + 1 : p;
}

// Whether the number that starts at `p` keeps its value in libconfig; *end is behind it.
static bool is_whole(const char *p, const char **end)
{
	bool is_hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	char *stop;
	errno = 0;
	unsigned long long value = strtoull(p, &stop, is_hex ? 16 : 10);
	bool is_long = *stop == 'L';
	bool is_fraction = *stop == '.' || *stop == 'e' || *stop == 'E';
	*end = stop + strspn(stop, "L.eE+-0123456789");
	if (is_fraction)
		return true;
	if (errno != 0)
		return false;
	if (is_hex)
		return is_long || value <= UINT32_MAX;
	return value <= (is_long ? (unsigned long long)INT64_MAX : INT32_MAX);
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*' || c == '.';
}

bool check_numbers(struct loader *l, const char *text)
{
	int line = 1;
	const char *p = text;
	while (*p != 0) {
		const char *next = skip_quiet(p);
		if (next == p && isdigit((unsigned char)*p)) {
			if (!is_whole(p, &next))
				return fail_line(l, line,
						 "number %.*s is too large for its notation; right "
						 "would be a final L "
						 "(up to 63 bits, 64 in hexadecimal)",
						 (int)(next - p > 40 ? 40 : next - p), p);
		} else if (next == p && is_word(*p)) {
			while (is_word(*next))
				next++; // a name, digits inside it included
		} else if (next == p) {
			next++;
		}
		for (; p < next; p++)
			line += *p == '\n';
	}
	return true;
}
