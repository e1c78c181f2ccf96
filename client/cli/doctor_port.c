// The part of `pnyx doctor` that looks at ports: --port DEVICE|PCI-ADDRESS, and what /etc/pnyx/*.env names.
#include <glob.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client/cli/doctor.h"

#define PORTS_MAX 8
#define NAME_SIZE 64

static char ports[PORTS_MAX][NAME_SIZE];
static uint32_t ports_count;

bool doctor_add_port(const char *name)
{
	if (name[0] == 0 || strlen(name) >= NAME_SIZE || strchr(name, '/') != NULL)
		return false;
	for (uint32_t k = 0; k < ports_count; k++)
		if (strcmp(ports[k], name) == 0)
			return true;
	if (ports_count == PORTS_MAX)
		return false;
	strcpy(ports[ports_count++], name);
	return true;
}

// Takes the ports out of EAL's arguments: iface=DEVICE of a --vdev, -a or --allow with a PCI address.
static void add_ports_of(char *line)
{
	bool is_address = false;
	for (char *save, *word = strtok_r(line, " \t\"'\n", &save); word != NULL; word = strtok_r(NULL, " \t\"'\n", &save)) {
		char *iface = strstr(word, "iface=");
		if (is_address)
			iface = word;
		else if (iface != NULL)
			iface += strlen("iface=");
		else if (strncmp(word, "--allow=", 8) == 0)
			iface = word + 8;
		is_address = strcmp(word, "-a") == 0 || strcmp(word, "--allow") == 0;
		if (iface != NULL) {
			iface[strcspn(iface, ",")] = 0;
			doctor_add_port(iface);
		}
	}
}

static void find_ports(void)
{
	char pattern[512], line[1024];
	glob_t files;
	doctor_path("/etc/pnyx/*.env", pattern, sizeof pattern);
	if (glob(pattern, 0, NULL, &files) != 0)
		return;
	for (size_t k = 0; k < files.gl_pathc; k++) {
		FILE *f = fopen(files.gl_pathv[k], "re");
		while (f != NULL && fgets(line, sizeof line, f) != NULL)
			if (strncmp(line, "PNYX_EAL=", 9) == 0)
				add_ports_of(line + 9);
		if (f != NULL)
			fclose(f);
	}
	globfree(&files);
}

// The last part of what a symbolic link points to; false: there is none.
static bool read_link(const char *path, char *ret, size_t size)
{
	char whole[512], to[512];
	doctor_path(path, whole, sizeof whole);
	ssize_t len = readlink(whole, to, sizeof to - 1);
	if (len <= 0)
		return false;
	to[len] = 0;
	char *slash = strrchr(to, '/');
	snprintf(ret, size, "%.60s", slash != NULL ? slash + 1 : to);
	return true;
}

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

static void examine_vfio(const char *what, const char *address)
{
	char path[256], whole[512], group[NAME_SIZE], advice[640];
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/iommu_group", address);
	if (!read_link(path, group, sizeof group)) {
		find(LEVEL_BAD, what,
		     "enable the IOMMU in the firmware and boot with intel_iommu=on or amd_iommu=on",
		     "is under vfio-pci, but in no IOMMU group");
		return;
	}
	snprintf(path, sizeof path, "/dev/vfio/%s", group);
	doctor_path(path, whole, sizeof whole);
	snprintf(advice, sizeof advice,
		 "chown pnyx: %s (the replica's user), and DeviceAllow=%s in its unit; or run it as root",
		 path, path);
	if (access(whole, R_OK | W_OK) == 0)
		find(LEVEL_OK, what, NULL, "is under vfio-pci, %s is open to this user", path);
	else
		find(LEVEL_NOTE, what, advice, "is under vfio-pci, but this user may not open %s", path);
}

