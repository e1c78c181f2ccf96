// Finding the AF_XDP port among EAL's arguments, and telling the XDP program what belongs to this replica.
#include "dataplane/steer.h"
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_BURST 1024 // frames that a client may send at once, by default

// EAL's argument with the device; NULL: there is none, or it names a program of its own.
static char **find_device(const struct dp_options *o)
{
	for (int k = 1; k < o->eal_argc; k++) {
		char **at = &o->eal_argv[k];
		const char *device = strncmp(*at, "--vdev=", 7) == 0 ? *at + 7 : k > 1 && strcmp(at[-1], "--vdev") == 0 ? *at : "";
		if (strncmp(device, "net_af_xdp", 10) == 0)
			return strstr(device, "xdp_prog=") ? NULL : at;
	}
	return NULL;
}

bool dp_steer_prepare(struct dp_steer *s, struct dp_options *o, char *error, size_t size)
{
	char path[64], **at = find_device(o);
	*s = (struct dp_steer){ .xdp = { .link = -1 } };
	const char *name = at ? strstr(*at, "iface=") : NULL;
	if (!name || !xdp_is_built()) {
		if (at && name)
			fprintf(stderr, "pnyx-replica: this build has no XDP program: the driver's own takes every frame of the interface\n");
		return true;
	}
	snprintf(s->interface, sizeof s->interface, "%.*s", (int)strcspn(name + 6, ","), name + 6);
	if (!xdp_vacate(s->interface, error, size) || !xdp_object_path(path, sizeof path, error, size))
		return false;
	size_t bytes = strlen(*at) + sizeof ",xdp_prog=" + sizeof path;
	char *completed = malloc(bytes); // EAL's for as long as the process lives
	if (!completed) {
		snprintf(error, size, "out of memory");
		return false;
	}
	snprintf(completed, bytes, "%s,xdp_prog=%s", *at, path);
	*at = completed;
	return true;
}

static bool kernel_has(const uint8_t *ip)
{
	struct ifaddrs *all = NULL;
	bool is_there = false;
	if (getifaddrs(&all) != 0)
		return false;
	for (struct ifaddrs *a = all; a && !is_there; a = a->ifa_next) {
		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET)
			continue;
		struct sockaddr_in address;
		memcpy(&address, a->ifa_addr, sizeof address);
		is_there = memcmp(&address.sin_addr, ip, 4) == 0;
	}
	freeifaddrs(all);
	return is_there;
}

struct steer_settings dp_steer_settings(const struct pnyx_config *file, const struct dp_net *net, bool is_shared)
{
	const struct pnyx_config_replica *r = &file->replica;
	struct steer_settings s = { .cluster = file->cluster.id,
				    .is_set = 1,
				    .port = rte_cpu_to_be_16(net->port),
				    .payload_max = file->cluster.frame_max,
				    .is_shared = is_shared,
				    .members_count = net->count < STEER_MEMBERS_MAX ? net->count : STEER_MEMBERS_MAX };
	memcpy(&s.ip, net->ip, 4);
	for (uint32_t m = 0; m < s.members_count; m++) {
		memcpy(&s.members[m].ip, net->neighbours[m].ip, 4);
		s.members[m].port = rte_cpu_to_be_16(net->neighbours[m].port);
	}
	if (r->guard_rate != 0) {
		s.frame_ns = 1000000000u / r->guard_rate;
		s.burst_ns = s.frame_ns * (r->guard_burst != 0 ? r->guard_burst : GUARD_BURST);
	}
	return s;
}

// Where the kernel answers ARP for the address, it gets the answers to ours as well.
static bool has_macs(const struct dp_net *net)
{
	for (uint32_t m = 0; m < net->count; m++)
		if (!net->neighbours[m].is_fixed && memcmp(net->neighbours[m].ip, net->ip, 4) != 0)
			return false;
	return true;
}

bool dp_steer_start(struct dp_steer *s, const struct pnyx_config *file, const struct dp_net *net, char *error, size_t size)
{
	if (s->interface[0] == 0)
		return true;
	bool is_shared = kernel_has(net->ip);
	if (is_shared && !has_macs(net)) {
		snprintf(error, size,
			 "the kernel has the address %u.%u.%u.%u too and keeps ARP to itself: give every member a `mac` in the configuration, or the "
			 "replica an address of its own",
			 net->ip[0], net->ip[1], net->ip[2], net->ip[3]);
		return false;
	}
	struct steer_settings settings = dp_steer_settings(file, net, is_shared);
	if (!xdp_take(&s->xdp, s->interface, &settings, error, size))
		return false;
	fprintf(stderr, "pnyx-replica: XDP program on %s: UDP port %u%s to the replica, the rest to the kernel; %s\n", s->interface, net->port,
		is_shared ? "" : " and ARP for its address", file->replica.guard_rate != 0 ? "clients limited" : "clients not limited");
	return true;
}

void dp_steer_stop(struct dp_steer *s)
{
	xdp_release(&s->xdp);
}
