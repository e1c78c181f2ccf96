// Looking for an identity's arenas.
#include "dataplane/places.h"
#include <dirent.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORDINARY "/dev/shm/ordinary-"

static const char *name_of(const struct dp_place *p)
{
	const char *slash = strrchr(p->base, '/');
	return slash ? slash + 1 : p->base;
}

static void put_epoch(char *ret, size_t size, const char *folder, const char *name, uint32_t epoch)
{
	if (epoch <= 1)
		snprintf(ret, size, "%s%s", folder, name);
	else
		snprintf(ret, size, "%s%s.e%u", folder, name, epoch);
}

void dp_place_ordinary(const struct dp_place *p, uint32_t epoch, char *ret, size_t size)
{
	put_epoch(ret, size, ORDINARY, name_of(p), epoch);
}

void dp_place_path(const struct dp_place *p, uint32_t epoch, char *ret, size_t size)
{
	dp_place_ordinary(p, epoch, ret, size);
	if (epoch <= 1 || access(ret, F_OK) != 0)
		put_epoch(ret, size, "", p->base, epoch);
}

// The epoch of a file whose name begins like this identity's arenas; 0: it is something else.
static uint32_t epoch_of(const char *rest)
{
	char *end;
	if (rest[0] == 0)
		return 1;
	if (strncmp(rest, ".e", 2) != 0 || rest[2] < '1' || rest[2] > '9')
		return 0;
	unsigned long epoch = strtoul(rest + 2, &end, 10);
	return *end == 0 && epoch >= 2 && epoch <= UINT32_MAX ? (uint32_t)epoch : 0;
}

static void note(struct dp_place *p, uint32_t epoch)
{
	if (epoch > p->newest) {
		p->before = p->newest;
		p->newest = epoch;
	} else if (epoch > p->before) {
		p->before = epoch;
	}
}

static void look_in(struct dp_place *p, const char *dir, const char *name)
{
	DIR *d = opendir(dir);
	size_t len = strlen(name);
	for (struct dirent *entry; d && (entry = readdir(d));)
		if (strncmp(entry->d_name, name, len) == 0)
			note(p, epoch_of(entry->d_name + len));
	if (d)
		closedir(d);
}

static void look(struct dp_place *p)
{
	char dir[sizeof p->base], ordinary[sizeof p->base + sizeof ORDINARY];
	const char *name = name_of(p);
	snprintf(dir, sizeof dir, "%.*s", name == p->base ? 2 : (int)(name - p->base), name == p->base ? "./" : p->base);
	look_in(p, dir, name);
	snprintf(ordinary, sizeof ordinary, "%s%s", strrchr(ORDINARY, '/') + 1, name);
	look_in(p, "/dev/shm", ordinary);
}

static void add(struct dp_place *ret, uint32_t *count, const char *dir, const char *uuid)
{
	struct dp_place *p = &ret[(*count)++];
	*p = (struct dp_place){ 0 };
	snprintf(p->base, sizeof p->base, "%s/pnyx-%s.arena", dir, uuid);
}

uint32_t dp_places(const char *where, const char *uuid, struct dp_place *ret)
{
	struct stat st;
	struct mntent *m;
	uint32_t count = 0;
	FILE *mounts = where[0] == 0 ? setmntent("/proc/self/mounts", "r") : NULL;
	while (mounts && count < DP_PLACES_MAX - 1 && (m = getmntent(mounts)))
		if (strcmp(m->mnt_type, "hugetlbfs") == 0 && access(m->mnt_dir, W_OK) == 0)
			add(ret, &count, m->mnt_dir, uuid);
	if (mounts)
		endmntent(mounts);
	if (where[0] == 0) {
		add(ret, &count, "/dev/shm", uuid);
	} else if (stat(where, &st) == 0 && S_ISDIR(st.st_mode)) {
		add(ret, &count, where, uuid);
	} else {
		ret[count] = (struct dp_place){ 0 };
		snprintf(ret[count++].base, sizeof ret->base, "%s", where);
	}
	for (uint32_t k = 0; k < count; k++)
		look(&ret[k]);
	return count;
}
