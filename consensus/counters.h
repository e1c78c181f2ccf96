// What a replica counts. The order is the order on the wire (C_STATS); append only.
#pragma once
#include <stdint.h>

#define EP_COUNTERS(X) \
	X(submits, "commands given an instance here") \
	X(commits, "instances that became committed here, by any path") \
	X(fast_commits, "own instances committed in one round trip") \
	X(slow_commits, "own instances committed in two round trips") \
	X(executed, "commands executed (Nop not counted)") \
	X(nops, "instances executed as Nop") \
	X(replies, "replies sent to clients") \
	X(kept_replies, "repeats answered from the session table") \
	X(busy_window, "requests refused: window full") \
	X(busy_own, "requests refused: too many own commands in flight") \
	X(busy_room, "requests refused: application room") \
	X(resent, "messages sent again after a timeout") \
	X(duplicates, "messages that repeated what was known") \
	X(fetches, "FetchCommit sent") \
	X(fetched, "Commits sent in answer to FetchCommit") \
	X(blocked, "executions that met an undecided instance") \
	X(blocked_on_hole, "executions that met an instance whose payload is unknown") \
	X(scc_multi, "strongly connected components of two or more") \
	X(scc_largest, "members of the largest component") \
	X(chain_longest, "longest path of one component search") \
	X(unindexed, "instances kept outside the full conflict index (still found, more slowly)") \
	X(recycled, "instance slots recycled") \
	X(recoveries, "recovery attempts started") \
	X(recovered_nop, "recoveries that proposed Nop") \
	X(recovered_value, "recoveries that proposed or committed a payload") \
	X(nacks, "Nack received") \
	X(designated_missed, "designated peer did not answer in time") \
	X(bytes_in_copied, "payload bytes copied from receive buffers into the arena") \
	X(bytes_out_copied, "payload bytes copied from the arena into frames") \
	X(steps, "messages handled") \
	X(frames_in, "frames accepted") \
	X(sessions, "sessions alive") \
	X(live, "instances not yet executed by all") \
	X(arena_used, "units of application room in use") \
	X(arena_room, "units of application room") \
	X(validations, "Validate rounds started") \
	X(resubmitted, "own requests given a new instance after Nop") \
	X(busy_asking, "requests refused: peers have not yet confirmed the state of this start") \
	X(expiries, "sessions proposed for expiry because nobody used them") \
	X(batched, "commands that share an instance with others") \
	X(busy_late, "requests refused: they waited too long for their turn")

struct ep_counters {
#define EP_COUNTER_FIELD(name, text) uint64_t name;
	EP_COUNTERS(EP_COUNTER_FIELD)
#undef EP_COUNTER_FIELD
};

// What the shell counts, in the same frame format (page EP_STATS_SHELL); written by the shell only.
#define EP_SHELL_COUNTERS(X) \
	X(rx_frames, "frames taken from the port") \
	X(tx_frames, "frames given to the port") \
	X(tx_failed, "frames that the port did not take") \
	X(rx_arp, "ARP frames") \
	X(rx_echo, "echo requests answered") \
	X(rx_data, "UDP payloads given to the core") \
	X(drop_ether, "not IPv4 and not ARP, or cut short") \
	X(drop_ip, "bad IPv4 header, fragment, or not for us") \
	X(drop_udp, "not UDP, not our port, bad length") \
	X(drop_checksum, "IP or UDP checksum wrong") \
	X(drop_echo, "echo request from a member's address, or damaged") \
	X(drop_ring, "no room in the ring to the consensus agent") \
	X(drop_unresolved, "frames to a peer whose MAC is not known") \
	X(no_mbuf, "no free buffer") \
	X(turns, "loop turns") \
	X(turns_busy, "loop turns with work") \
	X(cycles_busy, "TSC cycles in turns with work") \
	X(turn_longest, "TSC cycles of the longest turn") \
	X(tsc_hz, "TSC cycles per second") \
	X(pollers, "polling threads") \
	X(drop_ring_out, "no room in the ring to the io agent") \
	X(drop_shed, "clients' frames dropped at once: too many wait")

struct ep_shell_counters {
#define EP_COUNTER_FIELD(name, text) uint64_t name;
	EP_SHELL_COUNTERS(EP_COUNTER_FIELD)
#undef EP_COUNTER_FIELD
};

enum ep_stats_page {
	EP_STATS_CORE = 0,  // struct ep_counters
	EP_STATS_DROPS = 1, // uint64_t[EP_DROP_REASONS], by the core
	EP_STATS_SHELL = 2, // struct ep_shell_counters
	EP_STATS_FRONTIER = 3, // exec_prefix[n], committed prefix[n], known[n], stable[n], srtt_ns[n], heard_ns_ago[n]
};
