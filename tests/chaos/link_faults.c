// Puts the BPF program on links of this network namespace, tells it what to do, and says what it did.
//
//	link_faults attach SEED LINK...       no faults yet
//	link_faults set LINK from|to|both NAME=VALUE...
//	            loss, corrupt, duplicate: frames in a thousand; cut: sum of 1 << member number, 1 for all other addresses,
//	            255 for everybody. `from` is what the replica sends, `to` what it gets. What is not named stays.
//	link_faults show LINK...              one JSON object a line
//	link_faults detach LINK...
//
// Nothing is pinned anywhere: the maps are found again through the program that is attached.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/chaos/link_faults.h"

#define PLACE 1 // handle and priority of our filters
#define MAPS_MAX 8

static const struct {
	const char *name, *program;
	enum bpf_tc_attach_point point;
} directions[LINK_DIRECTIONS] = {
	[LINK_FROM] = { "from", "from_replica", BPF_TC_INGRESS },
	[LINK_TO] = { "to", "to_replica", BPF_TC_EGRESS },
};

static int fail(const char *link, const char *what, int code)
{
	fprintf(stderr, "link_faults: %s: %s: %s\n", link, what, strerror(code < 0 ? -code : errno));
	return 1;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("LINK_FAULTS_VERBOSE") ? vfprintf(stderr, format, args) : 0;
}

static struct bpf_tc_hook hook_of(const char *link, enum bpf_tc_attach_point point)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook), .ifindex = (int)if_nametoindex(link), .attach_point = point };
}

// Another seed for each link and direction, so that no two lose the same frames.
static uint64_t seed_of(uint64_t seed, const char *link, uint32_t direction)
{
	for (const char *p = link; *p; p++)
		seed = (seed ^ (uint8_t)*p) * 0x100000001b3ULL;
	return seed ^ (uint64_t)direction << 63;
}

static int attach(const char *link, uint64_t seed)
{
	struct bpf_object *object = bpf_object__open_file(LINK_FAULTS_OBJECT, NULL);
	if (!object || bpf_object__load(object) != 0)
		return fail(link, "the BPF program is refused", 0);
	int settings = bpf_object__find_map_fd_by_name(object, "settings");
	struct bpf_tc_hook both = hook_of(link, BPF_TC_INGRESS | BPF_TC_EGRESS);
	int code = bpf_tc_hook_create(&both);
	if (code != 0 && code != -EEXIST)
		return fail(link, "clsact is refused", code);
	for (uint32_t d = 0; d < LINK_DIRECTIONS; d++) {
		struct link_settings none = { .seed = seed_of(seed, link, d) };
		struct bpf_tc_hook hook = hook_of(link, directions[d].point);
		struct bpf_program *program = bpf_object__find_program_by_name(object, directions[d].program);
		struct bpf_tc_opts opts = { .sz = sizeof opts, .prog_fd = bpf_program__fd(program), .flags = BPF_TC_F_REPLACE,
					    .handle = PLACE, .priority = PLACE };
		if (bpf_map_update_elem(settings, &d, &none, BPF_ANY) != 0)
			return fail(link, "settings", 0);
		code = bpf_tc_attach(&hook, &opts);
		if (code != 0)
			return fail(link, "attaching", code);
	}
	bpf_object__close(object); // the filters hold program and maps
	return 0;
}

static int detach(const char *link)
{
	struct bpf_tc_hook both = hook_of(link, BPF_TC_INGRESS | BPF_TC_EGRESS);
	int code = bpf_tc_hook_destroy(&both); // the qdisc, and our filters with it
	return code == 0 ? 0 : fail(link, "detaching", code);
}

