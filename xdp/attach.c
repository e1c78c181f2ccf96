// Attaching the XDP program by way of DPDK's driver, and reading its counters.
#include "xdp/attach.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PROGRAM_NAME "pnyx_steer" // of the function in steer.bpf.c
#define MAPS_MAX 8

#ifdef PNYX_XDP
#include "xdp/steer.skel.h"

bool xdp_is_built(void)
{
	return true;
}

bool xdp_object_path(char *path, size_t path_size, char *error, size_t error_size)
{
	size_t bytes;
	const void *object = steer_bpf__elf_bytes(&bytes);
	int fd = memfd_create("pnyx-steer", MFD_CLOEXEC); // kept for as long as the process lives
	if (fd < 0 || write(fd, object, bytes) != (ssize_t)bytes) {
		snprintf(error, error_size, "the XDP program cannot be laid out in memory: %s", strerror(errno));
		return false;
	}
	snprintf(path, path_size, "/proc/self/fd/%d", fd);
	return true;
}
#else
bool xdp_is_built(void)
{
	return false;
}

bool xdp_object_path(char *path, size_t path_size, char *error, size_t error_size)
{
	(void)path, (void)path_size;
	snprintf(error, error_size, "this build has no XDP program: clang, bpftool or libbpf was missing");
	return false;
}
#endif

// The program on the interface: a descriptor for it, or -1 where there is none.
static int program_on(unsigned index, struct bpf_prog_info *info)
{
	__u32 id = 0, size = sizeof *info;
	if (bpf_xdp_query_id((int)index, 0, &id) != 0 || id == 0)
		return -1;
	int fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, info, &size) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool xdp_vacate(const char *interface, char *error, size_t error_size)
{
	struct bpf_prog_info info = { 0 };
	unsigned index = if_nametoindex(interface);
	int fd = index == 0 ? -1 : program_on(index, &info), code = 0;
	if (fd < 0)
		return true; // no such interface: EAL says so
	close(fd);
	bool is_ours = strcmp(info.name, PROGRAM_NAME) == 0;
	if (is_ours && (code = bpf_xdp_detach((int)index, 0, NULL)) == 0)
		return true;
	if (is_ours) // the kernel refuses while somebody lives who holds the link
		snprintf(error, error_size, "%s already has the XDP program of a replica that is alive: one replica an interface (%s)", interface,
			 strerror(-code));
	else
		snprintf(error, error_size,
			 "%s has an XDP program of somebody else: \"%s\", id %u. It is left alone: take it off (ip link set dev %s xdp off), use another "
			 "interface, or another port (net_af_packet)",
			 interface, info.name, info.id, interface);
	return false;
}

// Descriptors of the program's maps by name; -1 where there is none.
static void find_maps(int program, int *settings, int *counts)
{
	__u32 ids[MAPS_MAX] = { 0 }, size;
	struct bpf_prog_info info = { .nr_map_ids = MAPS_MAX, .map_ids = (__u64)(unsigned long)ids };
	size = sizeof info;
	*settings = *counts = -1;
	if (bpf_obj_get_info_by_fd(program, &info, &size) != 0)
		return;
	for (__u32 k = 0; k < info.nr_map_ids && k < MAPS_MAX; k++) {
		struct bpf_map_info map = { 0 };
		int fd = bpf_map_get_fd_by_id(ids[k]);
		size = sizeof map;
		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &map, &size) != 0)
			map.name[0] = 0;
		if (strcmp(map.name, "settings") == 0 && map.value_size == sizeof(struct steer_settings))
			*settings = fd;
		else if (strcmp(map.name, "counts") == 0 && map.value_size == sizeof(struct steer_row))
			*counts = fd;
		else
			close(fd);
	}
}

static bool map_rows(struct xdp_steer *x, int counts)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	void *rows = mmap(NULL, STEER_CPUS * sizeof *x->rows, PROT_READ, MAP_SHARED, counts, 0);
	if (rows == MAP_FAILED)
		return false;
	x->rows = rows;
	x->rows_count = cpus > 0 && cpus < STEER_CPUS ? (__u32)cpus : STEER_CPUS;
	return true;
}

// Between the two the kernel has the interface to itself for a moment.
static bool exchange_for_link(struct xdp_steer *x, int program, unsigned index)
{
	if (bpf_xdp_detach((int)index, 0, NULL) != 0)
		return false;
	x->link = bpf_link_create(program, (int)index, BPF_XDP, NULL);
	return x->link >= 0;
}

bool xdp_take(struct xdp_steer *x, const char *interface, const struct steer_settings *s, char *error, size_t error_size)
{
	struct bpf_prog_info info = { 0 };
	unsigned index = if_nametoindex(interface);
	int program = program_on(index, &info), settings = -1, counts = -1;
	__u32 zero = 0;
	*x = (struct xdp_steer){ .link = -1 };
	if (program >= 0 && strcmp(info.name, PROGRAM_NAME) == 0)
		find_maps(program, &settings, &counts);
	bool is_taken = settings >= 0 && counts >= 0 && map_rows(x, counts) && bpf_map_update_elem(settings, &zero, s, BPF_ANY) == 0 &&
			exchange_for_link(x, program, index);
	if (!is_taken) {
		snprintf(error, error_size, "the XDP program on %s cannot be taken over: %s", interface, strerror(errno));
		xdp_release(x);
	}
	for (int fd = 0; fd < 3; fd++) { // the link, the mapping and the driver keep what they need
		int all[] = { program, settings, counts };
		if (all[fd] >= 0)
			close(all[fd]);
	}
	return is_taken;
}

void xdp_release(struct xdp_steer *x)
{
	if (x->link >= 0)
		close(x->link);
	if (x->rows)
		munmap((void *)(unsigned long)x->rows, STEER_CPUS * sizeof *x->rows);
	*x = (struct xdp_steer){ .link = -1 };
}
