// Ports of DPDK's AF_XDP driver: our XDP program (xdp/) decides what the replica gets, and the kernel keeps the rest of the interface.
#pragma once
#include <net/if.h>
#include "client/config/config.h"
#include "dataplane/net.h"
#include "dataplane/options.h"
#include "xdp/attach.h"

struct dp_steer {
	struct xdp_steer xdp;
	char interface[IF_NAMESIZE]; // "": the port is not ours to steer
};

// Before EAL starts: completes its `--vdev=net_af_xdp...,iface=DEVICE` by our program, unless that names one of its own. False: the
// interface has somebody else's program; `error` names it.
bool dp_steer_prepare(struct dp_steer *, struct dp_options *, char *error, size_t error_size);
// After the port has started: what is for the replica goes to it from now on.
bool dp_steer_start(struct dp_steer *, const struct pnyx_config *, const struct dp_net *, char *error, size_t error_size);
void dp_steer_stop(struct dp_steer *);

// The program's settings; `is_shared`: the kernel has the address as well.
struct steer_settings dp_steer_settings(const struct pnyx_config *, const struct dp_net *, bool is_shared);
