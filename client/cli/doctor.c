// pnyx doctor: what this machine lacks for a replica, and what to do. Looks only, changes nothing.
#include "client/cli/doctor.h"
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *root = ""; // --root: another tree than /, for tests
static uint32_t notes, bad, all;
static json_t *list;
static bool is_json;

static const struct argp_option options[] = {
    {"port", 'p', "PORT", 0, "a port of the replica as well, a kernel device or a PCI address; may be repeated. Those of /etc/pnyx/*.env are looked at anyway", 0},
    {"root", 'R', "DIR", 0, "look at /sys, /proc, /dev and /etc below DIR", 0},
    {0},
};

static const char *set(int key, const char *arg)
{
	if (key == 'p')
		return doctor_add_port(arg) ? NULL : "a network device or a PCI address, at most 8 of them";
	root = arg;
	return NULL;
}

void find(enum level level, const char *what, const char *advice, const char *format, ...)
{
	static const char *const words[] = {"ok", "note", "BAD"}, *const plain[] = {"ok", "note", "bad"};
	char found[512];
	va_list args;
	va_start(args, format);
	vsnprintf(found, sizeof found, format, args);
	va_end(args);
	all++;
	notes += level == LEVEL_NOTE;
	bad += level == LEVEL_BAD;
	if (is_json) {
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s?}", "level", plain[level], "what",
						what, "found", found, "do", advice));
		return;
	}
	printf("%-5s %-14s %s\n", words[level], what, found);
	if (advice != NULL)
		printf("      %14s -> %s\n", "", advice);
}

// ---- reading
// -------------------------------------------------------------------------------------------------
// The first line of a file, without its end. False: it is not there.
static bool read_line(const char *path, char *ret, size_t size)
{
	char whole[512];
	snprintf(whole, sizeof whole, "%s%s", root, path);
	FILE *f = fopen(whole, "re");
	ret[0] = 0;
	if (f == NULL)
		return false;
	if (fgets(ret, (int)size, f) == NULL)
		ret[0] = 0;
	fclose(f);
	ret[strcspn(ret, "\n")] = 0;
	return true;
}

static uint64_t read_count(const char *path)
{
	char line[64];
	return read_line(path, line, sizeof line) ? strtoull(line, NULL, 10) : 0;
}

void doctor_path(const char *path, char *ret, size_t size)
{
	snprintf(ret, size, "%s%s", root, path);
}

bool doctor_has_path(const char *path)
{
	char whole[512];
	doctor_path(path, whole, sizeof whole);
	return access(whole, F_OK) == 0;
}

// How many paths fit a pattern; `differs` (NULL allowed): of those, whose first line is not `wanted`.
static uint32_t count_paths(const char *pattern, const char *wanted, uint32_t *differs)
{
	char whole[512], line[64];
	glob_t found;
	uint32_t count = 0;
	snprintf(whole, sizeof whole, "%s%s", root, pattern);
	if (glob(whole, 0, NULL, &found) == 0) {
		count = (uint32_t)found.gl_pathc;
		for (size_t k = 0; differs != NULL && k < found.gl_pathc; k++) {
			read_line(found.gl_pathv[k] + strlen(root), line, sizeof line);
			*differs += strcmp(line, wanted) != 0;
		}
		globfree(&found);
	}
	return count;
}

// Whether a file has this word, between blanks or line ends.
static bool has_word(const char *path, const char *word)
{
	char whole[512], text[8192];
	snprintf(whole, sizeof whole, "%s%s", root, path);
	FILE *f = fopen(whole, "re");
	bool is_there = false;
	size_t len = strlen(word);
	while (f != NULL && !is_there && fgets(text, sizeof text, f) != NULL) {
		for (const char *at = strstr(text, word); at != NULL && !is_there;
		     at = strstr(at + 1, word))
			is_there = (at == text || strchr(" \t", at[-1]) != NULL) &&
				   strchr(" \t\n", at[len]) != NULL;
	}
	if (f != NULL)
		fclose(f);
	return is_there;
}

// ---- the machine
// ---------------------------------------------------------------------------------------------
static void examine_processor(void)
{
	if (!has_word("/proc/cpuinfo", "sse4_2"))
		find(LEVEL_BAD, "processor", "use an x86-64 machine made since 2009",
		     "no sse4_2: DPDK and CRC32C need it");
	else
		find(LEVEL_OK, "processor", NULL, "x86-64 with sse4_2");
	if (has_word("/proc/cpuinfo", "constant_tsc") && has_word("/proc/cpuinfo", "nonstop_tsc"))
		find(LEVEL_OK, "clock", NULL, "the time-stamp counter runs evenly");
	else
		find(LEVEL_NOTE, "clock",
		     "time-outs may be wrong when the frequency changes: fix it (governor performance), "
		     "or use another machine",
		     "the processor does not promise an even time-stamp counter");
}

