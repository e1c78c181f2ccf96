// What the XDP program and the replica share: its settings, its counters.
#pragma once
#include <linux/types.h>
#include "consensus/wire.h"
#include "xdp/verdicts.h"

#define STEER_CPUS 256 // rows of counters; processors above share
#define STEER_MEMBERS_MAX 16 // entries of a configuration file
#define STEER_SOURCES 16384 // clients whose rate is remembered; the one that was quiet longest is forgotten

// Written by the replica once, before any frame is its own. Addresses and ports are in network order.
struct steer_settings {
	__u64 cluster;
	__u64 frame_ns; // what one frame of a client costs of its bucket; 0: no limit
	__u64 burst_ns; // how much a bucket holds
	__u32 is_set;   // 0: everything is left to the kernel
	__u32 ip;
	__u32 port;
	__u32 payload_max; // UDP payload bytes
	__u32 is_shared;   // the kernel has the address as well: ARP is its work
	__u32 members_count;
	struct {
		__u32 ip, port;
	} members[STEER_MEMBERS_MAX];
};

// One processor's counters: written by the program on that processor, read by anybody who maps them.
struct steer_row {
	__u64 frames[16]; // by enum steer_verdict; two cache lines
};
_Static_assert(STEER_VERDICTS_COUNT <= 16, "a row holds every verdict");
