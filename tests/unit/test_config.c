// The configuration reader: what a good file gives, and that each broken one is answered with its
// line and a way out.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/config/config.h"
#include "tests/unit/unit.h"

// Line numbers matter: the broken cases below name them.
// clang-format off
static const char good[] =
	/*  1 */ "# a comment with a long number 123456789012345678901234567890\n"
	/*  2 */ "cluster = {\n"
	/*  3 */ "  id = 0x9d1f3c22aa55L;\n"
	/*  4 */ "  name = \"demo\";\n"
	/*  5 */ "  frame_max = 1400;\n"
	/*  6 */ "};\n"
	/*  7 */ "members = (\n"
	/*  8 */ "  { name = \"a\"; uuid = \"3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a01\"; ip = \"10.77.0.1\"; },\n"
	/*  9 */ "  { name = \"b\"; uuid = \"3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a02\"; ip = \"10.77.0.2\";\n"
	/* 10 */ "    port = 9000; mac = \"02:00:0a:4d:00:02\"; control = \"10.78.0.2:9001\"; incarnation = 4; },\n"
	/* 11 */ "  { name = \"c\"; uuid = \"3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a03\"; ip = \"10.77.0.3\"; }\n"
	/* 12 */ ");\n"
	/* 13 */ "replica = {\n"
	/* 14 */ "  window = 1024;\n"
	/* 15 */ "  own_max = 960;\n"
	/* 16 */ "  app_capacity = 900000000L;\n"
	/* 17 */ "  agents = \"split\"; idle = \"yield\"; checksum = \"ignore\";\n"
	/* 18 */ "  lcores = [ 2, 3 ];\n"
	/* 19 */ "  prefix = 16; gateway = \"10.77.9.9\";\n"
	/* 20 */ "  arena = \"/dev/shm\";\n"
	/* 21 */ "  timers = { fast_min_us = 40; open_rtts = 50; };\n"
	/* 22 */ "};\n"
	/* 23 */ "client = { servers = ( \"b\", \"10.77.0.3\" ); deadline_ms = 250; };\n"
	/* 24 */ "control = { listen = \"0.0.0.0\"; metrics = \"10.78.0.1:9000\"; suspect_ms = 30; };\n";
// clang-format on

static char path[64], error[PNYX_CONFIG_ERROR_MAX];