static void examine_clock_source(void)
{
	char source[64];
	if (!read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source,
		       sizeof source))
		find(LEVEL_NOTE, "clock source", NULL, "not visible");
	else if (strcmp(source, "tsc") == 0 || strcmp(source, "kvm-clock") == 0)
		find(LEVEL_OK, "clock source", NULL, "%s", source);
	else
		find(LEVEL_NOTE, "clock source",
		     "echo tsc >/sys/devices/system/clocksource/clocksource0/current_clocksource, or "
		     "boot with clocksource=tsc",
		     "%s: reading the time is slow for clients and the control plane", source);
}

static void examine_governor(void)
{
	uint32_t differ = 0;
	uint32_t count = count_paths("/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor",
				     "performance", &differ);
	if (count == 0)
		find(LEVEL_OK, "governor", NULL, "no frequency scaling visible (a virtual machine?)");
	else if (differ == 0)
		find(LEVEL_OK, "governor", NULL, "performance on %u processors", count);
	else
		find(LEVEL_NOTE, "governor", "cpupower frequency-set -g performance",
		     "%u of %u processors save power: latencies will vary", differ, count);
}

static void examine_cores(void)
{
	char isolated[256];
	read_line("/sys/devices/system/cpu/isolated", isolated, sizeof isolated);
	if (isolated[0] != 0)
		find(LEVEL_OK, "isolated cores", NULL, "%s", isolated);
	else
		find(LEVEL_NOTE, "isolated cores",
		     "for the best tail: boot with isolcpus=, nohz_full= and rcu_nocbs= for the cores "
		     "of the replica's lcores",
		     "none: the kernel may put other work on a poller's core");
}

static void examine_pages(const char *size, const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "/sys/kernel/mm/hugepages/hugepages-%skB/nr_hugepages", size);
	uint64_t total = read_count(path);
	if (!doctor_has_path(path))
		return;
	snprintf(path, sizeof path, "/sys/kernel/mm/hugepages/hugepages-%skB/free_hugepages", size);
	uint64_t unused = read_count(path);
	if (total > 0)
		find(LEVEL_OK, "hugepages", NULL, "%" PRIu64 " of %s, %" PRIu64 " free", total, name,
		     unused);
	else if (strcmp(size, "2048") == 0)
		find(LEVEL_NOTE, "hugepages",
		     "echo N >/proc/sys/vm/nr_hugepages (about 160 for three members), or give EAL "
		     "--no-huge -m 128",
		     "none of %s", name);
}

// Mounted, and one of the mounts open to this user.
static void examine_hugetlbfs(void)
{
	char path[512], line[512], at[256] = "", kind[32];
	bool is_open = false;
	doctor_path("/proc/mounts", path, sizeof path);
	FILE *f = fopen(path, "re");
	while (f != NULL && !is_open && fgets(line, sizeof line, f) != NULL) {
		char where[256];
		if (sscanf(line, "%*s %255s %31s", where, kind) != 2 || strcmp(kind, "hugetlbfs") != 0)
			continue;
		strcpy(at, where);
		doctor_path(at, path, sizeof path);
		is_open = access(path, W_OK | X_OK) == 0;
	}
	if (f != NULL)
		fclose(f);
	if (is_open)
		find(LEVEL_OK, "hugetlbfs", NULL, "mounted at %s, this user may write there", at);
	else if (at[0] != 0)
		find(LEVEL_NOTE, "hugetlbfs",
		     "mount one for the replica's user: mount -t hugetlbfs -o uid=pnyx,gid=pnyx,mode=0700,pagesize=2M none "
		     "/dev/hugepages-pnyx; then --huge-dir, and `arena` in `replica`",
		     "mounted at %s, but this user may not write there", at);
	else
		find(LEVEL_NOTE, "hugetlbfs",
		     "mount -t hugetlbfs -o pagesize=2M none /dev/hugepages; without it arenas lie in "
		     "/dev/shm",
		     "not mounted");
}