// The descriptor of one of the maps of what is attached; negative when there is none.
static int find_map(const char *link, const char *name)
{
	struct bpf_tc_hook hook = hook_of(link, BPF_TC_INGRESS);
	struct bpf_tc_opts opts = { .sz = sizeof opts, .handle = PLACE, .priority = PLACE };
	uint32_t ids[MAPS_MAX], len;
	if (bpf_tc_query(&hook, &opts) != 0)
		return -1;
	int program = bpf_prog_get_fd_by_id(opts.prog_id);
	struct bpf_prog_info info = { .nr_map_ids = MAPS_MAX, .map_ids = (uint64_t)(uintptr_t)ids };
	len = sizeof info;
	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &len) != 0)
		return -1;
	close(program);
	for (uint32_t k = 0; k < info.nr_map_ids && k < MAPS_MAX; k++) {
		int map = bpf_map_get_fd_by_id(ids[k]);
		struct bpf_map_info about = { 0 };
		len = sizeof about;
		if (map >= 0 && bpf_obj_get_info_by_fd(map, &about, &len) == 0 && strcmp(about.name, name) == 0)
			return map;
		if (map >= 0)
			close(map);
	}
	return -1;
}

static bool take(struct link_settings *s, const char *text)
{
	const struct {
		const char *name;
		uint32_t *field, most;
	} known[] = { { "loss=", &s->loss, 1000 },
		      { "corrupt=", &s->corrupt, 1000 },
		      { "duplicate=", &s->duplicate, 1000 },
		      { "cut=", &s->cut, LINK_ALL } };
	for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
		size_t len = strlen(known[k].name);
		char *end;
		if (strncmp(text, known[k].name, len) != 0)
			continue;
		unsigned long value = strtoul(text + len, &end, 10);
		if (end == text + len || *end != 0 || value > known[k].most)
			return false;
		*known[k].field = (uint32_t)value;
		return true;
	}
	return false;
}

static int set(const char *link, const char *which, char **values)
{
	int map = find_map(link, "settings"), known = 0;
	if (map < 0)
		return fail(link, "not attached", 0);
	for (uint32_t d = 0; d < LINK_DIRECTIONS; d++) {
		struct link_settings s;
		if (strcmp(which, "both") != 0 && strcmp(which, directions[d].name) != 0)
			continue;
		known++;
		if (bpf_map_lookup_elem(map, &d, &s) != 0)
			return fail(link, "settings", 0);
		for (char **v = values; *v; v++)
			if (!take(&s, *v))
				return fail(link, *v, -EINVAL);
		if (bpf_map_update_elem(map, &d, &s, BPF_ANY) != 0)
			return fail(link, "settings", 0);
	}
	close(map);
	return known > 0 ? 0 : fail(link, which, -EINVAL);
}

static int show(const char *link)
{
	int map = find_map(link, "counts");
	if (map < 0)
		return fail(link, "not attached", 0);
	printf("{\"link\":\"%s\"", link);
	for (uint32_t d = 0; d < LINK_DIRECTIONS; d++) {
		struct link_counts c;
		if (bpf_map_lookup_elem(map, &d, &c) != 0)
			return fail(link, "counts", 0);
		printf(",\"%s\":{\"frames\":%llu,\"cut\":%llu,\"lost\":%llu,\"corrupted\":%llu,\"duplicated\":%llu}",
		       directions[d].name, c.frames, c.cut, c.lost, c.corrupted, c.duplicated);
	}
	puts("}");
	close(map);
	return 0;
}

static int on_each(char **links, int (*one)(const char *))
{
	int code = 0;
	for (; *links; links++)
		code |= one(*links);
	return code;
}

static int attach_all(const char *text, char **links)
{
	char *end;
	uint64_t seed = strtoull(text, &end, 10);
	if (*end != 0)
		return fail("seed", text, -EINVAL);
	int code = 0;
	for (; *links; links++)
		code |= attach(*links, seed);
	return code;
}

int main(int argc, char **argv)
{
	libbpf_set_print(quiet);
	const char *command = argc > 2 ? argv[1] : "";
	if (strcmp(command, "attach") == 0 && argc > 3)
		return attach_all(argv[2], argv + 3);
	if (strcmp(command, "set") == 0 && argc > 4)
		return set(argv[2], argv[3], argv + 4);
	if (strcmp(command, "show") == 0)
		return on_each(argv + 2, show);
	if (strcmp(command, "detach") == 0)
		return on_each(argv + 2, detach);
	fprintf(stderr, "link_faults: attach SEED LINK... | set LINK from|to|both NAME=VALUE... | show LINK... | detach LINK...\n");
	return 2;
}