static void write_file(const char *text)
{
	strcpy(path, "/tmp/pnyx-config-XXXXXX");
	int fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_FATAL(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static bool load_text(const char *text, const char *name, struct pnyx_config *c)
{
	write_file(text);
	bool is_good = pnyx_config_load(path, name, c, error, sizeof error);
	unlink(path);
	return is_good;
}

// The good file with the first `from` replaced by `to`.
static void edit(const char *from, const char *to, char *ret, size_t size)
{
	const char *at = strstr(good, from);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	int n = snprintf(ret, size, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	CU_ASSERT_FATAL(n > 0 && (size_t)n < size);
}

static void test_good(void)
{
	static const uint8_t ip[4] = {10, 77, 0, 1}, mac[6] = {2, 0, 10, 77, 0, 2};
	struct pnyx_config c;
	bool is_good = load_text(good, "b", &c);
	if (!is_good)
		puts(error);
	CU_ASSERT_FATAL(is_good);
	CU_ASSERT_EQUAL(c.cluster.id, 0x9d1f3c22aa55ULL);
	CU_ASSERT_STRING_EQUAL(c.cluster.name, "demo");
	CU_ASSERT_EQUAL(c.cluster.frame_max, 1400);
	CU_ASSERT(c.members_count == 3 && c.first_count == 3);
	CU_ASSERT_EQUAL(c.self, 1);
	CU_ASSERT_EQUAL(memcmp(c.members[0].address.ip, ip, 4), 0);
	CU_ASSERT_EQUAL(c.members[0].address.port, 7787);
	CU_ASSERT_EQUAL(c.members[0].control.port, 7788);
	CU_ASSERT_EQUAL(memcmp(c.members[0].control.ip, ip, 4), 0);
	CU_ASSERT_EQUAL(c.members[0].incarnation, 1);
	CU_ASSERT_FALSE(c.members[0].has_mac);
	CU_ASSERT_EQUAL(c.members[1].address.port, 9000);
	CU_ASSERT_TRUE(c.members[1].has_mac);
	CU_ASSERT_EQUAL(memcmp(c.members[1].mac, mac, 6), 0);
	CU_ASSERT_EQUAL(c.members[1].control.port, 9001);
	CU_ASSERT_EQUAL(c.members[1].incarnation, 4);
	CU_ASSERT_EQUAL(c.members[2].uuid[15], 3);
	CU_ASSERT_STRING_EQUAL(c.members[2].uuid_text, "3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a03");
}

static void test_good_replica(void)
{
	struct pnyx_config c;
	CU_ASSERT_FATAL(load_text(good, NULL, &c));
	CU_ASSERT_EQUAL(c.self, c.members_count);
	CU_ASSERT_EQUAL(c.replica.window, 1024);
	CU_ASSERT_EQUAL(c.replica.own_max, 960);
	CU_ASSERT_EQUAL(c.replica.app_capacity, 900000000ULL);
	CU_ASSERT_EQUAL(c.replica.agents, PNYX_AGENTS_SPLIT);
	CU_ASSERT_EQUAL(c.replica.idle, PNYX_IDLE_YIELD);
	CU_ASSERT_EQUAL(c.replica.checksum, PNYX_CHECKSUM_IGNORE);
	CU_ASSERT_EQUAL(c.replica.lcores_count, 2);
	CU_ASSERT_EQUAL(c.replica.lcores[1], 3);
	CU_ASSERT_EQUAL(c.replica.prefix, 16);
	CU_ASSERT_TRUE(c.replica.has_gateway);
	CU_ASSERT_STRING_EQUAL(c.replica.arena, "/dev/shm");
	CU_ASSERT_EQUAL(c.replica.timers.fast_min_us, 40);
	CU_ASSERT_EQUAL(c.replica.timers.open_rtts, 50);
	CU_ASSERT_EQUAL(c.client.servers_count, 2);
	CU_ASSERT_STRING_EQUAL(c.client.servers[1], "10.77.0.3");
	CU_ASSERT_EQUAL(c.client.deadline_ms, 250);
	CU_ASSERT(c.control.has_listen && c.control.listen.port == 7788 && c.control.listen.ip[0] == 0);
	CU_ASSERT(c.control.metrics.ip[0] == 10 && c.control.metrics.port == 9000);
	CU_ASSERT(c.control.suspect_ms == 30 && c.control.trust_ms == 200);
}

static void test_defaults(void)
{
	struct pnyx_config c;
	CU_ASSERT_FATAL(load_text("cluster = { id = 7; name = \"x\"; };\n"
				  "members = ( { name = \"a\"; ip = \"127.0.0.1\";\n"
				  "uuid = \"3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a01\"; } );\n",
				  "a", &c));
	CU_ASSERT_EQUAL(c.cluster.frame_max, 1472);
	CU_ASSERT_NOT_EQUAL(c.cluster.hash_seed, 0);
	CU_ASSERT_EQUAL(c.replica.window, 0); // the core's default
	CU_ASSERT_EQUAL(c.replica.prefix, 24);
	CU_ASSERT_EQUAL(c.replica.agents, PNYX_AGENTS_AUTO);
	CU_ASSERT_EQUAL(c.replica.timers.fast_rtts, 0);
	CU_ASSERT_EQUAL(c.client.deadline_ms, 5000);
	CU_ASSERT_EQUAL(c.client.servers_count, 0);
	CU_ASSERT_FALSE(c.control.has_listen);
	CU_ASSERT(c.control.metrics.ip[0] == 127 && c.control.metrics.port == 9788);
	CU_ASSERT(c.control.suspect_ms == 50 && c.control.trust_ms == 200);
	CU_ASSERT(c.control.eject_s == 0 && !c.control.rejoin);
}

// clang-format off
// Each: the good file with one thing wrong, the line that must be named and words that must help.
static const struct broken {
	const char *from, *to;
	int line;
	const char *hint;
} broken[] = {
	{"id = 0x9d1f3c22aa55L;", "", 2, "cluster has no id; right would be a line id = ...;"},
	{"0x9d1f3c22aa55L", "0x9d1f3c22aa55", 3, "final L"},
	{"0x9d1f3c22aa55L", "99999999999999999999999L", 3, "final L"},
	{"0x9d1f3c22aa55L", "0", 3, "a random 64-bit number other than 0"},
	{"0x9d1f3c22aa55L", "\"0xhello\"", 3, "id cannot be \"0xhello\"; right would be a 64-bit number"},
	{"0x9d1f3c22aa55L", "-5", 3, "id cannot be -5"},
	{"\"demo\"", "\"de mo\"", 4, "1 to 31 letters, digits, '-' or '_'"},
	{"\"demo\"", "7", 4, "name cannot be 7"},
	{"1400", "1023", 5, "a whole number from 1024 to 8972"},
	{"1400", "8973", 5, "a whole number from 1024 to 8972"},
	{"1400", "1400.5", 5, "frame_max cannot be this value"},
	{"1400", "4294968320", 5, "too large for its notation"},
	{"frame_max", "frame_min", 5, "unknown setting 'frame_min' in cluster; known are id, name, frame_max"},
	{"frame_max = 1400;", "e = 1;", 5, "e = 1 with 3 members; right would be 0, or 5 members"},
	{"frame_max = 1400;", "e = 2;", 5, "e cannot be 2; right would be a whole number from 0 to 1"},
	{"frame_max = 1400;", "name = \"twice\";", 5, "duplicate setting name; right would be name = value; once"},
	{"frame_max = 1400;", "frame_max = ;", 5, "syntax error"},
	{"cluster = {", "clutser = {", 2, "unknown setting 'clutser' at the top; known are cluster, members"},
	{"cluster = {", "spare = 1; cluster = {", 2, "unknown setting 'spare' at the top"},
	{"\"a\"; uuid", "\"b\"; uuid", 9, "two members are named 'b'"},
	{"6b50a02", "6b50a01", 9, "members a and b have the same uuid; right would be a new one from uuidgen"},
	{"3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a02", "3b0a6d50-6b36-4f5b-9e3e", 9, "36 characters from uuidgen"},
	{"3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a02", "00000000-0000-0000-0000-000000000000", 9, "all zero"},
	{"10.77.0.3", "10.77.0.1", 11, "members a and c have the same ip and port"},
	{"10.77.0.3", "10.77.0.300", 11, "an IPv4 address in quotes such as \"10.77.0.1\""},
	{"10.77.0.3", "239.1.1.1", 11, "the ip of c is no unicast address"},
	{"ip = \"10.77.0.3\";", "", 11, "member has no ip; right would be a line ip = ...;"},
	{"ip = \"10.77.0.3\";", "adress = \"10.77.0.3\";", 11, "unknown setting 'adress' in member; known are name"},
	{"9000", "0", 10, "port cannot be 0; right would be a whole number from 1 to 65535"},
	{"9000", "65536", 10, "from 1 to 65535"},
	{"02:00:0a:4d:00:02", "03:00:0a:4d:00:02", 10, "a unicast MAC address"},
	{"02:00:0a:4d:00:02", "02:00:0a:4d:00", 10, "a unicast MAC address"},
	{"10.78.0.2:9001", "10.78.0.2:90010", 10, "\"IP\" or \"IP:PORT\", ports from 1 to 65535"},
	{"incarnation = 4", "incarnation = 0", 10, "incarnation cannot be 0; right would be a whole number from 1"},
	{"suspect_ms = 30", "suspect_ms = 4", 24, "suspect_ms cannot be 4; right would be a whole number from 5 to 60000"},
	{"10.78.0.1:9000", "localhost:9000", 24, "metrics cannot be \"localhost:9000\"; right would be \"IP\" or \"IP:PORT\""},
	{"suspect_ms = 30", "suspect = 30", 24, "unknown setting 'suspect' in control; known are listen, metrics, suspect_ms, trust_ms"},
	{"suspect_ms = 30", "rejoin = 1", 24, "rejoin cannot be 1; right would be true or false, without quotes"},
	{"suspect_ms = 30", "eject_s = 86401", 24, "eject_s cannot be 86401; right would be a whole number from 0 to 86400"},
	{"incarnation = 4", "join = \"yes\"", 10, "join cannot be \"yes\"; right would be true or false, without quotes"},
	{"window = 1024", "window = 1000", 14, "window cannot be 1000; right would be a power of two from 128"},
	{"window = 1024", "window = 64", 14, "window cannot be 64; right would be a power of two from 128"},
	{"window = 1024", "window = \"big\"", 14, "window cannot be \"big\""},
	{"own_max = 960", "own_max = 961", 15, "right would be at most window - 64 = 960"},
	{"900000000L", "1200; cost_max = 200", 16, "right would be below app_capacity / (2 * members)"},
	{"900000000L", "1200; keys_max = 24", 16, "keys_max cannot be 24; right would be a power of two from 2 to 64"},
	{"900000000L", "5000000000L", 16, "a whole number from 64 to 1073741824"},
	{"900000000L", "0", 16, "app_capacity cannot be 0"},
	{"\"split\"", "\"joined\"", 17, "agents cannot be \"joined\"; right would be one of auto|fused|split"},
	{"\"yield\"", "true", 17, "one of auto|busy|yield"},
	{"\"ignore\"", "\"\"", 17, "one of auto|check|ignore"},
	{"[ 2, 3 ]", "[ 2, 2 ]", 18, "lcore 2 is named twice"},
	{"[ 2, 3 ]", "[ 2 ]", 18, "one lcore with agents = \"split\"; right would be two or more"},
	{"[ 2, 3 ]", "3", 18, "lcores is not a list; right would be lcores = [ ... ];"},
	{"[ 2, 3 ]", "[ 2, 4096 ]", 18, "lcores cannot be 4096"},
	{"prefix = 16", "prefix = 33", 19, "prefix cannot be 33; right would be a whole number from 1 to 30"},
	{"10.77.9.9", "10.99.9.9", 19, "the gateway is outside the network of a (prefix 16)"},
	{"prefix = 16; gateway = \"10.77.9.9\";", "prefix = 31;", 19, "from 1 to 30"},
	{"prefix = 16; gateway = \"10.77.9.9\";", "prefix = 30; sessions_max = 0;", 19, "sessions_max cannot be 0"},
	{"\"/dev/shm\"", "\"shm\"", 20, "an absolute path in quotes"},
	{"open_rtts", "open_rtt", 21, "unknown setting 'open_rtt' in replica.timers; known are fast_min_us"},
	{"fast_min_us = 40", "fast_min_us = 0", 21, "a whole number from 1 to 60000000"},
	{"{ fast_min_us = 40; open_rtts = 50; }", "5", 21, "replica.timers is not a group"},
	{"( \"b\",", "( \"d\",", 23, "server \"d\" is neither an address nor a member"},
	{"deadline_ms = 250", "deadline_ms = 0", 23, "deadline_ms cannot be 0"},
	{"deadline_ms = 250", "deadline_s = 250", 23, "known are servers, deadline_ms, sessions"},
};
// clang-format on

static void expect_error(const struct broken *b)
{
	char head[128];
	snprintf(head, sizeof head, "%s:%d: ", path, b->line);
	bool is_right = strncmp(error, head, strlen(head)) == 0 && strstr(error, b->hint) != NULL &&
			strstr(error, "; ") != NULL && strchr(error, '\n') == NULL;
	if (!is_right)
		printf("\n  '%s' -> '%s': expected %s... %s\n  got %s\n", b->from, b->to, head,
		       b->hint, error);
	CU_ASSERT_TRUE(is_right);
}

static void test_broken(void)
{
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		char text[sizeof good + 256];
		struct pnyx_config c = {.self = 77};
		edit(broken[i].from, broken[i].to, text, sizeof text);
		bool is_good = load_text(text, NULL, &c);
		if (is_good)
			printf("\n  '%s' -> '%s' was accepted\n", broken[i].from, broken[i].to);
		CU_ASSERT_FALSE(is_good);
		CU_ASSERT_EQUAL(c.self, 77); // untouched
		if (!is_good)
			expect_error(&broken[i]);
	}
}

// Whole files that are wrong, not one word in a good one.
static void test_broken_whole(void)
{
	struct pnyx_config c;
	CU_ASSERT_FALSE(load_text("", NULL, &c));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(error, ":1: there is no cluster; right would be cluster = {"));
	CU_ASSERT_FALSE(load_text("cluster = { id = 7; name = \"x\"; };\n", NULL, &c));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(error, ":1: there are no members; right would be members = ("));
	CU_ASSERT_FALSE(
	    load_text("cluster = { id = 7; name = \"x\"; };\nmembers = ( );\n", NULL, &c));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, ":2: there are 0 members; right would be 1 to 16"));
	CU_ASSERT_FALSE(
	    load_text("cluster = { id = 7; name = \"x\"; };\nmembers = { };\n", NULL, &c));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, ":2: members is not a list"));
	CU_ASSERT_FALSE(
	    load_text("cluster = { id = 7; name = \"x\"; };\n\nmembers = ( 1, 2 );\n", NULL, &c));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, ":3: member is not a group"));
	CU_ASSERT_FALSE(load_text("cluster = { id = 7; name = \"x\";\nmembers = (\n", NULL, &c));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "syntax error"));
}