static void examine_pci(const char *what, const char *address)
{
	static const char *const user_space[] = {"uio_pci_generic", "igb_uio", NULL};
	static const char *const shared[] = {"mlx5_core", "mlx4_core", NULL}; // DPDK works beside the kernel there
	char path[256], driver[NAME_SIZE], advice[320], full[NAME_SIZE + 8];
	// lspci leaves the domain out where there is one only
	snprintf(full, sizeof full, "%s%s", strchr(address, ':') == strrchr(address, ':') ? "0000:" : "", address);
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s", full);
	if (!doctor_has_path(path)) {
		find(LEVEL_BAD, what, "dpdk-devbind.py --status-dev net lists this machine's", "no such PCI device");
		return;
	}
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver", full);
	snprintf(advice, sizeof advice,
		 "modprobe vfio-pci; dpdk-devbind.py -b vfio-pci %s (the kernel loses this port: not the one you are "
		 "logged in over)", full);
	if (!read_link(path, driver, sizeof driver))
		find(LEVEL_BAD, what, advice, "has no driver");
	else if (strcmp(driver, "vfio-pci") == 0)
		examine_vfio(what, full);
	else if (is_one_of(driver, user_space) || is_one_of(driver, shared))
		find(LEVEL_OK, what, NULL, "is under %s", driver);
	else
		find(LEVEL_BAD, what, advice, "is under %s, a driver that DPDK cannot use", driver);
}

static bool has_net_raw(void)
{
	char path[512], line[256];
	unsigned long long effective = ~0ULL; // not visible: nothing to say
	doctor_path("/proc/self/status", path, sizeof path);
	FILE *f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		sscanf(line, "CapEff: %llx", &effective);
	if (f != NULL)
		fclose(f);
	return effective >> 13 & 1; // CAP_NET_RAW
}

static bool ask(int fd, const char *device, unsigned long request, void *data, struct ifreq *ret)
{
	*ret = (struct ifreq){.ifr_data = data};
	snprintf(ret->ifr_name, sizeof ret->ifr_name, "%.*s", (int)sizeof ret->ifr_name - 1, device);
	return ioctl(fd, request, ret) == 0;
}

static void examine_device(int fd, const char *what, const char *device)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq answer;
	char advice[128];
	if (!ask(fd, device, SIOCGIFFLAGS, NULL, &answer)) {
		find(LEVEL_BAD, what, "`ip link` lists this machine's; a port under vfio-pci has none, only an address",
		     "no such network device here");
		return;
	}
	int flags = answer.ifr_flags;
	snprintf(advice, sizeof advice, "ip link set %s up", device);
	if (!(flags & IFF_UP)) {
		find(LEVEL_BAD, what, advice, "is down");
		return;
	}
	if (!(flags & IFF_RUNNING))
		find(LEVEL_BAD, what, "look at the cable and at the other end", "is up, but has no link");
	else
		find(LEVEL_OK, what, NULL, "is up, driver %s",
		     ask(fd, device, SIOCETHTOOL, &driver, &answer) ? driver.driver : "unknown");
	if (!has_net_raw())
		find(LEVEL_NOTE, what,
		     "AmbientCapabilities=CAP_NET_RAW as in pnyx-replica@.service; or setpriv, or root",
		     "this user has no CAP_NET_RAW, which af_packet and af_xdp need");
}

// Programs that send over a veth leave checksums to a device that makes none.
static void examine_veth(int fd, const char *device, bool is_checked)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_value checksum = {.cmd = ETHTOOL_GTXCSUM};
	struct ifreq answer;
	char what[NAME_SIZE], advice[128];
	if (!ask(fd, device, SIOCETHTOOL, &driver, &answer) || strcmp(driver.driver, "veth") != 0 ||
	    !ask(fd, device, SIOCGIFADDR, NULL, &answer) || !ask(fd, device, SIOCETHTOOL, &checksum, &answer))
		return;
	snprintf(what, sizeof what, "veth %s", device);
	snprintf(advice, sizeof advice, "ethtool -K %s tx off", device);
	if (checksum.data == 0)
		find(LEVEL_OK, what, NULL, "whole checksums");
	else
		find(is_checked ? LEVEL_BAD : LEVEL_NOTE, what, advice,
		     "the kernel leaves UDP checksums half done: a replica behind it that checks them drops all of it");
}

void examine_ports(bool is_checked)
{
	char what[NAME_SIZE + 8];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	find_ports();
	for (uint32_t k = 0; k < ports_count; k++) {
		snprintf(what, sizeof what, "port %s", ports[k]);
		if (strchr(ports[k], ':') != NULL)
			examine_pci(what, ports[k]);
		else
			examine_device(fd, what, ports[k]);
	}
	struct if_nameindex *names = if_nameindex();
	for (uint32_t k = 0; names != NULL && names[k].if_index != 0; k++)
		examine_veth(fd, names[k].if_name, is_checked);
	if (names != NULL)
		if_freenameindex(names);
	if (fd >= 0)
		close(fd);
}