static void examine_iommu(void)
{
	uint32_t groups = count_paths("/sys/kernel/iommu_groups/[0-9]*", "", NULL);
	bool has_vfio = doctor_has_path("/sys/bus/pci/drivers/vfio-pci");
	uint32_t bound = count_paths("/sys/bus/pci/drivers/vfio-pci/[0-9]*:*", "", NULL) +
			 count_paths("/sys/bus/pci/drivers/uio_pci_generic/[0-9]*:*", "", NULL) +
			 count_paths("/sys/bus/pci/drivers/igb_uio/[0-9]*:*", "", NULL);
	if (groups > 0)
		find(LEVEL_OK, "IOMMU", NULL, "%u groups", groups);
	else
		find(LEVEL_NOTE, "IOMMU",
		     "for a NIC under vfio-pci: enable it in the firmware, boot with intel_iommu=on or "
		     "amd_iommu=on (af_packet, af_xdp and tap do without)",
		     "off");
	if (bound > 0)
		find(LEVEL_OK, "drivers", NULL, "%u NICs are bound for DPDK", bound);
	else
		find(LEVEL_NOTE, "drivers",
		     has_vfio ? "dpdk-devbind.py -b vfio-pci ADDRESS; or use a kernel NIC: "
				"--vdev=net_af_packet0,iface=DEVICE"
			      : "modprobe vfio-pci, then dpdk-devbind.py -b vfio-pci ADDRESS; or use a "
				"kernel NIC: --vdev=net_af_packet0,iface=DEVICE",
		     "no NIC is bound for DPDK%s", has_vfio ? "" : ", vfio-pci is not loaded");
}

// The page of pollers (dataplane/pollers.c): one word a process, pid and number of threads.
static void examine_pollers(void)
{
	char path[512];
	uint64_t words[64] = {0};
	uint32_t threads = 0, processes = 0;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	snprintf(path, sizeof path, "%s/dev/shm/pnyx-pollers-%u", root, (unsigned)getuid());
	FILE *f = fopen(path, "re");
	size_t count = f != NULL ? fread(words, sizeof words[0], 64, f) : 0;
	if (f != NULL)
		fclose(f);
	for (size_t k = 0; k < count; k++) {
		pid_t pid = (pid_t)(words[k] >> 32);
		if (pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH))
			continue;
		processes++;
		threads += (uint32_t)words[k];
	}
	if (threads <= cores)
		find(LEVEL_OK, "pollers", NULL, "%u threads of %u replicas on %ld processors", threads,
		     processes, cores);
	else
		find(LEVEL_NOTE, "pollers",
		     "one polling thread a processor: fewer replicas here, or agents = \"fused\"",
		     "%u threads of %u replicas on %ld processors: they take turns, and all time-outs "
		     "are ten times longer",
		     threads, processes, cores);
}

static void examine_memory(void)
{
	struct rlimit locked;
	struct statvfs shm;
	char path[512];
	if (getrlimit(RLIMIT_MEMLOCK, &locked) == 0 && getuid() != 0 &&
	    locked.rlim_cur < 64u << 20)
		find(LEVEL_NOTE, "locked memory",
		     "ulimit -l unlimited, LimitMEMLOCK=infinity in a unit; or framecnt=512 for "
		     "af_packet",
		     "%" PRIu64 " KiB: af_packet's rings want 16 MiB",
		     (uint64_t)locked.rlim_cur >> 10);
	else
		find(LEVEL_OK, "locked memory", NULL, "enough");
	snprintf(path, sizeof path, "%s/dev/shm", root);
	if (statvfs(path, &shm) != 0)
		find(LEVEL_NOTE, "/dev/shm", "mount a tmpfs there, or set `arena` in `replica`",
		     "not there");
	else
		find(LEVEL_OK, "/dev/shm", NULL, "%" PRIu64 " MiB free for arenas without hugepages",
		     (uint64_t)shm.f_bavail * shm.f_frsize >> 20);
}

static int run(struct cli *cli)
{
	is_json = cli->is_json;
	list = json_array();
	examine_processor();
	examine_clock_source();
	examine_governor();
	examine_cores();
	examine_pages("2048", "2 MiB");
	examine_pages("1048576", "1 GiB");
	examine_hugetlbfs();
	examine_iommu();
	examine_pollers();
	examine_memory();
	examine_ports(cli->has_config && cli->config.replica.checksum == PNYX_CHECKSUM_CHECK);
	if (cli->has_config)
		examine_cluster(cli);
	if (is_json)
		print_json(json_pack("{s:i, s:i, s:i, s:o}", "checks", (int)all, "notes", (int)notes,
				     "bad", (int)bad, "findings", list));
	else
		printf("%u checks, %u notes, %u bad\n", all, notes, bad);
	return bad > 0 ? EXIT_NOT_FOUND : EXIT_DONE;
}

const struct command command_doctor = {
    .name = "doctor",
    .doc = "Looks at this machine as a place for a replica and says what to do about each thing that "
	   "is missing, ports included; with -c FILE also whether the members and their control planes answer. "
	   "Changes nothing. Exit code 1 when something is bad.",
    .options = options,
    .set = set,
    .run = run,
    .connects = CONNECTS_ITSELF,
};