// m1 to mCOUNT; those whose bit is set in `joiners` (bit 1 for m1) join later.
static bool load_many(int count, uint32_t joiners, const char *name, struct pnyx_config *c)
{
	char text[8192];
	int used =
	    snprintf(text, sizeof text, "cluster = { id = 7; name = \"x\"; };\nmembers = (\n");
	for (int i = 1; i <= count; i++)
		used += snprintf(text + used, sizeof text - (size_t)used,
				 "%c{ name = \"m%d\"; ip = \"10.77.0.%d\";\n"
				 "uuid = \"3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a%02d\"; join = %s; }\n",
				 i > 1 ? ',' : ' ', i, i, i, joiners >> i & 1 ? "true" : "false");
	snprintf(text + used, sizeof text - (size_t)used, ");\n");
	return load_text(text, name, c);
}

static void test_many_members(void)
{
	struct pnyx_config c;
	CU_ASSERT_FALSE(load_many(8, 0, NULL, &c));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, ":2: 8 members are without join = true; right would be at most 7"));
	CU_ASSERT_FALSE(load_many(17, ~0x7u, NULL, &c));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, ":2: there are 17 members; right would be 1 to 16"));
	CU_ASSERT_FALSE(load_many(2, 0x6, NULL, &c));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, ":2: all members have join = true; right would be one or more without it"));
	CU_ASSERT_TRUE(load_many(16, ~0xfeu, NULL, &c));
	CU_ASSERT(c.members_count == 16 && c.first_count == 7 && c.self == 16);
}

