// What the BPF program at a link's end and its controller share: the settings of one direction, and what was done to it.
#pragma once
#include <linux/types.h>

enum link_direction { LINK_FROM, LINK_TO, LINK_DIRECTIONS }; // from the replica to the bridge; from the bridge to the replica

// Bits of `cut`, by who is at the other end of the conversation: bit m is member number m (the last byte of its address), bit 0
// anybody else. A frame without an IPv4 address (ARP) is cut only when all are.
#define LINK_OTHERS 1u
#define LINK_ALL 0xffu

// Written by the controller, read by the program. A choice is a function of the seed and of the frame's number on this
// link and direction, so equal seeds treat equal sequences of frames alike.
struct link_settings {
	__u64 seed;
	__u32 loss, corrupt, duplicate; // frames in a thousand
	__u32 cut;			// LINK_OTHERS | 1 << member | ...
};

// Written by the program, read by the controller.
struct link_counts {
	__u64 frames; // seen; also the number of the next one
	__u64 cut, lost, corrupted, duplicated;
};
