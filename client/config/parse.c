// Text to values: numbers, IPv4 addresses, MAC addresses, UUIDs. Total functions; outputs untouched
// on failure.
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/config/internal.h"

bool parse_u64(const char *text, uint64_t *ret)
{
	if (!isdigit((unsigned char)text[0]))
		return false;
	bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, is_hex ? 16 : 10);
	if (errno != 0 || *end != 0 || (is_hex && text[2] == 0))
		return false;
	*ret = value;
	return true;
}

bool parse_ip(const char *text, uint8_t *ret)
{
	struct in_addr in;
	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	memcpy(ret, &in, 4);
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

// Two hex digits; false when they are not.
static bool hex_byte(const char *text, uint8_t *ret)
{
	int high = hex_digit(text[0]);
	if (high < 0)
		return false;
	int low = hex_digit(text[1]);
	if (low < 0)
		return false;
	*ret = (uint8_t)(high * 16 + low);
	return true;
}

bool parse_mac(const char *text, uint8_t *ret)
{
	uint8_t mac[6];
	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 6; i++) {
		if (!hex_byte(text + 3 * i, &mac[i]) || (i < 5 && text[3 * i + 2] != ':'))
			return false;
	}
	memcpy(ret, mac, 6);
	return true;
}

bool parse_uuid(const char *text, uint8_t *ret)
{
	static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	uint8_t uuid[16];
	uint32_t n = 0;
	if (strlen(text) != sizeof pattern - 1)
		return false;
	for (uint32_t i = 0; pattern[i] != 0; i++) {
		if (pattern[i] == '-') {
			if (text[i] != '-')
				return false;
			continue;
		}
		if (!hex_byte(text + i, &uuid[n++]))
			return false;
		i++;
	}
	memcpy(ret, uuid, 16);
	return true;
}

bool pnyx_config_parse_address(const char *text, uint16_t port, struct pnyx_config_address *ret)
{
	struct pnyx_config_address a = {.port = port};
	char ip[16];
	const char *colon = strchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	if (len >= sizeof ip)
		return false;
	memcpy(ip, text, len);
	ip[len] = 0;
	if (!parse_ip(ip, a.ip))
		return false;
	if (colon != NULL) {
		uint64_t number;
		if (!parse_u64(colon + 1, &number) || number < 1 || number > 65535)
			return false;
		a.port = (uint16_t)number;
	}
	*ret = a;
	return true;
}