// Wherever joiners stand, an index below first_count is a column of epoch 1.
static void test_joiners(void)
{
	static const char *const order[] = {"m2", "m4", "m1", "m3", "m5"};
	struct pnyx_config c;
	CU_ASSERT_FATAL(load_many(5, 1 << 1 | 1 << 3 | 1 << 5, "m3", &c));
	CU_ASSERT(c.members_count == 5 && c.first_count == 2 && c.self == 3);
	for (uint32_t m = 0; m < 5; m++) {
		CU_ASSERT_STRING_EQUAL(c.members[m].name, order[m]);
		CU_ASSERT_EQUAL(c.members[m].is_joiner, m >= 2);
	}
	CU_ASSERT_FATAL(load_many(5, 1 << 1 | 1 << 3 | 1 << 5, "m4", &c));
	CU_ASSERT_EQUAL(c.self, 1);
}

// Settings that are true or false, from the file and from the environment.
static void test_ejection(void)
{
	char text[sizeof good + 64];
	struct pnyx_config c;
	edit("suspect_ms = 30", "eject_s = 600; rejoin = true", text, sizeof text);
	CU_ASSERT_FATAL(load_text(text, "a", &c));
	CU_ASSERT(c.control.eject_s == 600 && c.control.rejoin);
	setenv("PNYX_CONTROL_REJOIN", "false", 1);
	CU_ASSERT_FATAL(load_text(text, "a", &c));
	CU_ASSERT_FALSE(c.control.rejoin);
	setenv("PNYX_CONTROL_REJOIN", "0", 1);
	CU_ASSERT_FALSE(load_text(text, "a", &c));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "environment PNYX_CONTROL_REJOIN: rejoin cannot be"));
	unsetenv("PNYX_CONTROL_REJOIN");
}

