// What the XDP program decides about a frame, and how each decision is called where it is counted.
#pragma once

#define STEER_VERDICTS(X) \
	X(kernel, "left to the kernel: not for the data plane") \
	X(data, "given to the replica: UDP for its port") \
	X(arp, "given to the replica: ARP for its address") \
	X(unserved, "for the replica, but it has no socket on that queue: left to the kernel") \
	X(length, "dropped: lengths of IP and UDP contradict the frame, or no frame of ours is so short or long") \
	X(magic, "dropped: not a frame of Pnyx") \
	X(version, "dropped: another version of the wire format") \
	X(kind, "dropped: of a kind that no replica takes") \
	X(cluster, "dropped: of another cluster") \
	X(sender, "dropped: a member's frame from another address, or a client's from a member's") \
	X(rate, "dropped: the source sends more than it may")

enum steer_verdict {
#define STEER_VERDICT(name, text) STEER_##name,
	STEER_VERDICTS(STEER_VERDICT)
#undef STEER_VERDICT
	STEER_VERDICTS_COUNT
};