// A member off the network needs a gateway, a mac or a shorter prefix.
static void test_routes(void)
{
	char text[sizeof good + 64];
	struct pnyx_config c;
	edit("prefix = 16; gateway = \"10.77.9.9\";", "prefix = 30;", text, sizeof text);
	CU_ASSERT_TRUE(load_text(text, "b", &c)); // 10.77.0.0 to 10.77.0.3
	edit("prefix = 16; gateway = \"10.77.9.9\";", "prefix = 24;", text, sizeof text);
	char *third = strstr(text, "10.77.0.3");
	memcpy(third, "10.88.0.3", 9);
	CU_ASSERT_FALSE(load_text(text, "a", &c));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(error, ":11: c is outside the network of a (prefix 24); right would be"));
}

static void test_name_and_file(void)
{
	struct pnyx_config c;
	CU_ASSERT_FALSE(load_text(good, "d", &c));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(error, ":7: no member is named 'd'; right would be one of a, b, c"));
	CU_ASSERT_FALSE(pnyx_config_load("/tmp", NULL, &c, error, sizeof error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "/tmp:1: Is a directory; right would be"));
	CU_ASSERT_FALSE(pnyx_config_load("/nowhere/pnyx.conf", NULL, &c, error, sizeof error));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(error, "/nowhere/pnyx.conf:1: No such file or directory; right"));
	CU_ASSERT_FALSE(
	    pnyx_config_load("/nowhere/pnyx.conf", NULL, &c, error, 12)); // cut, never overrun
	CU_ASSERT_EQUAL(strlen(error), 11);
}

static void test_environment(void)
{
	struct pnyx_config c;
	setenv("PNYX_REPLICA_WINDOW", "2048", 1);
	setenv("PNYX_REPLICA_LCORES", "5,6,7", 1);
	setenv("PNYX_REPLICA_TIMERS_OPEN_MIN_US", "9000", 1);
	setenv("PNYX_CLIENT_SERVERS", "c", 1);
	setenv("PNYX_REPLICA_IDLE", "busy", 1);
	CU_ASSERT_FATAL(load_text(good, NULL, &c));
	CU_ASSERT_EQUAL(c.replica.window, 2048);
	CU_ASSERT_EQUAL(c.replica.lcores_count, 3);
	CU_ASSERT_EQUAL(c.replica.lcores[2], 7);
	CU_ASSERT_EQUAL(c.replica.timers.open_min_us, 9000);
	CU_ASSERT_EQUAL(c.client.servers_count, 1);
	CU_ASSERT_EQUAL(c.replica.idle, PNYX_IDLE_BUSY);
	setenv("PNYX_REPLICA_IDLE", "lazy", 1);
	CU_ASSERT_FALSE(load_text(good, NULL, &c));
	CU_ASSERT_PTR_NOT_NULL(strstr(
	    error, "environment PNYX_REPLICA_IDLE: idle cannot be \"lazy\"; right would be"));
	unsetenv("PNYX_REPLICA_IDLE");
	setenv("PNYX_REPLICA_WINDOW", "512", 1);
	CU_ASSERT_FALSE(load_text(good, NULL, &c)); // the file's own_max no longer fits
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(error, ":15: own_max = 960 with window = 512; right would be at most"));
	unsetenv("PNYX_REPLICA_WINDOW");
	unsetenv("PNYX_REPLICA_LCORES");
	unsetenv("PNYX_REPLICA_TIMERS_OPEN_MIN_US");
	unsetenv("PNYX_CLIENT_SERVERS");
}

static void test_addresses(void)
{
	struct pnyx_config_address a = {.port = 1};
	CU_ASSERT_TRUE(pnyx_config_parse_address("10.77.0.1", 7787, &a));
	CU_ASSERT_EQUAL(a.port, 7787);
	CU_ASSERT_TRUE(pnyx_config_parse_address("10.77.0.1:9", 7787, &a));
	CU_ASSERT_EQUAL(a.port, 9);
	static const char *const bad[] = {"",
					  ":",
					  "10.77.0.1:",
					  "10.77.0.1:0",
					  "10.77.0.1:65536",
					  "10.77.0",
					  "10.77.0.1:7a",
					  "::1",
					  "10.77.0.1.2.3.4.5.6.7",
					  "host",
					  " 10.77.0.1"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_FALSE(pnyx_config_parse_address(bad[i], 7787, &a));
	CU_ASSERT_EQUAL(a.port, 9);
}

// What the core finds wrong gets the place of its setting, wherever that was set.
static void test_blame(void)
{
	write_file(good);
	char want[128];
	pnyx_config_blame(path, "window: too much", error, sizeof error);
	snprintf(want, sizeof want, "%s:14: window: too much", path);
	CU_ASSERT_STRING_EQUAL(error, want);
	pnyx_config_blame(path, "open_rtts: too much", error, sizeof error);
	snprintf(want, sizeof want, "%s:21: open_rtts: too much", path);
	CU_ASSERT_STRING_EQUAL(error, want);
	pnyx_config_blame(path, "frame_max: too much", error, sizeof error);
	snprintf(want, sizeof want, "%s:5: frame_max: too much", path);
	CU_ASSERT_STRING_EQUAL(error, want);
	pnyx_config_blame(path, "cost_max: not set", error, sizeof error);
	snprintf(want, sizeof want, "%s:13: cost_max: not set", path);
	CU_ASSERT_STRING_EQUAL(error, want);
	setenv("PNYX_REPLICA_COST_MAX", "9", 1);
	pnyx_config_blame(path, "cost_max: too much", error, sizeof error);
	CU_ASSERT_STRING_EQUAL(error, "environment PNYX_REPLICA_COST_MAX: cost_max: too much");
	unsetenv("PNYX_REPLICA_COST_MAX");
	unlink(path);
	pnyx_config_blame(path, "window: too much", error, sizeof error);
	snprintf(want, sizeof want, "%s:1: window: too much", path);
	CU_ASSERT_STRING_EQUAL(error, want);
}

static const struct unit_test tests[] = {
    {"blame", test_blame},
    {"good", test_good},
    {"good_replica", test_good_replica},
    {"defaults", test_defaults},
    {"broken", test_broken},
    {"broken_whole", test_broken_whole},
    {"too many members, or too few that begin", test_many_members},
    {"joiners", test_joiners},
    {"ejection and return", test_ejection},
    {"routes", test_routes},
    {"name_and_file", test_name_and_file},
    {"environment", test_environment},
    {"addresses", test_addresses},
};

UNIT_MAIN("config", tests)
